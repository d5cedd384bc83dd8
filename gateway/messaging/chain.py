"""Evidence from message references: where a modem counts accepted messages only, a gap tells whether lost submits left.

Between two references of one SIM lie the submits whose answers were lost. When the second is the first plus one, none of
them was accepted; when it is the first plus one for each of them and one more, all were. Anything between says nothing.
A new connection begins a new chain: no modem tells whether it lost its power meanwhile, and with it its count.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.messaging.model import Segment

REFERENCES = 256
"""3GPP TS 23.040 clause 9.2.3.6: TP-MR is one octet."""

MAX_LOST = 32
"""With more lost answers than this in a row, a gap is no evidence any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a reference shows of an earlier submit. `mr`: the reference that it got; None: it never left."""

    segment: Segment
    mr: int | None


@dataclass(slots=True)
class Chain:
    """The last reference that a SIM told in this connection, and the submits since whose answers were lost."""

    last: int | None = None
    lost: list[Segment] = field(default_factory=list)

    def forget(self) -> None:
        """Nothing can be concluded from what was before."""
        self.last = None
        self.lost.clear()

    def unanswered(self, segment: Segment) -> None:
        """A submit ended without its outcome being known."""
        if len(self.lost) >= MAX_LOST:
            self.forget()
        self.lost.append(segment)

    def told(self, mr: int | None) -> tuple[Proof, ...]:
        """The SIM told a reference (None: accepted without one). What that shows of the lost submits, if anything."""
        last, lost = self.last, [*self.lost]
        self.lost.clear()
        self.last = mr
        if last is None or mr is None or not lost:
            return ()
        between = (mr - last - 1) % REFERENCES
        if between == 0:
            return tuple(Proof(segment=segment, mr=None) for segment in lost)
        if between == len(lost):
            return tuple(
                Proof(segment=segment, mr=(last + place) % REFERENCES) for place, segment in enumerate(lost, 1)
            )
        return ()
