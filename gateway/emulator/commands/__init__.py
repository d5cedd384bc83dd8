"""The AT commands that the emulated modems know, by family; `table_for` puts a personality's table together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.emulator.commands import (  # noqa: F401  they register
    basic,
    broadcast,
    call,
    facts,
    forwarding,
    message,
    options,
    phonebook,
    power,
    registration,
    reporting,
    sim,
    ussd,
    vendor,
)
from gateway.emulator.commands.registers import REGISTERS, handlers
from gateway.emulator.commands.table import BASE, Handler, Op

if TYPE_CHECKING:
    from gateway.emulator.personalities import Personality

SERVICES = {"call": call.NAMES | forwarding.NAMES, "ussd": ussd.NAMES}  # what a family without one of them lacks


def table_for(personality: Personality) -> dict[tuple[str, Op], Handler]:
    """Base handlers, registers and queries, with the personality's own in front and its absent ones taken out."""
    absent = personality.absent | (vendor.NAMES - personality.vendor)
    for service, names in SERVICES.items():
        if service not in personality.services:
            absent |= names
    table = {key: handler for key, handler in BASE.items() if key[0] not in absent}
    for name, register in REGISTERS.items():
        if name not in absent:
            table |= handlers(name, register.allowed)
    for name, (_, allowed) in (*personality.calls.registers.items(), *personality.registers.items()):
        table |= handlers(name, allowed)
    for name, defaults in personality.options.items():
        table |= options.handlers(name, defaults)
    return table | facts.queries(personality) | power.handlers(personality)
