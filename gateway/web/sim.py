"""The routes of the own API that are about a SIM: call forwarding, phonebook, own numbers."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from gateway.web import schema
from gateway.web.body import body_of
from gateway.web.ports import Service
from gateway.web.schema import documented
from gateway.wire import Payload, Short, entry_json, forwarding_json, read, read_object


class ForwardingPayload(Payload):
    """Where to. `after_s`: how long it rings first, for the reason no-reply."""

    number: Short
    after_s: int | None = None


class EntryPayload(Payload):
    """A new phonebook entry."""

    number: Short
    name: Annotated[str, Field(max_length=64)] = ""


Reason = Literal["unconditional", "busy", "no-reply", "unreachable"]
Storage = Literal["SM", "ME", "FD", "LD", "EN", "ON"]


def forwarding_routes(service: Service) -> APIRouter:
    """`/api/v1/modems/<name>/forwarding`."""
    router = APIRouter(prefix="/api/v1/modems")

    @router.get("/{name}/forwarding", **documented(schema.Forwardings))
    async def forwarding(name: str, reason: Reason | None = None) -> JSONResponse:
        """Asks the network, which may take a minute; texts of this modem wait meanwhile."""
        found = await service.controls.forwarding(name, reason)
        return JSONResponse({"forwarding": [forwarding_json(each) for each in found]})

    @router.put("/{name}/forwarding/{reason}", **documented(schema.ForwardingState, body=ForwardingPayload))
    async def forward(name: str, reason: Reason, request: Request) -> JSONResponse:
        asked = read(ForwardingPayload, read_object(await body_of(request)))
        await service.controls.forward(name, reason, asked.number, asked.after_s)
        return JSONResponse({"reason": reason, "active": True})

    @router.delete("/{name}/forwarding/{reason}", **documented(schema.ForwardingState))
    async def forward_no_more(name: str, reason: Reason) -> JSONResponse:
        await service.controls.forward_no_more(name, reason)
        return JSONResponse({"reason": reason, "active": False})

    return router


def phonebook_routes(service: Service) -> APIRouter:
    """`/api/v1/modems/<name>/phonebook` and `own-numbers`."""
    router = APIRouter(prefix="/api/v1/modems")

    @router.get("/{name}/phonebook", **documented(schema.Phonebook))
    async def phonebook(name: str, storage: Storage = "SM") -> JSONResponse:
        found = await service.controls.phonebook(name, storage)
        return JSONResponse({"storage": storage, "entries": [entry_json(entry) for entry in found]})

    @router.post("/{name}/phonebook", **documented(schema.NewEntry, 201, body=EntryPayload))
    async def phonebook_add(name: str, request: Request, storage: Storage = "SM") -> JSONResponse:
        asked = read(EntryPayload, read_object(await body_of(request)))
        await service.controls.phonebook_add(name, storage, asked.number, asked.name)
        return JSONResponse({"storage": storage, "number": asked.number, "name": asked.name}, 201)

    @router.delete("/{name}/phonebook/{index}", **documented(schema.OldEntry))
    async def phonebook_delete(
        name: str, index: Annotated[int, Path(ge=1, le=100_000)], storage: Storage = "SM"
    ) -> JSONResponse:
        await service.controls.phonebook_delete(name, storage, index)
        return JSONResponse({"storage": storage, "index": index})

    @router.get("/{name}/own-numbers", **documented(schema.OwnNumbers))
    async def own_numbers(name: str) -> JSONResponse:
        return JSONResponse({"numbers": list(await service.controls.own_numbers(name))})

    return router
