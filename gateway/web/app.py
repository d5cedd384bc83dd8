"""The applications: health for everyone, the own API for whoever may open the Unix socket."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import JSONResponse

from gateway import __version__
from gateway.accounts import LOCAL, Accounts
from gateway.clock import Clock
from gateway.errors import RequestError
from gateway.web import errors
from gateway.web.accounts import account_routes, session_routes
from gateway.web.alerts import alert_routes
from gateway.web.auth import COOKIE, LOGIN, check_permission, noted
from gateway.web.backup import Backups, backup_routes
from gateway.web.bulk import bulk_routes
from gateway.web.calls import call_routes
from gateway.web.codes import code_routes
from gateway.web.conversations import conversation_routes
from gateway.web.events import event_routes
from gateway.web.export import export_routes
from gateway.web.health import Place, health_routes
from gateway.web.history import history_routes
from gateway.web.leftovers import leftover_routes
from gateway.web.lists import list_routes
from gateway.web.live import Live, live_routes
from gateway.web.media import media_routes
from gateway.web.messages import message_routes
from gateway.web.metrics import metric_routes
from gateway.web.modems import Recording, modem_routes
from gateway.web.pages import open_routes, page_routes
from gateway.web.ports import Service
from gateway.web.sessions import open_session_routes
from gateway.web.sim import forwarding_routes, phonebook_routes
from gateway.web.stats import stats_routes
from gateway.web.twilio.app import Twilio, is_ours
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the application is made over. `troubles`: what else `/readyz` asks, by name; each says what is wrong or None."""

    service: Service
    accounts: Accounts
    clock: Clock
    troubles: Mapping[str, Trouble] = field(default_factory=dict)
    recording: Recording = no_recording
    webhooks: Webhooks | None = None
    place: Place | None = None
    backups: Backups | None = None
    gateway: str = ""
    twilio: Twilio | None = None


def make_app(parts: Parts) -> FastAPI:
    """The own API. Each request comes with who asks, in its scope: see `auth.Gate` and `by_socket`."""
    app = FastAPI(
        title="smsgw",
        version=__version__,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(check_permission)],
    )
    offered = [*routers(parts), *open_routes(parts.accounts)]
    for router in offered:
        app.include_router(router)
    errors.install(app, [route for router in offered for route in router.routes])
    _complete(app.openapi())
    return app


_ERROR = {
    "description": "What is wrong.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorAnswer"}}},
}


def _complete(description: dict[str, Any]) -> None:
    """Says in the description, which the framework keeps, how to get in, and not that we answer 422: we never do."""
    for operations in description["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            operation["responses"].setdefault("default", _ERROR)
    for unused in ("HTTPValidationError", "ValidationError"):
        description["components"]["schemas"].pop(unused, None)
    schemes = {
        "token": {"type": "http", "scheme": "bearer"},
        "password": {"type": "http", "scheme": "basic"},
        "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
    }
    description.setdefault("components", {})["securitySchemes"] = schemes
    description["security"] = [{name: []} for name in schemes]
    method, path = LOGIN
    description["paths"][path][method.lower()]["security"] = []


def routers(parts: Parts) -> list[APIRouter]:
    """Everything that the API offers."""
    found = [
        export_routes(parts.service),
        message_routes(parts.service),
        conversation_routes(parts.service.conversations),
        bulk_routes(parts.service),
        media_routes(parts.service.media),
        leftover_routes(parts.service),
        modem_routes(parts.service, parts.recording),
        forwarding_routes(parts.service),
        phonebook_routes(parts.service),
        call_routes(parts.service),
        list_routes(parts.service),
        alert_routes(parts.service.alerts),
        history_routes(parts.service.history, parts.clock),
        stats_routes(parts.service.statistics, parts.clock),
        health_routes(parts.service, parts.troubles, parts.place),
        session_routes(parts.accounts),
        account_routes(parts.accounts),
        open_session_routes(parts.accounts),
        code_routes(),
        metric_routes(parts.service, parts.webhooks),
        event_routes(parts.service),
        live_routes(Live(parts.service)),
        *page_routes(
            parts.service,
            parts.accounts,
            parts.clock,
            partial(missing_parts, parts.service, parts.troubles),
            parts.place,
        ),
    ]
    if parts.backups is not None:
        found.append(backup_routes(parts.backups, parts.gateway, parts.accounts, parts.clock))
    return found if parts.webhooks is None else [*found, webhook_routes(parts.webhooks)]


HEALTH = frozenset({"/healthz", "/readyz"})
"""What answers without credentials."""

Scope = dict[str, Any]


def local(api: Any, accounts: Accounts) -> Any:
    """The API for whoever may open the Unix socket."""

    async def dispatch(scope: Scope, receive: Any, send: Any) -> None:
        scope["principal"] = LOCAL
        if scope["type"] == "http":
            send = noted(accounts, scope, LOCAL, send, {})
        await _guarded(api, scope, receive, send)

    return dispatch


def beside_health(gate: Any, health: Any, twilio: Any = None) -> Any:
    """Health for everybody, and everything else behind the gate; behind one of its own what Twilio's clients ask for."""

    async def dispatch(scope: Scope, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        door = twilio if twilio is not None and scope["type"] == "http" and is_ours(path) else gate
        await _guarded(health if path in HEALTH else door, scope, receive, send)

    return dispatch


async def _guarded(app: Any, scope: Scope, receive: Any, send: Any) -> None:
    try:
        await app(scope, receive, send)
    except Exception:  # the framework has answered with 500 already; the connection can go on
        log.exception("web: %s %s met a defect", scope.get("method"), scope.get("path"))
