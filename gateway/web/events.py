"""`/api/v1/events`: the same events as on `/ws`, for who would rather ask."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from gateway.errors import RequestError
from gateway.messaging.model import EventKind, StoredEvent
from gateway.web.ports import Service
from gateway.web.schema import Answer, documented
from gateway.wire import event_json

MAX_PAGE = 200
LONGEST_WAIT_S = 60.0
MAX_WAITING = 100
"""Requests that may wait for an event at once."""


class ToldEvent(Answer):
    """An event; `data` is what MQTT tells of it."""

    event: EventKind
    seq: int
    data: dict[str, Any]


class ToldEvents(Answer):
    """In the order in which they happened. `next`: the `after` of the following request."""

    events: list[ToldEvent]
    next: int


class Events:
    """Pages of events, and waiting for more."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._waiting = 0

    async def page(self, after: int | None, limit: int, wait_s: float) -> tuple[list[StoredEvent], int]:
        """Events behind `after`, or the last ones; and where the next page begins. Raises RequestError (rate_limited)."""
        if after is None:
            after = max(0, await self._service.last_event() - limit)
        found = await self._service.events(after, limit)
        if not found and wait_s:
            await self._wait(after, wait_s)
            found = await self._service.events(after, limit)
        place = found[-1].seq if found else after
        return [stored for stored in found if stored.event.kind is not EventKind.SEND_RESULT], place

    async def _wait(self, after: int, wait_s: float) -> None:
        if self._waiting >= MAX_WAITING:
            raise RequestError(f"{MAX_WAITING} requests wait for events already", code="rate_limited")
        self._waiting += 1
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._service.wait_for_events(after)
        finally:
            self._waiting -= 1


def event_routes(service: Service) -> APIRouter:
    """`/api/v1/events`."""
    router = APIRouter(prefix="/api/v1/events")
    told = Events(service)

    @router.get("", **documented(ToldEvents))
    async def events(
        after: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
        wait_s: Annotated[float, Query(ge=0, le=LONGEST_WAIT_S)] = 0,
    ) -> JSONResponse:
        """Those after a `seq`, or the last ones. With `wait_s` the answer waits until there is one, at most so long."""
        found, place = await told.page(after, limit, wait_s)
        return JSONResponse({"events": [event_json(stored) for stored in found], "next": place})

    return router
