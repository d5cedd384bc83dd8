"""What the faults that act on a modem as a whole do, one function per kind; and what lies on the modem meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gateway.emulator.config import luhn
from gateway.emulator.data_mode import DataMode
from gateway.emulator.faults import Fault
from gateway.emulator.storage import Stored

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem
    from gateway.emulator.state import Sim

SHORTEST_ABSENCE_S = 0.05  # of a reboot when nothing takes time
LAST_WORDS_S = 0.05  # between the last words and the end: a hang-up takes what was not yet read
SEARCHING, DENIED, ROAMING = 2, 3, 5  # <stat> of +CREG
SIM_SEEN = ("+CPIN", "^SIMST", "+QUSIM", "#QSS")  # how the families say that there is a SIM


@dataclass(slots=True)
class Card:
    """A SIM that was taken out, with what is on it."""

    sim: Sim
    imsi: str
    number: str
    messages: dict[int, Stored]


@dataclass(slots=True)
class Plight:
    """What lies on a modem for a while. None and False: as it should be."""

    registration: int | None = None  # <stat> of +CREG in place of 1
    rssi: int | None = None
    deaf: Fault | None = None
    cards: dict[str, Card] = field(default_factory=dict)  # by ICCID


def strike(modem: Modem, fault: Fault) -> None:
    """Carries out a fault of `Stage.NOW`."""
    _STRIKES[fault.kind](modem, fault)


def recover(modem: Modem) -> None:
    """Ends whatever faults have laid on the modem."""
    for end in (_registration_back, _signal_back, _hearing_back, _sim_back, _room_again):
        end(modem)
    modem.data_mode = None
    modem.replug()


def _unplug(modem: Modem, fault: Fault) -> None:
    modem.unplug(fault.duration_s, renumber=fault.renumber, rename=fault.rename, relink=fault.relink)


def _power_cycle(modem: Modem, fault: Fault) -> None:
    modem.unplug(fault.duration_s or SHORTEST_ABSENCE_S)


def _brown_out(modem: Modem, fault: Fault) -> None:
    absence = fault.duration_s or (modem.personality.reboot_s if modem.realistic else SHORTEST_ABSENCE_S)
    if modem.personality.undervoltage:
        modem.urc(modem.personality.undervoltage)
    if fault.keep_port:
        modem.restart_behind_port(absence)
    else:
        modem.later(LAST_WORDS_S, modem.unplug, absence)


def _garbage(modem: Modem, fault: Fault) -> None:
    modem.output.write(bytes.fromhex(fault.hex))


def _urc(modem: Modem, fault: Fault) -> None:
    modem.urc(fault.text)


def _clear(modem: Modem, _: Fault) -> None:
    modem.recover()


def _registered_as(stat: int) -> Callable[[Modem, Fault], None]:
    def apply(modem: Modem, fault: Fault) -> None:
        modem.plight.registration = stat
        modem.registration_changed()
        modem.recover_after("registration", fault.duration_s, _registration_back, modem)

    return apply


def _registration_back(modem: Modem) -> None:
    modem.plight.registration = None
    modem.registration_changed()


def _low_signal(modem: Modem, fault: Fault) -> None:
    modem.plight.rssi = fault.rssi
    modem.recover_after("signal", fault.duration_s, _signal_back, modem)


def _signal_back(modem: Modem) -> None:
    modem.plight.rssi = None


def _deaf(modem: Modem, fault: Fault) -> None:
    modem.plight.deaf = fault
    modem.recover_after("hearing", fault.duration_s, _hearing_back, modem)


def _hearing_back(modem: Modem) -> None:
    if modem.plight.deaf is not None:
        modem.plight.deaf = None
        modem.network.flush(modem)


def _sim_locked(modem: Modem, _: Fault) -> None:
    modem.sim.pin = modem.sim.pin or "1234"
    modem.pin_entered = False
    modem.registration_changed()


def _sim_blocked(modem: Modem, fault: Fault) -> None:
    modem.sim.pin_tries = 0
    _sim_locked(modem, fault)


def _sim_missing(modem: Modem, fault: Fault) -> None:
    modem.sim.present = False
    modem.registration_changed()
    modem.recover_after("sim", fault.duration_s, _sim_back, modem)


def _sim_back(modem: Modem) -> None:
    modem.sim.present = True
    modem.registration_changed()


def _sim_swap(modem: Modem, fault: Fault) -> None:
    modem.sim.present = False
    modem.registration_changed()
    modem.recover_after("sim", fault.duration_s or SHORTEST_ABSENCE_S, _other_sim, modem, fault)


def _other_sim(modem: Modem, fault: Fault) -> None:
    cards, config = modem.plight.cards, modem.config
    iccid = fault.iccid or luhn(f"{config.iccid[:6]}{(900 + len(cards)) % 1000:03d}{config.iccid[9:18]}")
    taken = modem.memories["SM"].slots
    modem.sim.present = True
    cards[config.iccid] = Card(modem.sim, config.imsi, config.number, taken)
    card = cards.pop(iccid, None) or _fresh_card(modem, fault, len(cards))
    modem.sim, modem.memories["SM"].slots = card.sim, card.messages
    modem.sim_changed(replace(config, iccid=iccid, imsi=card.imsi, number=card.number))
    for _, text in modem.personality.boot:
        if text.startswith(SIM_SEEN):
            modem.tell(text)
    modem.registration_changed()


def _fresh_card(modem: Modem, fault: Fault, place: int) -> Card:
    """A SIM without a PIN; identities that the fault leaves open are made up from how many there were."""
    config = modem.config
    number = fault.number or f"{config.number[:-4]}{(int(config.number[-4:]) + 5000 + place) % 10_000:04d}"
    imsi = fault.imsi or f"{config.imsi[:-4]}{(int(config.imsi[-4:]) + 5000 + place) % 10_000:04d}"
    return Card(modem.new_sim(pin="", number=number), imsi, number, {})


def _storage_full(modem: Modem, fault: Fault) -> None:
    modem.memories[fault.memory].blocked = True
    modem.recover_after("memory", fault.duration_s, _room_again, modem)


def _room_again(modem: Modem) -> None:
    for memory in modem.memories.values():
        memory.blocked = False
    modem.network.flush(modem)


def _forget_cnmi(modem: Modem, _: Fault) -> None:
    modem.settings.cnmi = [0, 0, 0, 0, 0]


def _mr_reset(modem: Modem, fault: Fault) -> None:
    modem.sim.last_mr = (fault.mr - 1) % 256


def _data_mode(modem: Modem, fault: Fault) -> None:
    modem.data_mode = DataMode(modem, fault.leave, fault.guard_s)
    modem.recover_after("data mode", fault.duration_s, modem.data_mode.leave)


_STRIKES: Mapping[str, Callable[[Modem, Fault], None]] = {
    "unplug": _unplug,
    "power-cycle": _power_cycle,
    "brown-out": _brown_out,
    "garbage": _garbage,
    "urc": _urc,
    "clear": _clear,
    "registration-lost": _registered_as(SEARCHING),
    "registration-denied": _registered_as(DENIED),
    "roaming": _registered_as(ROAMING),
    "low-signal": _low_signal,
    "deaf": _deaf,
    "sim-locked": _sim_locked,
    "sim-blocked": _sim_blocked,
    "sim-missing": _sim_missing,
    "sim-swap": _sim_swap,
    "storage-full": _storage_full,
    "forget-cnmi": _forget_cnmi,
    "mr-reset": _mr_reset,
    "data-mode": _data_mode,
}
