"""Message memories of a modem and its SIM: SM, ME, SR. They survive power cycles; sizes are finite."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

PIN_TRIES, PUK_TRIES = 3, 10  # of a fresh card


class Stat(IntEnum):
    """<stat> of a stored message in PDU mode (27.005 3.1)."""

    REC_UNREAD = 0
    REC_READ = 1
    STO_UNSENT = 2
    STO_SENT = 3


ALL = 4  # <stat> of CMGL


@dataclass(slots=True)
class Stored:
    """One slot: the PDU as hex with SC address, and how far it has been read or sent."""

    pdu: str
    length: int
    stat: Stat


@dataclass(slots=True)
class Memory:
    """`size` slots numbered from `first`. `blocked` makes it claim to be full (a fault).

    `silent`: what arrives is stored and not indicated, until somebody lists it.
    """

    name: str
    size: int
    first: int
    slots: dict[int, Stored] = field(default_factory=dict)
    blocked: bool = False
    silent: bool = False

    @property
    def used(self) -> int:
        return self.size if self.blocked else len(self.slots)

    @property
    def full(self) -> bool:
        return self.blocked or len(self.slots) >= self.size

    def valid(self, index: int) -> bool:
        return self.first <= index < self.first + self.size

    def put(self, stored: Stored) -> int | None:
        """The lowest free index, now taken by `stored`; None when full."""
        if self.full:
            return None
        index = next(n for n in range(self.first, self.first + self.size) if n not in self.slots)
        self.slots[index] = stored
        return index

    def listing(self, stat: int = ALL) -> list[tuple[int, Stored]]:
        """Slots in index order, those of one `stat` or all."""
        return sorted((index, item) for index, item in self.slots.items() if stat in (ALL, item.stat))

    def delete_flagged(self, flag: int) -> None:
        """CMGD <delflag>: 1 read, 2 and sent, 3 and unsent, 4 all (27.005 3.5.4)."""
        goes = {
            1: {Stat.REC_READ},
            2: {Stat.REC_READ, Stat.STO_SENT},
            3: {Stat.REC_READ, Stat.STO_SENT, Stat.STO_UNSENT},
            4: set(Stat),
        }[flag]
        self.slots = {index: item for index, item in self.slots.items() if item.stat not in goes}
