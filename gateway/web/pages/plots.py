"""Plots as shapes: where lines and bars go in a drawing. The templates make inline SVG of them; no script takes part."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.messaging.history import Sample
from gateway.messaging.statistics import Point

SPAN = timedelta(days=1)
HOURS = 24
SPARK_POINTS = 96
SPARK_WIDTH, SPARK_HEIGHT = 120.0, 24.0
BARS_WIDTH, BARS_HEIGHT = 480.0, 96.0
BAR_WIDTH = 14.0
GAP = 2.5
"""Of so many steps without a sample no line is drawn: nothing is known of that time."""

WEAKEST_DBM, STRONGEST_DBM = -113.0, -51.0
"""27.007 8.5: the ends of what +CSQ tells. One scale for all, so that modems can be compared."""

BAD = frozenset({"failed", "undelivered", "unknown"})
UNSENT = frozenset({"canceled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Spark:
    """A signal over a day. `lines`: points of polylines, a gap between two; `low`, `high`: dBm."""

    lines: tuple[str, ...]
    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A piece of a bar. `kind`: sent, received or bad."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One hour from `at` on."""

    at: datetime
    x: float
    blocks: tuple[Block, ...]
    sent: int
    received: int
    bad: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """A day in hours. `top`: the count at the upper edge. `sent` has those that failed in it."""

    bars: tuple[Bar, ...]
    top: int
    sent: int
    received: int
    bad: int


def spark_of(samples: Sequence[Sample], until: datetime) -> Spark | None:
    """The signal of the `SPAN` before `until`; None while there is too little for a line."""
    told = [(each.at, each.rssi_dbm) for each in samples if each.rssi_dbm is not None]
    if len(told) < 2:
        return None
    step = SPAN / SPARK_POINTS
    runs: list[list[str]] = []
    last: datetime | None = None
    for at, dbm in told:
        if last is None or at - last > step * GAP:
            runs.append([])
        runs[-1].append(f"{_across(at, until):.1f},{_up(dbm):.1f}")
        last = at
    values = [dbm for _, dbm in told]
    lines = tuple(" ".join(run if len(run) > 1 else run * 2) for run in runs)
    return Spark(lines=lines, low=round(min(values)), high=round(max(values)))


def _across(at: datetime, until: datetime) -> float:
    return min(max(1 - (until - at) / SPAN, 0.0), 1.0) * SPARK_WIDTH


def _up(dbm: float) -> float:
    share = (dbm - WEAKEST_DBM) / (STRONGEST_DBM - WEAKEST_DBM)
    return 1 + (1 - min(max(share, 0.0), 1.0)) * (SPARK_HEIGHT - 2)


def first_hour(now: datetime) -> datetime:
    """Where a day in hours begins that ends with the present one."""
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)


def traffic_of(points: Sequence[Point], since: datetime) -> Traffic:
    """What went out and came in, in each of the hours from `since` on."""
    counts = [{"sent": 0, "received": 0, "bad": 0} for _ in range(HOURS)]
    for point in points:
        hour = (point.at - since) // timedelta(hours=1)
        if not 0 <= hour < HOURS:
            continue
        for status, count in point.counts.items():
            if status not in UNSENT:
                counts[hour][_kind(point.direction, status)] += count
    top = _round_up(max(sum(each.values()) for each in counts))
    sums = {kind: sum(each[kind] for each in counts) for kind in ("sent", "received", "bad")}
    bars = tuple(_bar(since + timedelta(hours=n), n, each, top) for n, each in enumerate(counts))
    return Traffic(bars=bars, top=top, sent=sums["sent"] + sums["bad"], received=sums["received"], bad=sums["bad"])


def _kind(direction: str, status: str) -> str:
    if direction == "inbound":
        return "received"
    return "bad" if status in BAD else "sent"


def _round_up(count: int) -> int:
    """The next of 4, 5, 10, 20, 50, 100 …: a scale that is easy to read."""
    if count <= 4:
        return 4
    power: int = 10 ** int(math.log10(count))
    return next(power * step for step in (1, 2, 5, 10) if power * step >= count)


def _bar(at: datetime, n: int, counts: dict[str, int], top: int) -> Bar:
    blocks: list[Block] = []
    y = BARS_HEIGHT
    for kind in ("sent", "received", "bad"):
        if counts[kind]:
            height = counts[kind] / top * BARS_HEIGHT
            y -= height
            blocks.append(Block(kind=kind, y=round(y, 2), height=round(height, 2)))
    x = n * BARS_WIDTH / HOURS + (BARS_WIDTH / HOURS - BAR_WIDTH) / 2
    return Bar(at=at, x=round(x, 2), blocks=tuple(blocks), **counts)
