"""The real rules over the real database, with a clock that stands still and lines that answer as they are told."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.messaging import LineSettings, Service, Settings
from gateway.messaging.model import CommandResult, Origin, Segment, SendRequest
from gateway.pdu import (
    Address,
    Deliver,
    Direction,
    StatusReport,
    Submit,
    Timestamp,
    decode_frame,
    encode_frame,
    segment,
)
from gateway.store import SqliteStore
from tests.messaging.fast import FastClock, FastLoop, patience
from tests.support.clock import ManualClock

PATIENCE = 5.0
ORIGIN = Origin(edge="test", wants_result=True)


def run(scenario: Coroutine[Any, Any, None], *, speed: float = 1.0) -> None:
    """Runs a scenario to its end. `speed`: how many of the loop's seconds pass in a real one (see `FastClock`)."""

    async def bounded() -> None:
        async with patience(30):
            await scenario

    with asyncio.Runner(loop_factory=lambda: FastLoop(speed)) as runner:
        runner.run(bounded())


async def until(condition: Callable[[], Any] | Callable[[], Awaitable[Any]], what: str) -> Any:
    """Waits for something that nothing announces."""
    try:
        async with patience(PATIENCE):
            while True:
                found = condition()
                if asyncio.iscoroutine(found):
                    found = await found
                if found:
                    return found
                await asyncio.sleep(0.002)
    except TimeoutError:
        raise AssertionError(f"waited in vain for {what}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a line says to a submit; satisfies `messaging.ports.SubmitResult` and `LateSubmit`."""

    outcome: str
    mr: int | None = None
    error: str = ""
    cause: str = ""
    detail: str = ""
    attempts: int | None = None
    iccid: str = ""


def refused(cause: str, attempts: int | None = None) -> Answer:
    return Answer(outcome="refused", error="cms:1", cause=cause, attempts=attempts)


def late(mr: int | None = None, cause: str = "") -> Answer:
    """An answer to a submit that had been given up: a reference, or a refusal."""
    return Answer(outcome="", mr=mr, error="cms:42" if cause else "", cause=cause)


UNKNOWN = Answer(outcome="unknown", error="timeout")
NOT_SENT = Answer(outcome="not_sent", error="port_lost")


class Port:
    """A line: counts its references up like a SIM, unless `answers` has something else to say.

    `prompt`: whether the modem comes to its prompt, so that the gate is awaited. `hold`: submits wait for it after the
    gate, and are `at_work` then. `taken`: what the network took, as (recipient, text, sequence number).
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.counts_accepted = False
        self.at_work = False
        self.answers: deque[Answer] = deque()
        self.prompt = True
        self.hold: asyncio.Event | None = None
        self.taken: list[tuple[str, str | None, int]] = []
        self.offered: list[str] = []
        self.at_gate: Callable[[], None] | None = None
        self.references: list[int] = []
        self._mr = 0

    async def submit(self, pdu: str, length: int, *, gate: Awaitable[object] | None = None) -> Answer:
        self.offered.append(pdu)
        answer = self.answers.popleft() if self.answers else None
        if not self.prompt:
            return answer or NOT_SENT
        assert gate is not None
        await gate
        if self.at_gate is not None:
            self.at_gate()
        if self.hold is not None:
            self.at_work = True
            await self.hold.wait()
            self.at_work = False
        if answer is not None and answer.outcome != "sent":
            return answer
        tpdu = decode_frame(pdu, Direction.MO, length=length).tpdu
        assert isinstance(tpdu, Submit)
        concat = tpdu.ud.concat
        if concat is not None:
            self.references.append(concat.ref)
        self.taken.append((str(tpdu.da), _text(tpdu), concat.seq if concat else 1))
        self._mr = (self._mr + 1) % 256
        return answer or Answer(outcome="sent", mr=self._mr)


def _text(tpdu: Submit) -> str | None:
    from gateway.pdu import join

    return join([tpdu.ud]).text


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    imei: str
    iccid: str
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One received TPDU; satisfies `messaging.ports.Received`."""

    pdu: str
    length: int
    memory: str = "SM"
    index: int | None = 1
    kind: str = "deliver"
    listing: int = 0


@dataclass
class Rig:
    """Everything of one run. `crash()` ends it without a goodbye."""

    path: Path
    clock: ManualClock | FastClock
    store: SqliteStore
    service: Service
    ports: dict[str, Port]
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def sweep(self, name: str = "one") -> None:
        self.clock.advance(0.01)
        await self.service.listener.swept(name, f"iccid-{name}", "SM", [])

    async def ready(self, name: str = "one", *, iccid: str | None = None, late: Answer | None = None) -> None:
        """As the modem layer does it: swept first, then able to send."""
        await self.sweep(name)
        number = f"+4917000000{1 + list(self.ports).index(name):02d}"
        identity = Identity(imei=f"imei-{name}", iccid=iccid or f"iccid-{name}", number=number)
        await self.service.listener.ready(name, identity, late)

    def down(self, name: str = "one") -> None:
        self.service.listener.down(name)

    async def send(
        self, to: str | Sequence[str] = "+4915112345678", text: str | None = "hello", **more: Any
    ) -> CommandResult:
        recipients = (to,) if isinstance(to, str) else tuple(to)
        origin = more.pop("origin", ORIGIN)
        return await self.service.send(SendRequest(to=recipients, text=text, **more), origin)

    async def receive(self, *items: Item, line: str = "one") -> None:
        await self.service.listener.received(line, f"iccid-{line}", items)

    async def released(self, *items: Item, line: str = "one") -> None:
        await self.service.listener.released(line, f"iccid-{line}", items)
        await self.store.write(lambda tx: None)

    async def idle(self, name: str = "one") -> None:
        """Waits until a line has looked for work and found none."""
        lane = self.service._senders._lanes[name]
        await until(lambda: lane.idle.is_set() and not lane.line.wake.is_set(), f"{name} to be idle")
        for _ in range(2):  # the reader answers in order: what the line asked is answered by then
            await self.store.read(lambda tx: None)

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.service._timers.expect_settlement()
        self.service._senders.offer(0)

    async def events(self, kind: str) -> list[dict[str, Any]]:
        """From the database, as messages are: what is held in memory of them comes a moment later."""
        found = await self.store.read(lambda tx: tx.events.after(0, 100_000))
        return [json.loads(each.event.payload) for each in found if each.event.kind == kind]

    async def statuses(self, message_id: str) -> list[str]:
        return [e["status"] for e in await self.events("message.status") if e["message_id"] == message_id]

    async def becomes(self, message_id: str, status: str) -> list[str]:
        async def there() -> bool:
            return (await self.service.message(message_id))[0].status == status

        await until(there, f"{message_id} to be {status}")
        return await self.statuses(message_id)

    async def segments(self, message_id: str) -> list[Segment]:
        return (await self.service.message(message_id))[1]

    async def texts(self) -> list[str | None]:
        return [event.get("text") for event in await self.events("inbox")]

    async def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Runs a statement as another program would."""

        def run_it() -> list[tuple[Any, ...]]:
            db = sqlite3.connect(self.path / "smsgw.db", timeout=5)
            try:
                rows = db.execute(statement).fetchall()
                db.commit()
                return rows
            finally:
                db.close()

        return await asyncio.to_thread(run_it)

    async def crash(self) -> None:
        """The senders stop wherever they are; what is committed stays."""
        for task in self.tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self.store.close()


@asynccontextmanager
async def rig(
    path: Path,
    *,
    lines: Sequence[str] = ("one",),
    clock: ManualClock | FastClock | None = None,
    start: bool = True,
    port_type: type[Port] = Port,
    **settings: Any,
) -> AsyncIterator[Rig]:
    clock = clock or ManualClock()
    store = SqliteStore(path / "smsgw.db")
    await store.open()
    configured = tuple(settings.pop("line_settings", ())) or tuple(LineSettings(name=name) for name in lines)
    service = Service(store, clock, Settings(region="DE", lines=configured, **{"chance": lambda: 0.0} | settings))
    await service.start()
    found = Rig(path=path, clock=clock, store=store, service=service, ports={name: port_type(name) for name in lines})
    if start:
        found.tasks.append(asyncio.create_task(service.run(found.ports)))
    try:
        yield found
    finally:
        await found.crash()


# --- what comes from the network --------------------------------------------------------------------------------


def deliver(
    text: str | bytes, *, oa: str = "+491718888888", at: datetime, ref: int = 1, index: int = 1, **more: Any
) -> list[Item]:
    """The SMS-DELIVERs of a text, one an item, in slots from `index` on."""
    cut = segment(text, ref=ref)
    items = []
    for place, ud in enumerate(cut.parts):
        tpdu = Deliver(oa=Address.parse(oa), dcs=cut.dcs, scts=Timestamp.of(at), ud=ud)
        pdu, length = encode_frame(tpdu)
        items.append(Item(pdu=pdu, length=length, index=index + place, **more))
    return items


def report(
    mr: int,
    ra: str = "+4915112345678",
    *,
    at: datetime,
    discharged: datetime | None = None,
    st: int = 0,
    index: int = 1,
) -> Item:
    """A status report on what the service centre took `at` that time."""
    times = Timestamp.of(at), Timestamp.of(discharged or at)
    tpdu = StatusReport(mr=mr, ra=Address.parse(ra), scts=times[0], dt=times[1], st=st)
    pdu, length = encode_frame(tpdu)
    return Item(pdu=pdu, length=length, memory="SR", index=index, kind="status-report")
