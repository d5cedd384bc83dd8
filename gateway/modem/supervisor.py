"""One configured line, for ever: connect, serve, and when that ends connect again, with growing pauses."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from gateway.clock import Clock
from gateway.errors import ModemError
from gateway.modem import power, submitter, usb
from gateway.modem.discovery import Finder, Wanted
from gateway.modem.driver import Driver
from gateway.modem.errors import NeedsRemedy, PortBusy, PortLost, Restarted, SimUnusable, WrongModem
from gateway.modem.health import SubmitHealth
from gateway.modem.inbound import SLOTS
from gateway.modem.lifecycle import SET_UP, Happening, State, after
from gateway.modem.model import (
    LateSubmit,
    LineConfig,
    LineListener,
    LineState,
    Received,
    SubmitOutcome,
    SubmitResult,
)
from gateway.modem.profiles import Profile
from gateway.modem.recorder import FlightRecorder
from gateway.modem.recovery import Ladder, Remedy, Trouble
from gateway.modem.services import Services
from gateway.modem.sim import PinGuard
from gateway.modem.sim_names import SimNames
from gateway.modem.usb_ids import Id

log = logging.getLogger(__name__)

# Seconds before the next try. An absent port costs nothing to look for; a modem that fails wants to be left alone.
PAUSES_ABSENT: tuple[float, ...] = (0.1, 0.2, 0.3, 0.5, 1.0, 2.0)
PAUSES_FAILED: tuple[float, ...] = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
PAUSE_SIM = 10.0
MAX_LATE = 64  # late answers that wait to be told; a modem owes one
WARNED_S = 300.0  # a warning that was not repeated for so long is over
STEADY_S = 30.0  # served for so long: the next failure is a new one

_SIM_HAPPENINGS = {"pin": Happening.SIM_PIN, "puk": Happening.SIM_PUK}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unstored:
    """What a modem told once and the listener could not note yet. It outlives connections, and may outlive its `Line`.

    `late`: answers to earlier submits; `kept`: what was delivered directly.
    """

    late: deque[LateSubmit] = field(default_factory=lambda: deque(maxlen=MAX_LATE))
    kept: deque[Received] = field(default_factory=lambda: deque(maxlen=SLOTS))


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """How a connection ended. `pauses`: seconds before the next tries; `trouble`: what the ladder is to treat."""

    happening: Happening
    pauses: tuple[float, ...]
    trouble: Trouble | None = None


class Line:
    """One configured modem. `run` is its one task; `submit` may be called from any task of the same loop."""

    def __init__(
        self,
        config: LineConfig,
        listener: LineListener,
        clock: Clock,
        *,
        expect_late: Callable[[], bool] = lambda: False,
        guard: PinGuard | None = None,
        recorder: FlightRecorder | None = None,
        finder: Finder | None = None,
        unstored: Unstored | None = None,
        names: SimNames | None = None,
    ) -> None:
        """`expect_late`: asked at every open whether the answer to an earlier submit may still come.

        `guard`: what was tried with which PIN, shared by all lines since a SIM can change places. `recorder`: one that
        keeps the traffic elsewhere too. `finder`: finds modems that are not named by a port, or came back on another
        one; shared by all lines. `unstored`: of the line that was here before, where the database was begun anew.
        `names`: how SIMs were called before; shared by all lines.
        """
        self.config = config
        self.recorder = recorder if recorder is not None else FlightRecorder(config.name, clock)
        self.services = Services(config, listener)
        self._listener = listener
        self._expect_late = expect_late
        self._guard = guard if guard is not None else PinGuard()
        self._names = names if names is not None else SimNames()
        self._finder = finder
        self._clock = clock
        if finder is not None:
            finder.owes(config.name, lambda: config.late_reply_s if expect_late() else 0.0)
        self._path = config.port  # where the modem is, or was last
        self._usb_id: frozenset[Id] = frozenset()  # of the device that was there
        self._ladder = Ladder()
        self._health = SubmitHealth()
        self._remedy = Remedy.REOPEN  # for the next connection
        self._unstored = unstored if unstored is not None else Unstored()
        self._warned: dict[str, float] = {}  # warning -> loop time; outlives the connection that it may have ended
        self._driver: Driver | None = None
        self._phase = State.CONNECTING
        self._error = ""
        self._sim = "unknown"
        self._shown = LineState(state=State.CONNECTING.value)
        self._failures = 0
        self._set_up_at: float | None = None  # loop time at which this connection began to serve
        self._told = False

    @property
    def state(self) -> LineState:
        """What was last told to the listener."""
        return self._shown

    @property
    def profile(self) -> Profile | None:
        """The profile of the modem that is connected, None while there is none."""
        return self._driver.profile if self._driver is not None else None

    async def run(self) -> None:
        """Keep the line going until cancelled; then the port is given back."""
        self._changed()
        try:
            while True:
                pause = await self._connection()
                await asyncio.sleep(pause)
        finally:
            self._happened(Happening.STOPPED)

    async def submit(self, pdu: str, length: int, *, gate: Awaitable[object] | None = None) -> SubmitResult:
        """Send one SMS-SUBMIT: `pdu` hex with SC address, `length` TPDU octets without it (27.005 4.3).

        At the prompt `gate` is awaited before the first octet of the PDU leaves; what it raises is raised here, and
        nothing was sent then. Trouble with the modem never raises: the result says what is known. A line that is not
        ready answers NOT_SENT at once; its gate is not awaited then.
        """
        driver = self._driver
        if driver is None:
            submitter.discard(gate)
            return submitter.not_sent("not_ready", "the line is not connected")
        result = await driver.submit(pdu, length, gate)
        if result.outcome is SubmitOutcome.SENT:
            self._ladder.over(Trouble.DEAF)
        if why := self._health.note(result, asyncio.get_running_loop().time()):
            self._health.forget()
            driver.give_up(why, Trouble.DEAF)
        return result

    async def reset(self) -> None:
        """Restart the modem and set it up anew. Raises ModemError when there is none to be reset."""
        if self._driver is None:
            raise ModemError(f"{self.config.name} is not connected")
        await self._driver.reset()

    async def _connection(self) -> float:
        """One connection from open to end, and what is done about the end; the pause before the next, in seconds."""
        self._set_up_at = None
        try:
            self._path = await self._locate()
            await self._serve(self._new_driver())
        except ModemError as error:
            why, end = str(error), self._end(error)
        except Exception as error:
            # a defect of ours must not end the other lines, nor this one for good
            log.exception("%s: the driver failed", self.config.name)
            why, end = f"internal error: {error}", _End(happening=Happening.FAILED, pauses=PAUSES_FAILED)
        if self._served():
            self._failures = 0
            self._ladder.over(Trouble.ABSENT, Trouble.SILENT, Trouble.BROKEN, Trouble.NO_SIM)
        await self._treat(end, why)
        return self._pause(end.pauses)

    def _served(self) -> bool:
        """Whether this connection did its work for a while. To find, wake and set up a modem in vain can take as long."""
        return self._set_up_at is not None and asyncio.get_running_loop().time() - self._set_up_at >= STEADY_S

    def _new_driver(self) -> Driver:
        loop = asyncio.get_running_loop()
        self._driver = Driver(
            replace(self.config, port=self._path),
            self._listener,
            self.recorder,
            self._guard,
            self._unstored.late,
            self._unstored.kept,
            self._warned,
            self.services,
            self._names,
            self._clock,
            happened=self._happened,
            changed=self._changed,
            remedy_due=lambda trouble: self._ladder.due(trouble, loop.time(), self._possible()),
            roots=self._finder.roots if self._finder is not None else usb.SYSTEM,
        )
        return self._driver

    async def _locate(self) -> str:
        """Where the modem is. Raises PortLost when it has to be looked for and is not there.

        A configured port that has gone may have come back under another name: then the same modem is looked for, among
        devices of its kind only, since asking is not harmless to everything that has a tty.
        """
        config, finder = self.config, self._finder
        if finder is None or (config.port and await asyncio.to_thread(os.path.exists, config.port)):
            return config.port
        if not config.port:
            wanted = Wanted(imei=config.imei, iccid=config.iccid)
            return await finder.locate(config.name, wanted, config.baudrate)
        if not self._shown.imei or not self._usb_id:
            return config.port
        try:
            return await finder.locate(config.name, Wanted(imei=self._shown.imei, ids=self._usb_id), config.baudrate)
        except PortLost:
            return config.port

    def _end(self, error: ModemError) -> _End:
        """What the end of a connection means."""
        if isinstance(error, SimUnusable):
            self._sim = error.sim
            trouble = Trouble.NO_SIM if error.sim == "missing" else None
            happening = _SIM_HAPPENINGS.get(error.sim, Happening.SIM_MISSING)
            return _End(happening=happening, pauses=(PAUSE_SIM,), trouble=trouble)
        if isinstance(error, NeedsRemedy):
            return _End(happening=Happening.FAILED, pauses=PAUSES_ABSENT, trouble=error.trouble)
        if isinstance(error, WrongModem):
            if self._finder is not None:
                self._finder.forget(self._path)
            return _End(happening=Happening.FAILED, pauses=PAUSES_FAILED)
        if isinstance(error, PortBusy):
            return _End(happening=Happening.FAILED, pauses=PAUSES_ABSENT)
        if isinstance(error, Restarted):
            return _End(happening=Happening.PORT_LOST, pauses=PAUSES_ABSENT)
        if isinstance(error, PortLost):
            trouble = Trouble.SILENT if os.path.exists(self._path) else Trouble.ABSENT
            return _End(happening=Happening.PORT_LOST, pauses=PAUSES_ABSENT, trouble=trouble)
        return _End(happening=Happening.FAILED, pauses=PAUSES_FAILED, trouble=Trouble.BROKEN)

    # --- remedies

    def _possible(self) -> frozenset[Remedy]:
        """What can be done with this modem when it does not do its work."""
        possible = {Remedy.RADIO, Remedy.RESET}
        if power.authorized_file(self._path) is not None:
            possible.add(Remedy.REAUTHORISE)
        if self.config.power_cycle:
            possible.add(Remedy.POWER)
        return frozenset(possible)

    async def _treat(self, end: _End, why: str) -> None:
        """Tell what happened; do now, or have the next connection do, what is due about it."""
        now = asyncio.get_running_loop().time()
        remedy = Remedy.REOPEN if end.trouble is None else self._ladder.next(end.trouble, now, self._possible())
        strong = remedy is not Remedy.REOPEN
        self._ended(end.happening, f"{why}; next: {remedy.value}" if strong else why)
        self._remedy = remedy
        if strong:
            self.recorder.note(f"remedy: {remedy.value}")
        if remedy is Remedy.POWER:
            await power.power_cycle(self.config.power_cycle)
        elif remedy is Remedy.REAUTHORISE and (switch := power.authorized_file(self._path)) is not None:
            await power.reauthorise(switch)

    async def _serve(self, driver: Driver) -> None:
        """Run the connection to its end, tell that it is down, and give the port back."""
        finder = self._finder
        try:
            if finder is not None:
                tty = finder.hold(self.config.name, self._path)
                self._usb_id = frozenset({tty.device.id}) if tty is not None else self._usb_id
                heard = finder.overheard(self._path)
                self._unstored.late.extend(heard.late)
                self._unstored.kept.extend(heard.direct)
            remedy, self._remedy = self._remedy, Remedy.REOPEN
            await driver.run(self._expect_late(), remedy)
        finally:
            self._driver = None
            if driver.able:
                driver.able = False
                self._listener.down(self.config.name)
            await driver.close()
            if finder is not None:
                finder.release(self.config.name)

    def _pause(self, pauses: tuple[float, ...]) -> float:
        pause = pauses[min(self._failures, len(pauses) - 1)]
        self._failures += 1
        return pause

    def _ended(self, happening: Happening, why: str) -> None:
        if why != self._error:
            log.warning("%s: %s", self.config.name, why)
        self._error = why
        self._happened(happening)

    def _happened(self, happening: Happening) -> None:
        self._phase = after(self._phase, happening)
        if happening is Happening.REGISTERED:
            self._ladder.over(Trouble.NO_NETWORK)
        if self._phase in SET_UP:
            self._error = ""
            self._set_up_at = self._set_up_at or asyncio.get_running_loop().time()
        self._changed()

    def _changed(self) -> None:
        """Tell the listener when what there is to show is not what was shown."""
        state = self._snapshot()
        if state != self._shown or not self._told:
            self._shown, self._told = state, True
            self._listener.state_changed(self.config.name, state)

    def _snapshot(self) -> LineState:
        driver = self._driver
        identity = driver.identity if driver is not None else None
        telemetry = driver.telemetry if driver is not None else None
        if driver is None or telemetry is None or self._phase not in SET_UP:
            return LineState(
                state=self._phase.value,
                sim=driver.sim if driver is not None and driver.sim != "unknown" else self._sim,
                imei=identity.imei if identity is not None else self._shown.imei,
                iccid=identity.iccid if identity is not None else "",
                number=identity.number if identity is not None else self.config.number,
                error=self._error,
                warnings=self._warnings(),
            )
        return LineState(
            state=self._phase.value,
            registered=telemetry.registered,
            operator=telemetry.operator,
            access=telemetry.access,
            rssi_dbm=telemetry.rssi_dbm,
            bars=telemetry.bars,
            roaming=telemetry.roaming,
            sim=driver.sim,
            imei=identity.imei if identity is not None else "",
            iccid=identity.iccid if identity is not None else "",
            number=identity.number if identity is not None else self.config.number,
            temperature_c=telemetry.temperature_c,
            voltage_mv=telemetry.voltage_mv,
            cell=telemetry.cell,
            error=self._error or driver.network.notice,
            warnings=self._warnings(),
        )

    def _warnings(self) -> tuple[str, ...]:
        lasting = self._driver.warnings if self._driver is not None else ()
        if not self._warned:
            return lasting
        since = asyncio.get_running_loop().time() - WARNED_S
        return tuple(sorted({code for code, at in self._warned.items() if at > since} | {*lasting}))
