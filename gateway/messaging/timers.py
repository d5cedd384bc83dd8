"""What happens because time passed: scheduled sends, expiry, second attempts, unknown outcomes, unfinished texts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from gateway.clock import Clock
from gateway.errors import StoreError
from gateway.messaging import inbound, outbound, receipts
from gateway.messaging.compliance import Compliance
from gateway.messaging.ledger import Policy
from gateway.messaging.lines import Lines
from gateway.messaging.model import Segment, SegmentState
from gateway.messaging.ports import Store, T, Tx

log = logging.getLogger(__name__)

LONGEST_SLEEP = timedelta(minutes=1)
"""Even with nothing planned the clock is looked at this often: a Pi's wall clock can jump."""

LOOK_AGAIN = timedelta(seconds=1)
"""After something was due, there may be more of it."""

STORE_RETRY = timedelta(seconds=5)

JUMP = timedelta(seconds=60)
"""The clock went on by so much more than time did: it was set."""


class Timers:
    """One task that sleeps until the next moment that matters. `expect()` tells it of an earlier one."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        lines: Lines,
        policy: Policy,
        *,
        unknown_hold: timedelta,
        reassembly_timeout: timedelta,
        offer: Callable[[], None],
        quiet_ends: Callable[[datetime], Sequence[datetime]] = lambda now: (),
        compliance: Compliance | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._lines = lines
        self._policy = policy
        self._unknown_hold = unknown_hold
        self._reassembly_timeout = reassembly_timeout
        self._offer = offer
        self._quiet_ends = quiet_ends
        self._compliance = compliance
        self._wake = asyncio.Event()
        self._planned: datetime | None = None
        self._freed = False
        self._holding = False
        self._looked_at = clock.now(), clock.monotonic()
        self._lost_at: dict[tuple[str, int, int], float] = {}
        self._seen_at: dict[tuple[str, int, int], float] = {}
        self._waited_for: dict[tuple[str, int, int], tuple[float, float]] = {}

    def expect(self, moment: datetime) -> None:
        """Something will be due at `moment`."""
        if self._planned is None or moment < self._planned:
            self._wake.set()

    def expect_reassembly(self) -> None:
        """A part came in; its text may be unfinished."""
        self.expect(self._clock.now() + self._reassembly_timeout)

    def expect_settlement(self) -> None:
        """A segment's outcome was not plain success, or can be known now; what waits may be free to go."""
        self._freed = True
        self._wake.set()

    def expect_evidence(self) -> None:
        """A status report was stored; it may have settled what is held."""
        if self._holding:
            self.expect_settlement()

    async def run(self) -> None:
        """Serves for ever."""
        while True:
            self._wake.clear()
            try:
                self._planned = await self._do_what_is_due()
            except StoreError as exc:
                log.error("time-driven work waits for the database: %s", exc)
                self._planned = self._clock.now() + STORE_RETRY
            except Exception:
                log.exception("time-driven work met a defect")  # which must not end the senders
                self._planned = self._clock.now() + STORE_RETRY
            pause = min(self._planned - self._clock.now(), LONGEST_SLEEP)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(pause.total_seconds(), 0.001)):
                    await self._wake.wait()

    async def _do_what_is_due(self) -> datetime:
        """Does it, and says when to look again."""
        now = self._clock.now()
        await self._follow_clock(now)
        unknown = await self._settle_unknown(now)
        next_message, next_text = await self._store.read(lambda tx: self._moments(tx, now))
        if not self._clock.trusted:  # what is due, nobody knows
            next_message = next_text = None
        if next_text is not None and next_text <= now:
            await self._apart(
                self._store.write(
                    lambda tx: inbound.deliver_overdue(tx, now - self._reassembly_timeout, now, self._compliance)
                )
            )
            next_text = now + LOOK_AGAIN  # there may be others behind it
        if next_message is not None and next_message <= now:
            await self._apart(self._store.write(lambda tx: outbound.expire_overdue(tx, now)))
            await self._apart(self._store.write(lambda tx: outbound.release_due(tx, now)))
            self._offer()
            # An overdue message can be in a modem's hands: look again soon, not at once.
            next_message = now + LOOK_AGAIN
        self._offer_what_is_free(now)
        later = [
            moment
            for moment in (unknown, next_message, next_text, *self._quiet_ends(now))
            if moment is not None and moment > now
        ]
        return min(later, default=now + LONGEST_SLEEP)

    async def _follow_clock(self, now: datetime) -> None:
        """A clock that is set forward makes no text wait for its parts in vain: those that are open go along with it."""
        wall, monotonic = self._looked_at
        should_be = wall + timedelta(seconds=self._clock.monotonic() - monotonic)
        if now - should_be > JUMP:
            log.warning("the clock was set forward by %s", now - should_be)
            await self._store.write(lambda tx: tx.parts.postpone_assemblies(should_be, now - should_be))
        self._looked_at = now, self._clock.monotonic()

    def _moments(self, tx: Tx, now: datetime) -> tuple[datetime | None, datetime | None]:
        oldest = tx.parts.oldest_assembly()
        return tx.messages.next_moment(now), None if oldest is None else oldest + self._reassembly_timeout

    def _offer_what_is_free(self, now: datetime) -> None:
        """A message is sendable again when its pause ended, or when what held it or its recipient was settled."""
        if self._freed or (self._planned is not None and self._planned <= now):
            self._freed = False
            self._offer()

    async def _settle_unknown(self, now: datetime) -> datetime | None:
        """Unknown segments whose hold is over are settled by policy. Returns when the next hold ends."""
        unknown = await self._store.read(lambda tx: tx.segments.in_states((SegmentState.UNKNOWN,)))
        nearest: datetime | None = None
        self._holding = bool(unknown)
        if not unknown:
            self._lost_at.clear()
            self._waited_for.clear()
            self._seen_at.clear()
        for segment in unknown:
            ends = await self._apart(self._hold(segment, now), now + STORE_RETRY)
            nearest = min(filter(None, (nearest, ends)), default=None)
        return nearest

    async def _hold(self, segment: Segment, now: datetime) -> datetime | None:
        """Settles one whose hold is over; else says when to look at it again."""
        waited = self._waited(segment)
        if waited is None:
            return await self._end_if_overdue(segment, now)
        if waited < self._unknown_hold:
            return now + (self._unknown_hold - waited)
        await self._give_up(segment)
        return None

    async def _apart(self, work: Awaitable[T], otherwise: T | None = None) -> T | None:
        """What `work` gives; a defect in it keeps nothing else from being done. Raises StoreError."""
        try:
            return await work
        except StoreError:
            raise
        except Exception:
            log.exception("time-driven work met a defect")
            return otherwise

    async def _end_if_overdue(self, segment: Segment, now: datetime) -> datetime | None:
        """The SIM is away: nothing can be known of the segment, and past its message's expiry nobody waits for it any more.

        Evidence gets its time all the same: the SIM may only be on its way back, after a restart. Returns when to look
        again.
        """
        seen = self._seen_at.setdefault(_key(segment), self._clock.monotonic())
        message = await self._store.read(lambda tx: tx.messages.get(segment.message_id))
        patience = self._unknown_hold - timedelta(seconds=self._clock.monotonic() - seen)
        if message is None:
            return None
        if message.expires_at is None:
            patience += receipts.REPORT_WINDOW
        ends = now + patience if message.expires_at is None else max(message.expires_at, now + patience)
        if ends > now:
            return ends
        if await self._store.write(lambda tx: outbound.end_unknown(tx, segment, now)):
            self._offer()  # an `ordered` one made others wait
        return None

    async def _give_up(self, segment: Segment) -> None:
        now = self._clock.now()  # the database may have taken its time since
        await self._store.write(lambda tx: outbound.give_up_waiting(tx, segment, self._policy, now))
        self._offer()

    def _waited(self, segment: Segment) -> timedelta | None:
        """How long evidence could have come. None: the SIM is away, or its storages were not swept since the loss.

        A report may lie in a storage without a word, so the time counts from the first sweep after the loss on; it goes
        on counting where it stopped when the SIM comes back, else a modem that comes and goes would hold a text for ever.
        """
        key = _key(segment)
        # Worked out once, and never in the future: the wall clock of a box without a battery goes back at a power cut.
        now = self._clock.now()
        ago = max((now - (segment.settled_at or now)).total_seconds(), 0)
        lost = self._lost_at.setdefault(key, self._clock.monotonic() - ago)
        line = next(
            (each for each in self._lines.by_name.values() if each.sim and each.sim.iccid == segment.iccid), None
        )
        if line is None or line.ready_since is None or line.swept_at is None or line.swept_at <= lost:
            return None
        waited, looked = self._waited_for.get(key, (0.0, line.swept_at))
        waited += self._clock.monotonic() - max(looked, line.ready_since)
        self._waited_for[key] = waited, self._clock.monotonic()
        return timedelta(seconds=waited)


def _key(segment: Segment) -> tuple[str, int, int]:
    """One submit of a segment."""
    return segment.message_id, segment.seq, segment.attempts
