"""Virtual phones: every number that is no modem's. What each does with calls and texts is its own setting."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.emulator.network.core import Submitted
    from gateway.emulator.reception import Item

ANSWERS = ("answer", "busy", "no-answer", "reject")
MAX_PHONES = 10_000


@dataclass(slots=True, kw_only=True, eq=False)
class Phone:
    """One phone, with its number as it was first written.

    `call`: what it does with a call, after `answer_s` seconds. `memory`: how many parts it holds, 0 any number.
    `report`: what reports say of texts to it, "" as the network's. `waiting`: what it could not take so far.
    """

    number: str
    on: bool = True
    call: str = "answer"
    answer_s: float = 0.0
    memory: int = 0
    report: str = ""
    stored: int = 0
    written: int = 0  # texts from this phone; the concatenation reference of the next one
    waiting: deque[tuple[Submitted, Item]] = field(default_factory=deque)

    @property
    def takes(self) -> bool:
        """Whether it can be reached and has room."""
        return self.on and (not self.memory or self.stored < self.memory)

    def take(self, item: Item) -> bool:
        """Takes `item` out of what waits; False when it does not wait."""
        for place, (_, one) in enumerate(self.waiting):
            if one is item:
                del self.waiting[place]
                return True
        return False


def key(number: str) -> str:
    """What two ways to write an international number have in common."""
    return number.removeprefix("+").removeprefix("00")


class Phones:
    """The phones that somebody has called or set."""

    def __init__(self) -> None:
        self._phones: dict[str, Phone] = {}

    def reset(self) -> None:
        self._phones.clear()

    def known(self, number: str) -> Phone | None:
        """The phone of that number, None while it is like every other."""
        return self._phones.get(key(number)) if self._phones else None

    def outcome(self, number: str) -> str:
        """What reports say of texts to that phone, "" as the network's."""
        phone = self.known(number)
        return "" if phone is None else phone.report

    def get(self, number: str) -> Phone:
        """The phone of that number, as it was set or with its defaults."""
        found = self.known(number)
        if found is None:
            found = Phone(number=number)
            if len(self._phones) < MAX_PHONES:
                self._phones[key(number)] = found
        return found

    def all(self) -> list[Phone]:
        """By number."""
        return sorted(self._phones.values(), key=lambda phone: phone.number)
