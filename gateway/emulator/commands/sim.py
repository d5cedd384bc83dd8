"""The SIM: PIN, attempts, identities, files (27.007 8.3, 8.18, 8.65)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.emulator.commands.table import AtError, Op, cme, integer, on
from gateway.emulator.storage import PIN_TRIES, PUK_TRIES

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem

Arguments = tuple[str, ...]
READ_BINARY = 176
EF_ICCID = 12258  # 0x2FE2
CME_STATE = {"ABSENT": 10, "SIM PIN": 11, "SIM PUK": 12, "BUSY": 14}
VERIFY_PIN_WITHOUT_PIN = "0020000100"  # asks for the attempts left without spending one


def require_sim(modem: Modem, *, locked_too: bool = False) -> None:
    """Raises the CME error of a SIM that cannot be used; `locked_too`: what may be read before the PIN."""
    state = modem.sim_state
    if state != "READY" and not (locked_too and state in ("SIM PIN", "SIM PUK")):
        raise cme(CME_STATE[state])


def swapped(digits: str) -> str:
    """Each pair of digits turned round, filled up with F, as they lie on the card."""
    even = digits + "F" * (len(digits) % 2)
    return "".join(even[n + 1] + even[n] for n in range(0, len(even), 2))


@on("+CPIN", Op.READ)
def pin_state(modem: Modem, _: Arguments) -> str:
    if modem.sim_state in ("ABSENT", "BUSY"):
        raise cme(CME_STATE[modem.sim_state])
    return f"+CPIN: {modem.sim_state}"


@on("+CPIN", Op.TEST)
def pin_exists(_: Modem, __: Arguments) -> str:
    return ""


@on("+CPIN", Op.SET)
def enter_pin(modem: Modem, arguments: Arguments) -> str:
    sim = modem.sim
    state = modem.sim_state
    if state == "SIM PUK":
        if len(arguments) < 2 or arguments[0] != sim.puk:
            sim.puk_tries = max(0, sim.puk_tries - 1)
            raise cme(16 if sim.puk_tries else 13)
        sim.pin, sim.pin_tries, sim.puk_tries = arguments[1], PIN_TRIES, PUK_TRIES
    elif state != "SIM PIN":
        raise cme(CME_STATE.get(state, 3))
    elif arguments[0] != sim.pin:
        sim.pin_tries -= 1
        raise cme(16 if sim.pin_tries else 12)
    sim.pin_tries = PIN_TRIES
    modem.loop.call_soon(modem.pin_accepted)
    modem.loop.call_soon(modem.urc, "+CPIN: READY")
    return ""


@on("+CPINR", Op.RUN, Op.SET)
def tries(modem: Modem, _: Arguments) -> str:
    sim = modem.sim
    return f"+CPINR: SIM PIN,{sim.pin_tries},{PIN_TRIES}\r\n+CPINR: SIM PUK,{sim.puk_tries},{PUK_TRIES}"


@on("+CSIM", Op.SET)
def generic_access(modem: Modem, arguments: Arguments) -> str:
    if len(arguments) < 2 or arguments[1] != VERIFY_PIN_WITHOUT_PIN:
        return '+CSIM: 4,"6D00"'  # instruction not supported
    return f'+CSIM: 4,"63C{modem.sim.pin_tries:X}"'


@on("+CIMI", Op.RUN)
def imsi(modem: Modem, _: Arguments) -> str:
    require_sim(modem)
    return modem.config.imsi


@on("+CRSM", Op.SET)
def restricted_access(modem: Modem, arguments: Arguments) -> str:
    require_sim(modem, locked_too=True)
    if integer(arguments, 0) == READ_BINARY and integer(arguments, 1) == EF_ICCID:
        return f'+CRSM: 144,0,"{swapped(modem.config.iccid)}"'
    return "+CRSM: 106,130"  # file not found


@on("+CLCK", Op.SET)
def facility_lock(modem: Modem, arguments: Arguments) -> str:
    if arguments[0] == "SC" and integer(arguments, 1) == 2:
        return f"+CLCK: {int(bool(modem.sim.pin))}"
    raise AtError("CME", 3)
