"""Whether this box knows what time it is: one without a battery begins each time where it stopped, or in 1970.

What was stored tells the least that it can be. Until the clock is trusted (see `gateway.clock`) what depends on it waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from gateway.clock import Clock, parse_rfc3339, rfc3339
from gateway.errors import StoreError
from gateway.messaging.ports import Store, Tx

log = logging.getLogger(__name__)

KEY = "clock.known"
NOTE_S = 900.0
"""How often the time is stored: a box that is cut off begins at most so much before it."""

LOOK_S = 1.0
PATIENCE_S = 60.0
"""A modem tells the time soon after it has a network; then nobody needs to be told that it was missing."""

CODE = "clock_not_set"
TEXT = "it is not known what time it is: what is scheduled, quiet hours and the deletion of old messages wait"


class BeginningClock(Clock, Protocol):
    """A clock that wants to hear what time it certainly has been."""

    def begin(self, known: datetime | None) -> None: ...


class Timekeeper:
    """`begin` before anything is taken, then `run` as a task. `known`: called when the clock comes to be trusted."""

    def __init__(
        self, store: Store, clock: BeginningClock, alert: Callable[..., Awaitable[None]], known: Callable[[], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._alert = alert
        self._known = known

    async def begin(self) -> None:
        """Tells the clock what time it has been. Raises StoreError."""
        kept = await self._store.read(lambda tx: tx.events.get_value(KEY))
        self._clock.begin(parse_rfc3339(kept) if kept else None)

    async def run(self) -> None:
        """Serves for ever."""
        if not self._clock.trusted:
            await self._wait()
        while True:
            moment = rfc3339(self._clock.now())
            await self._tried(self._store.write(lambda tx, at=moment: _note(tx, at)))  # type: ignore[misc]
            await asyncio.sleep(NOTE_S)

    async def _wait(self) -> None:
        log.warning("%s", TEXT)
        since, told = self._clock.monotonic(), False
        while not self._clock.trusted:
            if not told and self._clock.monotonic() - since >= PATIENCE_S:
                told = True
                await self._tried(self._alert(CODE, TEXT, lasting=True))
            await asyncio.sleep(LOOK_S)
        log.info("the time is known: %s", rfc3339(self._clock.now()))
        self._known()
        if told:
            await self._tried(self._alert(CODE, "the time is known", over=True))

    async def _tried(self, work: Awaitable[None]) -> None:
        try:
            await work
        except StoreError as exc:
            log.error("not stored: %s", exc)  # the next note makes up for it


def _note(tx: Tx, moment: str) -> None:
    tx.events.set_value(KEY, moment)
