"""Two machines that answer each other are stopped: texts cost money, and neither would ever end it."""

from __future__ import annotations

from collections import OrderedDict, deque

from gateway.clock import Clock

MAX_ANSWERS = 30
WITHIN_S = 300.0
MAX_PAIRS = 10_000


class Loops:
    """How many answers each pair of numbers had of late. A restart forgets it, which lets a loop go on for a little."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pairs: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def is_one(self, iccid: str, peer: str) -> bool:
        """Whether one answer more would be too many."""
        sent = self._pairs.get((iccid, peer), deque())
        while sent and sent[0] <= self._clock.monotonic() - WITHIN_S:
            sent.popleft()
        return len(sent) >= MAX_ANSWERS

    def answered(self, iccid: str, peer: str) -> None:
        self._pairs.setdefault((iccid, peer), deque(maxlen=MAX_ANSWERS)).append(self._clock.monotonic())
        self._pairs.move_to_end((iccid, peer))
        while len(self._pairs) > MAX_PAIRS:
            self._pairs.popitem(last=False)
