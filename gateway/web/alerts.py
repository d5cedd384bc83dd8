"""`/api/v1/alerts`: what needs a person now, and what did."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse

from gateway.clock import rfc3339
from gateway.messaging.alerts import Alert, AlertFilter
from gateway.web.schema import Answer, documented

MAX_PAGE = 200
MAX_N = 2**63 - 1
"""The largest number of a row."""


class AlertAnswer(Answer):
    """An alert. `lasting`: it ends by itself when its cause does; else it stays active until it is dismissed."""

    alert_id: int
    code: str
    message: str
    modem: str | None
    since: datetime
    until: datetime | None
    last_at: datetime
    count: int
    lasting: bool


class AlertsAnswer(Answer):
    """A page, newest first."""

    alerts: list[AlertAnswer]
    next: int | None


class Alerts(Protocol):
    """The list. Its methods raise RequestError (unknown_alert, alert_lasts)."""

    async def find(self, wanted: AlertFilter) -> list[Alert]: ...

    async def dismiss(self, n: int) -> Alert: ...


def alert_routes(alerts: Alerts) -> APIRouter:
    """`/api/v1/alerts` and below."""
    router = APIRouter(prefix="/api/v1/alerts")

    @router.get("", **documented(AlertsAnswer))
    async def find(
        active: bool | None = None,
        modem: Annotated[str | None, Query(max_length=64)] = None,
        code: Annotated[str | None, Query(max_length=64)] = None,
        before: Annotated[int | None, Query(ge=1, le=MAX_N)] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    ) -> JSONResponse:
        """Newest first; `active=true`: what needs attention now. `next` of one page is `before` of the following one."""
        found = await alerts.find(AlertFilter(active=active, line=modem, code=code, before=before, limit=limit))
        following = found[-1].n if len(found) == limit else None
        return JSONResponse({"alerts": [alert_json(one) for one in found], "next": following})

    @router.post("/{alert_id}/dismiss", **documented(AlertAnswer))
    async def dismiss(alert_id: Annotated[int, Path(ge=1, le=MAX_N)]) -> JSONResponse:
        """Takes an incident that somebody has seen from the list of active ones."""
        return JSONResponse(alert_json(await alerts.dismiss(alert_id)))

    return router


def alert_json(alert: Alert) -> dict[str, Any]:
    return {
        "alert_id": alert.n,
        "code": alert.code,
        "message": alert.message,
        "modem": alert.line or None,
        "since": rfc3339(alert.since),
        "until": rfc3339(alert.until) if alert.until else None,
        "last_at": rfc3339(alert.last_at),
        "count": alert.count,
        "lasting": alert.lasting,
    }
