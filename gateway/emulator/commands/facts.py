"""What the templates of a personality are filled with, and the handlers that do it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.emulator.commands.sim import require_sim, swapped
from gateway.emulator.commands.table import Handler, Op, cme

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem
    from gateway.emulator.personalities import Personality

SIM_SHOWN = {"ABSENT": "NOT INSERTED", "BUSY": "READY"}
ROAMING = 5  # <stat> of +CREG


def facts(modem: Modem) -> dict[str, object]:
    """Everything that a text of the modem can name."""
    moment, offset = modem.network.local_time(), modem.network.config.utc_offset_quarters
    clock = f"{moment:%y/%m/%d,%H:%M:%S}{offset:+03d}"
    return modem.radio.facts(modem.registered) | {
        "imei": modem.config.imei,
        "imsi": modem.config.imsi,
        "iccid": modem.config.iccid,
        "sim": SIM_SHOWN.get(modem.sim_state, modem.sim_state),
        "iccid_swapped": swapped(modem.config.iccid),
        "pin_tries": modem.sim.pin_tries,
        "puk_tries": modem.sim.puk_tries,
        "roaming": int(modem.registration == ROAMING),
        "clock": clock,
        "clock_long": f"{moment:%Y/%m/%d %H:%M:%S}",
    }


def filled(modem: Modem, text: str) -> str:
    """`text` with the facts put in; where it is a query that depends on the access technology, its answer."""
    by_access = modem.personality.by_access.get(text)
    if by_access is not None:
        text = by_access[modem.conditions.access if modem.registered else ""]
    return text.format_map(facts(modem)) if "{" in text else text


def queries(personality: Personality) -> dict[tuple[str, Op], Handler]:
    """The family's own questions as handlers. Those with arguments share one handler for each name."""
    table: dict[tuple[str, Op], Handler] = {}
    by_argument: dict[str, dict[str, str]] = {}
    for command in (*personality.fixed, *personality.by_access):
        name, op, argument = operation(command)
        text = personality.fixed.get(command, command)
        if op is Op.SET:
            by_argument.setdefault(name, {})[argument] = text
        else:
            table[name, op] = _answer(text)
    for name, texts in by_argument.items():
        table[name, Op.SET] = _answer_to(texts)
    for command, text in personality.of_sim.items():
        for op in (Op.RUN, Op.READ):
            table[command, op] = _answer_of_sim(text)
    return table


def operation(command: str) -> tuple[str, Op, str]:
    """`+CMD`, `+CMD?`, `+CMD=?` or `+CMD=argument` as name, operation and argument."""
    for op in (Op.TEST, Op.READ):
        if command.endswith(op.value):
            return command.removesuffix(op.value), op, ""
    name, equals, argument = command.partition("=")
    return name, Op.SET if equals else Op.RUN, argument


def _answer(text: str) -> Handler:
    def answer(modem: Modem, _: tuple[str, ...]) -> str:
        return filled(modem, text)

    return answer


def _answer_to(texts: Mapping[str, str]) -> Handler:
    def answer(modem: Modem, arguments: tuple[str, ...]) -> str:
        if arguments[0] not in texts:
            raise cme(50)
        return filled(modem, texts[arguments[0]])

    return answer


def _answer_of_sim(text: str) -> Handler:
    def answer(modem: Modem, _: tuple[str, ...]) -> str:
        require_sim(modem, locked_too=True)
        return filled(modem, text)

    return answer
