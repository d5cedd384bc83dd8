"""Whose turn it is: deficit round robin over clients, so that a flood of one does not hold up the single text of another."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from itertools import groupby

from gateway.messaging.model import Candidate

QUANTUM = 1
"""Segments that a client is credited each time its turn comes round. A long text saves up for its turn."""


class DeficitRoundRobin:
    """Deficit round robin (Shreedhar and Varghese, 1995) over clients; the cost of a message is its number of segments.

    Clients that are always waiting get equal numbers of segments, whatever the sizes of their messages. One that had
    nothing waiting comes in at the end of the round and has saved nothing.
    """

    def __init__(self) -> None:
        self._ring: deque[str] = deque()
        self._credit: dict[str, int] = {}
        self._visited: str | None = None

    def take(self, heads: Mapping[str, int]) -> str:
        """The client whose message is next. `heads`: client → segments of its first message; at least one."""
        self._follow(heads)
        while True:
            client = self._ring[0]
            if client != self._visited:
                self._visited = client
                self._credit[client] += QUANTUM
            if self._credit[client] >= heads[client]:
                self._credit[client] -= heads[client]
                return client
            self._ring.rotate(-1)
            self._visited = None

    def _follow(self, heads: Mapping[str, int]) -> None:
        for gone in self._credit.keys() - heads.keys():
            del self._credit[gone]
            self._ring.remove(gone)
            if gone == self._visited:
                self._visited = None
        for client in heads:
            if client not in self._credit:
                self._credit[client] = 0
                self._ring.append(client)


class Turns:
    """The turns of one line: a round of its own for each priority, so that urgent texts do not begin the others' round anew."""

    def __init__(self) -> None:
        self._rounds: dict[int, DeficitRoundRobin] = {}

    def choose(self, found: Iterable[Candidate], count: int) -> list[Candidate]:
        """The next `count` messages: the most urgent first, fair among equals, each client's in accept order."""
        chosen: list[Candidate] = []
        ordered = sorted(found, key=lambda each: (-each.message.priority, each.message.n))
        for priority, group in groupby(ordered, key=lambda each: each.message.priority):
            waiting: dict[str, deque[Candidate]] = {}
            for each in group:
                waiting.setdefault(each.client, deque()).append(each)
            turns = self._rounds.setdefault(priority, DeficitRoundRobin())
            while waiting and len(chosen) < count:
                client = turns.take({name: queue[0].message.segments for name, queue in waiting.items()})
                chosen.append(waiting[client].popleft())
                if not waiting[client]:
                    del waiting[client]
        return chosen
