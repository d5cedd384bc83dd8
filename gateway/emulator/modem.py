"""One emulated modem: its power, SIM, registration and settings. The AT side is `interpreter.py` and `commands/`."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.emulator import charset, commands
from gateway.emulator.commands.facts import filled
from gateway.emulator.commands.registers import REGISTERS
from gateway.emulator.commands.table import Handler, Op
from gateway.emulator.conditions import AREA, LEAST_DBM, Conditions
from gateway.emulator.conditions import check as check_conditions
from gateway.emulator.config import ModemConfig, configured
from gateway.emulator.data_mode import DataMode
from gateway.emulator.faults import Fault, Faults, Stage, build
from gateway.emulator.personalities import Personality, personality
from gateway.emulator.phonebook import phonebooks
from gateway.emulator.pty import ClientWatch, Port
from gateway.emulator.reception import Reception
from gateway.emulator.recorder import Recorder
from gateway.emulator.state import REGISTRATIONS, Settings, Sim
from gateway.emulator.storage import Memory
from gateway.emulator.strikes import LAST_WORDS_S, ROAMING, SEARCHING, SHORTEST_ABSENCE_S, Plight, recover, strike
from gateway.emulator.ttys import Ttys
from gateway.errors import RequestError

if TYPE_CHECKING:
    from gateway.emulator.network import Network

BOOT_PACE = 0.02  # how much faster a boot is then
REGISTERED, IDLE = 1, 0  # <stat> of +CREG
WITH_LOCATION = 2  # <n> of +CREG


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
        self.sim = self.new_sim(pin=config.pin, number=config.number)
        sizes = {name: config.storages.get(name, size) for name, size in chosen.memories.items()}
        self.memories = {name: Memory(name, size, chosen.first_index) for name, size in sizes.items()}
        self.handlers: dict[tuple[str, Op], Handler] = commands.table_for(chosen)
        self.conditions = configured(config, chosen)
        self.powered = self.deaf = False
        self.ttys = Ttys(self, watch, links)
        self.reception = Reception(self)
        self._renumber = False  # the ports come back under other paths
        self._relink = True
        self._boots = 0  # power cycles; what was to happen before one does not happen after it
        self._recovery: dict[str, asyncio.TimerHandle] = {}
        self._announced: dict[str, tuple[int, str]] = {}
        self._was_registered = False
        self._nagging = False
        self._saved: dict[str, Any] = {}  # settings that the module keeps over power cycles
        self.power_on()

    # power

    @property
    def port(self) -> Port | None:
        """The port that clients are to open; None while there is none."""
        main = self.ttys.main
        return None if main is None else main.port

    def power_on(self) -> None:
        """Plugged in: ports appear, volatile settings are at their defaults, the SIM comes up, boot URCs follow."""
        if not self.ttys.terminals:
            self.ttys.open(elsewhere=self._renumber, linked=self._relink)
        self.data_mode: DataMode | None = None
        self.settings = replace(self.default_settings(), **self._saved)
        self.powered = True
        self.cfun = 1
        self.deregistered = False
        self.pin_entered = False
        self.sim_ready = self.sms_ready = not self.realistic
        self._attached = not self.realistic
        self.output, self.interpreter = self.ttys.start()
        self.talking = self.interpreter  # that of the tty whose command is being carried out
        self._boot()
        for name in REGISTRATIONS:
            self._announced[name] = (self.registration_of(name), self.location(name, WITH_LOCATION))
        self._was_registered = self.registered
        self.network.flush(self)

    def _boot(self) -> None:
        personality = self.personality
        # Before the first client there is nobody to tell; after a replug there may be, and when nothing takes time
        # the messages come in the same order, only sooner.
        pace = 1.0 if self.realistic else BOOT_PACE if self._boots else 0.0
        if pace and personality.boot_noise:
            self.output.write(personality.boot_noise)
        self.deaf = bool(pace and personality.deaf_s)
        self.later(personality.deaf_s * pace, self._hear)
        for delay, text in personality.boot if pace else ():
            self.later(delay * pace, self.tell, text)
        self._nagging = personality.nag is not None
        self._nag()
        if self.realistic:
            self.later(personality.sim_ready_s, self._sim_up)
            self.later(personality.sms_ready_s, self._sms_up)
            self.later(personality.registered_s, self._attach)
            for period, text in personality.idle_urcs:
                self.later(period, self._idle, period, text)

    def power_off(self, *, ports_stay: bool = False) -> None:
        """The power goes, and with it the ports, unless they are of a serial bridge that has its own.

        Nothing that was under way is answered.
        """
        if self.powered:
            self.powered = False
            self._boots += 1
            self._saved = {name: getattr(self.settings, name) for name in self.personality.remembers}
            self.ttys.stop()
            self.reception.power_lost()
            self.network.left(self, powered=False)
        if not ports_stay and self.ttys.terminals:
            self.ttys.close(keep_links=not self._relink)

    def unplug(
        self, duration_s: float | None, *, renumber: bool = False, rename: str = "", relink: bool = True
    ) -> None:
        """Off now, and on again after `duration_s`; with None it stays off until `replug`.

        `renumber`: it comes back as another device; `rename`: under another link; without `relink` the link is left
        behind as it is.
        """
        self._relink, self._renumber = relink, renumber
        self.power_off()
        self.ttys.link_name = rename or self.ttys.link_name
        self.recover_after("plug", duration_s, self.replug)

    def restart_behind_port(self, absence_s: float) -> None:
        """A reboot that the port outlives, as one on a UART does. What is heard meanwhile is lost."""
        if not self.powered:
            return
        self.power_off(ports_stay=True)
        self.say(b"\0")
        self.recover_after("plug", absence_s, self.replug)

    def replug(self) -> None:
        if not self.powered:
            self.power_on()

    def reboot(self) -> None:
        """What AT+CFUN=1,1 and its vendor forms do: the port re-enumerates, or the UART is silent for that time."""
        absence_s = self.personality.reboot_s if self.realistic else SHORTEST_ABSENCE_S
        if self.personality.uart:
            self.restart_behind_port(absence_s)
        else:
            self.unplug(absence_s)

    def shut_down(self) -> None:
        """Off by a command or for want of voltage, until somebody gives power again (`replug`)."""
        self.power_off(ports_stay=self.personality.uart)

    def stop(self) -> None:
        for timer in self._recovery.values():
            timer.cancel()
        self.power_off()

    def default_settings(self) -> Settings:
        registers = {name: one.default for name, one in REGISTERS.items()}
        for own in (self.personality.calls.registers, self.personality.registers):
            registers |= {name: default for name, (default, _) in own.items()}
        keyed = self.personality.options.items()
        options = {f"{name}/{key}": value for name, values in keyed for key, value in values.items()}
        return Settings(memories=[self.personality.memory_default] * 3, registers=registers, options=options)

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
        if self.enabled(self.personality.idle_urcs_if):
            self.tell(text)
        self.later(period, self._idle, period, text)

    def _nag(self) -> None:
        nag = self.personality.nag
        if nag is not None and self._nagging:
            self.later(nag.period_s * (1 if self.realistic else BOOT_PACE), self._nag)
            self.tell(nag.text)

    def _hear(self) -> None:
        self.deaf = False

    def heard(self, line: str) -> None:
        """Called with each command line, before it is carried out."""
        if self._nagging and self.personality.nag is not None:
            self._nagging = not any(command in line.upper() for command in self.personality.nag.until)

    @property
    def sending(self) -> bool:
        """Whether a message is on its way out, from whichever tty."""
        return any(one.interpreter is not None and one.interpreter.sending for one in self.ttys.terminals)

    def enabled(self, setting: str) -> bool:
        """Whether a register or a keyed setting (`+QINDCFG/csq`) is on; "" always is."""
        value = self.settings.registers.get(setting, self.settings.options.get(setting, "0"))
        return not setting or str(value).split(",")[0] != "0"

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
        if not self.powered or self.cfun != 1 or self.deregistered or self.sim_state != "READY":
            return IDLE
        return (self.plight.registration or REGISTERED) if self._attached else SEARCHING

    @property
    def registered(self) -> bool:
        return self.registration in (REGISTERED, ROAMING)

    @property
    def radio(self) -> Conditions:
        """The conditions with what a fault makes of the signal."""
        if self.plight.rssi is None:
            return self.conditions
        return replace(self.conditions, rssi_dbm=LEAST_DBM + 2 * self.plight.rssi)

    def registration_of(self, name: str) -> int:
        """<stat> of +CREG, +CGREG or +CEREG; the last one is of LTE alone (27.007 10.1.22)."""
        return IDLE if name == "+CEREG" and self.conditions.access != "lte" else self.registration

    def registration_changed(self) -> None:
        """Tells the client where the network stands now, and takes what waited for it."""
        for name, level in self.settings.registration.items():
            now, before = (self.registration_of(name), self.location(name, WITH_LOCATION)), self._announced[name]
            self._announced[name] = now
            if now == before or (level < WITH_LOCATION and now[0] == before[0]):
                continue
            if level and (name, Op.READ) in self.handlers:
                self.urc(f"{name}: {now[0]}{self.location(name, level)}")
        if self.registered and not self._was_registered:
            self.network.flush(self)
        elif not self.registered and self._was_registered:
            self.network.left(self, powered=True)
        self._was_registered = self.registered

    def location(self, name: str, level: int) -> str:
        """Area, cell and technology, as +CREG=2 adds them."""
        if level != WITH_LOCATION or not self.registered or self.registration_of(name) == IDLE:
            return ""
        access = f",{self.conditions.technology.act}" if self.personality.tells_access else ""
        return f',"{AREA}","{self.conditions.cell}"{access}'

    def surround(self, **values: Any) -> None:
        """Changes signal, access, operator, heat or supply, and tells what the family tells of it.

        Raises RequestError where a value is out of its range or the family has no such access technology.
        """
        changed = replace(self.conditions, **values)
        check_conditions(changed, self.personality.accesses)
        texts = [text for setting, text in self.personality.radio_urcs if self.enabled(setting)]
        told = [filled(self, text) for text in texts]
        before, self.conditions = self.conditions.voltage_mv, changed
        for text, old in zip(texts, told, strict=True):
            if filled(self, text) != old:
                self.tell(text)
        self.registration_changed()
        for limit, warning, ends in self.personality.low_voltage:
            if before >= limit > changed.voltage_mv:
                self.urc(warning)
                if ends:
                    self.later(LAST_WORDS_S, self.shut_down)

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

    def new_sim(self, *, pin: str, number: str) -> Sim:
        """A SIM of that number, which has sent nothing yet."""
        first = (self.config.first_mr - 1) % 256
        return Sim(first, self.config.smsc or self.network.config.smsc, pin, self.config.puk, books=phonebooks(number))

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
        return charset.shown(text, self.settings.cscs)

    def understood(self, text: str) -> str:
        """The reverse of `shown`."""
        return charset.understood(text, self.settings.cscs)

    # traffic

    def urc(self, text: str) -> None:
        """Sends an unsolicited line; lines inside `text` are separated by CR LF."""
        if self.powered:
            self.ttys.unsolicited(f"\r\n{text}\r\n".encode("ascii", "replace"))

    def tell(self, text: str) -> None:
        """As `urc`, for a text of the personality."""
        self.urc(filled(self, text))

    def say(self, data: bytes) -> None:
        """Octets onto the port, past every fault; lost while there is no port."""
        if self.port is not None:
            self.recorder.said(data, lost=not self.port.write(data))

    def clients_gone(self) -> None:
        """The last client has closed the port."""
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
        """Empties every memory; what surrounds the modem is as configured again."""
        for memory in self.memories.values():
            memory.slots.clear()
            memory.silent = False
        self.conditions = configured(self.config, self.personality)
        self.sim.books = phonebooks(self.config.number)
        self.settings.listening.heard.clear()
        self.reception.forget()
        self.faults.reset()
