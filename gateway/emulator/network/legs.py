"""The parties of a call as data, and the lines with which a modem's family tells of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import TYPE_CHECKING

from gateway.emulator.dialects import ANY
from gateway.emulator.network.phones import key

if TYPE_CHECKING:
    import asyncio

    from gateway.emulator.modem import Modem

INTERNATIONAL, NATIONAL, UNKNOWN = 145, 129, 128


class Stat(IntEnum):
    """<stat> of +CLCC (27.007 7.18); ENDED is what those families say that push their list."""

    ACTIVE = 0
    HELD = 1
    DIALLING = 2
    ALERTING = 3
    INCOMING = 4
    WAITING = 5
    ENDED = 6


class Cause(Enum):
    """Why a call ended: Q.850 cause, and the line that the caller's modem says of it."""

    NORMAL = (16, "NO CARRIER")
    BUSY = (17, "BUSY")
    NO_ANSWER = (19, "NO ANSWER")
    NOT_REACHABLE = (20, "NO CARRIER")
    REJECTED = (21, "NO CARRIER")
    LOST = (27, "NO CARRIER")  # a modem lost its power or its network
    NO_ROUTE = (3, "NO CARRIER")  # forwarded in a circle

    @property
    def q850(self) -> int:
        return self.value[0]

    @property
    def line(self) -> str:
        return self.value[1]

    @property
    def word(self) -> str:
        return self.name.lower().replace("_", "-")


@dataclass(slots=True, kw_only=True, eq=False)
class Leg:
    """One modem's side of a call, also when it is over. `number`: of the other side, "" when it is withheld."""

    n: int
    modem: Modem
    id: int
    incoming: bool
    number: str
    call: Call
    started: float
    stat: Stat
    validity: int = 0  # of +CLIP: 0 the number is known, 1 withheld
    answered: float | None = None
    ended: float | None = None
    cause: Cause | None = None
    sent: str = ""  # DTMF to the other side
    received: str = ""

    @property
    def open(self) -> bool:
        return self.stat is not Stat.ENDED

    @property
    def type(self) -> int:
        return UNKNOWN if not self.number else INTERNATIONAL if self.number.startswith("+") else NATIONAL

    @property
    def entry(self) -> str:
        """As +CLCC lists it."""
        return f'{self.id},{self.incoming:d},{self.stat:d},0,0,"{self.modem.shown(self.number)}",{self.type},""'


@dataclass(slots=True, kw_only=True, eq=False)
class Call:
    """Caller and called, each a leg where it is a modem. `timers` end with the call."""

    caller: str
    called: str
    hidden: bool
    a: Leg | None = None
    b: Leg | None = None
    rings: int | None = None  # after so many the caller gives up
    via: list[str] = field(default_factory=list)  # where it was forwarded to
    timers: list[asyncio.TimerHandle] = field(default_factory=list)
    over: bool = False

    @property
    def numbers(self) -> frozenset[str]:
        """Of everybody who took part, without the sign of an international one."""
        return frozenset(key(number) for number in (self.caller, self.called, *self.via))

    def other(self, leg: Leg) -> Leg | None:
        return self.b if leg is self.a else self.a

    def stop_timers(self) -> None:
        for timer in self.timers:
            timer.cancel()
        self.timers.clear()


def tell(leg: Leg, *events: str) -> None:
    """Says what the family has of its own for a change of state, in the order of its lines."""
    _tell(leg, frozenset((*events, ANY)))


def tell_missed(leg: Leg) -> None:
    """Says what the family has for a call that nobody took: no change of state any more."""
    _tell(leg, frozenset({"missed"}))


def _tell(leg: Leg, events: frozenset[str]) -> None:
    for line in leg.modem.personality.calls.lines:
        if line.event in events and _wanted(leg.modem, line.when):
            leg.modem.urc(_filled(leg, line.text))


def _wanted(modem: Modem, when: str) -> bool:
    return not modem.enabled(when[1:]) if when.startswith("!") else modem.enabled(when)


def _filled(leg: Leg, text: str) -> str:
    dialect = leg.modem.personality.calls
    end = leg.ended if leg.ended is not None else leg.answered
    seconds = int(end - leg.answered) if end is not None and leg.answered is not None else 0
    return text.format(
        id=leg.id,
        dir=int(leg.incoming),
        stat=int(leg.stat),
        open_stat=-1 if leg.stat is Stat.ENDED else int(leg.stat),
        state=dialect.states.get(leg.stat, int(leg.stat)),
        number=leg.number,
        type=leg.type,
        seconds=seconds,
        cause=leg.cause.q850 if leg.cause is not None else 0,
        clock=f"{leg.modem.network.local_time():%I:%M%p}",
        clcc=leg.entry,
    )


def ring(leg: Leg) -> None:
    """One ring: RING or +CRING, and +CLIP where it is wanted (27.007 6.11, 7.6)."""
    modem = leg.modem
    registers = modem.settings.registers
    modem.urc("+CRING: VOICE" if registers["+CRC"] else "RING")
    if registers["+CLIP"]:
        modem.urc(f'+CLIP: "{modem.shown(leg.number)}",{leg.type},,,,{leg.validity}')


def hear(leg: Leg, digit: str) -> None:
    """A DTMF digit that the other side sent."""
    leg.received += digit
    dialect = leg.modem.personality.calls
    if dialect.dtmf and _wanted(leg.modem, dialect.dtmf_when):
        leg.modem.urc(dialect.dtmf.format(digit=digit, code=ord(digit)))
