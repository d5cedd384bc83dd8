"""The phonebooks of a SIM: SM, own numbers (ON), fixed dialling (FD), by index (27.007 8.11)."""

from __future__ import annotations

from dataclasses import dataclass, field

SIZES = {"SM": 250, "ON": 4, "FD": 20}
MAX_DIGITS, MAX_NAME = 40, 14


@dataclass(frozen=True, slots=True)
class Entry:
    """A number and its name."""

    number: str
    name: str


@dataclass(slots=True)
class Phonebook:
    """One memory."""

    size: int
    entries: dict[int, Entry] = field(default_factory=dict)

    def valid(self, index: int) -> bool:
        return 1 <= index <= self.size

    def free(self) -> int | None:
        """The lowest index without an entry, None when full."""
        return next((index for index in range(1, self.size + 1) if index not in self.entries), None)


def phonebooks(own: str) -> dict[str, Phonebook]:
    """The phonebooks of a fresh card whose number is `own`."""
    books = {name: Phonebook(size) for name, size in SIZES.items()}
    books["ON"].entries[1] = Entry(own, "")
    return books
