"""What waits at the service centre for one modem."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from gateway.emulator.reception import Item


@dataclass(slots=True)
class Queue:
    """What waits for one modem, in order. After a "memory exceeded" nothing is tried until there may be room."""

    items: deque[Item] = field(default_factory=deque)
    full: bool = False

    def take(self, item: Item) -> bool:
        """Takes `item` out, wherever it stands; False when it is not in."""
        for place, one in enumerate(self.items):
            if one is item:
                del self.items[place]
                return True
        return False


@dataclass(slots=True)
class Mailbox:
    """Messages and reports of one modem; reports have their own memory, so the two do not hold each other up."""

    messages: Queue = field(default_factory=Queue)
    reports: Queue = field(default_factory=Queue)
    scheduled: bool = False

    def queue(self, item: Item) -> Queue:
        return self.reports if item.report else self.messages

    def __len__(self) -> int:
        return len(self.messages.items) + len(self.reports.items)
