"""The applications: health for everyone, the own API for whoever may open the Unix socket."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse

from gateway import __version__
from gateway.errors import RequestError
from gateway.web import errors
from gateway.web.calls import call_routes
from gateway.web.messages import message_routes
from gateway.web.modems import Recording, modem_routes
from gateway.web.ports import Service
from gateway.web.sim import forwarding_routes, phonebook_routes
from gateway.web.webhooks import Webhooks, webhook_routes

log = logging.getLogger(__name__)

Trouble = Callable[[], str | None]
"""Says what is wrong with a part, or None."""


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


def make_app(service: Service, recording: Recording = no_recording, hooks: Webhooks | None = None) -> FastAPI:
    """The own API. It asks for no password: whoever may open the socket may use it."""
    app = FastAPI(title="smsgw", version=__version__, openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None)
    errors.install(app)

    app.include_router(message_routes(service))
    app.include_router(modem_routes(service, recording))
    app.include_router(forwarding_routes(service))
    app.include_router(phonebook_routes(service))
    app.include_router(call_routes(service))
    if hooks is not None:
        app.include_router(webhook_routes(hooks))
    return app


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
