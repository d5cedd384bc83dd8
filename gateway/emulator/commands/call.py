"""Voice calls: ATD, ATA, ATH, CHUP, CHLD, CLCC, CPAS, CLIR, DTMF (27.007 6, 7 and C)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateway.emulator.commands.table import AtError, Op, cme, integer, on
from gateway.emulator.network.legs import Stat

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem

Arguments = tuple[str, ...]
NAMES = frozenset({"D", "A", "+CHUP", "+CHLD", "+CLCC", "+CCWA", "+CLIR", "+CEER", "+VTS", "^DTMF"})
NO_CARRIER = AtError("NO CARRIER")
NOT_ALLOWED, NO_NETWORK = 3, 30  # CME
READY, RINGING, IN_CALL = 0, 3, 4  # <pas>
INVOKE, SUPPRESS = 1, 2  # CLIR: the own number is hidden, or shown
PROVISIONED = 4  # <m> of CLIR: temporary mode, presentation allowed
_DIALLED = re.compile(r"(\+?[0-9*#]+)([IiGg]*);?")
_USSD = re.compile(r"[*#][0-9*#]*#")
_TONES = re.compile(r"(?:\{?([0-9*#A-D])(?:,\d+\}|\})?,?)", re.IGNORECASE)


@on("D", Op.RUN)
def dial(modem: Modem, arguments: Arguments) -> str:
    """A voice call with `;`, and `I` or `i` for the own number. Data calls find nobody."""
    found = _DIALLED.fullmatch(re.sub(r"[ \-()pPwW,]", "", arguments[0]))
    if found is None or not arguments[0].endswith(";"):
        raise NO_CARRIER
    number, modifiers = found[1], found[2]
    if not modem.registered:
        raise cme(NO_NETWORK)
    if _USSD.fullmatch(number):
        modem.network.ussd.request(modem, number)
        return ""
    if modem.network.calls.of(modem):
        raise cme(NOT_ALLOWED)
    clir = modem.settings.registers.get("+CLIR", 0)
    hidden = "I" in modifiers or (clir == INVOKE and "i" not in modifiers)
    modem.network.calls.dial(modem, number, hidden=hidden)
    return ""


@on("A", Op.RUN)
def answer(modem: Modem, _: Arguments) -> str:
    if not modem.network.calls.answer(modem):
        raise NO_CARRIER
    return ""


@on("H", Op.RUN)
def hook(modem: Modem, _: Arguments) -> str:
    """With +CVHU=1 it leaves voice calls alone, and still says OK (27.007 6.20)."""
    if not modem.settings.registers["+CVHU"]:
        modem.network.calls.hang_up(modem)
    return ""


@on("+CHUP", Op.RUN)
def hang_up(modem: Modem, _: Arguments) -> str:
    modem.network.calls.hang_up(modem)
    return ""


@on("+CHUP", Op.TEST)
@on("+CLCC", Op.TEST)
def exists(_: Modem, __: Arguments) -> str:
    return ""


@on("+CHLD", Op.SET)
def hold(modem: Modem, arguments: Arguments) -> str:
    """0: held ones end, or the waiting one is refused; 1: the active one ends, the other is taken; 2: they change."""
    calls = modem.network.calls
    stats = {leg.stat for leg in calls.of(modem)}
    action = integer(arguments, 0)
    if not stats or action > 2:
        raise cme(NOT_ALLOWED)
    if action == 0:
        calls.hang_up(modem, Stat.WAITING if Stat.WAITING in stats else Stat.HELD)
    elif action == 1:
        calls.hang_up(modem, Stat.ACTIVE)
        if not calls.answer(modem):
            calls.resume(modem)
    else:
        calls.hold(modem)
    return ""


@on("+CHLD", Op.TEST)
def holdable(_: Modem, __: Arguments) -> str:
    return "+CHLD: (0,1,2)"


@on("+CCWA", Op.SET)
def call_waiting(modem: Modem, arguments: Arguments) -> str:
    """<n>: whether it is told; <mode> 0 and 1: whether the network has it, 2: the question (27.007 7.12)."""
    registers, calls = modem.settings.registers, modem.network.calls
    n, mode = integer(arguments, 0, registers.get("+CCWA", 0)), integer(arguments, 1, -1)
    if n > 1 or mode > 2:
        raise cme(50)
    registers["+CCWA"] = n
    if mode == 2:
        return f"+CCWA: {calls.has_waiting(modem):d},{integer(arguments, 2, 1)}"
    if mode >= 0:
        calls.set_waiting(modem, bool(mode))
    return ""


@on("+CCWA", Op.READ)
def call_waiting_told(modem: Modem, _: Arguments) -> str:
    return f"+CCWA: {modem.settings.registers.get('+CCWA', 0)}"


@on("+CCWA", Op.TEST)
def call_waiting_values(_: Modem, __: Arguments) -> str:
    return "+CCWA: (0,1)"


@on("+CLCC", Op.RUN)
def current_calls(modem: Modem, _: Arguments) -> str:
    return "\r\n".join(f"+CLCC: {leg.entry}" for leg in modem.network.calls.of(modem))


@on("+CPAS", Op.RUN)
def activity(modem: Modem, _: Arguments) -> str:
    stats = {leg.stat for leg in modem.network.calls.of(modem)}
    ringing = stats and stats <= {Stat.INCOMING}
    return f"+CPAS: {RINGING if ringing else IN_CALL if stats else READY}"


@on("+CPAS", Op.TEST)
def activities(_: Modem, __: Arguments) -> str:
    return f"+CPAS: ({READY},{RINGING},{IN_CALL})"


@on("+CLIR", Op.SET)
def restrict(modem: Modem, arguments: Arguments) -> str:
    n = integer(arguments, 0, 0)
    if n > SUPPRESS:
        raise cme(50)
    modem.settings.registers["+CLIR"] = n
    return ""


@on("+CLIR", Op.READ)
def restriction(modem: Modem, _: Arguments) -> str:
    return f"+CLIR: {modem.settings.registers.get('+CLIR', 0)},{PROVISIONED}"


@on("+CLIR", Op.TEST)
def restrictions(_: Modem, __: Arguments) -> str:
    return "+CLIR: (0-2)"


@on("+CEER", Op.RUN)
def last_cause(modem: Modem, _: Arguments) -> str:
    """Why the modem's last call ended."""
    ended = [leg for leg in modem.network.calls.legs if leg.modem is modem and leg.cause is not None]
    if not ended or ended[-1].cause is None:
        return "+CEER: No cause information available"
    cause = ended[-1].cause
    return f"+CEER: {cause.q850},{cause.word}"


# DTMF


@on("+VTS", Op.SET)
def tone(modem: Modem, arguments: Arguments) -> str:
    """One digit or several, quoted or not, each with a duration in braces or without."""
    return _play(modem, ",".join(arguments))


@on("^DTMF", Op.SET)
def huawei_tone(modem: Modem, arguments: Arguments) -> str:
    return _play(modem, arguments[-1])


def _play(modem: Modem, text: str) -> str:
    digits = "".join(_TONES.findall(text)).upper()
    if not digits or not _TONES.sub("", text) == "":
        raise cme(50)
    leg = next((leg for leg in modem.network.calls.of(modem) if leg.stat is Stat.ACTIVE), None)
    if leg is None:
        raise cme(NOT_ALLOWED)
    modem.network.calls.play(leg, digits)
    return ""


@on("+VTS", Op.TEST)
def tones(_: Modem, __: Arguments) -> str:
    return "+VTS: (0-9,*,#,A,B,C,D)"
