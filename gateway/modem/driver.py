"""One connection to a modem: opened, woken, set up, swept, then served until it ends. Single-use."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace

from gateway import at
from gateway.clock import Clock
from gateway.errors import ModemError
from gateway.modem import belonging, model, settings, sim, sim_names, submitter, usb
from gateway.modem.errors import CommandTimeout, NeedsRemedy, PortBusy, PortLost, Restarted
from gateway.modem.health import NetworkWatch
from gateway.modem.inbound import DIRECT, SLOTS, Inbound, delivered
from gateway.modem.lifecycle import Happening
from gateway.modem.model import Identity, LateSubmit, LineConfig, LineListener, Received, SubmitResult
from gateway.modem.profiles import Profile, detect, profiles
from gateway.modem.recorder import FlightRecorder
from gateway.modem.recovery import Remedy, Trouble
from gateway.modem.sequence import IDENTIFY, PDU_MODE, PREPARE, REPORTING, Setup, Step, keep, run_steps
from gateway.modem.serial_port import SerialPort
from gateway.modem.services import Services
from gateway.modem.session import Session
from gateway.modem.telemetry import Telemetry
from gateway.modem.turns import Priority
from gateway.modem.wake import SILENCE_ENDS, awaken

log = logging.getLogger(__name__)

SWEEP_S = 60.0
SWEEP_BLIND_S = 10.0  # where the modem gives no indications, and where something could not be stored
RETELL_S = 5.0  # after the listener could not note something
RESET_TIMEOUT_S = 15.0  # how long a restart may take to be confirmed; most modems vanish or answer at once
TIMEOUTS = 3  # commands in a row without an answer; then the port is opened anew

_SIM_CHANGED = ("+CPIN", "^SIMST", "+CSMINS", "+QSIMSTAT", "+QUSIM", "SIM not", "#QSS", "+UUSIMSTAT")
_WARNINGS = dict.fromkeys(("UNDER-VOLTAGE", "UNDER_VOLTAGE"), "low_voltage")  # "… WARNNING" on SIM800, spelt so
_SMS_READY = ("SMS Ready", "SMS DONE", "Call Ready", "+QIND: SMS DONE", "+PBREADY")


class Driver:
    """Runs one connection. `happened` and `changed` tell the supervisor what to show.

    `late`: late answers that were not told yet; `kept`: direct deliveries that were not stored yet. A modem gives them
    once, so they outlive the connection. `warned`: warnings of the modem and when each came last.
    """

    def __init__(
        self,
        config: LineConfig,
        listener: LineListener,
        recorder: FlightRecorder,
        guard: sim.PinGuard,
        late: deque[LateSubmit],
        kept: deque[Received],
        warned: dict[str, float],
        services: Services,
        names: sim_names.SimNames,
        clock: Clock,
        *,
        happened: Callable[[Happening], None],
        changed: Callable[[], None],
        remedy_due: Callable[[Trouble], bool],
        roots: usb.Roots = usb.SYSTEM,
    ) -> None:
        self.network = NetworkWatch(allow_roaming=config.allow_roaming)
        self.identity: Identity | None = None
        self.telemetry: Telemetry | None = None
        self.profile: Profile = profiles()["generic"]
        self.sim = "unknown"
        self.able = False
        self._config = config
        self._listener = listener
        self._recorder = recorder
        self._guard = guard
        self._names = names
        self._clock = clock
        self._happened = happened
        self._changed = changed
        self._remedy_due = remedy_due
        self._roots = roots
        self._needs: NeedsRemedy | None = None
        self._awake = False
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._late = late
        self._kept = kept
        self._warned = warned
        self._services = services
        self._inbound: Inbound | None = None
        self._early: deque[at.Urc] = deque(maxlen=SLOTS)  # direct deliveries from before the modem was set up
        self._session: Session | None = None
        self._port: SerialPort | None = None
        self._settings: settings.SmsSettings | None = None
        self._sim_check = False
        self._verify = False
        self._restarted = False
        self._sweep_due = 0.0
        self._late_due = 0.0
        self._timeouts = 0

    async def run(self, expect_late: bool, remedy: Remedy = Remedy.REOPEN) -> None:
        """Serve the modem until that is no longer possible. Raises PortLost, SimUnusable, NeedsRemedy, ModemError.

        `remedy`: what is done first, if it is one that the modem itself can do.
        """
        try:
            self._port = port = await SerialPort.open(self._config.port, self._config.baudrate)
        except PortBusy as error:
            raise await belonging.held(error, self._config.port, self._roots) from error
        self._recorder.note(f"opened {self._config.port}")
        self._happened(Happening.OPENED)
        session = Session(
            at.Engine(), port, self._recorder, on_urc=self._urc, on_late=self._came_late, on_lost=self._lost
        )
        self._session = session
        session.start()
        silence_s = self._config.late_reply_s if expect_late else 0
        try:
            await awaken(session, silence_s, lambda: bool(self._late) or self._restarted)
        except ModemError as error:
            raise await belonging.explained(error, self._config.port, self._roots) from error
        self._awake = True
        if remedy is Remedy.RESET:
            await self.reset()
            raise Restarted("the modem was restarted")
        if remedy is Remedy.RADIO:
            await session.run(at.cfun(4))
        await self._set_up(session)
        await self._serve(session)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Codes of what is wrong although the line works, for as long as it is."""
        return self._inbound.warnings if self._inbound is not None else ()

    def give_up(self, why: str, trouble: Trouble) -> None:
        """End the connection as soon as the modem is idle, because it needs a remedy. Nothing is submitted until then."""
        self._needs = self._needs or NeedsRemedy(why, trouble=trouble)
        if self.able:
            self.able = False
            self._listener.down(self._config.name)
        self._wake.set()

    async def close(self) -> None:
        """End the connection and give the port back."""
        self.able = False
        if self._session is not None:
            self._session.lose("closed")
        try:
            if self._port is not None:
                await self._port.close()
        finally:
            self._services.detach()
            for urc in self._early:
                self._kept.extend(delivered(urc))
            if self._inbound is not None:
                await self._inbound.leave()

    async def submit(self, pdu: str, length: int, gate: Awaitable[object] | None) -> SubmitResult:
        """As Line.submit."""
        if not self.able or self._session is None:
            submitter.discard(gate)
            return submitter.not_sent("not_ready", "the line is not ready to send")
        timeout = self._config.submit_timeout_s or self.profile.submit_timeout_s
        return await submitter.submit(self._session, pdu, length, timeout, gate, self.profile.errors)

    async def reset(self) -> None:
        """Restart the modem; the connection ends by itself. Raises PortLost."""
        session = self._session
        if session is None:
            return
        await session.turns.take_for_send()
        try:
            command = replace(at.from_text(self.profile.reset), timeout=RESET_TIMEOUT_S)
            await session.run(command)
        except CommandTimeout:
            log.info("%s: no answer to the reset", self._config.name)
        finally:
            session.turns.release()
            session.lose("the modem was reset")

    # --- set-up

    async def _set_up(self, session: Session) -> None:
        setup = Setup()
        await run_steps(session, (*PREPARE, *IDENTIFY), setup)
        belonging.check_imei(self._config, setup.imei)
        chosen = profiles().get(self._config.profile)
        self.profile = profile = chosen or detect(setup.manufacturer, setup.model, setup.ati)
        commands = await belonging.own_commands(self._config, profile, self._roots)
        await run_steps(session, [Step(text=text) for text in commands], setup)
        await self._radio_on(session)  # first: with the radio off some modems switch the SIM off too
        await belonging.check_iccid(self._config, session, profile)
        await sim.unlock(session, profile, self._guard, self._config.pin_file)
        self.sim = "ready"
        setup.iccid = await sim.read_iccid(session, profile)
        await run_steps(session, (Step(text="AT+CIMI", process=keep("imsi")), *REPORTING), setup)
        setup.iccid = self._names.name(setup.iccid, setup.imsi, self._config.name)
        self.identity = await self._identity(session, setup)
        self._changed()
        await run_steps(session, [PDU_MODE], setup, patience=profile.busy_retry_s)
        if self._config.smsc:
            await session.demand(at.from_text(f'AT+CSCA="{self._config.smsc}",{_toa(self._config.smsc)}'))
        self._settings = await settings.negotiate(session, profile, broadcast=bool(self._config.cell_broadcast))
        self._inbound = Inbound(
            session, self._listener, self._config.name, setup.iccid, profile, self._settings, self._kept
        )
        while self._early:
            self._inbound.note(self._early.popleft())
        self.telemetry = Telemetry(session, profile, self._loop.time(), self._clock)
        await self._first_sweep(session, self._inbound)
        await self.telemetry.refresh(self._loop.time())
        await self._services.attach(session, profile, self._wake.set)

    async def _identity(self, session: Session, setup: Setup) -> Identity:
        number = self._config.number or await sim.own_number(session)
        return Identity(
            imei=setup.imei,
            iccid=setup.iccid,
            imsi=setup.imsi,
            manufacturer=setup.manufacturer,
            model=setup.model,
            revision=setup.revision,
            number=number,
        )

    async def _radio_on(self, session: Session) -> None:
        done = await session.run(at.from_text("AT+CFUN?"))
        line = next((line.text for line in done.lines if line.text.startswith("+CFUN:")), "")
        if line and line.partition(":")[2].strip()[:1] in ("0", "4"):
            await session.demand(at.cfun(1))

    async def _first_sweep(self, session: Session, inbound: Inbound) -> None:
        inbound.want_sweep()
        self._sweep_due = self._loop.time() + self._sweep_period()
        while inbound.urgent:
            try:
                await inbound.step()
            except CommandTimeout as error:
                self._timed_out(error)
        await inbound.tell_released()

    # --- service

    async def _serve(self, session: Session) -> None:
        while True:
            self._wake.clear()
            await self._show()
            priority = self._wanted()
            if priority is None:
                session.turns.unclaim()
                await self._sleep()
                continue
            await session.turns.take_for_keeper(priority)
            try:
                await self._job(session)
                self._timeouts = 0
            except CommandTimeout as error:
                self._timed_out(error)
            finally:
                session.turns.release()

    async def _show(self) -> None:
        """Everything that is told outside of jobs: late answers, what was released, readiness."""
        session, inbound, telemetry = self._session, self._inbound, self.telemetry
        if session is None or inbound is None or telemetry is None:
            return
        if session.lost:
            raise PortLost(session.lost)
        await self._show_registration(telemetry)
        if self._late and self.able:
            await self._tell_late()
        if inbound.has_released and not inbound.urgent:
            await inbound.tell_released()
        self._changed()

    async def _show_registration(self, telemetry: Telemetry) -> None:
        self.network.judge(telemetry, self._loop.time())
        abroad = self.network.abroad(telemetry)
        if telemetry.registered and not abroad:
            await self._become_able()
            return
        if self.able:
            self.able = False
            self._sim_check = True  # it may be the SIM that went, and nothing else tells of that
            self._listener.down(self._config.name)
        self._happened(Happening.ABROAD if abroad else Happening.UNREGISTERED)
        if not abroad and self._remedy_due(Trouble.NO_NETWORK):
            self.give_up(f"no network for {self.network.searched_s:.0f} s", Trouble.NO_NETWORK)

    async def _become_able(self) -> None:
        if self.able or self._needs is not None or self.identity is None:
            return
        late = self._late[0] if self._late else None
        if not await self._told(self._listener.ready, self.identity, late):
            return
        if late is not None:
            self._late.popleft()
        self.able = True
        self._happened(Happening.REGISTERED)

    async def _tell_late(self) -> None:
        while self._late and await self._told(self._listener.late_submit, self._late[0]):
            self._late.popleft()

    async def _told(self, tell: Callable[..., Awaitable[None]], *what: object) -> bool:
        """Whether the listener has noted it. Late answers are evidence: what it cannot note now is told again later."""
        if self._loop.time() < self._late_due:
            return False
        try:
            await tell(self._config.name, *what)
        except Exception:
            log.exception("%s: a late answer was not noted", self._config.name)
            self._late_due = self._loop.time() + RETELL_S
            return False
        return True

    def _wanted(self) -> Priority | None:
        """How urgently the line is needed; None when there is nothing to do now."""
        inbound, telemetry, now = self._inbound, self.telemetry, self._loop.time()
        if inbound is None or telemetry is None:
            return None
        if now >= self._sweep_due:
            self._plan_sweep(inbound, now)
        telemetry.plan(now)
        if inbound.owes_acknowledge:
            return Priority.ACKNOWLEDGE
        if inbound.urgent or self._verify:
            return Priority.INBOUND
        if self._needs is not None:
            return Priority.TELEMETRY
        if self._sim_check or self._services.waiting or telemetry.due <= now:
            return Priority.TELEMETRY
        return None

    def _plan_sweep(self, inbound: Inbound, now: float) -> None:
        inbound.retry = False
        self._verify = True
        self._sim_check = True  # some modems lock or change their SIM without a word
        inbound.want_sweep()
        self._sweep_due = now + self._sweep_period()

    def _sweep_period(self) -> float:
        return SWEEP_S if self._settings is not None and self._settings.indicated else SWEEP_BLIND_S

    async def _job(self, session: Session) -> None:
        """The most urgent job, chosen anew because what is urgent may have come while we waited for the turn."""
        inbound, telemetry = self._inbound, self.telemetry
        if inbound is None or telemetry is None or self._settings is None:
            return
        if inbound.indicated:
            await inbound.step()
        elif self._verify:
            self._verify = False
            await settings.verify(session, self._settings)
            inbound.forget_selection()
        elif inbound.urgent:
            await inbound.step()
        elif self._needs is not None:
            raise self._needs  # here the modem has nothing in hand
        elif self._sim_check:
            self._sim_check = False
            await sim.check(session)
            await self._same_sim(session)
        elif self._services.waiting:
            await self._services.step(session)
        else:
            await telemetry.step()
        if inbound.retry:
            self._sweep_due = min(self._sweep_due, self._loop.time() + SWEEP_BLIND_S)

    async def _same_sim(self, session: Session) -> None:
        """Raises PortLost when another SIM answers: what is received from here on belongs to that one."""
        found = await sim.read_iccid(session, self.profile)
        if found and self.identity is not None and not belonging.same_sim(self.identity.iccid, found):
            raise PortLost("another SIM was put in")

    async def _sleep(self) -> None:
        telemetry = self.telemetry
        until = self._sweep_due if telemetry is None else min(self._sweep_due, telemetry.due)
        if self._late:
            until = min(until, self._late_due)
        if self._inbound is not None and self._inbound.has_released:
            until = min(until, self._loop.time() + RETELL_S)
        try:
            async with asyncio.timeout_at(until):
                await self._wake.wait()
        except TimeoutError:
            return  # something is due

    def _timed_out(self, error: CommandTimeout) -> None:
        log.warning("%s: %s", self._config.name, error)
        if self._inbound is not None:
            self._inbound.forget_selection()
        self._sweep_due = min(self._sweep_due, self._loop.time() + SWEEP_BLIND_S)  # it may have been a message
        self._timeouts += 1
        if self._timeouts >= TIMEOUTS:
            raise ModemError(f"{self._timeouts} commands in a row were not answered") from error

    # --- called from the read callback: only note what there is to do

    def _urc(self, urc: at.Urc) -> None:
        if self._inbound is None:
            if urc.name in DIRECT:  # the first sweep finds the others
                self._early.append(urc)
        elif self._inbound.note(urc):
            self._claim(Priority.ACKNOWLEDGE if self._inbound.owes_acknowledge else Priority.INBOUND)
        if self._services.note(urc):
            return
        if self.telemetry is not None and self.telemetry.note(urc):
            self._wake.set()
        elif urc.text.startswith(SILENCE_ENDS):
            self._restart(urc.text)
        elif urc.text.startswith(_SIM_CHANGED):
            self._sim_check = True
            self._wake.set()
        elif urc.text.startswith(_SMS_READY):
            self._sweep_due = 0.0
            self._wake.set()
        elif urc.name in _WARNINGS:
            self._warned[_WARNINGS[urc.name]] = self._loop.time()
            self._changed()

    def _claim(self, priority: Priority) -> None:
        if self._session is not None:
            self._session.turns.claim(priority)
        self._wake.set()

    def _restart(self, said: str) -> None:
        if not self._awake or self._session is None:
            self._restarted = True
        else:  # at once: a command of a job that goes on would meet other settings, and delete from another storage
            self._session.lose(f"the modem restarted by itself ({said})")

    def _came_late(self, late: model.LateSubmit) -> None:
        iccid = self.identity.iccid if self.identity is not None else ""
        self._late.append(replace(late, vendor=self.profile.errors, iccid=iccid))
        self._wake.set()

    def _lost(self, _reason: str) -> None:
        self._wake.set()


def _toa(number: str) -> int:
    """Type of address (23.040 9.1.2.5): 145 international, 129 unknown."""
    return 145 if number.startswith("+") else 129
