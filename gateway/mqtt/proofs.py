"""Which acknowledgements the broker has for certain: it confirmed something that we sent after them.

Some brokers give out the lowest free packet identifier. Then a command without an `id` that comes with the DUP flag can be
an equal, later one whose first delivery was lost on the way, under the identifier of an earlier one that is done. If the
broker is known to have the acknowledgement of that one, it cannot mean it.

Only where a broker was seen to give an identifier out again soon: one that counts on, like mosquitto, means the earlier
command, even after a crash that cost it our acknowledgement.
"""

from __future__ import annotations

from collections import deque

MAX_TOKENS = 4096
"""So many of the latest deliveries are remembered; of older ones nothing is known."""


SOON = 256
"""Deliveries of one connection after which an identifier does not come again, unless the broker takes the lowest free one."""


class Proofs:
    """What is known from the connections before; outlives them. `reuses`: the broker gives identifiers out again soon."""

    def __init__(self) -> None:
        self.reuses = False
        self._done: dict[str, None] = {}

    def is_done(self, token: str) -> bool:
        """Whether the broker has the acknowledgement of the delivery of that token, so that another one is meant now."""
        return self.reuses and token in self._done

    def begun(self, token: str) -> bool:
        """A delivery under that token is being taken: from now on that is the one meant. Returns `is_done` of before."""
        known = self.is_done(token)
        self._done.pop(token, None)
        return known

    def done(self, token: str) -> None:
        """The broker has the acknowledgement of the last delivery of that token."""
        self._done.pop(token, None)
        self._done[token] = None
        if len(self._done) > MAX_TOKENS:
            del self._done[next(iter(self._done))]


class Deliveries:
    """The deliveries of one connection, in the order of their acknowledgements."""

    def __init__(self, proofs: Proofs) -> None:
        self._proofs = proofs
        self._place: dict[str, int | None] = {}
        self._acknowledged = 0
        self._identifiers: deque[int] = deque(maxlen=SOON)

    def begun(self, token: str, identifier: int, *, again: bool) -> bool:
        """A delivery is being taken. Returns whether it is known to be none that was taken before. `again`: the DUP flag."""
        if not again:
            self._proofs.reuses |= identifier in self._identifiers
            self._identifiers.append(identifier)
        self._place.pop(token, None)
        self._place[token] = None
        if len(self._place) > MAX_TOKENS:
            del self._place[next(iter(self._place))]
        return self._proofs.begun(token)

    def not_taken(self, token: str, *, new: bool) -> None:
        """It was not stored, and will come again. `new`: what `begun` said; that still holds."""
        if new:
            self._proofs.done(token)
        self._place.pop(token, None)

    def acknowledged(self, token: str | None) -> None:
        """The acknowledgement was written. None: of something that has no token."""
        if token in self._place:
            self._place[token] = self._acknowledged
        self._acknowledged += 1

    def ended(self, proved: int) -> None:
        """The connection is over; the broker has the first `proved` acknowledgements for certain."""
        for token, place in self._place.items():
            if place is not None and place < proved:
                self._proofs.done(token)
