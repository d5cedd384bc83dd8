"""The newest committed events, in memory: who reads events as they come asks the database nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from gateway.messaging.model import StoredEvent

LENGTH = 512
"""Events that are held: more than come while a consumer does its work; what is older is read from the database."""


class EventTail:
    """Every committed event behind a place that only ever rises. One thread uses it: the event loop's."""

    def __init__(self, begins_after: int) -> None:
        """`begins_after`: the highest seq that was committed before."""
        self._events: deque[StoredEvent] = deque()
        self._begins_after = begins_after

    def extend(self, committed: Sequence[StoredEvent]) -> None:
        """Takes what a commit added, in the order of seq."""
        self._events.extend(committed)
        while len(self._events) > LENGTH:
            self._begins_after = self._events.popleft().seq

    def after(self, seq: int, limit: int) -> list[StoredEvent] | None:
        """The first `limit` events with a higher seq, in order. None where only the database knows them all."""
        if seq < self._begins_after:
            return None
        behind: list[StoredEvent] = []
        for stored in reversed(self._events):
            if stored.seq <= seq:
                break
            behind.append(stored)
        return behind[: -limit - 1 : -1]

    def forget(self) -> None:
        """What is held is not what is committed any more: it was changed there."""
        if self._events:
            self._begins_after = self._events[-1].seq
            self._events.clear()
