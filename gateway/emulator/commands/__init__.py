"""The AT commands that the emulated modems know, by family; `table_for` puts a personality's table together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.emulator.commands import basic, message, registration, reporting, sim  # noqa: F401  they register
from gateway.emulator.commands.registers import REGISTERS, handlers
from gateway.emulator.commands.table import BASE, Handler, Op

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem
    from gateway.emulator.personalities import Personality


def table_for(personality: Personality) -> dict[tuple[str, Op], Handler]:
    """Base handlers, registers and fixed answers, with the personality's own in front and its absent ones taken out."""
    table = dict(BASE)
    for name, register in REGISTERS.items():
        table |= handlers(name, register.allowed)
    for name, (_, allowed) in personality.registers.items():
        table |= handlers(name, allowed)
    for command, text in personality.fixed.items():
        name, op = _operation(command)
        table[name, op] = _fixed(text)
    return {key: handler for key, handler in table.items() if key[0] not in personality.absent}


def _operation(command: str) -> tuple[str, Op]:
    for op in (Op.TEST, Op.READ):
        if command.endswith(op.value):
            return command.removesuffix(op.value), op
    return command, Op.RUN


def _fixed(text: str) -> Handler:
    def answer(_: Modem, __: tuple[str, ...]) -> str:
        return text

    return answer
