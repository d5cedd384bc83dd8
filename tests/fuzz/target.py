"""What the fuzz targets share: how much work and time an input may take, and how atheris is started."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.support.work import work_of

SLOW = 100
"""An input that costs so many times more per octet than the baseline is slow in C. Shared machines want much."""
STEEP = 3
"""An input may take so many times the work per octet of the worst of those that are known to be linear."""
FLOOR = 512
"""Octets that an input is taken for at least: what a call costs in any case would make short ones look slow."""


class Pace:
    """Measures a target on a plain input and on costly ones, then holds others to it. `run` gives the octets it took.

    The time is held to the plain one's, generously; the instructions that Python executes, which are the same at each
    run, to those of the costly ones. `tests/pdu/test_work.py` and `tests/at/test_work.py` show that those are linear.
    """

    def __init__(self, run: Callable[[bytes], int], baseline: bytes, costly: Iterable[bytes]) -> None:
        self._run = run
        costly = tuple(costly)
        self._pace = min(self._cost(baseline) for _ in range(20))
        # Only what is slower than the slowest of them has its work counted: to count takes long.
        self._suspect = max(self._cost(data) for data in (baseline, *costly))
        self._most = STEEP * max(self._work(data) for data in (baseline, *costly))

    def __call__(self, data: bytes) -> None:
        """Run an input; one of too much work, or that is slow three times over, is an AssertionError."""
        cost = self._cost(data)
        if cost > self._suspect:
            work = self._work(data)
            assert work <= self._most, f"{work:.0f} instructions per octet, at most {self._most:.0f} are allowed"
        if cost > SLOW * self._pace:
            cost = min(self._cost(data) for _ in range(2))
            limit = SLOW * self._pace
            assert cost <= limit, f"{1e6 * cost:.1f} us per octet, at most {1e6 * limit:.1f} are allowed"

    def _cost(self, data: bytes) -> float:
        """Seconds of processor time per octet."""
        began = time.process_time()
        size = self._run(data)
        return (time.process_time() - began) / max(size, FLOOR)

    def _work(self, data: bytes) -> float:
        """Instructions per octet."""
        size = 0

        def run() -> None:
            nonlocal size
            size = self._run(data)

        work = work_of(run)
        return work / max(size, FLOOR)


def fuzz(make: Callable[[], Callable[[bytes], None]], seeds: Iterable[bytes] = ()) -> None:
    """Fuzz with the arguments of libFuzzer; the seeds are put into the folder of inputs, where one is named.

    `make` gives the target; the gateway's code must be imported by then.
    """
    import atheris

    folders = [Path(argument) for argument in sys.argv[1:] if not argument.startswith("-")]
    for number, seed in enumerate(seeds if folders else ()):
        (folders[0] / f"seed-{number}").write_bytes(seed)
    target = make()
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()
