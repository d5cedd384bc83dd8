"""What the fuzz targets share: the time that an input may take, and how atheris is started."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

SLOW = 100
"""An input that costs so many times more per octet than the baseline is more than linear. Shared machines want much."""
FLOOR = 512
"""Octets that an input is taken for at least: what a call costs in any case would make short ones look slow."""


class Pace:
    """Measures a target on a plain input, then holds others to it. `run` gives the octets that it dealt with."""

    def __init__(self, run: Callable[[bytes], int], baseline: bytes) -> None:
        self._run = run
        self._limit = SLOW * min(self._cost(baseline) for _ in range(20))

    def __call__(self, data: bytes) -> None:
        """Run an input; an input that is slow three times over is an AssertionError."""
        if self._cost(data) > self._limit:
            cost = min(self._cost(data) for _ in range(2))
            assert cost <= self._limit, f"{1e6 * cost:.1f} us per octet, at most {1e6 * self._limit:.1f} are allowed"

    def _cost(self, data: bytes) -> float:
        """Seconds of processor time per octet."""
        began = time.process_time()
        size = self._run(data)
        return (time.process_time() - began) / max(size, FLOOR)


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
