"""Settings with a key, `+QCFG="ims",1` and its like: set and asked for by the key, and kept until power-off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.emulator.commands.table import Handler, Op, cme

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem


def handlers(name: str, defaults: Mapping[str, str]) -> dict[tuple[str, Op], Handler]:
    """The set form (which also asks, when there is no value) and the test form of one command."""

    def set_(modem: Modem, arguments: tuple[str, ...]) -> str:
        key = arguments[0].lower()
        if key not in defaults:
            raise cme(50)
        if len(arguments) == 1:
            value = modem.settings.options[f"{name}/{key}"]
            return f'{name}: "{key}",' + (f'"{value}"' if value.isalnum() and not value.isdigit() else value)
        value = ",".join(arguments[1:])
        if value not in modem.personality.choices.get(f"{name}/{key}", (value,)):
            raise cme(50)
        modem.settings.options[f"{name}/{key}"] = value
        return ""

    def test(_: Modem, __: tuple[str, ...]) -> str:
        return "\r\n".join(f'{name}: "{key}"' for key in defaults)

    return {(name, Op.SET): set_, (name, Op.TEST): test}
