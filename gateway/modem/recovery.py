"""What is done about a modem that does not do its work: a ladder of remedies for each trouble, climbed by time.

Opening the port anew costs nothing and is done after every failure. What restarts hardware waits longer, is done again
at growing intervals, and has a budget: a modem that is restarted all the time is never there when a text arrives.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum


class Remedy(Enum):
    """What helps, from the mildest to the most drastic; the values complete "…; next: "."""

    REOPEN = "open the port anew"
    RADIO = "switch the radio off and on"
    RESET = "restart the modem"
    REAUTHORISE = "detach its USB device and attach it again"
    POWER = "cut its power"


class Trouble(Enum):
    """What is wrong, as far as it can be told from outside."""

    ABSENT = "absent"  # there is no port
    SILENT = "silent"  # there is a port and nobody answers: starting up, hung, or no modem
    BROKEN = "broken"  # answers, but not as it must: it cannot be set up, or it stops answering now and then
    DEAF = "deaf"  # answers AT, but what is submitted gets no answer, or the network is out of order for it alone
    NO_NETWORK = "no network"
    NO_SIM = "no SIM"  # some modems see a SIM that was put in only after a restart


# Seconds since the trouble began → what is tried then. The last one is repeated, each time after twice as long.
STEPS: Mapping[Trouble, tuple[tuple[float, Remedy], ...]] = {
    Trouble.ABSENT: ((60, Remedy.POWER),),
    Trouble.SILENT: ((60, Remedy.REAUTHORISE), (120, Remedy.POWER)),  # who does not answer takes no AT+CFUN
    Trouble.BROKEN: ((20, Remedy.RESET), (60, Remedy.REAUTHORISE), (120, Remedy.POWER)),
    Trouble.DEAF: ((0, Remedy.RESET), (120, Remedy.REAUTHORISE), (240, Remedy.POWER)),
    Trouble.NO_NETWORK: (
        (300, Remedy.RADIO),
        (600, Remedy.RESET),
        (1800, Remedy.REAUTHORISE),
        (3600, Remedy.POWER),
    ),
    Trouble.NO_SIM: ((300, Remedy.RESET), (1800, Remedy.POWER)),
}
SHORTEST_INTERVAL_S = 60.0
LONGEST_INTERVAL_S = 6 * 3600.0
BUDGET = 4  # restarts of any kind …
BUDGET_WINDOW_S = 3600.0  # … within so long

_HARDWARE = frozenset({Remedy.RESET, Remedy.REAUTHORISE, Remedy.POWER})


@dataclass(slots=True)
class _Episode:
    """One trouble that goes on: when it began, and when which step is due."""

    step: int
    due: float
    interval: float


class Ladder:
    """The remedies of one line. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._episodes: dict[Trouble, _Episode] = {}
        self._restarts: deque[float] = deque(maxlen=BUDGET)

    def next(self, trouble: Trouble, now: float, possible: Collection[Remedy]) -> Remedy:
        """What to do now about `trouble`, which goes on; REOPEN when nothing stronger is due or affordable.

        `possible`: what can be done with this modem at all.
        """
        if not self.due(trouble, now, possible):
            return Remedy.REOPEN
        steps = [step for step in STEPS[trouble] if step[1] in possible]
        return self._take(self._episode(trouble, steps, now), steps, now)

    def due(self, trouble: Trouble, now: float, possible: Collection[Remedy]) -> bool:
        """Whether `next` would do more than to open the port anew. From the first question on the trouble goes on."""
        steps = [step for step in STEPS[trouble] if step[1] in possible]
        if not steps:
            return False
        episode = self._episode(trouble, steps, now)
        return now >= episode.due and self._affordable(now, steps[min(episode.step, len(steps) - 1)][1])

    def over(self, *troubles: Trouble) -> None:
        """These are over; should they come again, they begin at the bottom."""
        for trouble in troubles:
            self._episodes.pop(trouble, None)

    def _episode(self, trouble: Trouble, steps: list[tuple[float, Remedy]], now: float) -> _Episode:
        if trouble not in self._episodes:
            first, last = steps[0][0], steps[-1][0]
            self._episodes[trouble] = _Episode(step=0, due=now + first, interval=max(last, SHORTEST_INTERVAL_S))
        return self._episodes[trouble]

    def _take(self, episode: _Episode, steps: list[tuple[float, Remedy]], now: float) -> Remedy:
        at = min(episode.step, len(steps) - 1)
        remedy = steps[at][1]
        if at + 1 < len(steps):
            episode.due = now + steps[at + 1][0] - steps[at][0]
        else:
            episode.due = now + episode.interval
            episode.interval = min(2 * episode.interval, LONGEST_INTERVAL_S)
        episode.step += 1
        if remedy in _HARDWARE:
            self._restarts.append(now)
        return remedy

    def _affordable(self, now: float, remedy: Remedy) -> bool:
        if remedy not in _HARDWARE or len(self._restarts) < BUDGET:
            return True
        return now - self._restarts[0] >= BUDGET_WINDOW_S
