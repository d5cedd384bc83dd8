"""Which cell broadcasts are taken: CSCB (27.005 3.3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.emulator.commands.table import Op, cms, integer, on
from gateway.emulator.network.broadcast import Listening, ranges, shown

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem

Arguments = tuple[str, ...]
ACCEPT, REFUSE = 0, 1


@on("+CSCB", Op.SET)
def choose_broadcasts(modem: Modem, arguments: Arguments) -> str:
    """Mode 0: the channels and coding schemes of the lists; mode 1: all but those."""
    mode = integer(arguments, 0, ACCEPT, error=cms(302))
    if mode > REFUSE:
        raise cms(302)
    try:
        channels, schemes = (ranges(arguments[place]) if place < len(arguments) else () for place in (1, 2))
    except ValueError as exc:
        raise cms(302) from exc
    heard = modem.settings.listening.heard
    modem.settings.listening = Listening(mode == REFUSE, channels, schemes, heard)
    return ""


@on("+CSCB", Op.READ)
def broadcasts(modem: Modem, _: Arguments) -> str:
    chosen = modem.settings.listening
    return f'+CSCB: {int(chosen.refuse)},"{shown(chosen.channels)}","{shown(chosen.schemes)}"'


@on("+CSCB", Op.TEST)
def broadcast_modes(_: Modem, __: Arguments) -> str:
    return f"+CSCB: ({ACCEPT},{REFUSE})"
