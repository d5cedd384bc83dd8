"""Sending, reading, writing, deleting messages in PDU mode (27.005 3 and 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.emulator import tpdu
from gateway.emulator.commands.table import AtError, Op, Prompt, cms, integer, on, text_list
from gateway.emulator.faults import Fault, Stage
from gateway.emulator.storage import ALL, Memory, Stat, Stored

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem

Arguments = tuple[str, ...]
BAD_PDU = cms(304)
BAD_INDEX = cms(321)
CMS_STATE = {"ABSENT": 310, "SIM PIN": 311, "SIM PUK": 316, "BUSY": 314}
MAX_TPDU = 164  # 23.040: the longest SUBMIT, with a 20-digit address and absolute validity


def require_sim(modem: Modem) -> None:
    state = modem.sim_state
    if state != "READY":
        raise cms(CMS_STATE[state])
    if not modem.sms_ready:
        raise cms(modem.personality.sms_busy)


@on("+CMGF", Op.SET)
def set_format(_: Modem, arguments: Arguments) -> str:
    if integer(arguments, 0, 0, error=cms(305)):
        raise cms(303)  # there is no text mode
    return ""


@on("+CMGF", Op.READ)
def message_format(_: Modem, __: Arguments) -> str:
    return "+CMGF: 0"


@on("+CMGF", Op.TEST)
def formats(_: Modem, __: Arguments) -> str:
    return "+CMGF: (0)"


@on("+CSCA", Op.READ)
def service_centre(modem: Modem, _: Arguments) -> str:
    require_sim(modem)
    number = modem.sim.smsc
    return f'+CSCA: "{modem.shown(number)}",{145 if number.startswith("+") else 129}'


@on("+CSCA", Op.SET)
def set_service_centre(modem: Modem, arguments: Arguments) -> str:
    require_sim(modem)
    number = modem.understood(arguments[0])
    if not number.removeprefix("+").isdigit():
        raise cms(304)
    modem.sim.smsc = number
    return ""


# memories


def _counts(modem: Modem) -> list[tuple[str, int, int]]:
    return [(name, modem.memory(name).used, modem.memory(name).size) for name in modem.settings.memories]


@on("+CPMS", Op.SET)
def choose_memories(modem: Modem, arguments: Arguments) -> str:
    """One to three memories; those not named stay. Answers the counts of all three."""
    require_sim(modem)
    choice = modem.personality.memory_choice[: modem.config.cpms_arguments]
    if len(arguments) > len(choice) or not arguments[0]:
        raise cms(302)
    for name, allowed in zip(arguments, choice, strict=False):
        if name and name not in allowed:
            raise cms(302)
    for place, name in enumerate(arguments):
        if name:
            modem.settings.memories[place] = name
    modem.network.room_made(modem)
    return "+CPMS: " + ",".join(f"{used},{size}" for _, used, size in _counts(modem))


@on("+CPMS", Op.READ)
def memories(modem: Modem, _: Arguments) -> str:
    require_sim(modem)
    return "+CPMS: " + ",".join(f'"{name}",{used},{size}' for name, used, size in _counts(modem))


@on("+CPMS", Op.TEST)
def possible_memories(modem: Modem, _: Arguments) -> str:
    return "+CPMS: " + ",".join(text_list(names) for names in modem.personality.memory_choice)


def _first_memory(modem: Modem) -> Memory:
    require_sim(modem)
    return modem.memory(modem.settings.memories[0])


def _index(memory: Memory, arguments: Arguments) -> int:
    index = integer(arguments, 0, error=BAD_INDEX)
    if not memory.valid(index):
        raise cms(321)
    return index


@on("+CMGR", Op.SET)
def read_message(modem: Modem, arguments: Arguments) -> str:
    memory = _first_memory(modem)
    stored = memory.slots.get(_index(memory, arguments))
    if stored is None:
        if modem.personality.empty_slot is None:
            return ""
        raise cms(modem.personality.empty_slot)
    text = f"+CMGR: {stored.stat:d},,{stored.length}\r\n{stored.pdu}"
    _seen(stored)
    return text


def _seen(stored: Stored) -> None:
    if stored.stat is Stat.REC_UNREAD:
        stored.stat = Stat.REC_READ


@on("+CMGL", Op.SET, Op.RUN)
def list_messages(modem: Modem, arguments: Arguments) -> str:
    stat = integer(arguments, 0, int(Stat.REC_UNREAD), error=BAD_PDU)
    if stat > ALL:
        raise cms(304)
    lines = []
    memory = _first_memory(modem)
    memory.silent = False
    for index, stored in memory.listing(stat):
        lines.append(f"+CMGL: {index},{stored.stat:d},,{stored.length}\r\n{stored.pdu}")
        _seen(stored)
    return "\r\n".join(lines)


@on("+CMGL", Op.TEST)
def list_states(_: Modem, __: Arguments) -> str:
    return "+CMGL: (0-4)"


@on("+CMGD", Op.SET)
def delete_message(modem: Modem, arguments: Arguments) -> str:
    """An empty slot is deleted without complaint. Room that was made is offered to the service centre."""
    memory = _first_memory(modem)
    flag = integer(arguments, 1, 0, error=BAD_PDU)
    if flag > 4:
        raise cms(304)
    if flag:
        memory.delete_flagged(flag)
    else:
        memory.slots.pop(_index(memory, arguments), None)
    modem.network.room_made(modem)
    return ""


@on("+CMGD", Op.TEST)
def deletable(modem: Modem, _: Arguments) -> str:
    return f"+CMGD: {text_list(tuple(sorted(_first_memory(modem).slots)))},(0-4)"


# sending


def _octets(text: bytes, length: int) -> tuple[bytes, bytes]:
    """Service-centre address and TPDU of what was written at the prompt. Raises CMS 304 when they do not fit."""
    try:
        octets = bytes.fromhex(text.strip(b"\r\n\0 ").decode("ascii"))
    except ValueError as exc:
        raise BAD_PDU from exc
    if not octets or len(octets) - 1 - octets[0] != length:
        raise BAD_PDU
    return octets[: 1 + octets[0]], octets[1 + octets[0] :]


@on("+CMGS", Op.SET)
def send_message(modem: Modem, arguments: Arguments) -> Prompt:
    require_sim(modem)
    length = integer(arguments, 0, error=BAD_PDU)
    if not 7 <= length <= MAX_TPDU:
        raise cms(304)
    return Prompt("+CMGS", lambda text: _submit(modem, "+CMGS", _octets(text, length)[1], text))


@on("+CMGS", Op.TEST)
@on("+CMGR", Op.TEST)
@on("+CMGW", Op.TEST)
@on("+CMSS", Op.TEST)
def supported(_: Modem, __: Arguments) -> str:
    return ""


def _submit(modem: Modem, command: str, octets: bytes, text: bytes) -> str:
    """Hands a SUBMIT to the network and answers with its TP-MR."""
    try:
        submit = tpdu.read_submit(octets)
    except tpdu.BadTpdu as exc:
        raise BAD_PDU from exc
    fault = modem.faults.take(Stage.SUBMIT, f"{command} {submit.to}") if modem.faults.active else None
    deaf = modem.plight.deaf
    trouble = fault or deaf
    if trouble is not None and not trouble.network_takes:
        raise _refusal(trouble)
    if not modem.registered:
        raise cms(331)
    mr = modem.network.submit(modem, submit, text.strip(b"\r\n\0 "))
    if trouble is not None:
        raise _refusal(trouble)
    return f"{command}: {mr}"


def _refusal(fault: Fault) -> AtError:
    """How the fault answers; an empty final result is no answer at all."""
    return cms(fault.code) if fault.code and not fault.text else AtError(fault.text)


@on("+CMGW", Op.SET)
def write_message(modem: Modem, arguments: Arguments) -> Prompt:
    require_sim(modem)
    length, stat = integer(arguments, 0, error=BAD_PDU), integer(arguments, 1, int(Stat.STO_UNSENT), error=BAD_PDU)
    if stat not in set(Stat):
        raise cms(304)
    return Prompt("+CMGW", lambda text: _write(modem, text, length, Stat(stat)))


def _write(modem: Modem, text: bytes, length: int, stat: Stat) -> str:
    centre, octets = _octets(text, length)
    index = modem.memory(modem.settings.memories[1]).put(Stored((centre + octets).hex().upper(), length, stat))
    if index is None:
        raise cms(322)
    return f"+CMGW: {index}"


@on("+CMSS", Op.SET)
def send_stored(modem: Modem, arguments: Arguments) -> str:
    require_sim(modem)
    memory = modem.memory(modem.settings.memories[1])
    stored = memory.slots.get(_index(memory, arguments))
    if stored is None or stored.stat not in (Stat.STO_UNSENT, Stat.STO_SENT):
        raise AtError("CMS", 321)
    text = stored.pdu.encode()
    answer = _submit(modem, "+CMSS", _octets(text, stored.length)[1], text)
    stored.stat = Stat.STO_SENT
    return answer
