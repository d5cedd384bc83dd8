"""Which lines may take a message. What the configuration says is looked up when it is accepted; who takes it is decided late.

An explicit modem (or own number) comes first, then the SIM that last talked to the recipient, then the first `[[route]]`
that matches, then whoever is free. A line asks what it may take when it has nothing to do; so a modem that goes away
holds nothing, and the next one in a route takes over by asking.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.messaging.calendar import QuietHours
from gateway.messaging.model import Queue
from gateway.messaging.numbers import SHORT_CODE, country_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One `[[route]]`. It matches a number by a prefix or a country, any number when it names neither.

    `modems`: in order of preference, or with a weight each (`weights`, same order). `fallback`: any other modem may help
    out while none of them can send. `quiet`: its own quiet hours; `always`: no quiet hours at all; else as the gateway has.
    """

    name: str
    prefixes: tuple[str, ...] = ()
    countries: frozenset[str] = frozenset()
    modems: tuple[str, ...] = ()
    weights: tuple[int, ...] = ()
    fallback: bool = False
    quiet: QuietHours | None = None
    always: bool = False

    def matches(self, number: str, region: str | None) -> bool:
        """Whether a normalised number is this route's. A short code belongs to the country that the box is in."""
        if not self.prefixes and not self.countries:
            return True
        if number.startswith(self.prefixes):
            return True
        if not self.countries:
            return False
        return (region if SHORT_CODE.fullmatch(number) else country_of(number)) in self.countries

    def share(self, line: str, able: Collection[str]) -> Share | None:
        """What `line` may take of this route while the lines `able` can send; None: nothing."""
        present = [name for name in self.modems if name in able]
        if not present:
            return EVERYTHING if self.fallback or not self.modems else None
        if line not in present:
            return None
        if not self.weights:
            return EVERYTHING if line == present[0] else None
        return self._weighted(line, present)

    def _weighted(self, line: str, present: Sequence[str]) -> Share:
        """Each message falls into a slot; the slots of a modem that cannot send are dealt out among the others."""
        owners = [name for name, weight in zip(self.modems, self.weights, strict=True) for _ in range(weight)]
        heirs = [name for name in owners if name in present]
        mine = tuple(n for n, name in enumerate(owners) if (name if name in present else heirs[n % len(heirs)]) == line)
        return Share(slots=mine, of=len(owners))


LOOK_AGAIN = timedelta(minutes=1)
"""When quiet hours are asked for again while nobody knows what time it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of a queue: the messages whose number falls into one of `slots` out of `of`."""

    slots: tuple[int, ...]
    of: int


EVERYTHING = Share(slots=(0,), of=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """What the configuration says. `sticky`: how long a recipient is served by the SIM that last talked to it; zero: never.

    `client_tag`: the tag that tells clients of one edge apart. `quiet_up_to`: the priorities that keep quiet hours.
    """

    routes: tuple[Route, ...] = ()
    sticky: timedelta = timedelta(0)
    client_tag: str = "client"
    quiet: QuietHours | None = None
    quiet_up_to: int = 7


class Router:
    """The routing table over the configured lines."""

    def __init__(
        self,
        routing: Routing,
        lines: Iterable[str],
        region: str | None,
        time_is_known: Callable[[], bool] = lambda: True,
    ) -> None:
        """`time_is_known`: until it is, what keeps quiet hours waits, as if they never ended."""
        self.sticky = routing.sticky
        self.client_tag = routing.client_tag
        self._routes = {route.name: route for route in routing.routes}
        self.lines = frozenset(lines)
        self._region = region
        self.quiet_up_to = routing.quiet_up_to
        self._quiet = routing.quiet
        self._time_is_known = time_is_known
        table = repr(([(each.name, each.prefixes, sorted(each.countries)) for each in routing.routes], region))
        table += repr(sorted(self.lines))
        self.fingerprint = hashlib.sha256(table.encode()).hexdigest()

    @property
    def has_routes(self) -> bool:
        return bool(self._routes)

    def route_of(self, number: str) -> str:
        """The name of the first route that a recipient matches; "" if none does."""
        return next((name for name, route in self._routes.items() if route.matches(number, self._region)), "")

    def share(self, queue: Queue, line: str, able: Collection[str]) -> Share | None:
        """What `line` may take of a queue while the lines `able` can send; None: nothing."""
        if queue.modem:
            return EVERYTHING if queue.modem == line else None
        route = self._routes.get(queue.route)
        return EVERYTHING if route is None else route.share(line, able)

    def quiet_until(self, route: str, priority: int, now: datetime) -> datetime | None:
        """When the quiet hours end that a route's messages of that priority have to keep now; None: they need not wait."""
        if priority > self.quiet_up_to:
            return None
        rule = self._routes.get(route)
        quiet = self._quiet if rule is None or rule.quiet is None else rule.quiet
        return None if quiet is None or (rule is not None and rule.always) else self._until(quiet, now)

    def _until(self, quiet: QuietHours, now: datetime) -> datetime | None:
        return quiet.until(now) if self._time_is_known() else now + LOOK_AGAIN

    def quiet_ends(self, now: datetime) -> list[datetime]:
        """When the quiet hours end that it is in now, of the gateway and of each route."""
        found = [quiet for quiet in (self._quiet, *(each.quiet for each in self._routes.values())) if quiet is not None]
        return [ends for quiet in found if (ends := self._until(quiet, now)) is not None]

    def reason(self, queue: Queue, line: str) -> str:
        """Why a line took a message of a queue, for its timeline; "" where there is nothing to tell."""
        route = self._routes.get(queue.route)
        if route is None or queue.modem or not route.modems:
            return ""
        return f"route {route.name}" if line in route.modems else f"no modem of route {route.name} can send"

    def possible(self, queue: Queue) -> frozenset[str]:
        """The lines that a queue's messages are meant for, able or not."""
        if queue.modem:
            return frozenset({queue.modem})
        route = self._routes.get(queue.route)
        return frozenset(route.modems) if route is not None and route.modems and not route.fallback else self.lines
