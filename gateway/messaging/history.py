"""How modems were over time, for plots: a sample a minute, and each change of their state."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from gateway.clock import Clock
from gateway.errors import RequestError, StoreError
from gateway.messaging.model import LineStatus

if TYPE_CHECKING:
    from gateway.messaging.lines import Lines
    from gateway.messaging.ports import Store, Tx

log = logging.getLogger(__name__)

SAMPLE_S = 60.0
KEPT = timedelta(days=31)
MAX_WAITING = 500
"""Changes that wait to be written; of more, the oldest are dropped: a modem that comes and goes all the time."""

MAX_CHANGES = 1000
"""Most changes in one answer: the newest."""

WATCHED = ("state", "able", "registered", "roaming", "sim", "operator", "access", "iccid")
"""Whose changes are kept one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A modem at one time, or on average in a part of the time; None: it did not tell."""

    at: datetime
    rssi_dbm: float | None
    bars: float
    registered: float
    able: float
    temperature_c: float | None
    voltage_mv: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """`what` was `before` and is `after` from then on; `error`: what the modem said of it."""

    at: datetime
    line: str
    what: str
    before: str
    after: str
    error: str


class HistoryTable(Protocol):
    """Samples and changes by modem and time."""

    def add(self, samples: Sequence[tuple[str, Sample]], changes: Sequence[Change]) -> None: ...
    def prune(self, before: datetime, after: datetime) -> None: ...
    def samples(self, line: str, since: datetime, until: datetime, points: int) -> list[Sample]: ...
    def changes(self, line: str, since: datetime, until: datetime, limit: int) -> list[Change]: ...


class History:
    """Writes once a minute. What was not written yet is lost in a crash, which costs a plot a minute."""

    def __init__(self, store: Store, clock: Clock, lines: Lines) -> None:
        self._store = store
        self._clock = clock
        self._lines = lines
        self._changes: deque[Change] = deque(maxlen=MAX_WAITING)
        self._last = {name: line.status for name, line in lines.by_name.items()}
        lines.on_change(self._changed)

    def _changed(self, status: LineStatus) -> None:
        before, self._last[status.name] = self._last[status.name], status
        now = self._clock.now()
        for what in WATCHED:
            old, new = getattr(before, what), getattr(status, what)
            if old != new:
                self._changes.append(
                    Change(at=now, line=status.name, what=what, before=_word(old), after=_word(new), error=status.error)
                )

    async def run(self) -> None:
        """Serves for ever."""
        while True:
            await asyncio.sleep(SAMPLE_S)
            try:
                await self.record()
            except StoreError as exc:
                log.warning("the history of the modems has a gap: %s", exc)
            except Exception:
                log.exception("the history of the modems met a defect")  # which must not end the senders

    async def record(self) -> None:
        """Writes a sample of each modem, and the changes since the last time. Raises StoreError."""
        now = self._clock.now()
        samples = [(name, _sample(line.status, now)) for name, line in self._lines.by_name.items()]
        changes = tuple(self._changes)
        self._changes.clear()

        def write(tx: Tx) -> None:
            tx.records.history.add(samples, changes)
            tx.records.history.prune(now - KEPT, now + timedelta(days=1))

        if samples:
            await self._store.write(write)

    async def look(self, line: str, since: datetime, until: datetime, points: int) -> tuple[list[Sample], list[Change]]:
        """At most `points` samples, averages where there are more, and the changes. Raises RequestError (unknown_modem)."""
        if line not in self._lines.by_name:
            raise RequestError(f"no modem is called {line!r:.60}", code="unknown_modem", field="modem")
        if since >= until:
            raise RequestError("since is not before until", field="since")

        def find(tx: Tx) -> tuple[list[Sample], list[Change]]:
            table = tx.records.history
            return table.samples(line, since, until, points), table.changes(line, since, until, MAX_CHANGES)

        return await self._store.survey(find)


def _sample(status: LineStatus, now: datetime) -> Sample:
    return Sample(
        at=now,
        rssi_dbm=status.rssi_dbm,
        bars=status.bars,
        registered=status.registered,
        able=status.able,
        temperature_c=status.temperature_c,
        voltage_mv=status.voltage_mv,
    )


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
