"""Commands of some families that are more than a question: who has them says `Personality.vendor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.emulator.commands.table import Op, on
from gateway.emulator.storage import PIN_TRIES, PUK_TRIES

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem

Arguments = tuple[str, ...]
NAMES = frozenset({"^CPIN"})


@on("^CPIN", Op.READ)
def huawei_pin(modem: Modem, _: Arguments) -> str:
    sim = modem.sim
    state = modem.sim_state
    wanted = sim.puk_tries if state == "SIM PUK" else sim.pin_tries if state == "SIM PIN" else ""
    shown = "READY" if state in ("READY", "BUSY") else state
    return f"^CPIN: {shown},{wanted},{sim.puk_tries},{sim.pin_tries},{PUK_TRIES},{PIN_TRIES}"
