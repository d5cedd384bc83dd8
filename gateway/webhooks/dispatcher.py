"""Events become deliveries in one commit with the place in the outbox; deliveries are tried until they are taken or dead."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol, TypeVar

from gateway.clock import Clock
from gateway.errors import RequestError, StoreError
from gateway.messaging.deliveries import Delivery, DeliveryState
from gateway.messaging.model import StoredEvent
from gateway.messaging.ports import Store, Tx
from gateway.webhooks.hook import Webhook
from gateway.webhooks.post import Answer
from gateway.webhooks.target import Attempt, HookTarget, Target

log = logging.getLogger(__name__)

PAUSES_S = (5, 15, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600)
"""Seconds before the next attempt; after the last one a delivery is dead."""
LONGEST_WISH_S = 24 * 3600  # of a Retry-After
BATCH = 200
MAX_BEHIND = 500
"""Events that nobody wants are looked at again after a crash, up to so many: else each would cost a commit."""

KEEP = timedelta(days=14)
PRUNE_S = 600.0
PRUNE_LIMIT = 500
GATHER_S = 0.02
"""An event waits so long for others: what nobody wants then costs the senders' reader next to nothing."""
STORE_PAUSE_S = 1.0
DEFECT_PAUSE_S = 5.0
LOOK_AGAIN_S = 60.0  # the clock may have been set
_IDS = uuid.UUID("5f0c4f6e-5a53-4f1e-9d6c-0c9f2b1c7a10")


T = TypeVar("T")


class Events(Protocol):
    """The event outbox, as the service shows it."""

    async def wait_for_events(self, after: int) -> None: ...


def consumer(webhook: str) -> str:
    """The name under which a webhook's place in the event outbox is kept."""
    return f"webhook:{webhook}"


class Dispatcher:
    """Runs all webhooks. A new one begins with what happens from its first start on.

    `others`: what is told of events in other ways; all else is as with a webhook.
    `anew`: in a database that took the place of another no webhook is new; all begin with the first event, the alert.
    """

    def __init__(
        self,
        webhooks: Sequence[Webhook],
        store: Store,
        events: Events,
        clock: Clock,
        *,
        others: Sequence[Target] = (),
        anew: bool = False,
    ) -> None:
        self._anew = anew
        targets: list[Target] = [*(HookTarget(hook, clock) for hook in webhooks), *others]
        self._targets = {target.name: target for target in targets}
        self._stored: dict[str, int] = {}  # how far each has come on disk
        self._store = store
        self._events = events
        self._clock = clock
        self._wake = {name: asyncio.Event() for name in self._targets}
        self._random = random.Random()  # noqa: S311  spreads attempts, protects nothing

    async def run(self) -> None:
        """Returns only by cancellation. A defect is logged, and all webhooks begin anew: texts do not depend on them."""
        while True:
            try:
                await self._run()
            except Exception:
                log.exception("webhooks met a defect")
            await asyncio.sleep(DEFECT_PAUSE_S)

    async def _run(self) -> None:
        places = await self._patiently(self._begin, write=True)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._prune(), name="webhooks-prune")
            if places:
                group.create_task(self._fan_out(places), name="webhooks-fan-out")
            for name, target in self._targets.items():
                group.create_task(self._deliver(target), name=f"webhook[{name}]")

    # --- looking at it

    async def overview(self) -> list[tuple[Target, dict[str, int]]]:
        """Everyone who is told, with how many of the deliveries stand where."""
        targets = list(self._targets.values())
        return await self._store.read(lambda tx: [(target, tx.deliveries.counts(target.name)) for target in targets])

    async def find(
        self, webhook: str, state: DeliveryState | None = None, before: int | None = None, limit: int = 50
    ) -> list[Delivery]:
        """Deliveries of a webhook, newest first; `before`: of events with a smaller seq. Raises RequestError."""
        self._known(webhook)
        return await self._store.read(lambda tx: tx.deliveries.find(webhook, state, before, limit))

    async def replay(self, webhook: str, delivery_id: str) -> Delivery:
        """Has a delivery made again, under its own id. Raises RequestError (unknown_webhook, unknown_delivery)."""
        self._known(webhook)
        now = self._clock.now()
        again = await self._store.write(lambda tx: tx.deliveries.replay(webhook, delivery_id, now))
        if again is None:
            raise RequestError(f"there is no delivery {delivery_id[:40]!r} of {webhook}", code="unknown_delivery")
        self._wake[webhook].set()
        return again

    def _known(self, name: str) -> None:
        if name not in self._targets:
            raise RequestError(f"there is no webhook {name[:40]!r}", code="unknown_webhook")

    # --- from events to deliveries

    def _begin(self, tx: Tx) -> dict[str, int]:
        abandoned = tx.deliveries.abandon(self._targets.keys(), self._clock.now())
        if abandoned:
            log.warning("%d deliveries waited for webhooks that are not configured any more", abandoned)
        known = tx.events.consumers("webhook:")
        for gone in known - {consumer(name) for name in self._targets}:
            tx.events.forget(gone)
        for name in self._targets:
            if consumer(name) not in known:
                tx.events.advance(consumer(name), 0 if self._anew else tx.events.last())
        self._stored = {name: tx.events.cursor(consumer(name)) for name in self._targets}
        return dict(self._stored)

    async def _fan_out(self, places: dict[str, int]) -> None:
        while True:
            batch = await self._next(min(places.values()))
            found = await self._patiently(partial(self._wanted, batch=batch, places=places))
            last = batch[-1].seq
            behind = max(last - stored for stored in self._stored.values())
            if found or behind >= MAX_BEHIND:
                await self._patiently(partial(self._spread, found=found, last=last), write=True)
                self._stored = dict.fromkeys(places, last)
            for name in places:
                places[name] = max(places[name], last)
            for name in {delivery.webhook for delivery in found}:
                self._wake[name].set()

    async def _next(self, after: int) -> list[StoredEvent]:
        """The events behind a place, when there are some: those that come together are looked at together."""
        while True:
            try:
                if batch := await self._store.events(after, BATCH):
                    return batch
            except StoreError as error:
                log.error("webhooks: %s", error)
                await asyncio.sleep(STORE_PAUSE_S)
                continue
            await self._events.wait_for_events(after)
            await asyncio.sleep(GATHER_S)

    def _wanted(self, tx: Tx, *, batch: Sequence[StoredEvent], places: dict[str, int]) -> list[Delivery]:
        now = self._clock.now()
        return [
            _delivery(name, stored, body, now)
            for name, place in places.items()
            for stored in batch
            if stored.seq > place and (body := self._targets[name].body(tx, stored)) is not None
        ]

    def _spread(self, tx: Tx, *, found: Sequence[Delivery], last: int) -> None:
        for delivery in found:
            tx.deliveries.insert(delivery)
        for name in self._targets:
            tx.events.advance(consumer(name), last)

    # --- from deliveries to receivers

    async def _deliver(self, target: Target) -> None:
        busy: set[str] = set()
        wake = self._wake[target.name]
        async with target.open() as attempt, asyncio.TaskGroup() as group:
            while True:
                wake.clear()
                for delivery in await self._patiently(lambda tx: self._due(tx, target, busy)):
                    busy.add(delivery.subject)
                    group.create_task(self._attempt(target, attempt, delivery, busy))
                await self._until_due(target, busy)

    def _due(self, tx: Tx, target: Target, busy: set[str]) -> list[Delivery]:
        room = target.concurrency - len(busy)
        return tx.deliveries.due(target.name, self._clock.now(), frozenset(busy), room) if room > 0 else []

    async def _until_due(self, target: Target, busy: set[str]) -> None:
        """Waits until something new waits, an attempt is over, or the next one's time has come."""
        moment = None
        if len(busy) < target.concurrency:
            moment = await self._patiently(lambda tx: tx.deliveries.next_moment(target.name, frozenset(busy)))
        pause = None
        if moment is not None:
            pause = min(max(0.0, (moment - self._clock.now()).total_seconds()), LOOK_AGAIN_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._wake[target.name].wait()

    async def _attempt(self, target: Target, attempt: Attempt, delivery: Delivery, busy: set[str]) -> None:
        answer = await self._answer(target, attempt, delivery)
        settled = self._settled(delivery, answer, self._clock.now())
        if not answer.ok:
            log.warning("webhook %s: %s (attempt %d): %s", target.name, delivery.id, settled.attempts, answer.error)
        try:
            await self._store.write(lambda tx: tx.deliveries.settle(settled, self._clock.now()))
        except StoreError as error:
            log.error("webhook %s: what became of %s is not stored: %s", target.name, delivery.id, error)
            await asyncio.sleep(STORE_PAUSE_S)  # it is tried again: the receiver drops it by its id
        finally:
            busy.discard(delivery.subject)
            self._wake[target.name].set()

    async def _answer(self, target: Target, attempt: Attempt, delivery: Delivery) -> Answer:
        try:
            return await attempt(delivery)
        except Exception as error:  # whatever a receiver can make of an answer must not end the gateway
            log.exception("webhook %s: an attempt met a defect", target.name)
            return Answer(status=None, error=f"internal error: {type(error).__name__}")

    def _settled(self, delivery: Delivery, answer: Answer, now: datetime) -> Delivery:
        attempts = delivery.attempts + 1
        told = replace(delivery, attempts=attempts, status=answer.status, error=answer.error)
        if answer.ok:
            return replace(told, state=DeliveryState.DELIVERED)
        if answer.gone or attempts > len(PAUSES_S):
            return replace(told, state=DeliveryState.DEAD)
        pause = PAUSES_S[attempts - 1] * self._random.uniform(0.9, 1.1)
        pause = max(pause, min(answer.retry_after_s or 0, LONGEST_WISH_S))
        return replace(told, next_at=now + timedelta(seconds=pause))

    # --- housekeeping

    async def _prune(self) -> None:
        while True:
            deleted = await self._patiently(
                lambda tx: tx.deliveries.prune(self._clock.now() - KEEP, PRUNE_LIMIT), write=True
            )
            if deleted < PRUNE_LIMIT:
                await asyncio.sleep(PRUNE_S)

    async def _patiently(self, work: Callable[[Tx], T], *, write: bool = False) -> T:
        """What the database does when it can; until then it is asked again."""
        while True:
            try:
                return await (self._store.write(work) if write else self._store.read(work))
            except StoreError as error:
                log.error("webhooks: %s", error)
                await asyncio.sleep(STORE_PAUSE_S)


def _delivery(webhook: str, stored: StoredEvent, body: str, now: datetime) -> Delivery:
    event = stored.event
    return Delivery(
        id=str(uuid.uuid5(_IDS, f"{webhook}/{stored.seq}")),
        webhook=webhook,
        seq=stored.seq,
        kind=event.kind.value,
        subject=event.subject,
        body=body,
        created_at=now,
    )
