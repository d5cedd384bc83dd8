"""Settings that are just a number: set, read back, and reset by ATZ. One table instead of many handlers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.emulator.commands.table import Handler, Op, cme, integer, text_list

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem


@dataclass(frozen=True, slots=True)
class Register:
    """`default` and what is `allowed`."""

    default: int
    allowed: tuple[int, ...] = (0, 1)


REGISTERS: dict[str, Register] = {
    "+CLIP": Register(0),
    "+COLP": Register(0),
    "+CNAP": Register(0),
    "+CDIP": Register(0),
    "+CRC": Register(0),
    "+CR": Register(0),
    "+CVHU": Register(0),
    "+CSDH": Register(0),
    "+CMUT": Register(0),
    "+CMMS": Register(0, (0, 1, 2)),
    "+CTZU": Register(0, (0, 1)),
    "+CTZR": Register(0, (0, 1, 2)),
    "+CLVL": Register(3, tuple(range(9))),
    "+CGSMS": Register(3, (0, 1, 2, 3)),
    "+CSSN": Register(0),
    "+CMER": Register(0, (0, 1, 2, 3)),
    "+CGEREP": Register(0, (0, 1, 2)),
    "+CGATT": Register(1),
    "+IPR": Register(115200, (0, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)),
    "+IFC": Register(0, (0, 1, 2)),
    "+ICF": Register(3, tuple(range(7))),
    "+VTD": Register(1, tuple(range(256))),
}


def handlers(name: str, allowed: tuple[int, ...]) -> dict[tuple[str, Op], Handler]:
    """The set, read and test forms of one register; values after the first are taken and ignored."""

    def set_(modem: Modem, arguments: tuple[str, ...]) -> str:
        value = integer(arguments, 0, 0)
        if value not in allowed:
            raise cme(50)
        modem.settings.registers[name] = value
        return ""

    def read(modem: Modem, _: tuple[str, ...]) -> str:
        return f"{name}: {modem.settings.registers[name]}"

    def test(_: Modem, __: tuple[str, ...]) -> str:
        return f"{name}: {text_list(allowed)}"

    return {(name, Op.SET): set_, (name, Op.READ): read, (name, Op.TEST): test}
