"""`/api/v1/stats`: counts for plots."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Annotated, Literal, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from gateway.clock import Clock, rfc3339
from gateway.errors import RequestError
from gateway.messaging import statistics
from gateway.web.moments import Moment, moment_of
from gateway.web.schema import Answer, documented

Direction = Literal["outbound", "inbound"]
By = Literal["modem", "country", "hour", "encoding", "error", "status", "direction"]
DEFAULT_SPAN = {"hour": timedelta(days=2), "day": timedelta(days=30)}


class PointAnswer(Answer):
    """One direction and modem in one hour or day: how many messages have which status now."""

    at: datetime
    direction: Direction
    modem: str | None
    counts: dict[str, int]


class GroupAnswer(Answer):
    """`delivery_rate`: delivered of delivered, undelivered and failed. Times to delivery in seconds, to within 5 %."""

    key: str
    total: int
    counts: dict[str, int]
    delivery_rate: float | None
    median_s: float | None
    p95_s: float | None


class StatsAnswer(Answer):
    """`since`, `until`: what was counted, in whole quarters of an hour. `behind`: events that are not counted yet."""

    since: datetime
    until: datetime
    behind: int
    series: list[PointAnswer]
    groups: list[GroupAnswer]


class Statistics(Protocol):
    """Counts messages. Raises RequestError."""

    async def ask(self, question: statistics.Question) -> statistics.Answer: ...


def stats_routes(counted: Statistics, clock: Clock) -> APIRouter:
    """`/api/v1/stats`."""
    router = APIRouter(prefix="/api/v1/stats")

    @router.get("", **documented(StatsAnswer))
    async def stats(
        since: Moment = None,
        until: Moment = None,
        bucket: Literal["hour", "day"] = "day",
        by: By = "modem",
        zone: Annotated[str, Query(max_length=64)] = "UTC",
        modem: Annotated[str | None, Query(max_length=64)] = None,
        direction: Direction | None = None,
    ) -> JSONResponse:
        """Messages by the time they were accepted or received: in hours or days of `zone` (IANA, or +02:00), and by one thing."""
        end = moment_of(until, "until") or clock.now()
        question = statistics.Question(
            since=moment_of(since, "since") or end - DEFAULT_SPAN[bucket],
            until=end,
            line=modem,
            direction=direction,
            bucket=bucket,
            by=by,
            zone=zone_of(zone),
        )
        answer = await counted.ask(question)
        points = [
            {"at": one.at.isoformat(), "direction": one.direction, "modem": one.line or None, "counts": one.counts}
            for one in answer.points
        ]
        times = {"since": rfc3339(answer.since), "until": rfc3339(answer.until), "behind": answer.behind}
        return JSONResponse(times | {"series": points, "groups": [_group(one) for one in answer.groups]})

    return router


def _group(group: statistics.Group) -> dict[str, object]:
    return {
        "key": group.key,
        "total": group.total,
        "counts": group.counts,
        "delivery_rate": group.rate,
        "median_s": group.median_s,
        "p95_s": group.p95_s,
    }


def zone_of(text: str) -> tzinfo:
    """A zone by its IANA name or its offset. Raises RequestError."""
    text = text.replace(" ", "+")  # "+" in a query string means a space
    try:
        if text[:1] in ("+", "-"):
            offset = datetime.strptime(text, "%z").utcoffset()
            return timezone(offset) if offset else UTC
        return ZoneInfo(text)
    except (ValueError, ZoneInfoNotFoundError, OSError) as exc:
        raise RequestError(f"{text!r:.80} is no time zone: give Europe/Berlin or +02:00", field="zone") from exc
