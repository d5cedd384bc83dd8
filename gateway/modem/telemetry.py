"""Signal, registration, operator, temperature: asked every half minute and taken from what the modem tells by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway import at
from gateway.modem import answers
from gateway.modem.errors import CommandTimeout
from gateway.modem.profiles import Profile, Query
from gateway.modem.session import Session

PERIOD_S = 30.0
SEARCH_PERIOD_S = 2.0  # while there is no network
TIMEOUT_S = 10.0
REFUSALS = 2  # a command that was refused so often is not asked again in this session

_HOME = frozenset({1, 6})  # 27.007 7.2; 6 and 7: SMS only
_ROAMING = frozenset({5, 7})
_SEARCHING = 2
_DENIED = 3
_ACCESS = {0: "gsm", 1: "gsm", 2: "umts", 3: "gsm", 4: "umts", 5: "umts", 6: "umts", 7: "lte", 8: "lte", 9: "lte"} | {
    10: "lte",
    11: "nr",
    12: "nr",
    13: "lte",
}
_HOTTEST = 150.0  # degrees; what is beyond is a mark for "no value"
_BARS = ((-73, 5), (-83, 4), (-93, 3), (-103, 2), (-111, 1))
_REGISTRATIONS = ("+CREG", "+CGREG", "+CEREG")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Poll:
    text: str
    prefix: str
    take: Callable[[list[str]], None]

    @property
    def command(self) -> at.Command:
        return at.Command(text=self.text, prefixes=(self.prefix,), timeout=TIMEOUT_S)


class Telemetry:
    """What is known of radio and hardware. `due` says when something is to be asked; `step` asks one thing."""

    def __init__(self, session: Session, profile: Profile, now: float) -> None:
        self.operator = ""
        self.access = ""
        self.rssi_dbm: int | None = None
        self.temperature_c: float | None = None
        self._session = session
        self._stats: dict[str, int] = {}
        self._refusals: dict[str, int] = {}
        self._temperature = profile.temperature
        registration = [_Poll(text=f"AT{name}?", prefix=f"{name}:", take=self._taker(name)) for name in _REGISTRATIONS]
        rest = [
            _Poll(text="AT+CSQ", prefix="+CSQ:", take=self._signal),
            _Poll(text="AT+COPS?", prefix="+COPS:", take=self._network),
        ]
        if profile.temperature is not None:
            rest.append(_temperature_poll(profile.temperature, self._heat))
        self._registration = registration
        self._all = [*registration, *rest]
        self._queue: list[_Poll] = list(self._all)
        self._due = now
        self._full_due = now

    @property
    def registered(self) -> bool:
        """True when any of the domains is registered, or when the modem does not tell at all."""
        if not self._stats:
            return all(self._refusals.get(poll.text) for poll in self._registration)
        return any(stat in _HOME | _ROAMING for stat in self._stats.values())

    @property
    def denied(self) -> bool:
        """True when the network refuses the SIM and no domain is still searching (27.007 7.2: 3, 2)."""
        stats = set(self._stats.values())
        return _DENIED in stats and not self.registered and _SEARCHING not in stats

    @property
    def roaming(self) -> bool:
        stats = set(self._stats.values())
        return bool(stats & _ROAMING) and not stats & _HOME

    @property
    def bars(self) -> int:
        """0 … 5."""
        if self.rssi_dbm is None:
            return 0
        return next((bars for least, bars in _BARS if self.rssi_dbm >= least), 0)

    @property
    def due(self) -> float:
        """Loop time at which `step` has something to ask."""
        return 0.0 if self._queue else self._due

    def want_registration(self) -> None:
        """Ask for the registration as soon as the line is free."""
        self._queue += [poll for poll in self._registration if poll not in self._queue]

    def plan(self, now: float) -> None:
        """Fill the queue when its time has come."""
        if self._queue or now < self._due:
            return
        if now >= self._full_due:
            self._queue = list(self._all)
            self._full_due = now + PERIOD_S
        else:
            self._queue = list(self._registration)
        self._due = now + (PERIOD_S if self.registered else SEARCH_PERIOD_S)
        self._queue = [poll for poll in self._queue if self._refusals.get(poll.text, 0) < REFUSALS]

    async def step(self) -> None:
        """Ask the next thing. Raises CommandTimeout, PortLost."""
        if not self._queue:
            return
        poll = self._queue.pop(0)
        done = await self._session.run(poll.command)
        text = answers.info(done, poll.prefix)
        if done.ok and text is not None:
            poll.take(answers.fields(text))
        elif not done.ok:
            self._refusals[poll.text] = self._refusals.get(poll.text, 0) + 1

    async def refresh(self, now: float) -> None:
        """Ask everything once; an unanswered question does not matter yet."""
        self._due = self._full_due = now
        self._queue.clear()
        self.plan(now)
        while self._queue:
            try:
                await self.step()
            except CommandTimeout:
                continue

    def note(self, urc: at.Urc) -> bool:
        """Take in what the modem tells by itself; False when this URC is nothing of ours."""
        values = answers.fields(urc.text)
        if urc.name in _REGISTRATIONS:
            before = self.registered
            self._register(urc.name, values, solicited=False)
            if self.registered != before:
                self.want_registration()
        elif urc.name in ("+CSQ", "^RSSI"):
            self._signal(values)
        else:
            return False
        return True

    def _taker(self, name: str) -> Callable[[list[str]], None]:
        return lambda values: self._register(name, values, solicited=True)

    def _register(self, name: str, values: list[str], *, solicited: bool) -> None:
        """`<n>,<stat>[,<lac>,<ci>[,<AcT>]]` when asked, `<stat>[,<lac>,<ci>[,<AcT>]]` when told (27.007 7.2)."""
        # a told one may come in the place of the answer: then the second field is an area code of four digits
        asked = solicited and len(values) > 1 and len(values[1]) <= 2
        stat = answers.number_at(values, 1 if asked else 0)
        if stat is not None:
            self._stats[name] = stat
        access = answers.number_at(values, 4 if asked else 3)
        if access in _ACCESS and stat in _HOME | _ROAMING:
            self.access = _ACCESS[access]

    def _signal(self, values: list[str]) -> None:
        """27.007 8.5: 0 … 31 is -113 … -51 dBm, 99 unknown."""
        rssi = answers.number_at(values, 0)
        if rssi is not None:
            self.rssi_dbm = -113 + 2 * rssi if 0 <= rssi <= 31 else None

    def _network(self, values: list[str]) -> None:
        """`<mode>[,<format>,<oper>[,<AcT>]]`"""
        self.operator = values[2] if len(values) > 2 else ""
        access = answers.number_at(values, 3)
        if access in _ACCESS:
            self.access = _ACCESS[access]

    def _heat(self, values: list[str]) -> None:
        query = self._temperature
        value = answers.number_at(values, query.field) if query is not None else None
        if query is not None and value is not None:
            degrees = round(value * query.scale, 1)
            self.temperature_c = degrees if abs(degrees) <= _HOTTEST else None


def _temperature_poll(query: Query, take: Callable[[list[str]], None]) -> _Poll:
    return _Poll(text=query.command, prefix=query.prefixes[0], take=take)
