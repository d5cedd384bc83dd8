"""Failed log-ins cost time, more each time, and never for ever: the owner gets in again, and the Unix socket is always open."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

FREE = 5  # failures that cost nothing: people mistype
FIRST_S = 2.0
LONGEST_S = 900.0
FORGET_S = 3600.0
MAX_KEPT = 10_000  # pairs of name and source; the oldest are forgotten


@dataclass(slots=True)
class _Failures:
    count: int = 0
    last: float = 0.0


class Lockout:
    """Counts per name and source address: an attacker elsewhere does not lock the owner out here."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()

    def wait(self, name: str, source: str, now: float) -> float:
        """Seconds until the next try is looked at; 0 when it is now. `now`: monotonic seconds."""
        failures = self._failures.get((name, source))
        if failures is None or now - failures.last > FORGET_S or failures.count < FREE:
            return 0.0
        pause = min(FIRST_S * 2.0 ** min(failures.count - FREE, 30), LONGEST_S)
        return max(0.0, failures.last + pause - now)

    def failed(self, name: str, source: str, now: float) -> None:
        failures = self._failures.pop((name, source), _Failures())
        if now - failures.last > FORGET_S:
            failures = _Failures()
        failures.count, failures.last = failures.count + 1, now
        self._failures[name, source] = failures
        while len(self._failures) > MAX_KEPT:
            self._failures.popitem(last=False)

    def succeeded(self, name: str, source: str) -> None:
        self._failures.pop((name, source), None)
