"""A session: one open port and the AT engine on it. Single-use; the supervisor makes a new one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections import deque
from collections.abc import Callable

from gateway.at import (
    Command,
    Completed,
    Engine,
    Event,
    Fenced,
    Final,
    FinalKind,
    LateSubmit,
    Noise,
    PromptReady,
    TimedOut,
    Urc,
)
from gateway.at.commands import command_name  # parameters can be secret: a PIN
from gateway.errors import ModemError
from gateway.modem import model
from gateway.modem.errors import CommandRefused, CommandTimeout, PortLost
from gateway.modem.recorder import FlightRecorder, redact
from gateway.modem.serial_port import SerialPort
from gateway.modem.turns import Turns

log = logging.getLogger(__name__)

ESC = b"\x1b"
_COMMAND_EVENTS = (Completed, PromptReady, TimedOut)


class Session:
    """Feeds the engine, keeps its deadline, and hands its events to who waits.

    `on_urc`, `on_late` and `on_lost` are called from the read callback: they only note what there is to do.
    """

    def __init__(
        self,
        engine: Engine,
        port: SerialPort,
        recorder: FlightRecorder,
        *,
        on_urc: Callable[[Urc], None],
        on_late: Callable[[model.LateSubmit], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self.turns = Turns()
        self.lost = ""
        self.quiet_since = 0.0
        self._engine = engine
        self._port = port
        self._recorder = recorder
        self._on_urc = on_urc
        self._on_late = on_late
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._events: deque[Completed | PromptReady | TimedOut] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._idle: asyncio.Future[None] | None = None
        self._aborted = False
        self._orphaned = False
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to read."""
        self.quiet_since = self._loop.time()
        self._port.attach(self._received, self.lose)

    async def run(self, command: Command) -> Completed:
        """Run one command to its final result, whatever that is. Raises CommandTimeout or PortLost."""
        await self.begin(command)
        event = await self.event()
        if isinstance(event, Completed):
            return event
        if isinstance(event, TimedOut):
            raise CommandTimeout(f"no answer to AT{command_name(command.text)} within {command.timeout:g} s")
        raise ModemError(f"unexpected prompt after AT{command_name(command.text)}")

    async def demand(self, command: Command) -> Completed:
        """As `run`, for a command that has to work. Raises CommandRefused otherwise."""
        done = await self.run(command)
        if not done.ok:
            raise CommandRefused(
                f"AT{command_name(command.text)} was answered by {cause(done.final)}", cause=cause(done.final)
            )
        return done

    async def begin(self, command: Command) -> None:
        """Write `command`, after a fence that may still be going on. Its events come from `event`."""
        await self.idle()
        self._events.clear()
        self._aborted = self._orphaned = False
        self._engine.send(command, self._loop.time())
        self._flush()

    async def idle(self) -> None:
        """Wait until no command and no fence is going on. Raises PortLost."""
        while not self._engine.idle:
            self.check()
            self._idle = self._loop.create_future()
            await self._idle
        self.check()

    async def event(self) -> Completed | PromptReady | TimedOut:
        """The next event of the command in flight. Raises PortLost."""
        if not self._events:
            self.check()
            self._waiter = self._loop.create_future()
            await self._waiter
        return self._events.popleft()

    def pending(self) -> bool:
        """True when an event of the command in flight is there already."""
        return bool(self._events)

    def send_payload(self) -> None:
        """Write the payload at the prompt. Raises PortLost."""
        self._engine.send_payload(self._loop.time())
        self._flush()

    async def drain(self) -> None:
        """Wait until everything written has left. Raises PortLost or ModemError."""
        if not self._port.drained():
            await self._port.drain()

    def send_end(self) -> None:
        """Write Ctrl-Z. Raises PortLost if it was not written."""
        self._engine.send_end(self._loop.time())
        self._flush()

    def abort(self) -> None:
        """Leave the prompt by ESC. The engine fences afterwards; a lost port needs no leaving."""
        if self.lost or self._engine.idle:
            return
        self._aborted = True
        self._engine.abort(self._loop.time())
        with contextlib.suppress(PortLost):
            self._flush()

    def abandon(self) -> None:
        """Nobody waits for the submit in flight any more: its answer becomes a late one."""
        self._orphaned = True

    def last_word(self) -> Completed | None:
        """What the command in flight came to when nothing more can come: a reference counts without its OK."""
        self._engine.tick(math.inf)
        while (event := self._engine.next_event()) is not None:
            if isinstance(event, Completed):
                return event
        return None

    def write_raw(self, data: bytes) -> None:
        """Write past the engine, which must be idle: ESC at start-up. Raises PortLost."""
        self.check()
        self._write(data)

    def lose(self, reason: str) -> None:
        """This session is over; who waits gets PortLost. The first reason wins."""
        if self.lost:
            return
        self.lost = reason
        self._recorder.note(reason)
        if self._timer is not None:
            self._timer.cancel()
        self.turns.close(reason)
        for waiter in (self._waiter, self._idle):
            if waiter is not None and not waiter.done():
                waiter.set_exception(PortLost(reason))
        self._on_lost(reason)

    def check(self) -> None:
        """Raises PortLost when the session is over."""
        if self.lost:
            raise PortLost(self.lost)

    def _received(self, data: bytes) -> None:
        self._recorder.record("<", data)
        self.quiet_since = self._loop.time()
        try:
            self._engine.receive(data, self.quiet_since)
            self._pump()
        except Exception as error:
            # in a callback of the loop it would go unseen and leave the line deaf
            log.exception("%s: reading failed", self._port.path)
            self.lose(f"internal error: {error}")

    def _tick(self) -> None:
        self._timer = None
        now = self._loop.time()
        deadline = self._engine.deadline
        try:
            if deadline is not None and deadline <= now:
                self._engine.tick(now)
            self._pump()
        except Exception as error:
            log.exception("%s: a timer failed", self._port.path)
            self.lose(f"internal error: {error}")

    def _pump(self) -> None:
        """Shell order: take the events, write, set the deadline, then hand out."""
        events = []
        while (event := self._engine.next_event()) is not None:
            events.append(event)
        with contextlib.suppress(PortLost):  # `lose` has told already
            self._flush()
        for event in events:
            self._dispatch(event)
        if self._idle is not None and not self._idle.done() and self._engine.idle:
            self._idle.set_result(None)

    def _flush(self) -> None:
        if data := self._engine.data_to_send():
            self._write(data)
        self._arm()

    def _write(self, data: bytes) -> None:
        self._recorder.record(">", data)
        try:
            self._port.write(data)
        except PortLost as error:
            self.lose(str(error))
            raise

    def _arm(self) -> None:
        """One timer serves all commands: it is moved only when a deadline is nearer than it, else it looks again."""
        deadline = self._engine.deadline
        if deadline is None or self.lost:
            return
        if self._timer is not None:
            if self._timer.when() <= deadline:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline, self._tick)

    def _dispatch(self, event: Event) -> None:
        if isinstance(event, _COMMAND_EVENTS):
            self._command_event(event)
        elif isinstance(event, Urc):
            self._on_urc(event)
        elif isinstance(event, LateSubmit):
            self._on_late(late(event.mr, event.final))
        elif isinstance(event, Fenced):
            if not event.answered:
                self.lose("the modem does not answer")
        elif isinstance(event, Noise):
            log.debug("%s: noise: %.80r", self._port.path, redact(event.text))

    def _command_event(self, event: Completed | PromptReady | TimedOut) -> None:
        if self._orphaned and isinstance(event, Completed):
            self._on_late(late(reference(event), event.final))
        if self._orphaned or self._aborted:
            return
        self._events.append(event)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def cause(final: Final | None) -> str:
    """An error result as a word: "cms:38", "cme:14", "error" …; "" for OK."""
    if final is None or final.kind is FinalKind.OK:
        return ""
    name = final.kind.name.lower()
    return name if final.code is None else f"{name}:{final.code}"


def reference(done: Completed) -> int | None:
    """The message reference of a `+CMGS: <mr>` line."""
    for line in done.lines:
        if line.text.startswith("+CMGS:"):
            digits = line.text[6:].split(",")[0].strip()
            if digits.isdigit():
                return int(digits) & 0xFF
    return None


def late(mr: int | None, final: Final | None) -> model.LateSubmit:
    """The engine's late answer in the words of this package."""
    return model.LateSubmit(mr=mr, error="" if mr is not None else cause(final))
