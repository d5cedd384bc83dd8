"""Call forwarding: CCFC (27.007 7.11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.emulator.commands.sim import require_sim
from gateway.emulator.commands.table import Op, cme, integer, on
from gateway.emulator.network.forwarding import ALL_CLASSES, CLASSES, GROUPS, NO_REPLY_S, NotRegistered, Reason

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem

Arguments = tuple[str, ...]
NAMES = frozenset({"+CCFC"})
DISABLE, ENABLE, QUERY, REGISTER, ERASE = range(5)
NUMBER, CLASS, TIME = 2, 4, 7  # places of the arguments
TIMES_S = range(1, 31)


@on("+CCFC", Op.SET)
def call_forwarding(modem: Modem, arguments: Arguments) -> str:
    """Reason, mode and what the mode needs. An unknown number to activate is refused as the network does it."""
    require_sim(modem)
    if not modem.registered:
        raise cme(30)
    reason, mode = integer(arguments, 0), integer(arguments, 1)
    classes = integer(arguments, CLASS, ALL_CLASSES)
    if reason not in GROUPS or mode > ERASE or not 0 < classes < 256:
        raise cme(50)
    sim, forwarding = modem.config.number, modem.network.forwarding
    if mode == QUERY:
        return _listing(modem, reason, classes)
    if mode == REGISTER or (mode == ENABLE and len(arguments) > NUMBER and arguments[NUMBER]):
        forwarding.register(sim, reason, classes, _number(modem, arguments), _time(arguments))
    elif mode == ERASE:
        forwarding.erase(sim, reason, classes)
    else:
        try:
            forwarding.activate(sim, reason, classes, mode == ENABLE)
        except NotRegistered as exc:
            raise cme(3) from exc
    return ""


def _number(modem: Modem, arguments: Arguments) -> str:
    text = modem.understood(arguments[NUMBER]) if len(arguments) > NUMBER else ""
    digits = text.removeprefix("+")
    if not digits.isdigit() or len(digits) > 20:
        raise cme(50)
    international = text.startswith("+") or integer(arguments, NUMBER + 1, 129) == 145
    return f"+{digits}" if international else digits


def _time(arguments: Arguments) -> int:
    time_s = integer(arguments, TIME, NO_REPLY_S)
    if time_s not in TIMES_S:
        raise cme(50)
    return time_s


def _listing(modem: Modem, reason: int, classes: int) -> str:
    if reason > Reason.NOT_REACHABLE:
        raise cme(50)  # a query is for one reason
    lines = []
    for bit, one in modem.network.forwarding.registered(modem.config.number, reason, classes):
        type_ = 145 if one.number.startswith("+") else 129
        time = f",,,{one.time_s}" if reason == Reason.NO_REPLY else ""
        lines.append(f'+CCFC: {one.active:d},{bit},"{modem.shown(one.number)}",{type_}{time}')
    return "\r\n".join(lines) or f"+CCFC: 0,{classes & sum(CLASSES) or classes}"


@on("+CCFC", Op.TEST)
def forwarding_reasons(_: Modem, __: Arguments) -> str:
    return "+CCFC: (0-5)"
