"""The only module that reads time. Everything else is handed a `Clock`, so that tests can move it."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

SET_AFTER = datetime(2025, 1, 1, tzinfo=UTC)
"""A time before this one is from before the clock was set, as on a box without a battery."""

_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_TIMEX_OCTETS = 512  # more than any `struct timex` has; all zero asks and changes nothing


class Clock(Protocol):
    """Source of wall time (aware, UTC) and of monotonic seconds.

    `trusted`: whether the wall time can be right; until it is, nothing may follow from what it says. `network_time`: what a
    mobile network says that the time is; taken where the own clock is not trusted.
    """

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...

    @property
    def trusted(self) -> bool: ...

    def network_time(self, moment: datetime) -> None: ...


def _synchronised() -> bool:
    """Whether the kernel holds its clock for synchronised, by NTP for example."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_OCTETS))
    except (OSError, AttributeError):  # no such call here
        return False
    return bool(0 <= state < _TIME_ERROR)


def _system_time() -> datetime:
    return datetime.now(UTC)


class SystemClock:
    """The machine's clocks, and an offset to them where they are wrong. It never sets them.

    The wall clock is trusted unless `begin` finds that it must be wrong: it is not synchronised, and shows a time before
    one that has been. From then on the time is that of a network, once one has told it, until the machine knows its own.
    """

    def __init__(
        self,
        *,
        system_time: Callable[[], datetime] = _system_time,
        synchronised: Callable[[], bool] = _synchronised,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._system_time = system_time
        self._synchronised = synchronised
        self._monotonic = monotonic
        self._floor = SET_AFTER
        self._begun = monotonic()
        self._sure = True  # the system's clock is right; nothing is asked any more
        self._base: tuple[datetime, float] | None = None  # a network's time, and when it was told

    def begin(self, known: datetime | None) -> None:
        """`known`: a time that it certainly has been, None for none."""
        self._floor = max(SET_AFTER, known or SET_AFTER)
        self._begun = self.monotonic()
        self._sure = False
        self._look()

    def now(self) -> datetime:
        """The time in UTC, to the millisecond: what is stored and what is in memory compare as equal."""
        if not self._sure:
            self._look()
        if self._sure or self._base is None:
            moment = self._system_time()
        else:  # by the monotonic clock: the system's may be set to anything meanwhile
            told, at = self._base
            moment = told + timedelta(seconds=self.monotonic() - at)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def monotonic(self) -> float:
        return self._monotonic()

    @property
    def trusted(self) -> bool:
        """Whether the wall time can be right."""
        if not self._sure:
            self._look()
        return self._sure or self._base is not None

    def network_time(self, moment: datetime) -> None:
        """Taken where the system's clock is not trusted, unless it has been later already: a modem may show nonsense."""
        if not self.trusted and moment >= self._floor:
            self._base = moment, self.monotonic()

    def _look(self) -> None:
        # A wrong clock goes on, too: what it has to reach moves with the time, else it would pass for right one day.
        least = self._floor + timedelta(seconds=self.monotonic() - self._begun)
        shown = self._system_time()
        self._sure = shown >= least or (self._synchronised() and shown >= SET_AFTER)


def rfc3339(moment: datetime) -> str:
    """An aware datetime as RFC 3339 in UTC with milliseconds, e.g. `2026-02-03T04:05:06.789Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_rfc3339(text: str) -> datetime:
    """The aware datetime of an RFC 3339 string. Raises ValueError when it is none or has no offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs an offset, for example 2026-02-03T04:05:06Z")
    return moment.astimezone(UTC)
