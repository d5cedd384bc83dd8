"""Finding out what is behind a port without changing anything: only questions are asked, and no setting is made.

What is sent: AT; ESC, which leaves a prompt that a killed program left open; then the queries of `QUERIES`, and those of
the profile that fits. None of them has a side effect.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

from gateway import at
from gateway.clock import Clock
from gateway.errors import ModemError
from gateway.modem import answers, sim
from gateway.modem.errors import CommandTimeout, PortLost
from gateway.modem.inbound import DIRECT, delivered
from gateway.modem.model import LateSubmit, Received
from gateway.modem.profiles import Profile, Query, detect
from gateway.modem.recorder import FlightRecorder
from gateway.modem.sequence import IDENTIFY, Setup, run_steps
from gateway.modem.serial_port import SerialPort
from gateway.modem.session import ESC, Session, late
from gateway.modem.telemetry import Telemetry
from gateway.modem.wake import awaken

HAILS = 3  # AT is said so often …
HAIL_S = 1.0  # … and so long is waited for its OK
_PROBES = 2
_KEPT = 65536  # octets of each direction

QUERIES = {
    "CPIN": "AT+CPIN?",
    "CFUN": "AT+CFUN?",
    "CSCA": "AT+CSCA?",
    "CPMS": "AT+CPMS?",
    "CPMS_OFFER": "AT+CPMS=?",
    "CNMI": "AT+CNMI?",
    "CNMI_OFFER": "AT+CNMI=?",
    "CSMS": "AT+CSMS?",
    "CMGF": "AT+CMGF?",
    "CNUM": "AT+CNUM",
    "CIMI": "AT+CIMI",
}
"""Name → question; the answer is kept as the modem gave it."""

_OK = re.compile(rb"(?:^|[\r\n])(?:OK\r?\n|0\r)")
_LATE = re.compile(rb"[\r\n](?:\+CMGS:|\+CMS ERROR:)[^\r\n]*\r")
_SENTENCE = re.compile(rb"\$G[A-Z]{4},")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a port told. `answers`: by the names of `QUERIES`, "" where refused; `commands`: all that was sent."""

    port: str
    setup: Setup
    profile: Profile
    sim: str
    pin_attempts: int | None
    registered: bool
    roaming: bool
    operator: str
    access: str
    rssi_dbm: int | None
    bars: int
    cell: str
    temperature_c: float | None
    voltage_mv: int | None
    answers: dict[str, str] = field(default_factory=dict)
    commands: tuple[str, ...] = ()


class NoModem(ModemError):
    """Nothing behind the port answers AT. `heard`: "nothing", "nmea", "binary" or "text"."""

    def __init__(self, message: str, *, heard: str) -> None:
        super().__init__(message)
        self.heard = heard


_HEARD = {
    "nothing": "nothing answers",
    "nmea": "it prints position sentences (NMEA) and does not answer AT",
    "binary": "it speaks a binary protocol (a diagnosis port?) and does not answer AT",
    "text": "it says something, but does not answer AT",
}


class _Ear(FlightRecorder):
    """Keeps the commands that were written and the beginning of what was heard."""

    def __init__(self, port: str, clock: Clock) -> None:
        super().__init__(port, clock)
        self.heard = bytearray()
        self.written = bytearray()

    def record(self, mark: str, data: bytes) -> None:
        kept = self.heard if mark == "<" else self.written
        kept += data[: max(0, _KEPT - len(kept))]

    def commands(self) -> tuple[str, ...]:
        text = self.written.replace(ESC, b"<ESC>\r").decode("ascii", "replace")
        return tuple(dict.fromkeys(line for line in text.split("\r") if line))


@dataclass(slots=True)
class Overheard:
    """What a modem told meanwhile and tells only once: answers to submits of before, and direct deliveries."""

    late: list[LateSubmit] = field(default_factory=list)
    direct: list[Received] = field(default_factory=list)

    def note(self, urc: at.Urc) -> None:
        if urc.name in DIRECT:
            self.direct.extend(delivered(urc))

    def read(self, octets: bytes) -> None:
        """Take in what came before there was a session."""
        engine = at.Engine()
        engine.receive(octets, 0.0)
        while (event := engine.next_event()) is not None:
            if isinstance(event, at.LateSubmit):
                self.late.append(late(event.mr, event.final))
            elif isinstance(event, at.Urc):
                self.note(event)


async def identify(
    port: str, baudrate: int, clock: Clock, *, overheard: Overheard | None = None, silence_s: float = 0
) -> tuple[str, str]:
    """IMEI and ICCID behind `port`, "" for what is not told. Raises NoModem, PortBusy, PortLost, ModemError.

    `silence_s`: how long nothing is said first, because a modem may owe the answer to a submit.
    """
    kept = overheard if overheard is not None else Overheard()
    async with _asking(port, baudrate, clock, kept, silence_s) as (session, _):
        setup = Setup()
        await run_steps(session, IDENTIFY, setup)
        return setup.imei, await _iccid(session, _profile(setup))


async def examine(port: str, baudrate: int, clock: Clock) -> Report:
    """Everything that can be learned without changing the modem. Raises NoModem, PortBusy, PortLost, ModemError."""
    async with _asking(port, baudrate, clock, Overheard()) as (session, ear):
        setup = Setup()
        await run_steps(session, IDENTIFY, setup)
        profile = _profile(setup)
        given = {name: await _line(session, text) for name, text in QUERIES.items()}
        setup.iccid = await _iccid(session, profile)
        setup.imsi = given.pop("CIMI")
        setup.number = [*answers.fields(given["CNUM"]), "", ""][1]
        attempts = await _attempts(session, profile)
        radio = Telemetry(session, _harmless(profile), asyncio.get_running_loop().time())
        await radio.refresh(asyncio.get_running_loop().time(), everything=True)
        return Report(
            port=port,
            setup=setup,
            profile=profile,
            sim=await sim.wanted(session, patience=0),
            pin_attempts=attempts,
            registered=radio.registered,
            roaming=radio.roaming,
            operator=radio.operator,
            access=radio.access,
            rssi_dbm=radio.rssi_dbm,
            bars=radio.bars,
            cell=radio.cell,
            temperature_c=radio.temperature_c,
            voltage_mv=radio.voltage_mv,
            answers=given,
            commands=ear.commands(),
        )


def is_question(command: str) -> bool:
    """Whether a query of a profile only asks: no `=` but `=?`, and reading a file of the SIM (27.007 8.18)."""
    return "=" not in command.replace("=?", "") or command.startswith("AT+CRSM=176,")


def hears(octets: bytes) -> str:
    """What kind of thing a port says that does not answer AT."""
    if not octets:
        return "nothing"
    if _SENTENCE.search(octets):
        return "nmea"
    strange = sum(octet > 0x7E or (octet < 0x20 and octet not in b"\r\n\t") for octet in octets)
    return "binary" if strange * 5 > len(octets) else "text"


@asynccontextmanager
async def _asking(
    port: str, baudrate: int, clock: Clock, overheard: Overheard, silence_s: float = 0
) -> AsyncIterator[tuple[Session, _Ear]]:
    """A session with a modem that answers; the port is given back at the end."""
    ear = _Ear(port, clock)
    tty = await SerialPort.open(port, baudrate)
    session: Session | None = None
    try:
        try:
            answers_at = await _hail(tty, ear, silence_s)
        finally:
            overheard.read(bytes(ear.heard))
        if not answers_at:
            heard = hears(bytes(ear.heard))
            raise NoModem(f"{port}: {_HEARD[heard]}", heard=heard)
        session = Session(at.Engine(), tty, ear, on_urc=overheard.note, on_late=overheard.late.append, on_lost=_ignore)
        session.start()
        await awaken(session, 0, lambda: False, probes=_PROBES)
        yield session, ear
    finally:
        if session is not None:
            session.lose("closed")
        await tty.close()


async def _hail(tty: SerialPort, ear: _Ear, silence_s: float) -> bool:
    """Whether something says OK to AT. Cheaper than a session: most ttys of a modem answer nothing."""
    answered, said = asyncio.Event(), asyncio.Event()

    def heard(data: bytes) -> None:
        ear.record("<", data)
        if _LATE.search(ear.heard):
            said.set()
        if _OK.search(ear.heard):
            answered.set()

    lost: list[str] = []

    def gone(reason: str) -> None:
        lost.append(reason)
        said.set()
        answered.set()

    tty.attach(heard, gone)
    if silence_s:
        with suppress(TimeoutError):
            async with asyncio.timeout(silence_s):
                await said.wait()
    for hail in range(HAILS):
        for data in (ESC, b"AT\r") if hail else (b"AT\r",):
            ear.record(">", data)
            tty.write(data)
        try:
            async with asyncio.timeout(HAIL_S):
                await answered.wait()
        except TimeoutError:
            continue
        if lost:
            raise PortLost(lost[0])
        return True
    return False


def _ignore(_: object) -> None:
    return


def _profile(setup: Setup) -> Profile:
    return detect(setup.manufacturer, setup.model, setup.ati)


def _harmless(profile: Profile) -> Profile:
    """The profile without what would set something to learn a value."""
    temperature, voltage = profile.temperature, profile.voltage
    return replace(
        profile,
        temperature=temperature if temperature is not None and is_question(temperature.command) else None,
        voltage=voltage if voltage is not None and is_question(voltage.command) else None,
    )


def _questions(queries: tuple[Query, ...]) -> tuple[Query, ...]:
    return tuple(query for query in queries if is_question(query.command))


async def _iccid(session: Session, profile: Profile) -> str:
    return await sim.read_iccid(session, replace(profile, iccid=_questions(profile.iccid)), patience=0)


async def _attempts(session: Session, profile: Profile) -> int | None:
    return await sim.attempts_left(session, replace(profile, pin_attempts=_questions(profile.pin_attempts)))


async def _line(session: Session, text: str) -> str:
    """The answer of a question without its prefix, "" where it is refused or not answered."""
    try:
        done = await session.run(at.from_text(text))
    except CommandTimeout:
        return ""
    if not done.ok or not done.lines:
        return ""
    line = done.lines[0].text
    return line.partition(":")[2].strip() if line.startswith("+") else line.strip()
