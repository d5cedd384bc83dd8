"""How much waits for each modem and how much it has sent today. Told about once a second at most; the limit counts exactly."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import replace
from datetime import datetime

from gateway.clock import Clock
from gateway.errors import StoreError
from gateway.messaging import alerts
from gateway.messaging.calendar import Calendar
from gateway.messaging.lines import Line, Lines, LineSettings, Used
from gateway.messaging.model import SegmentState
from gateway.messaging.ports import Store, Tx
from gateway.messaging.routing import Router

log = logging.getLogger(__name__)

PAUSE_S = 1.0

LOOK_AGAIN_S = 60.0
"""Even with nothing new it is counted this often: the clock may have been set to another day."""


class Counts:
    """One task. `changed()` says that there is something to count."""

    def __init__(self, store: Store, clock: Clock, lines: Lines, router: Router, calendar: Calendar) -> None:
        self._store = store
        self._clock = clock
        self._lines = lines
        self._router = router
        self._calendar = calendar
        self._before_today: dict[str, tuple[datetime, int]] = {}
        self._told: set[str] = set()
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
            try:
                await self._count(now)
            except StoreError:
                pass  # the writer's troubles are told elsewhere; the next change counts again
            except Exception:
                log.exception("counting met a defect")  # which must not end the senders
            await asyncio.sleep(PAUSE_S)
            with contextlib.suppress(TimeoutError):
                midnight = (self._calendar.day_end(now) - self._clock.now()).total_seconds()
                async with asyncio.timeout(min(max(0.0, midnight), LOOK_AGAIN_S)):
                    await self._dirty.wait()

    async def _count(self, now: datetime) -> None:
        day, lines = self._calendar.day_begin(now), self._lines.by_name
        before = {name: (line.sent_today, set(line.recipients)) for name, line in lines.items()}

        def count(tx: Tx) -> tuple[dict[str, int], dict[str, Used]]:
            return self._waiting(tx), {name: self._used(tx, line.settings, now, day) for name, line in lines.items()}

        waiting, counted = await self._store.read(count)
        for name, line in lines.items():
            meanwhile, used = line.sent_today - before[name][0], counted[name]
            used = replace(
                used,
                today=used.today + meanwhile,
                this_month=used.this_month + meanwhile,
                recipients=used.recipients | (line.recipients - before[name][1]),
            )
            self._lines.counted(name, used, queue=waiting[name])
            await self._tell(line, now)

    def _used(self, tx: Tx, settings: LineSettings, now: datetime, day: datetime) -> Used:
        unknown = [each for each in tx.segments.in_states((SegmentState.UNKNOWN,)) if each.line == settings.name]
        today = tx.segments.sent_since(settings.name, day) + tx.segments.forgotten_since(settings.name, day)
        today += len(unknown)  # they may have left
        earlier = self._earlier(tx, settings.name, now, day) if settings.monthly_limit else 0
        recipients = tx.segments.recipients_since(settings.name, day) if settings.daily_recipients else ()
        return Used(today=today, this_month=earlier + today, recipients=frozenset(recipients))

    def _earlier(self, tx: Tx, name: str, now: datetime, day: datetime) -> int:
        """What was sent this month before today: counted once a day."""
        known = self._before_today.get(name)
        if known is None or known[0] != day:
            month = self._calendar.month_begin(now)
            deleted = tx.segments.forgotten_since(name, month) - tx.segments.forgotten_since(name, day)
            known = (day, tx.segments.sent_since(name, month, day) + deleted)
            self._before_today[name] = known
        return known[1]

    async def _tell(self, line: Line, now: datetime) -> None:
        """An alert when a line has sent all that it may, and when that is over."""
        name = line.settings.name
        if line.exhausted() == (name in self._told):
            return
        over = name in self._told
        text = f"{name} may send again" if over else f"{name} has sent what it may today or this month"
        await self._store.write(lambda tx: alerts.tell(tx, "quota_exceeded", text, name, now, over=over, lasting=True))
        self._told ^= {name}

    def _waiting(self, tx: Tx) -> dict[str, int]:
        """How many messages each line could be the one for."""
        queues = {queue.n: queue for queue in tx.queues.all()}
        waiting = dict.fromkeys(self._lines.by_name, 0)
        for n, count in tx.messages.waiting_by_queue().items():
            for name in self._router.possible(queues[n]) & waiting.keys() if n in queues else ():
                waiting[name] += count
        return waiting
