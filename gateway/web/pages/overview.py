"""`/`: the modems, what the gateway hangs on, and what needs a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from gateway.accounts import Permission
from gateway.clock import Clock
from gateway.messaging.alerts import AlertFilter
from gateway.messaging.model import LineStatus, MessageFilter
from gateway.messaging.statistics import Question
from gateway.web.alerts import MAX_N, MAX_PAGE
from gateway.web.auth import requires
from gateway.web.health import Place, looked
from gateway.web.pages.plots import SPAN, SPARK_POINTS, Spark, Traffic, first_hour, spark_of, traffic_of
from gateway.web.pages.render import page, page_router
from gateway.web.pages.words import attention, vitals
from gateway.web.ports import Service

LATEST = 8
SPARKS_S = 60.0
"""There is a new sample a minute."""
TRAFFIC_S = 5.0

Troubles = Callable[[], Mapping[str, str]]
"""What keeps the gateway from its work now: part → why."""


def overview_pages(service: Service, troubles: Troubles, place: Place | None, clock: Clock) -> APIRouter:
    router = page_router()
    plots = _Plots(service, clock)

    @router.get("/", dependencies=[requires(Permission.READ)])
    async def overview(request: Request) -> Response:
        missing, lines = troubles(), service.lines()
        alerts = await service.alerts.find(AlertFilter(active=True, limit=MAX_PAGE))
        disk, box = await looked(place)
        return page(
            request,
            "overview.html",
            lines=lines,
            attention=attention(lines, missing, alerts),
            vitals=vitals(missing, disk, box),
            waiting=await service.waiting(),
            latest=await service.messages(MessageFilter(limit=LATEST)),
            sparks=await plots.sparks(lines),
            traffic=await plots.traffic(),
        )

    @router.post("/alerts/{alert_id}/dismiss", dependencies=[requires(Permission.OPERATE)])
    async def dismiss(alert_id: Annotated[int, Path(ge=1, le=MAX_N)], request: Request) -> Response:
        """It was seen. The event that tells so has every open page drawn anew."""
        await service.alerts.dismiss(alert_id)
        return page(request, "note.html", message="Dismissed.")

    return router


class _Plots:
    """What is drawn, kept for a while: each look at the past opens the database, and each event has the page drawn anew."""

    def __init__(self, service: Service, clock: Clock) -> None:
        self._service = service
        self._clock = clock
        self._sparks: dict[str, tuple[float, Spark | None]] = {}
        self._traffic: tuple[float, Traffic] | None = None

    async def sparks(self, lines: list[LineStatus]) -> Mapping[str, Spark | None]:
        """The signal of each modem over a day."""
        return {line.name: await self._spark(line.name) for line in lines}

    async def _spark(self, name: str) -> Spark | None:
        at, spark = self._sparks.get(name, (float("-inf"), None))
        if self._clock.monotonic() - at < SPARKS_S:
            return spark
        now = self._clock.now()
        samples, _ = await self._service.history.look(name, now - SPAN, now, SPARK_POINTS)
        spark = spark_of(samples, now)
        self._sparks[name] = self._clock.monotonic(), spark
        return spark

    async def traffic(self) -> Traffic:
        """A day in hours, up to now."""
        if self._traffic is not None and self._clock.monotonic() - self._traffic[0] < TRAFFIC_S:
            return self._traffic[1]
        now = self._clock.now()
        since = first_hour(now)
        answer = await self._service.statistics.ask(Question(since=since, until=now, bucket="hour", by="direction"))
        traffic = traffic_of(answer.points, since)
        self._traffic = self._clock.monotonic(), traffic
        return traffic
