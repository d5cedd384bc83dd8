"""The routes of the own API that are about one modem."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from gateway.errors import RequestError
from gateway.web import schema
from gateway.web.body import body_of
from gateway.web.ports import Service
from gateway.web.schema import documented
from gateway.wire import (
    Payload,
    UssdString,
    modem_json,
    read,
    read_object,
    request_error_json,
    ussd_json,
)

Recording = Callable[[str], Awaitable[str]]
"""The last AT traffic of the modem of that name, as JSON lines. Raises RequestError(unknown_modem)."""

RECORDING: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/jsonl": {}}, "description": "JSON lines."},
    "default": {"model": schema.ErrorAnswer},
}


class UssdPayload(Payload):
    """One of `code`, `reply` and `cancel`."""

    code: UssdString | None = None
    reply: UssdString | None = None
    cancel: bool = False


def modem_routes(service: Service, recording: Recording) -> APIRouter:
    """`/api/v1/modems` and below."""
    router = APIRouter(prefix="/api/v1/modems")

    @router.get("", **documented(schema.Modems))
    async def modems() -> JSONResponse:
        return JSONResponse({"modems": [modem_json(line) for line in service.lines()]})

    @router.post("/{name}/ussd", **documented(schema.Ussd, body=UssdPayload))
    async def ussd(name: str, request: Request) -> JSONResponse:
        """Answers when the network has: it may take a minute."""
        asked = read(UssdPayload, read_object(await body_of(request)))
        answer = await service.controls.ussd(name, code=asked.code, reply=asked.reply, cancel=asked.cancel)
        return JSONResponse({"modem": name} | ussd_json(answer))

    @router.post("/{name}/reset", **documented(schema.ModemName))
    async def reset(name: str) -> JSONResponse:
        await service.controls.reset(name)
        return JSONResponse({"modem": name})

    @router.get("/{name}/recorder", responses=RECORDING)
    async def recorder(name: str) -> Response:
        """What the flight recorder of a modem has, as JSON lines; `smsgw emulate --replay` plays it."""
        try:
            return PlainTextResponse(await recording(name), media_type="application/jsonl")
        except RequestError as exc:
            return JSONResponse({"error": request_error_json(exc)}, 404)

    return router
