"""Network registration, operator, signal (27.007 7, 8.5, 8.69)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.emulator.commands.facts import filled
from gateway.emulator.commands.table import Handler, Op, cme, integer, on

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem

Arguments = tuple[str, ...]


def _registration(name: str) -> tuple[Handler, Handler, Handler]:
    def read(modem: Modem, _: Arguments) -> str:
        level = modem.settings.registration[name]
        return f"{name}: {level},{modem.registration_of(name)}{modem.location(name, level)}"

    def set_(modem: Modem, arguments: Arguments) -> str:
        level = integer(arguments, 0, 0)
        if level > 2:
            raise cme(50)
        modem.settings.registration[name] = level
        return ""

    def test(_: Modem, __: Arguments) -> str:
        return f"{name}: (0-2)"

    return read, set_, test


for _name in ("+CREG", "+CGREG", "+CEREG"):
    for _op, _handler in zip((Op.READ, Op.SET, Op.TEST), _registration(_name), strict=True):
        on(_name, _op)(_handler)


@on("+COPS", Op.READ)
def operator(modem: Modem, _: Arguments) -> str:
    mode = 2 if modem.deregistered else 0
    if not modem.registered:
        return f"+COPS: {mode}"
    level = modem.settings.cops_format
    access = f",{modem.conditions.technology.act}" if modem.personality.tells_access else ""
    return f'+COPS: {mode},{level},"{modem.shown(modem.conditions.operator_names[level])}"{access}'


@on("+COPS", Op.SET)
def choose_operator(modem: Modem, arguments: Arguments) -> str:
    mode, level = integer(arguments, 0, 0), integer(arguments, 1, modem.settings.cops_format)
    if mode > 4 or level > 2:
        raise cme(50)
    modem.settings.cops_format = level
    if mode != 3:  # 3 only chooses the format
        modem.deregistered = mode == 2
        modem.registration_changed()
    return ""


@on("+COPS", Op.TEST)
def operators(modem: Modem, _: Arguments) -> str:
    long, short, code = modem.conditions.operator_names
    return f'+COPS: (2,"{long}","{short}","{code}",{modem.conditions.technology.act}),,(0-4),(0-2)'


@on("+CSQ", Op.RUN)
def signal(modem: Modem, _: Arguments) -> str:
    return filled(modem, "+CSQ: {rssi},{ber}")


@on("+CSQ", Op.TEST)
def signal_values(_: Modem, __: Arguments) -> str:
    return "+CSQ: (0-31,99),(0-7,99)"


@on("+CESQ", Op.RUN)
def extended_signal(modem: Modem, _: Arguments) -> str:
    return f"+CESQ: {modem.radio.cesq()}" if modem.registered else "+CESQ: 99,99,255,255,255,255"
