"""The gateway as its edges see it: take commands, show messages and modems, hand out events in one order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from gateway import crashpoints
from gateway.clock import Clock
from gateway.errors import RequestError
from gateway.messaging import accept, alerts, calls, outbound
from gateway.messaging.accept import Also, Command, Room
from gateway.messaging.alerts import Alerts
from gateway.messaging.calendar import Calendar
from gateway.messaging.compliance import REPLY_PRIORITY, Compliance, Terms
from gateway.messaging.content import Checked, Rules, check, digest
from gateway.messaging.controls import Controls
from gateway.messaging.conversations import Conversations
from gateway.messaging.counts import Counts
from gateway.messaging.history import History
from gateway.messaging.ids import id_maker
from gateway.messaging.ledger import Outcome, Policy
from gateway.messaging.lines import Lines, LineSettings
from gateway.messaging.listener import Listener
from gateway.messaging.lists import Lists
from gateway.messaging.media import Media
from gateway.messaging.model import (
    Call,
    CallFilter,
    CommandResult,
    LineStatus,
    Message,
    MessageFilter,
    Origin,
    Part,
    Queue,
    Report,
    Segment,
    SegmentState,
    SendRequest,
    StoredEvent,
    TimelineEntry,
)
from gateway.messaging.notices import Notices
from gateway.messaging.ports import ModemPort, Store, Tx
from gateway.messaging.removal import Removal
from gateway.messaging.resort import resort
from gateway.messaging.retention import Retention
from gateway.messaging.routing import Router, Routing
from gateway.messaging.sender import Senders
from gateway.messaging.statistics import Statistics
from gateway.messaging.timers import Timers
from gateway.messaging.waiting import why_waiting

MAX_WAITING = 200_000
"""Most messages that may wait for modems."""

DRAIN_S = 20.0
"""How long a clean stop waits for what the modems have in hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the rules need from the configuration. `chance`: a number in [0, 1), drawn for the length of pauses."""

    region: str | None
    lines: tuple[LineSettings, ...]
    max_attempts: int = 5
    unknown_hold_s: float = 600
    on_unknown: str = "resend"
    max_characters: int = 1600
    reassembly_timeout_s: float = 86400
    allow_emergency: bool = False
    retention_days: int = 0
    routing: Routing = field(default_factory=Routing)
    calendar: Calendar = field(default_factory=Calendar)
    at_limit: str = "wait"
    compliance: Terms = field(default_factory=Terms)
    chance: Callable[[], float] = random.SystemRandom().random


class Service:
    """Composes the messaging rules over a store and lines.

    `listener` and `notices` are for the modem layer, the rest for edges; `controls`: what a modem can be asked for beside texts.
    `lists`: who is blocked, and who asked for no more texts.
    """

    def __init__(self, store: Store, clock: Clock, settings: Settings) -> None:
        self._store = store
        self._clock = clock
        self._rules = Rules(
            region=settings.region,
            max_characters=settings.max_characters,
            allow_emergency=settings.allow_emergency,
            modems=frozenset(line.name for line in settings.lines),
        )
        self._policy = Policy(
            max_attempts=settings.max_attempts, on_unknown=settings.on_unknown, chance=settings.chance
        )
        self._refuses = settings.at_limit == "refuse"
        self._room = Room(MAX_WAITING)
        self._new_id = id_maker(clock)
        self._lines = Lines(settings.lines, clock)
        self._router = Router(settings.routing, self._lines.by_name, settings.region, lambda: clock.trusted)
        self._compliance = Compliance(settings.compliance, self._lines, self._router, settings.region, self._room)
        self._senders = Senders(
            store, clock, self._lines, self._router, self._policy, self._settled, self._compliance.bars
        )
        self._counts = Counts(store, clock, self._lines, self._router, settings.calendar)
        self._retention = Retention(store, clock, settings.retention_days)
        self._timers = Timers(
            store,
            clock,
            self._lines,
            self._policy,
            unknown_hold=timedelta(seconds=settings.unknown_hold_s),
            reassembly_timeout=timedelta(seconds=settings.reassembly_timeout_s),
            offer=lambda: self._senders.offer(0),
            quiet_ends=self._router.quiet_ends,
            compliance=self._compliance,
        )
        self.listener = Listener(
            store,
            clock,
            self._lines,
            self._policy,
            self._timers,
            self._new_id,
            self._compliance,
            offer=self._replies_wait,
        )
        self.lists = Lists(store, clock, settings.region, self._compliance.entries)
        self.alerts = Alerts(store, clock)
        self.statistics = Statistics(store, clock, settings.retention_days)
        self.history = History(store, clock, self._lines)
        self.media = Media(store, clock)
        self.removal = Removal(store, clock, self.media.sweep_soon)
        self.conversations = Conversations(store)
        self.notices = Notices(store, clock, self._lines, settings.region)
        self.controls = Controls(self._rules.modems, settings.region, allow_emergency=settings.allow_emergency)
        self._last_event = 0
        self._deleted = 0, 0  # behind the first and up to the second there are no events any more
        self._event_waiters: set[asyncio.Future[None]] = set()
        store.on_events(self._events_committed)

    # --- running ---

    async def start(self) -> int:
        """Before any modem is opened: segments that the last run left `submitting` become `unknown`.

        Returns how many segments are `unknown` now.
        """
        now = self._clock.now()
        self._last_event = await self._store.read(lambda tx: tx.events.last())
        await resort(self._store, self._router, now)
        await self._counts.begin()
        await self._store.write(lambda tx: outbound.recover(tx, self._policy, now))
        await self._store.write(lambda tx: calls.recover(tx, now))
        await self._store.write(lambda tx: alerts.recover(tx, now))
        unknown = await self._store.read(lambda tx: tx.segments.in_states((SegmentState.UNKNOWN,)))
        for segment in unknown:
            self.listener.owes(segment.line or "")
        return len(unknown)

    async def run(self, ports: Mapping[str, ModemPort]) -> None:
        """Senders and timers; returns only by cancellation, after what the modems have in hand is settled."""
        self.controls.connect(ports)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.notices.run(), name="notices")
            tasks.create_task(self._timers.run(), name="timers")
            tasks.create_task(self._counts.run(), name="counts")
            tasks.create_task(self._retention.run(), name="retention")
            tasks.create_task(self.statistics.run(), name="statistics")
            tasks.create_task(self.history.run(), name="history")
            tasks.create_task(self.media.run(), name="media")
            tasks.create_task(self._senders.run(ports), name="senders")

    async def drain(self) -> None:
        """A clean stop: nothing new leaves; waits a while for what the modems have in hand."""
        try:
            async with asyncio.timeout(DRAIN_S):
                await self._senders.drain()
                await self.notices.flush()
        except TimeoutError:
            return  # what is still in a modem's hands is `submitting` and will be recovered as `unknown`

    def _settled(self, segment: Segment, outcome: Outcome) -> None:
        self._counts.changed()
        if segment.line in self._lines.by_name:
            self.listener.submitted(segment.line, outcome)
        if outcome.state in (SegmentState.SENT, SegmentState.UNKNOWN):  # what may have left counts for the limits
            self._lines.sent(segment.line or "", segment.peer)
        if outcome.state is SegmentState.UNKNOWN:
            self.listener.owes(segment.line or "")
        if outcome.state is not SegmentState.SENT:
            self._timers.expect_settlement()

    def _replies_wait(self) -> None:
        self._counts.changed()
        self._senders.offer(REPLY_PRIORITY)

    # --- commands ---

    async def send(self, request: SendRequest, origin: Origin, also: Also | None = None) -> CommandResult:
        """Takes a command. Returns after the commit. Raises StoreError when nothing was stored: then it was not taken.

        `also` writes more in the same commit, when the command is accepted.
        """
        now = self._clock.now()
        crashpoints.at("command.taken")
        content = digest(request)
        try:
            checked = check(request, self._rules, self._lines.own_numbers(), now)
            if self._refuses and request.send_at is None:
                self._check_limits(checked)
        except RequestError as exc:
            error = exc
            return await self._store.write(lambda tx: accept.refuse(tx, request, content, origin, error, now))
        command = Command(
            request=request,
            checked=checked,
            digest=content,
            origin=origin,
            room=self._room,
            router=self._router,
            permit=self._compliance.check,
            also=also,
        )
        result = await self._store.write(lambda tx: accept.accept(tx, command, self._new_id, now))
        crashpoints.at("command.stored")
        if result.status == "accepted":
            self._counts.changed()
            self._senders.offer(request.priority)
            for moment in (request.send_at, request.expires_at):
                if moment is not None:
                    self._timers.expect(moment)
        return result

    def _check_limits(self, checked: Checked) -> None:
        """Raises RequestError(quota_exceeded) when no modem that a recipient's message could go by may send it today."""
        for to in checked.recipients:
            queue = Queue(n=0, modem=checked.modem or "", route=self._router.route_of(to), client="")
            lines = [self._lines.by_name[name] for name in self._router.possible(queue)]
            if lines and not any(line.may_begin(checked.segments, to) for line in lines):
                names = ", ".join(sorted(line.settings.name for line in lines))
                raise RequestError(f"{names}: all that may be sent today or this month is sent", code="quota_exceeded")

    async def reject(self, error: RequestError, origin: Origin, client_id: str | None = None) -> CommandResult:
        """Answers a command that cannot be taken. Returns after the answer is committed."""
        now = self._clock.now()
        result = accept.rejected(client_id, error)
        if origin.wants_result:
            await self._store.write(lambda tx: accept.answer(tx, result, origin, now))
        return result

    async def cancel(self, message_id: str) -> Message:
        """Cancels a message of which nothing has left. Raises RequestError (unknown_message, not_cancelable)."""
        now = self._clock.now()
        message = await self._store.write(lambda tx: outbound.cancel(tx, message_id, now))
        self._timers.expect_settlement()
        return message

    async def alert(self, code: str, text: str, *, over: bool = False, lasting: bool = False) -> None:
        """Tells the edges of something that needs a person, or that it is `over`; `lasting`: it will be. Returns after the commit."""
        now = self._clock.now()
        await self._store.write(lambda tx: alerts.tell(tx, code, text, None, now, over=over, lasting=lasting))

    def time_is_known(self) -> None:
        """The clock has come to be trusted: what waited for that is looked at now."""
        self._timers.expect_settlement()

    # --- looking ---

    async def message(self, message_id: str) -> tuple[Message, list[Segment], list[TimelineEntry]]:
        """A message with its segments and its life so far. Raises RequestError (unknown_message).

        The last entry is made up: why it waits now, if something is in its way.
        """

        def find(tx: Tx) -> tuple[Message, list[Segment], list[TimelineEntry]]:
            message = tx.messages.get(message_id)
            if message is None:
                raise RequestError(f"there is no message {message_id[:40]!r}", code="unknown_message")
            timeline, now = tx.messages.timeline(message_id), self._clock.now()
            if (why := why_waiting(tx, self._router, self._lines, message, now)) is not None:
                timeline.append(TimelineEntry(at=now, what="waiting", modem=message.modem, detail=str(why)))
            return message, tx.segments.of(message_id), timeline

        return await self._store.read(find)

    async def messages(self, wanted: MessageFilter) -> list[Message]:
        """Messages that match, newest first. What no index knows is looked for in steps, between which others read."""
        found: list[Message] = []
        before = wanted.before
        while True:
            step = replace(wanted, before=before, limit=wanted.limit - len(found))
            more, before = await self._store.read(lambda tx, step=step: tx.messages.find(step))  # type: ignore[misc]
            found += more
            if before is None or len(found) >= wanted.limit:
                return found

    async def leftovers(self, limit: int) -> tuple[list[Report], list[Part]]:
        """What came in and belongs to nothing: status reports that fit no segment, and PDUs that are kept raw."""
        return await self._store.read(lambda tx: (tx.reports.leftover(limit), tx.parts.leftover(limit)))

    async def calls(self, wanted: CallFilter) -> list[Call]:
        """Calls that match, newest first."""
        return await self._store.read(lambda tx: tx.calls.find(wanted))

    def lines(self) -> list[LineStatus]:
        """All configured modems as they are now."""
        return [line.status for line in self._lines.by_name.values()]

    def on_line_change(self, callback: Callable[[LineStatus], None]) -> None:
        """`callback` is called with a modem's new status whenever it changes."""
        self._lines.on_change(callback)

    def health(self) -> dict[str, object]:
        """`ready`: the database takes changes and at least one modem (if any is configured) can send."""
        lines = {line.name: line.able for line in self.lines()}
        healthy = self._store.healthy
        return {
            "ready": healthy and (not lines or any(lines.values())),
            "store": "ok" if healthy else "not writing",
            "lines": lines,
        }

    async def waiting(self) -> int:
        """How many messages wait to be sent."""
        return await self._store.read(lambda tx: tx.messages.waiting_count())

    # --- the event outbox ---

    async def last_event(self) -> int:
        """The highest seq that is committed; 0 before the first event."""
        return await self._store.read(lambda tx: tx.events.last())

    async def events(self, after: int, limit: int) -> list[StoredEvent]:
        """Committed events with seq > `after`, in order."""
        last = self._last_event
        found = await self._store.events(after, limit)
        if not found and after < last:
            self._deleted = after, last
        return found

    async def wait_for_events(self, after: int) -> None:
        """Returns when an event with seq > `after` is committed. For one that is deleted by now nobody comes back at once."""
        if self._deleted[0] <= after:
            after = max(after, self._deleted[1])
        while self._last_event <= after:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._event_waiters.add(waiter)
            try:
                await waiter
            finally:
                self._event_waiters.discard(waiter)

    def _events_committed(self, seq: int) -> None:
        self._last_event = max(self._last_event, seq)
        for waiter in self._event_waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def cursor(self, consumer: str) -> int:
        """The last seq that a consumer has finished; 0 at first."""
        self._retention.reads_events(consumer)
        return await self._store.read(lambda tx: tx.events.cursor(consumer))

    async def advance(self, consumer: str, seq: int) -> None:
        """Durably: the consumer has finished everything up to `seq`."""
        await self._store.write(lambda tx: tx.events.advance(consumer, seq))
        crashpoints.at("event.advanced")

    async def get_value(self, key: str) -> str | None:
        """An edge's small durable value."""
        return await self._store.read(lambda tx: tx.events.get_value(key))

    async def set_value(self, key: str, value: str) -> None:
        """Stores an edge's small durable value."""
        await self._store.write(lambda tx: tx.events.set_value(key, value))
