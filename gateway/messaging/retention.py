"""Old messages are deleted, in small batches beside everything else. What is open, unread or still to be compared with stays."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from gateway.clock import Clock
from gateway.errors import StoreError
from gateway.messaging.ports import Store, Tx
from gateway.messaging.receipts import REPORT_WINDOW

log = logging.getLogger(__name__)

ROUND_S = 3600.0
"""Pause between two rounds, and before the first."""

PAUSE_S = 0.1
"""Pause between two batches: the sender's commits come in between."""

BATCH = 50
"""Rows that one batch looks at."""

KEYS_KEPT = timedelta(days=30)
"""Idempotency keys are kept at least this long (design §4.3)."""

COUNTED = timedelta(days=62)
"""What was deleted counts for a monthly limit as long as its month can last."""

JUMP = timedelta(seconds=60)
"""The wall clock went on by so much more or less than time did: it was set, and may be wrong for a while."""

KEEPS_ITS_OWN = "webhook:"
"""Cursors that their edge itself takes away with what they belong to."""

Step = Callable[[Tx, int], int | None]


class Retention:
    """One task. `days`: how long what is finished is kept; 0: for ever. `consumers`: who reads the events, known or yet to begin."""

    def __init__(self, store: Store, clock: Clock, days: int) -> None:
        self._store = store
        self._clock = clock
        self._days = days
        self._consumers: set[str] = set()

    def reads_events(self, consumer: str) -> None:
        """An edge that asked for its cursor has a right to what it has not read, even if it has read nothing so far."""
        self._consumers.add(consumer)

    async def run(self) -> None:
        """Serves for ever."""
        wall, monotonic = self._clock.now(), self._clock.monotonic()
        while self._days:
            await asyncio.sleep(ROUND_S)
            before = wall, monotonic
            wall, monotonic = self._clock.now(), self._clock.monotonic()
            if abs((wall - before[0]) - timedelta(seconds=monotonic - before[1])) > JUMP:
                log.warning("the clock was set; old messages are looked for in an hour")
                continue
            if not self._clock.trusted:
                continue
            try:
                await self.delete_old()
            except StoreError as exc:
                log.error("old messages stay for another hour: %s", exc)
            except Exception:
                log.exception("deleting what is old met a defect")  # which must not end the senders

    async def delete_old(self) -> None:
        """One round through all tables. Raises StoreError."""
        now = self._clock.now()
        for step in self._steps(now):
            place: int | None = 0
            while place is not None:
                place = await self._store.write(lambda tx, step=step, at=place: step(tx, at))  # type: ignore[misc]
                await asyncio.sleep(PAUSE_S)

    def _steps(self, now: datetime) -> Iterator[Step]:
        before = now - timedelta(days=self._days)
        compared = min(before, now - REPORT_WINDOW)  # repeats of parts, and reports, are recognised for a while
        keys = min(before, now - KEYS_KEPT)
        yield lambda tx, at: tx.old.delete_messages(at, before, compared, now - COUNTED, BATCH)
        yield lambda tx, at: tx.old.delete_assemblies(at, compared, BATCH)
        yield lambda tx, at: tx.old.delete_parts(at, compared, BATCH)
        yield lambda tx, at: tx.old.delete_reports(at, compared, BATCH)
        yield lambda tx, at: tx.old.delete_calls(at, before, BATCH)
        yield lambda tx, at: tx.old.delete_alerts(at, before, BATCH)
        yield lambda tx, at: tx.old.delete_media(at, before, BATCH)
        yield lambda tx, at: tx.old.delete_commands(at, keys, BATCH)
        yield lambda tx, at: tx.old.delete_events(at, before, self._read_by_all(tx), BATCH)

    def _read_by_all(self, tx: Tx) -> int:
        """Who does not run any more, as an edge that was taken out of the configuration, has no right to anything."""
        cursors = tx.events.cursors()
        readers = self._consumers | {name for name in cursors if name.startswith(KEEPS_ITS_OWN)}
        return min((cursors.get(name, 0) for name in readers), default=tx.events.last())
