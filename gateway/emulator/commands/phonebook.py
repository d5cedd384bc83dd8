"""Phonebook and own number: CPBS, CPBR, CPBW, CPBF, CNUM (27.007 8.11 to 8.14, 7.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.emulator.commands.sim import require_sim
from gateway.emulator.commands.table import Op, cme, integer, on, text_list
from gateway.emulator.phonebook import MAX_DIGITS, MAX_NAME, SIZES, Entry, Phonebook

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem

Arguments = tuple[str, ...]
MEMORY_FULL, BAD_INDEX, NOT_FOUND, NAME_TOO_LONG, NUMBER_TOO_LONG, BAD_NUMBER = 20, 21, 22, 24, 26, 27  # CME
INTERNATIONAL, NATIONAL = 145, 129


def _book(modem: Modem) -> Phonebook:
    require_sim(modem)
    return modem.sim.books[modem.settings.phonebook]


@on("+CPBS", Op.SET)
def choose_book(modem: Modem, arguments: Arguments) -> str:
    require_sim(modem)
    if arguments[0] not in modem.sim.books:
        raise cme(3)
    modem.settings.phonebook = arguments[0]
    return ""


@on("+CPBS", Op.READ)
def book(modem: Modem, _: Arguments) -> str:
    chosen = _book(modem)
    return f'+CPBS: "{modem.settings.phonebook}",{len(chosen.entries)},{chosen.size}'


@on("+CPBS", Op.TEST)
def books(_: Modem, __: Arguments) -> str:
    return f"+CPBS: {text_list(tuple(SIZES))}"


@on("+CPBR", Op.SET)
def read_entries(modem: Modem, arguments: Arguments) -> str:
    """One index or a range; empty places are passed over."""
    chosen = _book(modem)
    first = integer(arguments, 0)
    last = integer(arguments, 1, first)
    if not (chosen.valid(first) and chosen.valid(last)):
        raise cme(BAD_INDEX)
    found = [(index, entry) for index, entry in sorted(chosen.entries.items()) if first <= index <= last]
    return "\r\n".join(_line(modem, "+CPBR", index, entry) for index, entry in found)


@on("+CPBR", Op.TEST)
def places(modem: Modem, _: Arguments) -> str:
    return f"+CPBR: (1-{_book(modem).size}),{MAX_DIGITS},{MAX_NAME}"


@on("+CPBF", Op.SET)
def find_entries(modem: Modem, arguments: Arguments) -> str:
    """By the beginning of the name."""
    wanted = modem.understood(arguments[0]).casefold()
    found = [
        (index, entry)
        for index, entry in sorted(_book(modem).entries.items())
        if entry.name.casefold().startswith(wanted)
    ]
    if not found:
        raise cme(NOT_FOUND)
    return "\r\n".join(_line(modem, "+CPBF", index, entry) for index, entry in found)


@on("+CPBF", Op.TEST)
def findable(_: Modem, __: Arguments) -> str:
    return f"+CPBF: {MAX_DIGITS},{MAX_NAME}"


@on("+CPBW", Op.SET)
def write_entry(modem: Modem, arguments: Arguments) -> str:
    """Index, number, type, name; without an index the first free place, without a number the place is cleared."""
    chosen = _book(modem)
    index = integer(arguments, 0, chosen.free() or 0)
    if not index:
        raise cme(MEMORY_FULL)
    if not chosen.valid(index):
        raise cme(BAD_INDEX)
    if len(arguments) < 2 or not arguments[1]:
        chosen.entries.pop(index, None)
        return ""
    name = modem.understood(arguments[3]) if len(arguments) > 3 else ""
    if len(name) > MAX_NAME:
        raise cme(NAME_TOO_LONG)
    chosen.entries[index] = Entry(_number(arguments), name)
    return ""


@on("+CPBW", Op.TEST)
def writable(modem: Modem, _: Arguments) -> str:
    return f"+CPBW: (1-{_book(modem).size}),{MAX_DIGITS},({NATIONAL},{INTERNATIONAL}),{MAX_NAME}"


def _number(arguments: Arguments) -> str:
    digits = arguments[1].removeprefix("+")
    if set(digits) - set("0123456789*#") or not digits:
        raise cme(BAD_NUMBER)
    if len(digits) > MAX_DIGITS:
        raise cme(NUMBER_TOO_LONG)
    international = arguments[1].startswith("+") or integer(arguments, 2, NATIONAL) == INTERNATIONAL
    return f"+{digits}" if international else digits


def _type(number: str) -> int:
    return INTERNATIONAL if number.startswith("+") else NATIONAL


def _line(modem: Modem, command: str, index: int, entry: Entry) -> str:
    return f'{command}: {index},"{entry.number}",{_type(entry.number)},"{modem.shown(entry.name)}"'


@on("+CNUM", Op.RUN)
def own_numbers(modem: Modem, _: Arguments) -> str:
    """What ON holds: usually the SIM's own number, unless somebody wrote something else there."""
    require_sim(modem)
    entries = [entry for _, entry in sorted(modem.sim.books["ON"].entries.items())]
    return "\r\n".join(
        f'+CNUM: "{modem.shown(one.name)}","{modem.shown(one.number)}",{_type(one.number)}' for one in entries
    )
