"""Time that runs faster: pauses of minutes pass in fractions of a second, and everything still happens by itself."""

from __future__ import annotations

import asyncio
import selectors
import time
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class _Selector(selectors.DefaultSelector):
    """Waits `speed` times shorter than it is asked to."""

    speed = 1.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout / self.speed if timeout and timeout > 0 else timeout)


class FastLoop(asyncio.SelectorEventLoop):
    """An event loop whose seconds are `speed` times shorter than real ones."""

    def __init__(self, speed: float) -> None:
        selector = _Selector()
        selector.speed = speed
        self.speed = speed
        super().__init__(selector)

    def time(self) -> float:
        return super().time() * self.speed


class FastClock:
    """The clock that belongs to such a loop."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._begun = time.monotonic()

    def now(self) -> datetime:
        moment = START + timedelta(seconds=(time.monotonic() - self._begun) * self._speed)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def monotonic(self) -> float:
        return time.monotonic() * self._speed

    trusted = True

    def network_time(self, moment: datetime) -> None:
        """Not needed."""

    def advance(self, seconds: float) -> None:
        """It goes on by itself."""


def patience(seconds: float) -> Any:
    """A time-out in real seconds, whatever the loop's are."""
    return asyncio.timeout(seconds * getattr(asyncio.get_running_loop(), "speed", 1.0))
