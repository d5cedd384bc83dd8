"""Basic commands, identity, and what concerns the modem as a whole (V.250, 27.007 5 and 8)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.emulator.commands import power
from gateway.emulator.commands.facts import filled
from gateway.emulator.commands.table import AtError, Op, cme, integer, on, text_list
from gateway.emulator.state import Manner

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem

CFUN_LEVELS = (0, 1, 4, 5, 6, 7)
Arguments = tuple[str, ...]
_CLOCK = re.compile(r"\d\d/\d\d/\d\d,\d\d:\d\d:\d\d([+-]\d\d)?")  # 27.007 8.15


@on("E", Op.RUN)
def echo(modem: Modem, arguments: Arguments) -> str:
    modem.talking.manner.echo = bool(integer(arguments, 0, 0))
    return ""


@on("V", Op.RUN)
def verbose(modem: Modem, arguments: Arguments) -> str:
    modem.talking.manner.verbose = bool(integer(arguments, 0, 0))
    return ""


@on("Q", Op.RUN)
def quiet(modem: Modem, arguments: Arguments) -> str:
    if f"Q{arguments[0]}" in modem.personality.refused:
        raise AtError("ERROR")
    modem.talking.manner.quiet = bool(integer(arguments, 0, 0))
    return ""


@on("Z", Op.RUN)
@on("&F", Op.RUN)
def reset_settings(modem: Modem, _: Arguments) -> str:
    """Back to defaults, the tty's echo included; the memories chosen with CPMS stay."""
    modem.talking.manner = Manner()
    memories = modem.settings.memories
    modem.settings = modem.default_settings()
    modem.settings.memories = memories
    return ""


@on("&C", Op.RUN)
@on("&D", Op.RUN)
@on("&K", Op.RUN)
@on("&W", Op.RUN)
@on("\\Q", Op.RUN)
@on("X", Op.RUN)
@on("L", Op.RUN)
@on("M", Op.RUN)
@on("S", Op.SET, Op.RUN)
@on("+CSMP", Op.SET, Op.TEST)
@on("+CRSL", Op.SET)
@on("+COPN", Op.TEST)
def nothing_to_do(_: Modem, __: Arguments) -> str:
    """Taken as every modem does; nothing that is emulated depends on it."""
    return ""


@on("S", Op.READ)
def s_register(_: Modem, arguments: Arguments) -> str:
    return {"3": "013", "4": "010", "5": "008"}.get(arguments[0], "000")


@on("I", Op.RUN)
def identification(modem: Modem, arguments: Arguments) -> str:
    lines = modem.personality.ati_of.get(arguments[0], modem.personality.ati)
    return "\r\n".join(line.format(imei=modem.config.imei) for line in lines)


def _identity(modem: Modem, name: str, value: str) -> str:
    return modem.personality.identity_prefix.get(name, "") + value


@on("+CGMI", Op.RUN)
@on("+GMI", Op.RUN)
def manufacturer(modem: Modem, _: Arguments) -> str:
    return _identity(modem, "+CGMI", modem.personality.manufacturer)


@on("+CGMM", Op.RUN)
@on("+GMM", Op.RUN)
def model(modem: Modem, _: Arguments) -> str:
    return _identity(modem, "+CGMM", modem.personality.model)


@on("+CGMR", Op.RUN)
@on("+GMR", Op.RUN)
def revision(modem: Modem, _: Arguments) -> str:
    return _identity(modem, "+CGMR", modem.personality.revision)


@on("+CGSN", Op.RUN)
@on("+GSN", Op.RUN)
def imei(modem: Modem, _: Arguments) -> str:
    return _identity(modem, "+CGSN", modem.config.imei)


@on("+CGMI", Op.TEST)
@on("+CGMM", Op.TEST)
@on("+CGMR", Op.TEST)
@on("+CGSN", Op.TEST)
@on("+CIMI", Op.TEST)
@on("+CNUM", Op.TEST)
def exists(_: Modem, __: Arguments) -> str:
    return ""


@on("+GCAP", Op.RUN)
def capabilities(modem: Modem, _: Arguments) -> str:
    return f"+GCAP: {modem.personality.capabilities}"


@on("+CMEE", Op.SET)
def set_error_level(modem: Modem, arguments: Arguments) -> str:
    level = integer(arguments, 0, 0)
    if level > 2:
        raise cme(50)
    modem.talking.manner.cmee = level
    return ""


@on("+CMEE", Op.READ)
def error_level(modem: Modem, _: Arguments) -> str:
    return f"+CMEE: {modem.talking.manner.cmee}"


@on("+CMEE", Op.TEST)
def error_levels(_: Modem, __: Arguments) -> str:
    return "+CMEE: (0-2)"


@on("+CSCS", Op.SET)
def set_charset(modem: Modem, arguments: Arguments) -> str:
    name = arguments[0]
    if name.startswith("0047"):  # "UCS2" may be asked for in UCS2 itself
        name = bytes.fromhex(name).decode("utf-16-be", "replace")
    if name not in modem.personality.charsets:
        raise cme(50)
    modem.settings.cscs = name
    return ""


@on("+CSCS", Op.READ)
def charset(modem: Modem, _: Arguments) -> str:
    return f'+CSCS: "{modem.settings.cscs}"'


@on("+CSCS", Op.TEST)
def charsets(modem: Modem, _: Arguments) -> str:
    return f"+CSCS: {text_list(modem.personality.charsets)}"


@on("+CFUN", Op.SET)
def set_functionality(modem: Modem, arguments: Arguments) -> str:
    level, restart = integer(arguments, 0, 1), integer(arguments, 1, 0)
    done = power.act(modem, f"+CFUN={level},{restart}" if restart else f"+CFUN={level}")
    if done is not None:
        return done
    if level not in CFUN_LEVELS:
        raise cme(50)
    modem.cfun = level
    modem.registration_changed()
    return ""


@on("+CFUN", Op.READ)
def functionality(modem: Modem, _: Arguments) -> str:
    return f"+CFUN: {modem.cfun}"


@on("+CFUN", Op.TEST)
def functionalities(_: Modem, __: Arguments) -> str:
    return f"+CFUN: {text_list(CFUN_LEVELS)},(0-1)"


@on("+CLAC", Op.RUN)
def all_commands(modem: Modem, _: Arguments) -> str:
    names = sorted({name for name, _ in modem.handlers if name[:1] in "+^$*"})
    return "\r\n".join(f"AT{name}" for name in names)


@on("+CBC", Op.RUN)
def battery(modem: Modem, _: Arguments) -> str:
    return filled(modem, "+CBC: 0,100,{voltage_mv}")


@on("+CCLK", Op.READ)
def wall_clock(modem: Modem, _: Arguments) -> str:
    if modem.conditions.clock:
        return f'+CCLK: "{modem.conditions.clock}"'
    moment = modem.network.local_time()
    return f'+CCLK: "{moment:%y/%m/%d,%H:%M:%S}{modem.network.config.utc_offset_quarters:+03d}"'


@on("+CCLK", Op.SET)
def set_wall_clock(modem: Modem, arguments: Arguments) -> str:
    if not _CLOCK.fullmatch(arguments[0]):
        raise cme(50)
    modem.conditions = replace(modem.conditions, clock=arguments[0])
    return ""


@on("+WS46", Op.TEST)
def radio_systems(_: Modem, __: Arguments) -> str:
    return "+WS46: (12,22,25,28)"
