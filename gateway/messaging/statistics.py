"""Counts of messages for plots. A task beside the senders walks the events and keeps cells: so many messages of a kind in a
quarter of an hour. A question adds up cells and looks at no message; the way of a text has no work with it.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Protocol

from gateway.clock import Clock
from gateway.errors import RequestError, StoreError
from gateway.messaging.numbers import country_of

if TYPE_CHECKING:
    from gateway.messaging.ports import Store, Tx

log = logging.getLogger(__name__)

SLOT = timedelta(minutes=15)
"""Every time zone's hours and days begin with one."""

ROUND_S = 5.0
BATCH = 100
PAUSE_S = 0.05
"""Between two batches: the senders' commits come in between."""

PRUNE_EACH = 720
"""Rounds: an hour."""

MAX_BUCKETS = 1000
STEPS_PER_OCTAVE = 8
"""Times to delivery are kept to within 5 %."""

WIDTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
GROUPS = ("modem", "country", "hour", "encoding", "error", "status", "direction")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What is counted of one message; `n` is its number. `took_ms`: from its acceptance to its delivery."""

    n: int
    at: datetime
    direction: str
    line: str
    peer: str
    encoding: str
    status: str
    error: str
    took_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What messages that are counted together have in common. `took`: a step of the scale of times, -1 for none."""

    slot: int
    direction: str
    line: str
    country: str
    encoding: str
    status: str
    error: str
    took: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far was counted: events up to `seq`; and of what was there before them, messages up to `n` of `upto`."""

    seq: int
    n: int
    upto: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which messages to count, by the time they were accepted or received. `zone`: whose hours and days are meant."""

    since: datetime
    until: datetime
    line: str | None = None
    direction: str | None = None
    bucket: str = "day"
    by: str = "modem"
    zone: tzinfo = UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One direction and modem in one hour or day. `at`: its begin, in the zone that was asked for."""

    at: datetime
    direction: str
    line: str
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Messages that have `key` in common. `rate`: delivered of those whose end is known; times in seconds; None: no such."""

    key: str
    total: int
    counts: Mapping[str, int]
    rate: float | None
    median_s: float | None
    p95_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A part of the time that was asked for in which the zone has one offset; slots and seconds."""

    first: int
    end: int
    offset: int


class StatisticsTable(Protocol):
    """Cells, and which message is in which."""

    def progress(self) -> Progress: ...
    def behind(self) -> int: ...
    def fresh(self, progress: Progress, limit: int) -> tuple[list[Fact], Progress]: ...
    def count(self, cells: Sequence[tuple[int, Cell]], progress: Progress) -> None: ...
    def prune(self, before: int) -> None: ...
    def series(self, span: Span, width_s: int, question: Question) -> list[tuple[int, str, str, str, int]]: ...
    def groups(self, span: Span, question: Question) -> list[tuple[str, str, int, int]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`since` and `until` as they were counted: whole slots. `behind`: events that are not counted yet."""

    since: datetime
    until: datetime
    behind: int
    points: tuple[Point, ...]
    groups: tuple[Group, ...]


class Statistics:
    """Counts, and answers. `days`: how long cells are kept; 0: for ever."""

    def __init__(self, store: Store, clock: Clock, days: int) -> None:
        self._store = store
        self._clock = clock
        self._days = days

    async def run(self) -> None:
        """Serves for ever."""
        rounds = 0
        while True:
            try:
                await self.catch_up()
                if rounds % PRUNE_EACH == 0:
                    await self._prune()
            except StoreError as exc:
                log.warning("statistics wait for the database: %s", exc)
            except Exception:
                log.exception("statistics met a defect")  # which must not end the senders
            rounds += 1
            await asyncio.sleep(ROUND_S)

    async def catch_up(self) -> None:
        """Counts all that is not counted yet, a little at a time. Raises StoreError."""
        more = await self._step()
        while more:
            await asyncio.sleep(PAUSE_S)
            more = await self._step()

    async def _step(self) -> bool:
        before = await self._store.read(lambda tx: tx.records.statistics.progress())
        facts, after = await self._store.read(lambda tx: tx.records.statistics.fresh(before, BATCH))
        if after == before:
            return False
        cells = [(fact.n, cell_of(fact)) for fact in facts]
        await self._store.write(lambda tx: tx.records.statistics.count(cells, after))
        return True

    async def _prune(self) -> None:
        before = _slot(self._clock.now() - timedelta(days=self._days)) if self._days else 0
        await self._store.write(lambda tx: tx.records.statistics.prune(before))

    async def ask(self, question: Question) -> Answer:
        """Counts by time, and by one thing that messages have in common. Raises RequestError where that is too much."""
        width = WIDTHS[question.bucket]
        if not timedelta() < question.until - question.since <= width * MAX_BUCKETS:
            raise RequestError(f"from 1 to {MAX_BUCKETS} {question.bucket}s can be asked for", field="since")
        spans = spans_of(question)

        def look(tx: Tx) -> Answer:
            table, seconds = tx.records.statistics, int(width.total_seconds())
            rows = [(span, row) for span in spans for row in table.series(span, seconds, question)]
            return Answer(
                since=_moment(spans[0].first),
                until=_moment(spans[-1].end),
                behind=table.behind(),
                points=_points(rows, question, seconds),
                groups=_groups(row for span in spans for row in table.groups(span, question)),
            )

        return await self._store.survey(look)


def cell_of(fact: Fact) -> Cell:
    """Where a message is counted."""
    return Cell(
        slot=_slot(fact.at),
        direction=fact.direction,
        line=fact.line,
        country=country_of(fact.peer),
        encoding=fact.encoding,
        status=fact.status,
        error=fact.error,
        took=-1 if fact.took_ms is None else round(STEPS_PER_OCTAVE * math.log2(max(fact.took_ms, 1))),
    )


def spans_of(question: Question) -> list[Span]:
    """The time asked for, outwards to whole slots, cut where the zone changes its offset."""
    first, end = _slot(question.since), -(-int(question.until.timestamp()) // _SLOT_S)
    spans: list[Span] = []
    while first < end:
        offset, stop = _offset(first, question.zone), first + 1
        while stop < end and _offset(min(stop + _DAY, end) - 1, question.zone) == offset:
            stop = min(stop + _DAY, end)
        while stop < end and _offset(stop, question.zone) == offset:
            stop += 1
        spans.append(Span(first=first, end=stop, offset=offset))
        first = stop
    return spans


_SLOT_S = int(SLOT.total_seconds())
_DAY = timedelta(days=1) // SLOT


def _slot(moment: datetime) -> int:
    return int(moment.timestamp()) // _SLOT_S


def _moment(slot: int) -> datetime:
    return datetime.fromtimestamp(slot * _SLOT_S, UTC)


def _offset(slot: int, zone: tzinfo) -> int:
    offset = _moment(slot).astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def _points(
    rows: Iterable[tuple[Span, tuple[int, str, str, str, int]]], question: Question, width_s: int
) -> tuple[Point, ...]:
    found: dict[tuple[datetime, str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for span, (bucket, direction, line, status, count) in rows:
        if question.bucket == "day":  # one on which the offset changes is still one day
            day = date(1970, 1, 1) + timedelta(days=bucket)
            at = datetime.combine(day, time(), question.zone)
        else:
            at = datetime.fromtimestamp(bucket * width_s - span.offset, UTC).astimezone(question.zone)
        found[at, direction, line][status] += count
    return tuple(
        Point(at=at, direction=direction, line=line, counts=dict(counts))
        for (at, direction, line), counts in sorted(found.items(), key=lambda item: item[0])
    )


def _groups(rows: Iterable[tuple[str, str, int, int]]) -> tuple[Group, ...]:
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    times: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for key, status, took, count in rows:
        counts[key][status] += count
        if took >= 0:
            times[key][took] += count
    return tuple(_group(key, counts[key], times[key]) for key in sorted(counts))


def _group(key: str, counts: Mapping[str, int], times: Mapping[int, int]) -> Group:
    ended = sum(counts.get(status, 0) for status in ("delivered", "undelivered", "failed"))
    return Group(
        key=key,
        total=sum(counts.values()),
        counts=dict(counts),
        rate=round(counts.get("delivered", 0) / ended, 4) if ended else None,
        median_s=_quantile(times, 0.5),
        p95_s=_quantile(times, 0.95),
    )


def _quantile(times: Mapping[int, int], share: float) -> float | None:
    left = math.ceil(sum(times.values()) * share)
    for step in sorted(times):
        left -= times[step]
        if left <= 0:
            return round(2 ** (step / STEPS_PER_OCTAVE) / 1000, 3)
    return None
