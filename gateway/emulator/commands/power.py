"""Restart and power-off in the words of each family (personality.power)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.emulator.commands.facts import operation
from gateway.emulator.commands.table import AtError, Handler, Op, cme

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem
    from gateway.emulator.personalities import Personality, Power

GOING_S = 0.05  # between the answer and the end: a hang-up takes what was not yet read


def handlers(personality: Personality) -> dict[tuple[str, Op], Handler]:
    """The power commands apart from +CFUN, which does more."""
    table: dict[tuple[str, Op], Handler] = {}
    for command in personality.power:
        name, op, _ = operation(command)
        if name != "+CFUN":
            table[name, op] = _handler(name)
    return table


def act(modem: Modem, command: str) -> str | None:
    """Carries `command` (`+CFUN=1,1`) out where it is one of power; None where it is not."""
    power = modem.personality.power.get(command)
    if power is None:
        return None
    answered_s = modem.personality.command_delay[1] if modem.realistic else 0.0
    modem.later(answered_s + GOING_S, _end, modem, power)
    if not power.final:
        raise AtError(power.says)
    if power.says:
        modem.later(answered_s + GOING_S / 2, modem.urc, power.says)
    return ""


def _end(modem: Modem, power: Power) -> None:
    if power.then == "reboot":
        modem.reboot()
    else:
        modem.shut_down()


def _handler(name: str) -> Handler:
    def command(modem: Modem, arguments: tuple[str, ...]) -> str:
        done = act(modem, f"{name}={','.join(arguments)}" if arguments else name)
        if done is None:
            raise cme(50)
        return done

    return command
