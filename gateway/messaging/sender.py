"""The senders: one task a line that takes the next segment, commits `submitting`, lets the modem send it and commits what came of it.

The commit of `submitting` runs beside `AT+CMGS=` and its prompt; the modem layer waits for it before the PDU leaves. One
commit carries a segment's result and the next segment's `submitting` when a next one is at hand; a result never waits
for one. If a commit fails, nothing more leaves that line until the result is stored.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from gateway import crashpoints
from gateway.clock import Clock
from gateway.errors import RequestError, StoreError
from gateway.messaging import ledger, outbound
from gateway.messaging.chain import Proof
from gateway.messaging.content import build_pdus
from gateway.messaging.fairness import Turns
from gateway.messaging.ledger import Outcome, Policy, Sim
from gateway.messaging.lines import Line, Lines
from gateway.messaging.model import Message, Segment, SegmentState, Wanted
from gateway.messaging.ports import LinePort, Store, Tx
from gateway.messaging.routing import Router
from gateway.messaging.selection import Able, Pull, explain, pull

log = logging.getLogger(__name__)

MAX_AHEAD = 16
"""Most messages that one line takes from the queue at a time."""

AHEAD_S = 0.1
"""A line takes about as many messages ahead as it sends in this time, so that a slow one leaves them to the others."""

SLOW_S = 30.0
"""A line that has been at one submit for so long is not waited for: what it was meant to take is another's."""

STORE_RETRY_S = 1.0


class NotClaimedError(Exception):
    """The message was cancelled, expired or taken by another line between being picked and being claimed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """What came of a submit and is not stored yet. `ordered`: the recipient's later messages wait for it.

    `proofs`: what its reference shows of earlier submits.
    """

    segment: Segment
    outcome: Outcome
    ordered: bool
    proofs: tuple[Proof, ...] = ()


@dataclass(slots=True)
class _Lane:
    """One sender's work. `ahead`: messages taken; `todo`: segments of the current one; `unsettled`: a result not stored yet."""

    line: Line
    port: LinePort
    ahead: deque[Message] = field(default_factory=deque)
    current: Message | None = None
    todo: deque[Segment] = field(default_factory=deque)
    unsettled: _Result | None = None
    seconds_each: float = 1.0
    paused_until: float = 0.0
    next_slot: float = 0.0
    slow: bool = False
    turns: Turns = field(default_factory=Turns)
    idle: asyncio.Event = field(default_factory=asyncio.Event)


class Senders:
    """All lines' senders. `run()` serves for ever; `offer()` tells of new messages."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        lines: Lines,
        router: Router,
        policy: Policy,
        on_settled: Callable[[Segment, Outcome], None],
        bars: ledger.Bars | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._lines = lines
        self._router = router
        self._policy = policy
        self._on_settled = on_settled
        self._bars = bars
        self._lanes: dict[str, _Lane] = {}
        self._held: set[str] = set()
        self._draining = False

    async def run(self, ports: Mapping[str, LinePort]) -> None:
        """One task a line; returns only by cancellation."""
        self._lanes = {name: _Lane(line=self._lines.by_name[name], port=port) for name, port in ports.items()}
        async with asyncio.TaskGroup() as tasks:
            for name, lane in self._lanes.items():
                tasks.create_task(self._serve(lane), name=f"sender[{name}]")

    def offer(self, priority: int) -> None:
        """New messages can be sent: idle senders look, the one that sent least first, and busy ones put back what is less urgent."""
        for lane in sorted(self._lanes.values(), key=lambda each: each.line.sent_today):
            if lane.ahead and min(message.priority for message in lane.ahead) < priority:
                self._put_back(lane)
            lane.line.wake.set()

    async def drain(self) -> None:
        """Takes nothing new and returns when what the modems have in hand is settled."""
        self._draining = True
        for lane in self._lanes.values():
            lane.line.wake.set()
        for lane in self._lanes.values():
            await lane.idle.wait()

    async def _serve(self, lane: _Lane) -> None:
        while True:
            try:
                segment = await self._next(lane)
                lane.idle.clear()
                await self._submit(lane, segment)
            except NotClaimedError:
                if lane.current is not None and lane.current.ordered:  # others may have waited for it
                    self._lines.wake_all()
                self._drop_current(lane)
            except StoreError as exc:
                log.error("%s: nothing is sent while the database does not store: %s", lane.port.name, exc)
                self._give_back(lane)  # what could not be claimed keeps its place before them
                await asyncio.sleep(STORE_RETRY_S)
            except Exception:
                # A defect of ours must end neither this line nor the others. The message stays held: not again in this run.
                log.exception("%s: message %s met a defect", lane.port.name, lane.current and lane.current.id)
                if lane.unsettled is not None:  # it may be that of the message before, whose result went with the claim
                    self._give_back(lane)
                lane.todo.clear()
                lane.current = None
                await asyncio.sleep(STORE_RETRY_S)

    # --- what to send next ---

    async def _next(self, lane: _Lane) -> Segment:
        """The next segment that may leave now; first stores a result that has no companion."""
        while True:
            segment = self._at_hand(lane)
            if segment is not None:
                return segment
            await self._store_unsettled(lane)
            lane.idle.set()
            lane.line.wake.clear()
            if not self._may_send(lane):
                self._give_back(lane)
            elif self._has_ahead(lane) or await self._fetch(lane):
                await self._start(lane, lane.ahead.popleft())
                continue
            await self._sleep(lane)

    def _at_hand(self, lane: _Lane) -> Segment | None:
        """A segment that needs no further question to the database, if the line may send."""
        if not self._may_send(lane):
            return None
        if lane.todo:
            return lane.todo.popleft()
        first = lane.ahead[0] if lane.ahead else None
        # Short, and never tried before:
        if first is not None and first.segments == 1 and first.line is None and self._may_begin(lane, first):
            self._release_current(lane)
            lane.current = lane.ahead.popleft()
            try:
                return self._single(lane, lane.current)
            except RequestError:  # accepted by an older release: `_start` writes down what is wrong
                lane.ahead.appendleft(lane.current)
                lane.current = None
        return None

    def _may_send(self, lane: _Lane) -> bool:
        now = self._clock.monotonic()
        if self._draining or lane.line.sim is None:
            return False
        return now >= lane.paused_until and now >= lane.next_slot

    def _may_begin(self, lane: _Lane, message: Message) -> bool:
        """Limits decide whether a message begins; what has begun is finished."""
        just_sent = int(lane.unsettled is not None and lane.unsettled.outcome.state is not SegmentState.PENDING)
        return bool(message.iccid) or lane.line.may_begin(message.segments, message.peer, just_sent)

    def _has_ahead(self, lane: _Lane) -> bool:
        """Whether a message that was taken ahead may begin. What may not, by now, is left to the others."""
        if lane.ahead and not self._may_begin(lane, lane.ahead[0]):
            self._put_back(lane)
            self._lines.wake_all()
        return bool(lane.ahead)

    def _able(self) -> list[Line]:
        """The lines that can begin something new. A busy one, or one that keeps to its rate, can: it will be free soon."""
        now = self._clock.monotonic()
        lanes = [lane for lane in self._lanes.values() if lane.line.able() and not lane.slow]
        return [lane.line for lane in lanes if now >= lane.paused_until]

    async def _fetch(self, lane: _Lane) -> bool:
        sim = lane.line.sim
        if sim is None:
            return False
        wanted = max(1, min(MAX_AHEAD, int(AHEAD_S / max(lane.seconds_each, 0.001))))
        while True:
            question = self._question(lane.line, sim, wanted + len(self._held))
            found, more = await self._store.read(partial(pull, self._router, question))
            fresh = [each for each in found if each.message.id not in self._held]
            if fresh or not more or lane.line.sim is not sim:
                break  # else other lines took these while we looked; there may be more behind them
        if lane.line.sim is not sim:
            return False
        taken = [each.message for each in lane.turns.choose(fresh, wanted)]
        lane.ahead.extend(taken)
        self._held.update(message.id for message in taken)
        return bool(taken)

    def _question(self, line: Line, sim: Sim, limit: int) -> Pull:
        wanted = Wanted(iccid=sim.iccid, now=self._clock.now(), limit=limit, room=line.room(), peers=line.known_only())
        others = [each for each in self._able() if each is not line]  # whoever asks may send, if only to whom it knows
        able = tuple(
            Able(line=each.settings.name, iccid=each.sim.iccid, room=each.room())
            for each in (line, *others)
            if each.sim is not None
        )
        return Pull(line=sim.line, able=able, wanted=wanted)

    async def _start(self, lane: _Lane, message: Message) -> None:
        """Lays out a message's segments. A concatenated one gets its reference, kept in the database with its PDUs."""
        self._release_current(lane)
        lane.current = message
        reports = self._wants_reports(lane, message)
        now = self._clock.now()

        def lay_out(tx: Tx) -> list[Segment]:
            if not ledger.may_leave(tx, message.id, now):
                raise NotClaimedError
            known = tx.segments.of(message.id)
            untouched = all(each.state is SegmentState.PENDING and each.line != lane.port.name for each in known)
            if message.segments == 1 or not untouched:
                return known
            ref = tx.segments.next_reference(lane.port.name, message.peer)
            return ledger.prepare(tx, message, lane.port.name, build_pdus(message, ref=ref, reports=reports))

        try:
            segments = await self._store.write(lay_out)
            segments = segments or [self._single(lane, message)]
        except RequestError as exc:
            error = (exc.code, str(exc))
            await self._store.write(lambda tx: outbound.fail(tx, message, error, now))
            self._release_current(lane)
            return
        lane.todo.extend(segment for segment in segments if segment.state is SegmentState.PENDING)
        if not lane.todo:  # stays held, so that it is not fetched for ever
            log.error("none of message %s's segments waits, although it does", message.id)
            lane.current = None

    def _single(self, lane: _Lane, message: Message) -> Segment:
        pdu, length = build_pdus(message, ref=0, reports=self._wants_reports(lane, message))[0]
        return Segment(
            message_id=message.id, seq=1, state=SegmentState.PENDING, pdu=pdu, length=length, peer=message.peer
        )

    @staticmethod
    def _wants_reports(lane: _Lane, message: Message) -> bool:
        return lane.line.settings.delivery_reports if message.delivery_report is None else message.delivery_report

    async def _sleep(self, lane: _Lane) -> None:
        """Until woken, or until a pause of this line is over."""
        pauses = [moment for moment in (lane.paused_until, lane.next_slot) if moment > self._clock.monotonic()]
        if not pauses:
            await lane.line.wake.wait()
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(pauses) - self._clock.monotonic()):
                await lane.line.wake.wait()

    # --- sending one ---

    async def _submit(self, lane: _Lane, segment: Segment) -> None:
        sim = lane.line.sim
        if sim is None:
            raise NotClaimedError
        now = self._clock.now()
        before, message = lane.unsettled, lane.current
        claimed: Segment | None = None

        def step(tx: Tx) -> Segment | None:
            if before is not None:
                self._settle(before, now, tx)
            taken = ledger.claim(tx, segment, sim, now, self._bars)
            if taken is not None and message is not None and segment.seq == 1 and not taken.attempts:
                explain(tx, self._router, message, sim, now)
            return taken

        committing = self._store.write(step)

        async def gate() -> None:
            nonlocal claimed
            claimed = await committing
            crashpoints.at("submit.claimed")
            if before is not None:
                self._stored(lane, before)
            if claimed is None:
                raise NotClaimedError

        started = self._clock.monotonic()
        try:
            result = await self._submit_through(lane, segment, gate)
            crashpoints.at("submit.answered")
        except Exception as exc:
            if claimed is None:
                raise
            log.exception("%s: sending message %s met a defect", lane.port.name, segment.message_id)
            result = Outcome(state=SegmentState.UNKNOWN, error=("outcome_unknown", f"internal error: {exc}"))
        took = self._clock.monotonic() - started
        lane.seconds_each = 0.8 * lane.seconds_each + 0.2 * took
        if lane.line.settings.rate_per_minute:
            lane.next_slot = started + 60 / lane.line.settings.rate_per_minute
        assert claimed is not None, "the gate was passed"
        ordered = lane.current is not None and lane.current.ordered
        proofs = self._proofs(lane, claimed, result)
        lane.unsettled = _Result(segment=claimed, outcome=result, ordered=ordered, proofs=proofs)
        lane.line.unstored = result.state is SegmentState.UNKNOWN
        if result.line_pause_s:
            lane.paused_until = self._clock.monotonic() + result.line_pause_s
            self._lines.wake_all()
        if result.state is not SegmentState.SENT:  # stays held until that is stored
            lane.todo.clear()
            lane.current = None

    async def _submit_through(self, lane: _Lane, segment: Segment, gate: Callable[[], Awaitable[None]]) -> Outcome:
        """The modem's verdict. Whatever it is, the commit of `submitting` is over before this returns."""
        opened = False

        async def once() -> None:
            nonlocal opened
            opened = True
            await gate()

        waiting = once()
        patience = asyncio.get_running_loop().call_later(SLOW_S, self._is_slow, lane)
        try:
            result = await lane.port.submit(segment.pdu, segment.length, gate=waiting)
        finally:
            patience.cancel()
            lane.slow = False
        if opened:
            return ledger.judge(result)
        waiting.close()  # the modem never came to the prompt: close the book on the claim all the same
        await gate()
        return ledger.judge(result)

    @staticmethod
    def _proofs(lane: _Lane, segment: Segment, outcome: Outcome) -> tuple[Proof, ...]:
        """Keeps the line's chain of references, and says what this outcome shows of earlier submits."""
        if not lane.port.counts_accepted:
            return ()
        if outcome.state is SegmentState.UNKNOWN:
            lane.line.chain.unanswered(segment)
        return lane.line.chain.told(outcome.mr) if outcome.state is SegmentState.SENT else ()

    async def _store_unsettled(self, lane: _Lane) -> None:
        """Stores a result that no next segment carries; tries until the database takes it."""
        settle = self._settle
        while (result := lane.unsettled) is not None:
            try:
                await self._store.write(partial(settle, result, self._clock.now()))
            except StoreError as exc:
                log.error("%s: a result waits for the database: %s", lane.port.name, exc)
                await asyncio.sleep(STORE_RETRY_S)
            except Exception:
                if settle == self._record:
                    raise
                log.exception("%s: what follows from a result met a defect; the result alone is kept", lane.port.name)
                settle = self._record
            else:
                self._stored(lane, result)

    def _record(self, result: _Result, now: datetime, tx: Tx) -> None:
        ledger.record(tx, result.segment, result.outcome, self._policy, now)

    def _settle(self, result: _Result, now: datetime, tx: Tx) -> None:
        outbound.settle(tx, result.segment, result.outcome, self._policy, now)
        for proof in result.proofs:
            outbound.settle_proved(tx, proof, self._policy, now)

    def _stored(self, lane: _Lane, result: _Result) -> None:
        crashpoints.at("submit.settled")
        lane.unsettled = None
        lane.line.unstored = False
        if result.outcome.state is not SegmentState.SENT:
            self._held.discard(result.segment.message_id)
        self._on_settled(result.segment, result.outcome)
        if result.ordered or result.proofs:  # what waited for it may be another line's
            self.offer(0)

    # --- giving back ---

    def _is_slow(self, lane: _Lane) -> None:
        lane.slow = True
        self._put_back(lane)
        self._lines.wake_all()

    def _release_current(self, lane: _Lane) -> None:
        if lane.current is not None:
            self._held.discard(lane.current.id)
            lane.current = None

    def _drop_current(self, lane: _Lane) -> None:
        lane.todo.clear()
        self._release_current(lane)

    def _give_back(self, lane: _Lane) -> None:
        """A line that may not go on leaves everything to the others, which may have looked in vain meanwhile."""
        taken = lane.current is not None or bool(lane.ahead)
        self._drop_current(lane)
        self._put_back(lane)
        for other in self._lanes.values() if taken else ():
            if other is not lane:
                other.line.wake.set()

    def _put_back(self, lane: _Lane) -> None:
        self._held.difference_update(message.id for message in lane.ahead)
        lane.ahead.clear()
