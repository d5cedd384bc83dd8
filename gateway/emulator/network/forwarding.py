"""Call forwarding as the network keeps it, per SIM, reason and class (27.007 7.11, 22.082)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

CLASSES = (1, 2, 4)  # voice, data, fax: the three of the default class 7
VOICE, ALL_CLASSES = 1, 7
NO_REPLY_S = 20  # 22.082 5: 5 to 30 seconds, 20 where none is given


class Reason(IntEnum):
    """<reason>."""

    UNCONDITIONAL = 0
    BUSY = 1
    NO_REPLY = 2
    NOT_REACHABLE = 3


GROUPS = {  # <reason> 4 and 5 stand for several
    **{int(one): (one,) for one in Reason},
    4: tuple(Reason),
    5: (Reason.BUSY, Reason.NO_REPLY, Reason.NOT_REACHABLE),
}


@dataclass(slots=True, kw_only=True)
class Forward:
    """One registered forwarding of one class."""

    number: str
    active: bool = True
    time_s: int = NO_REPLY_S


class NotRegistered(Exception):
    """There is no number to activate."""


class Forwarding:
    """Every SIM's forwardings."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, Reason, int], Forward] = {}

    def reset(self) -> None:
        self._entries.clear()

    def register(self, sim: str, reason: int, classes: int, number: str, time_s: int) -> None:
        """Mode 3: `number` from now on."""
        for key in _keys(sim, reason, classes):
            self._entries[key] = Forward(number=number, time_s=time_s)

    def activate(self, sim: str, reason: int, classes: int, active: bool) -> None:
        """Modes 1 and 0. Raises NotRegistered where there is nothing to activate."""
        found = [self._entries[key] for key in _keys(sim, reason, classes) if key in self._entries]
        if active and not found:
            raise NotRegistered
        for one in found:
            one.active = active

    def erase(self, sim: str, reason: int, classes: int) -> None:
        """Mode 4."""
        for key in _keys(sim, reason, classes):
            self._entries.pop(key, None)

    def registered(self, sim: str, reason: int, classes: int) -> Iterator[tuple[int, Forward]]:
        """Class and forwarding, for mode 2."""
        for _, one, bit in (key for key in _keys(sim, reason, classes) if key in self._entries):
            yield bit, self._entries[sim, one, bit]

    def of_calls(self, sim: str, reason: Reason) -> Forward | None:
        """Where voice calls go for `reason`, if they go anywhere."""
        found = self._entries.get((sim, reason, VOICE))
        return found if found is not None and found.active else None


def _keys(sim: str, reason: int, classes: int) -> Iterator[tuple[str, Reason, int]]:
    for one in GROUPS[reason]:
        for bit in CLASSES:
            if classes & bit:
                yield sim, one, bit
