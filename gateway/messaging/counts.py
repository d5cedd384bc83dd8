"""How much waits for each modem and how much it has sent today. Told about once a second at most; the limit counts exactly."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import datetime, timedelta

from gateway.clock import Clock
from gateway.errors import StoreError
from gateway.messaging.lines import Lines
from gateway.messaging.ports import Store, Tx
from gateway.messaging.routing import Router

log = logging.getLogger(__name__)

PAUSE_S = 1.0


class Counts:
    """One task. `changed()` says that there is something to count."""

    def __init__(self, store: Store, clock: Clock, lines: Lines, router: Router) -> None:
        self._store = store
        self._clock = clock
        self._lines = lines
        self._router = router
        self._dirty = asyncio.Event()

    def changed(self) -> None:
        self._dirty.set()

    async def begin(self) -> None:
        """Counts for the first time, before anything is sent. Raises StoreError."""
        await self._count(self._clock.now())

    async def run(self) -> None:
        """Counts for ever; also at midnight, when the daily limits begin anew."""
        while True:
            self._dirty.clear()
            now = self._clock.now()
            with contextlib.suppress(
                StoreError
            ):  # the writer's troubles are told elsewhere; the next change counts again
                await self._count(now)
            await asyncio.sleep(PAUSE_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, (next_midnight(now) - self._clock.now()).total_seconds())):
                    await self._dirty.wait()

    async def _count(self, now: datetime) -> None:
        since = next_midnight(now) - timedelta(days=1)
        names = list(self._lines.by_name)

        def count(tx: Tx) -> tuple[dict[str, int], dict[str, int]]:
            return self._waiting(tx), {name: tx.segments.sent_since(name, since) for name in names}

        before = {name: line.sent_today for name, line in self._lines.by_name.items()}
        waiting, sent = await self._store.read(count)
        for name in names:
            meanwhile = self._lines.by_name[name].sent_today - before[name]
            self._lines.counted(name, queue=waiting[name], sent_today=sent[name] + meanwhile)

    def _waiting(self, tx: Tx) -> dict[str, int]:
        """How many messages each line could be the one for."""
        queues = {queue.n: queue for queue in tx.queues.all()}
        waiting = dict.fromkeys(self._lines.by_name, 0)
        for n, count in tx.messages.waiting_by_queue().items():
            for name in self._router.possible(queues[n]) & waiting.keys() if n in queues else ():
                waiting[name] += count
        return waiting


def next_midnight(now: datetime) -> datetime:
    """The end of the box's own day (local time), aware."""
    local = now.astimezone()
    tomorrow = (local + timedelta(days=1)).date()
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day).astimezone()
