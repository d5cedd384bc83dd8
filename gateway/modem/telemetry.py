"""Signal, registration, operator, cell, temperature, voltage: asked every half minute, or told by the modem itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway import at
from gateway.clock import Clock
from gateway.modem import answers, signal
from gateway.modem.charset import ucs2_text
from gateway.modem.errors import CommandTimeout
from gateway.modem.profiles import AccessQuery, Profile, Query, SignalQuery
from gateway.modem.sequence import NOT_READY
from gateway.modem.session import Session, cause
from gateway.modem.signal import READERS, Signal

PERIOD_S = 30.0
SEARCH_PERIOD_S = 2.0  # while there is no network
TIMEOUT_S = 10.0
REFUSALS = 2  # a command that was refused, or not answered, so often in a row is not asked again in this session

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
_VOLTS = (2.0, 60.0)  # what is beyond is a mark for "no value", or another unit
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_HEX = re.compile(r"(0x)?[0-9A-Fa-f]{1,8}")
_REGISTRATIONS = ("+CREG", "+CGREG", "+CEREG")
_ACCESS_SOURCES = ("+CEREG", "+CREG", "+CGREG", "+COPS", "vendor")  # the first that tells counts
_TOLD = {"+CSQ": "csq", "^RSSI": "csq", "^HCSQ": "hcsq"}  # signal that modems tell by themselves


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

    def __init__(self, session: Session, profile: Profile, now: float, clock: Clock | None = None) -> None:
        """`now`: loop time. `clock`: gets the network's time where it needs it."""
        self.operator = ""
        self.temperature_c: float | None = None
        self.voltage_mv: int | None = None
        self._session = session
        self._stats: dict[str, int] = {}
        self._refusals: dict[str, int] = {}
        self._accesses: dict[str, str] = {}
        self._only_access = profile.only_access
        self._signals: dict[str, Signal] = {}
        self._cells: dict[str, str] = {}
        registration = [_Poll(text=f"AT{name}?", prefix=f"{name}:", take=self._taker(name)) for name in _REGISTRATIONS]
        rest = [
            _Poll(text="AT+CSQ", prefix="+CSQ:", take=lambda values: self._hear("csq", values)),
            _Poll(text="AT+COPS?", prefix="+COPS:", take=self._network),
        ]
        self._clock = clock
        self._time_is_utc = profile.time.utc
        self._time = [
            _Poll(text=profile.time.init, prefix="", take=self._tell_time),
            _Poll(text=profile.time.command, prefix=profile.time.prefix, take=self._tell_time),
        ]
        self._own = [*self._own_polls(profile), *self._time]
        self._registration = registration
        self._all = [*registration, *rest, *self._own]
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
        return signal.bars(self._best())

    @property
    def rssi_dbm(self) -> int | None:
        """The strength of what is received, None while it is not known."""
        return next((one.rssi_dbm for one in self._by_worth() if one.rssi_dbm is not None), None)

    @property
    def access(self) -> str:
        """ "gsm", "umts", "lte" or "nr"; "" while the modem does not tell."""
        told = (self._accesses.get(source) for source in _ACCESS_SOURCES)
        return next((one for one in told if one), self._only_access if self.registered else "")

    @property
    def cell(self) -> str:
        """Area code and cell as hex, "1A2B/1A2B3C4"; "" while unknown."""
        order = reversed(_REGISTRATIONS) if self.access in ("lte", "nr") else _REGISTRATIONS
        return next((cell for name in order if (cell := self._cells.get(name))), "")

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
        if self._clock is None or self._clock.trusted:
            self._queue = [poll for poll in self._queue if poll not in self._time]

    async def step(self) -> None:
        """Ask the next thing. Raises CommandTimeout, PortLost."""
        if not self._queue:
            return
        poll = self._queue.pop(0)
        try:
            done = await self._session.run(poll.command)
        except CommandTimeout:
            if poll not in self._own:
                raise
            # what only this family has may be missing in its firmware; a modem that answers nothing shows at the fence
            self._refuse(poll)
            return
        text = answers.info(done, poll.prefix)
        if done.ok and text is not None:
            self._refusals.pop(poll.text, None)
            poll.take(answers.fields(text))
        elif not done.ok and cause(done.final) not in NOT_READY:  # a SIM that starts up knows no network yet
            self._refuse(poll)

    def _refuse(self, poll: _Poll) -> None:
        self._refusals[poll.text] = self._refusals.get(poll.text, 0) + 1

    async def refresh(self, now: float, *, everything: bool = False) -> None:
        """Ask once what sending needs, or everything; an unanswered question does not matter yet.

        The rest follows when there is time.
        """
        self._due = self._full_due = now
        self._queue.clear()
        self.plan(now)
        later = [poll for poll in self._queue if poll in self._own and not everything]
        self._queue = [poll for poll in self._queue if poll not in later]
        while self._queue:
            try:
                await self.step()
            except CommandTimeout:
                continue
        self._queue = later

    def note(self, urc: at.Urc) -> bool:
        """Take in what the modem tells by itself; False when this URC is nothing of ours."""
        values = answers.fields(urc.text)
        if urc.name in _REGISTRATIONS:
            before = self.registered
            self._register(urc.name, values, solicited=False)
            if self.registered != before:
                self.want_registration()
        elif urc.name in _TOLD:
            self._hear(_TOLD[urc.name], values)
        else:
            return False
        return True

    def _taker(self, name: str) -> Callable[[list[str]], None]:
        return lambda values: self._register(name, values, solicited=True)

    def _register(self, name: str, values: list[str], *, solicited: bool) -> None:
        """`<n>,<stat>[,<lac>,<ci>[,<AcT>]]` when asked, `<stat>[,<lac>,<ci>[,<AcT>]]` when told (27.007 7.2)."""
        # a told one may come in the place of the answer: then the second field is an area code of four digits
        asked = solicited and len(values) > 1 and len(values[1]) <= 2
        found = at.replies.registration(",".join(values), asked=asked)
        if found is None:
            return
        self._stats[name] = found.stat
        if found.stat in _HOME | _ROAMING:
            self._cells[name] = _cell((found.lac, found.ci)) or self._cells.get(name, "")
            access = found.act
            self._accesses[name] = _ACCESS.get(access, "") if access is not None else self._accesses.get(name, "")
        else:
            self._cells.pop(name, None)
            self._accesses.pop(name, None)

    def _hear(self, source: str, values: Sequence[str]) -> None:
        self._signals[source] = heard = READERS[source](values)
        if source not in ("csq", "cesq"):  # a receiver may measure where it is not registered
            self._accesses["vendor"] = heard.access

    def _by_worth(self) -> list[Signal]:
        """What was heard, the vendor's own first: +CSQ has 31 steps and no RSRP."""
        return sorted(self._signals.values(), key=lambda one: one.rsrp_dbm is None)

    def _best(self) -> Signal:
        return next((one for one in self._by_worth() if one.rsrp_dbm or one.rssi_dbm), Signal())

    def _network(self, values: list[str]) -> None:
        """`<mode>[,<format>,<oper>[,<AcT>]]`"""
        name = values[2] if len(values) > 2 else ""
        self.operator = ucs2_text(name) or name  # where +CSCS could not be set
        access = answers.number_at(values, 3)
        self._accesses["+COPS"] = _ACCESS.get(access, "") if access is not None else ""

    def _own_polls(self, profile: Profile) -> list[_Poll]:
        """What only this family can be asked."""
        polls = []
        if profile.signal is not None:
            polls.append(self._signal_poll(profile.signal))
        if profile.access is not None:
            polls.append(self._access_poll(profile.access))
        if profile.temperature is not None:
            polls.append(_value_poll(profile.temperature, self._heat))
        if profile.voltage is not None:
            polls.append(_value_poll(profile.voltage, self._supply))
        return polls

    def _signal_poll(self, query: SignalQuery) -> _Poll:
        return _Poll(text=query.command, prefix=query.prefix, take=lambda values: self._hear(query.reader, values))

    def _access_poll(self, query: AccessQuery) -> _Poll:
        def take(values: list[str]) -> None:
            word = values[query.field].lower() if len(values) > query.field else ""
            self._accesses["vendor"] = query.words.get(word, "")

        return _Poll(text=query.command, prefix=query.prefix, take=take)

    def _tell_time(self, values: list[str]) -> None:
        moment = answers.moment(values[0], utc=self._time_is_utc) if values else None
        if moment is not None and self._clock is not None and self.registered:  # before that no network has told it
            self._clock.network_time(moment)

    def _heat(self, degrees: float) -> None:
        self.temperature_c = round(degrees, 1) if abs(degrees) <= _HOTTEST else None

    def _supply(self, volts: float) -> None:
        self.voltage_mv = round(volts * 1000) if _VOLTS[0] <= volts <= _VOLTS[1] else None


def value_in(query: Query, values: Sequence[str]) -> float | None:
    """The first number from the query's field on, in its unit: some firmware puts a name in front, or the unit behind."""
    found = next((match for text in values[query.field :] if (match := _NUMBER.match(text))), None)
    return float(found.group()) * query.scale if found is not None else None


def _value_poll(query: Query, take: Callable[[float], None]) -> _Poll:
    def read(values: list[str]) -> None:
        value = value_in(query, values)
        if value is not None:
            take(value)

    return _Poll(text=query.command, prefix=query.prefixes[0], take=read)


def _cell(values: Sequence[str]) -> str:
    """`<lac>,<ci>`, hex with or without zeros in front (27.007 7.2); "" where it is a mark for "none"."""
    if len(values) < 2 or not all(_HEX.fullmatch(value) for value in values):
        return ""
    area, cell = (int(value, 16) for value in values)
    return f"{area:04X}/{cell:X}" if area not in (0, 0xFFFF, 0xFFFE) and cell not in (0, 0xFFFFFFFF) else ""
