"""What the fuzz targets share: the time that an input may take, and how atheris is started."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

SLOW = 100
"""An input that costs so many times more per octet than the baseline is more than linear. Shared machines want much."""
FLOOR = 512
"""Octets that an input is taken for at least: what a call costs in any case would make short ones look slow."""


class Pace:
    """Measures a target on a plain input, then holds others to it."""

    def __init__(self, run: Callable[[bytes], None], baseline: bytes) -> None:
        self._run = run
        self._limit = SLOW * min(self._seconds(baseline) for _ in range(20)) / max(len(baseline), FLOOR)

    def __call__(self, data: bytes) -> None:
        """Run an input; an input that is slow three times over is an AssertionError."""
        allowed = self._limit * max(len(data), FLOOR)
        if self._seconds(data) > allowed:
            taken = min(self._seconds(data) for _ in range(2))
            assert taken <= allowed, (
                f"{len(data)} octets took {taken:.4f} s of processor time, {allowed:.4f} s are allowed"
            )

    def _seconds(self, data: bytes) -> float:
        began = time.process_time()
        self._run(data)
        return time.process_time() - began


def fuzz(make: Callable[[], Callable[[bytes], None]]) -> None:
    """Fuzz with the arguments of libFuzzer. `make` gives the target; the gateway's code must be imported by then."""
    import atheris

    target = make()
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()
