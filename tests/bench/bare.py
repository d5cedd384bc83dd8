"""Nothing but FastAPI on uvicorn: what the framework alone costs on this machine. Prints its port, then serves."""

from __future__ import annotations

import socket

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel


class Text(BaseModel):
    """The least that a text to send is."""

    to: str
    text: str


class Taken(BaseModel):
    """The least that an answer is."""

    id: str


app = FastAPI()


@app.post("/messages", status_code=201)
async def send(text: Text) -> Taken:
    return Taken(id=f"{text.to}/{len(text.text)}")


def serve() -> None:
    with socket.socket(proto=socket.IPPROTO_TCP) as bound:  # without Nagle's algorithm, as ours
        bound.bind(("127.0.0.1", 0))
        print(bound.getsockname()[1], flush=True)
        config = uvicorn.Config(app, http="h11", lifespan="off", log_config=None, access_log=False)
        uvicorn.Server(config).run(sockets=[bound])


if __name__ == "__main__":
    serve()
