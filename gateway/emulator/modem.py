"""One emulated modem: its power, SIM, registration and settings. The AT side is `interpreter.py` and `commands/`."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.emulator import commands
from gateway.emulator.commands.registers import REGISTERS
from gateway.emulator.commands.table import Handler, Op
from gateway.emulator.config import ModemConfig
from gateway.emulator.data_mode import DataMode
from gateway.emulator.faults import Fault, Faults, Stage, build
from gateway.emulator.interpreter import Interpreter
from gateway.emulator.output import Output
from gateway.emulator.personalities import Personality, personality
from gateway.emulator.pty import ClientWatch, Port
from gateway.emulator.reception import Reception
from gateway.emulator.recorder import Recorder
from gateway.emulator.storage import PIN_TRIES, PUK_TRIES, Memory
from gateway.emulator.strikes import ROAMING, SEARCHING, SHORTEST_ABSENCE_S, Plight, recover, strike
from gateway.errors import RequestError

if TYPE_CHECKING:
    from gateway.emulator.network import Network

BOOT_PACE = 0.02  # how much faster a boot is then
REGISTERED, IDLE = 1, 0  # <stat> of +CREG
USUAL_RSSI, NO_RSSI = 21, 99  # of +CSQ


@dataclass(slots=True)
class Sim:
    """What stays on the card over power cycles. `last_mr`: the last TP-MR given out (EF_SMSS)."""

    last_mr: int
    smsc: str
    pin: str
    puk: str
    pin_tries: int = PIN_TRIES
    puk_tries: int = PUK_TRIES
    present: bool = True


@dataclass(slots=True)
class Settings:
    """What a power cycle forgets, at its power-on values."""

    memories: list[str]
    registers: dict[str, int]
    echo: bool = True
    verbose: bool = True
    quiet: bool = False
    cmee: int = 0
    cscs: str = "IRA"
    cops_format: int = 0
    csms: int = 0
    cnmi: list[int] = field(default_factory=lambda: [0, 0, 0, 0, 0])
    registration: dict[str, int] = field(default_factory=lambda: {"+CREG": 0, "+CGREG": 0, "+CEREG": 0})


class Modem:
    """A modem of one personality with its SIM, plugged into a pty and attached to the network."""

    def __init__(
        self, config: ModemConfig, network: Network, *, realistic: bool, watch: ClientWatch, links: Path | None
    ) -> None:
        chosen = personality(config.personality)
        if chosen is None:
            raise RequestError(f"no personality is called {config.personality!r}", field="personality")
        self.config = config
        self.personality: Personality = chosen
        self.network = network
        self.realistic = realistic
        self.loop = asyncio.get_running_loop()
        self.rng = random.Random(f"{network.config.seed}/{config.name}")  # noqa: S311  reproducible, not secret
        self.recorder = Recorder(network.clock)
        self.faults = Faults(f"{network.config.seed}/{config.name}/faults", self.loop.time, self.recorder.octets)
        self.plight = Plight()
        self.sim = self.new_sim(pin=config.pin)
        sizes = {name: config.storages.get(name, size) for name, size in chosen.memories.items()}
        self.memories = {name: Memory(name, size, chosen.first_index) for name, size in sizes.items()}
        self.handlers: dict[tuple[str, Op], Handler] = commands.table_for(chosen)
        self.port: Port | None = None
        self.reception = Reception(self)
        self._watch = watch
        self._link = None if links is None else links / config.name
        self._relink = True
        self._stand_in: tuple[int, int] | None = None  # a pty that keeps a port's number taken
        self._boots = 0  # power cycles; what was to happen before one does not happen after it
        self._recovery: dict[str, asyncio.TimerHandle] = {}
        self._announced: int | None = None
        self.power_on()

    # power

    def power_on(self) -> None:
        """Plugged in: a port appears, volatile settings are at their defaults, the SIM comes up, boot URCs follow."""
        self.port = Port(self._watch, self._receive, self._link if self._relink else None)
        self.port.on_closed = self._clients_gone
        self._release_number()
        self._boot()

    def _boot(self) -> None:
        self.data_mode: DataMode | None = None
        self._dark = False
        self.settings = self.default_settings()
        self.cfun = 1
        self.deregistered = False
        self.pin_entered = False
        self.sim_ready = self.sms_ready = not self.realistic
        self._attached = not self.realistic
        self.output = Output(self)
        self.interpreter = Interpreter(self)
        # Before the first client there is nobody to tell; after a replug there may be, and when nothing takes time
        # the messages come in the same order, only sooner.
        pace = 1.0 if self.realistic else BOOT_PACE if self._boots else 0.0
        for delay, text in self.personality.boot if pace else ():
            self.later(delay * pace, self.urc, text)
        if self.realistic:
            self.later(self.personality.sim_ready_s, self._sim_up)
            self.later(self.personality.sms_ready_s, self._sms_up)
            self.later(self.personality.registered_s, self._attach)
            for period, text in self.personality.idle_urcs:
                self.later(period, self._idle, period, text)
        self._announced = self.registration
        self.network.flush(self)

    def power_off(self) -> None:
        """Unplugged: the port vanishes and nothing that was under way is answered."""
        if self.port is None:
            return
        self._halt()
        self.port.close(keep_link=not self._relink)
        self.port = None

    def _halt(self) -> None:
        self._boots += 1
        self.interpreter.stop()
        self.output.stop()
        self.reception.power_lost()

    def unplug(
        self, duration_s: float | None, *, renumber: bool = False, rename: str = "", relink: bool = True
    ) -> None:
        """Off now, and on again after `duration_s`; with None it stays off until `replug`.

        `renumber`: it comes back as another device; `rename`: under another link; without `relink` the link is left
        behind as it is.
        """
        self._relink = relink
        self.power_off()
        if renumber and self._stand_in is None:
            self._stand_in = os.openpty()  # takes the number that has become free
        if rename and self._link is not None:
            self._link = self._link.with_name(rename)
        self.recover_after("plug", duration_s, self.replug)

    def _release_number(self) -> None:
        for descriptor in self._stand_in or ():
            os.close(descriptor)
        self._stand_in = None

    def restart_behind_port(self, absence_s: float) -> None:
        """A reboot that the port outlives, as one on a UART does. What is heard meanwhile is lost."""
        if self.port is None:
            return
        self._halt()
        self._dark = True
        self.say(b"\0")
        self.recover_after("plug", absence_s, self.replug)

    def replug(self) -> None:
        if self.port is None:
            self.power_on()
        elif self._dark:
            self._boot()

    def reboot(self) -> None:
        """What AT+CFUN=1,1 and its vendor forms do: the port re-enumerates."""
        self.unplug(self.personality.reboot_s if self.realistic else SHORTEST_ABSENCE_S)

    def stop(self) -> None:
        for timer in self._recovery.values():
            timer.cancel()
        self.power_off()
        self._release_number()

    def default_settings(self) -> Settings:
        registers = {name: one.default for name, one in REGISTERS.items()}
        registers |= {name: default for name, (default, _) in self.personality.registers.items()}
        return Settings(memories=[self.personality.memory_default] * 3, registers=registers)

    # time

    def later(self, delay: float, action: Callable[..., object], *arguments: Any) -> asyncio.TimerHandle:
        """Calls `action` in `delay` seconds, unless the power goes before."""
        return self.loop.call_later(delay, self._do, self._boots, action, *arguments)

    def _do(self, boots: int, action: Callable[..., object], *arguments: Any) -> None:
        if boots == self._boots:
            action(*arguments)

    def recover_after(
        self, name: str, duration_s: float | None, action: Callable[..., object], *arguments: Any
    ) -> None:
        """Calls `action` in `duration_s` seconds, power or not; a later call of the same `name` takes its place."""
        pending = self._recovery.pop(name, None)
        if pending is not None:
            pending.cancel()
        if duration_s is not None:
            self._recovery[name] = self.loop.call_later(duration_s, action, *arguments)

    def _idle(self, period: float, text: str) -> None:
        if self.settings.registers.get("^CURC", 1):
            self.urc(text)
        self.later(period, self._idle, period, text)

    # SIM and registration

    @property
    def sim_state(self) -> str:
        """`READY`, `SIM PIN`, `SIM PUK`, `BUSY` (still starting) or `ABSENT`."""
        if not self.sim.present:
            return "ABSENT"
        if self.sim.pin and not self.pin_entered:
            return "SIM PIN" if self.sim.pin_tries else "SIM PUK"
        return "READY" if self.sim_ready else "BUSY"

    @property
    def registration(self) -> int:
        """<stat> of +CREG."""
        if self.port is None or self.cfun != 1 or self.deregistered or self.sim_state != "READY":
            return IDLE
        return (self.plight.registration or REGISTERED) if self._attached else SEARCHING

    @property
    def registered(self) -> bool:
        return self.registration in (REGISTERED, ROAMING)

    @property
    def rssi(self) -> int:
        """<rssi> of +CSQ (27.007 8.5)."""
        usual = USUAL_RSSI if self.plight.rssi is None else self.plight.rssi
        return usual if self.registered else NO_RSSI

    def registration_changed(self) -> None:
        """Tells the client where the network stands now, and takes what waited for it."""
        stat = self.registration
        if stat == self._announced:
            return
        self._announced = stat
        for name, level in self.settings.registration.items():
            if level and (name, Op.READ) in self.handlers:
                self.urc(f"{name}: {stat}{self.location(level)}")
        if self.registered:
            self.network.flush(self)

    def location(self, level: int) -> str:
        """Area, cell and technology, as +CREG=2 adds them."""
        return ',"1A2B","01A2B3C4",7' if level == 2 and self.registered else ""

    def pin_accepted(self) -> None:
        """The PIN was right: SIM and network follow."""
        self.pin_entered = True
        if self.realistic:
            self._attached = False
            self.later(self.personality.registered_s, self._attach)
        self.registration_changed()

    def _sim_up(self) -> None:
        self.sim_ready = True
        self.registration_changed()

    def _sms_up(self) -> None:
        self.sms_ready = True
        self.network.flush(self)

    def _attach(self) -> None:
        self._attached = True
        self.registration_changed()

    def new_sim(self, *, pin: str) -> Sim:
        """A SIM that has sent nothing yet."""
        return Sim((self.config.first_mr - 1) % 256, self.network.config.smsc, pin, self.config.puk)

    def sim_changed(self, config: ModemConfig) -> None:
        """Another SIM is in: `config` has its identities."""
        old, self.config = self.config.number, config
        self.network.renumber(self, old)

    def next_mr(self) -> int:
        """The TP-MR of the next accepted message."""
        self.sim.last_mr = (self.sim.last_mr + 1) % 256
        return self.sim.last_mr

    def memory(self, name: str) -> Memory:
        """The memory called `name`; MT means ME here, as on most modems."""
        return self.memories["ME" if name == "MT" else name]

    def shown(self, text: str) -> str:
        """`text` in the character set that +CSCS has chosen (27.007 5.5)."""
        return text.encode("utf-16-be").hex().upper() if self.settings.cscs == "UCS2" else text

    def understood(self, text: str) -> str:
        """The reverse of `shown`; what is no UCS2 is taken as it is."""
        if self.settings.cscs != "UCS2":
            return text
        try:
            return bytes.fromhex(text).decode("utf-16-be")
        except ValueError:
            return text

    # traffic

    def urc(self, text: str) -> None:
        """Sends an unsolicited line; lines inside `text` are separated by CR LF."""
        self.output.write(f"\r\n{text}\r\n".encode("ascii", "replace"))

    def say(self, data: bytes) -> None:
        """Octets onto the port, past every fault; lost while there is no port."""
        if self.port is not None:
            self.recorder.said(data)
            self.port.write(data)

    def _receive(self, data: bytes) -> None:
        self.recorder.heard(data)
        if self._dark or (self.faults.active and self.faults.output("mute")):
            return
        (self.data_mode or self.interpreter).receive(data)

    def _clients_gone(self) -> None:
        if self.data_mode is not None:
            self.data_mode.closed()

    # faults

    def fault(self, kind: str, **values: Any) -> Fault:
        """Sets a fault (`faults.KINDS`). Raises RequestError when its fields do not fit."""
        fault = build(kind, values)
        if fault.memory and fault.memory not in self.memories:
            raise RequestError(f"{self.config.name} has {', '.join(self.memories)}", field="memory")
        if fault.stage is Stage.NOW:
            self.faults.note(kind, "")
            strike(self, fault)
        else:
            self.faults.add(fault)
        return fault

    def recover(self) -> None:
        """Ends every fault."""
        self.faults.clear()
        recover(self)

    def erase(self) -> None:
        """Empties every memory."""
        for memory in self.memories.values():
            memory.slots.clear()
        self.reception.forget()
        self.faults.reset()
