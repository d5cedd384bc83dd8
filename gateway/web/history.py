"""`/api/v1/modems/<name>/history`: how a modem was over time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from gateway.clock import Clock, rfc3339
from gateway.messaging.history import Change, History, Sample
from gateway.web.moments import Moment, moment_of
from gateway.web.schema import Answer, documented

SHOWN = timedelta(days=1)
MAX_POINTS = 2000


class SampleAnswer(Answer):
    """Averages over one of equal parts of the time, from `at` on. `registered`, `able`: the share of it, 0 to 1."""

    at: datetime
    rssi_dbm: float | None
    bars: float
    registered: float
    able: float
    temperature_c: float | None
    voltage_mv: float | None


class ChangeAnswer(Answer):
    """What changed, and what the modem said of it."""

    at: datetime
    what: str
    before: str
    after: str
    error: str | None


class HistoryAnswer(Answer):
    """Both oldest first; of the changes the newest thousand."""

    modem: str
    samples: list[SampleAnswer]
    changes: list[ChangeAnswer]


def history_routes(history: History, clock: Clock) -> APIRouter:
    """`/api/v1/modems/<name>/history`."""
    router = APIRouter(prefix="/api/v1/modems")

    @router.get("/{name}/history", **documented(HistoryAnswer))
    async def look(
        name: str,
        since: Moment = None,
        until: Moment = None,
        points: Annotated[int, Query(ge=1, le=MAX_POINTS)] = 300,
    ) -> JSONResponse:
        """Signal, registration, temperature and voltage, of the last day if nothing else is said; and changes of state."""
        end = moment_of(until, "until") or clock.now()
        samples, changes = await history.look(name, moment_of(since, "since") or end - SHOWN, end, points)
        return JSONResponse(
            {"modem": name, "samples": list(map(_sample, samples)), "changes": list(map(_change, changes))}
        )

    return router


def _sample(sample: Sample) -> dict[str, Any]:
    fields = ("rssi_dbm", "bars", "registered", "able", "temperature_c", "voltage_mv")
    values = {name: getattr(sample, name) for name in fields}
    return {"at": rfc3339(sample.at)} | {
        name: None if value is None else round(value, 2) for name, value in values.items()
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "at": rfc3339(change.at),
        "what": change.what,
        "before": change.before,
        "after": change.after,
        "error": change.error or None,
    }
