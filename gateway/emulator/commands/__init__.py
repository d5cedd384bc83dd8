"""The AT commands that the emulated modems know, by family; `table_for` puts a personality's table together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.emulator.commands import basic, facts, message, options, power, registration, reporting, sim, vendor  # noqa: F401  they register
from gateway.emulator.commands.registers import REGISTERS, handlers
from gateway.emulator.commands.table import BASE, Handler, Op

if TYPE_CHECKING:
    from gateway.emulator.personalities import Personality


def table_for(personality: Personality) -> dict[tuple[str, Op], Handler]:
    """Base handlers, registers and queries, with the personality's own in front and its absent ones taken out."""
    absent = personality.absent | (vendor.NAMES - personality.vendor)
    table = {key: handler for key, handler in BASE.items() if key[0] not in absent}
    for name, register in REGISTERS.items():
        if name not in absent:
            table |= handlers(name, register.allowed)
    for name, (_, allowed) in personality.registers.items():
        table |= handlers(name, allowed)
    for name, defaults in personality.options.items():
        table |= options.handlers(name, defaults)
    return table | facts.queries(personality) | power.handlers(personality)
