"""USSD on the port: CUSD (27.007 7.15)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.emulator.commands.table import Op, cme, integer, on
from gateway.emulator.network.ussd import understood

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem

Arguments = tuple[str, ...]
NAMES = frozenset({"+CUSD"})
CANCEL = 2


@on("+CUSD", Op.SET)
def ussd(modem: Modem, arguments: Arguments) -> str:
    """<n> 0 and 1: answers are hidden or shown; 2 ends the session. A string is a code, or a reply in a session."""
    n = integer(arguments, 0, 0)
    if n > CANCEL:
        raise cme(50)
    if n == CANCEL:
        modem.network.ussd.cancel(modem)
        return ""
    modem.settings.registers["+CUSD"] = n
    if len(arguments) > 1 and arguments[1]:
        modem.network.ussd.request(modem, understood(modem, arguments[1]))
    return ""


@on("+CUSD", Op.READ)
def ussd_state(modem: Modem, _: Arguments) -> str:
    return f"+CUSD: {modem.settings.registers.get('+CUSD', 0)}"


@on("+CUSD", Op.TEST)
def ussd_values(_: Modem, __: Arguments) -> str:
    return "+CUSD: (0-2)"
