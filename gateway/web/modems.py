"""The routes of the own API that are about one modem."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from gateway.web.body import body_of
from gateway.web.ports import Service
from gateway.wire import Payload, UssdString, modem_json, read, read_object, ussd_json


class UssdPayload(Payload):
    """One of `code`, `reply` and `cancel`."""

    code: UssdString | None = None
    reply: UssdString | None = None
    cancel: bool = False


def modem_routes(service: Service) -> APIRouter:
    """`/api/v1/modems` and below."""
    router = APIRouter(prefix="/api/v1/modems")

    @router.get("")
    async def modems() -> JSONResponse:
        return JSONResponse({"modems": [modem_json(line) for line in service.lines()]})

    @router.post("/{name}/ussd")
    async def ussd(name: str, request: Request) -> JSONResponse:
        """Answers when the network has: it may take a minute."""
        asked = read(UssdPayload, read_object(await body_of(request)))
        answer = await service.controls.ussd(name, code=asked.code, reply=asked.reply, cancel=asked.cancel)
        return JSONResponse({"modem": name} | ussd_json(answer))

    @router.post("/{name}/reset")
    async def reset(name: str) -> JSONResponse:
        await service.controls.reset(name)
        return JSONResponse({"modem": name})

    return router
