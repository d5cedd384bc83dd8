"""Virtual phones: every number that is no modem's. What each does with a call is its own setting."""

from __future__ import annotations

from dataclasses import dataclass

ANSWERS = ("answer", "busy", "no-answer", "reject")
MAX_PHONES = 10_000


@dataclass(slots=True, kw_only=True)
class Phone:
    """One phone, with its number as it was first written. `call`: what it does with a call, after `answer_s` seconds."""

    number: str
    on: bool = True
    call: str = "answer"
    answer_s: float = 0.0


def key(number: str) -> str:
    """What two ways to write an international number have in common."""
    return number.removeprefix("+").removeprefix("00")


class Phones:
    """The phones that somebody has called, written to, or set."""

    def __init__(self) -> None:
        self._phones: dict[str, Phone] = {}

    def reset(self) -> None:
        self._phones.clear()

    def get(self, number: str) -> Phone:
        """The phone of that number, as it was set or with its defaults."""
        found = self._phones.get(key(number))
        if found is None:
            found = Phone(number=number)
            if len(self._phones) < MAX_PHONES:
                self._phones[key(number)] = found
        return found

    def all(self) -> list[Phone]:
        """By number."""
        return sorted(self._phones.values(), key=lambda phone: phone.number)
