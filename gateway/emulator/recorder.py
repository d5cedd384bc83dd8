"""What went over a modem's port, with its time: for finding out afterwards what a client did, and for measuring it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from gateway.clock import Clock

MAX_CHUNKS = 20_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """Octets in one direction: `<` what the modem heard, `>` what it said; `time` in monotonic seconds.

    `lost`: nobody was there to hear it.
    """

    n: int
    time: float
    direction: str
    octets: bytes
    lost: bool = False


class Recorder:
    """Keeps the last chunks of one modem."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._count = 0
        self._octets = {"<": 0, ">": 0}
        self._chunks: deque[Chunk] = deque(maxlen=MAX_CHUNKS)

    def heard(self, octets: bytes) -> None:
        self._keep("<", octets)

    def said(self, octets: bytes, *, lost: bool = False) -> None:
        self._keep(">", octets, lost=lost)

    def octets(self) -> tuple[int, int]:
        """How many octets the modem has heard and said since it was made."""
        return self._octets["<"], self._octets[">"]

    def after(self, n: int) -> list[Chunk]:
        """The chunks that are kept with a number above `n`, in order."""
        return [chunk for chunk in self._chunks if chunk.n > n]

    def _keep(self, direction: str, octets: bytes, *, lost: bool = False) -> None:
        self._count += 1
        self._octets[direction] += len(octets)
        self._chunks.append(Chunk(self._count, self._clock.monotonic(), direction, octets, lost))
