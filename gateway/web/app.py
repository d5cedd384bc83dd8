"""The applications: health for everyone, the own API for whoever may open the Unix socket."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from gateway import __version__
from gateway.errors import RequestError
from gateway.messaging.model import MessageFilter, Origin, Status
from gateway.web import errors
from gateway.web.body import body_of
from gateway.web.modems import modem_routes
from gateway.web.ports import Service
from gateway.wire import (
    SendPayload,
    details_json,
    error_json,
    message_json,
    read,
    read_client_id,
    read_object,
    request_error_json,
    result_json,
)

log = logging.getLogger(__name__)

MAX_PAGE = 200

Trouble = Callable[[], str | None]
"""Says what is wrong with a part, or None."""

Recording = Callable[[str], Awaitable[str]]
"""The last AT traffic of the modem of that name, as JSON lines. Raises RequestError(unknown_modem)."""


def make_health_app(service: Service, parts: Mapping[str, Trouble]) -> FastAPI:
    """`/healthz`: the process answers. `/readyz`: it can do its work, or what is missing. No message is shown."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    errors.install(app)

    @app.api_route("/healthz", methods=["GET", "HEAD"])
    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    @app.api_route("/readyz", methods=["GET", "HEAD"])
    async def readyz() -> JSONResponse:
        missing = missing_parts(service, parts)
        return JSONResponse({"ready": not missing, "missing": missing}, 503 if missing else 200)

    return app


def missing_parts(service: Service, parts: Mapping[str, Trouble]) -> dict[str, str]:
    """What keeps the gateway from its work: part → why."""
    health = service.health()
    missing = {name: why for name, trouble in parts.items() if (why := trouble()) is not None}
    if health["store"] != "ok":
        missing["store"] = str(health["store"])
    if not health["ready"] and not missing.keys() & {"store"}:
        lines = health["lines"]
        names = ", ".join(lines) if isinstance(lines, Mapping) else ""
        missing["modems"] = f"none is able to send: {names}"
    return missing


async def no_recording(name: str) -> str:
    """For a gateway without recorders."""
    raise RequestError(f"nothing is recorded of {name!r}", code="unknown_modem", field="modem")


def make_app(service: Service, recording: Recording = no_recording) -> FastAPI:
    """The own API. It asks for no password: whoever may open the socket may use it."""
    app = FastAPI(title="smsgw", version=__version__, openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None)
    errors.install(app)

    @app.post("/api/v1/messages", status_code=201)
    async def send(request: Request) -> JSONResponse:
        key = _idempotency_key(request)
        payload = read(SendPayload, read_object(await body_of(request)))
        if key is not None and payload.id not in (None, key):
            raise RequestError("the Idempotency-Key header and id differ", field="id")
        result = await service.send(payload.request(key), Origin(edge="api"))
        if result.error is not None:
            return JSONResponse({"error": error_json(result.error)}, errors.status_of(result.error[0]))
        return JSONResponse(result_json(result), 201 if result.status == "accepted" else 200)

    @app.get("/api/v1/messages")
    async def messages(
        direction: Literal["outbound", "inbound"] | None = None,
        status: Status | None = None,
        peer: str | None = None,
        modem: str | None = None,
        before: Annotated[int | None, Query(ge=1)] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    ) -> JSONResponse:
        """Newest first. `next` of one page is `before` of the following one; null after the last."""
        wanted = MessageFilter(
            direction=direction,
            status=status.value if status else None,
            peer=peer.replace(" ", "+") if peer else None,  # "+" in a query string means a space
            line=modem,
            before=before,
            limit=limit,
        )
        found = await service.messages(wanted)
        following = found[-1].n if len(found) == limit else None
        return JSONResponse({"messages": [message_json(message) for message in found], "next": following})

    @app.get("/api/v1/messages/{message_id}")
    async def message(message_id: str) -> JSONResponse:
        return JSONResponse(details_json(*await service.message(message_id)))

    @app.post("/api/v1/messages/{message_id}/cancel")
    async def cancel(message_id: str) -> JSONResponse:
        return JSONResponse(message_json(await service.cancel(message_id)))

    app.include_router(modem_routes(service))

    @app.get("/api/v1/modems/{name}/recorder", response_class=PlainTextResponse)
    async def recorder(name: str) -> Response:
        """What the flight recorder of a modem has, as JSON lines; `smsgw emulate --replay` plays it."""
        try:
            return PlainTextResponse(await recording(name), media_type="application/jsonl")
        except RequestError as exc:
            return JSONResponse({"error": request_error_json(exc)}, 404)

    return app


def _idempotency_key(request: Request) -> str | None:
    text = request.headers.get("idempotency-key")
    if text is None:
        return None
    try:
        return read_client_id(text.encode("latin-1").decode())  # the framework decodes headers as Latin-1
    except UnicodeDecodeError as exc:
        raise RequestError("the Idempotency-Key header is not UTF-8", field="id") from exc


Scope = dict[str, Any]


def by_socket(private: Any, public: Any) -> Any:
    """One ASGI application for both kinds of socket: `private` answers on Unix sockets only, `public` on all others."""

    async def dispatch(scope: Scope, receive: Any, send: Any) -> None:
        server = scope.get("server")
        unix = server is not None and server[1] is None  # a path has no port
        try:
            await (private if unix else public)(scope, receive, send)
        except Exception:  # the framework has answered with 500 already; the connection can go on
            log.exception("web: %s %s met a defect", scope.get("method"), scope.get("path"))

    return dispatch
