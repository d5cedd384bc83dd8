"""Events become deliveries in one commit with the place in the outbox; deliveries are tried until they are taken or dead."""

from __future__ import annotations

import asyncio
import contextlib
import json
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
from gateway.webhooks.post import Answer, Poster
from gateway.webhooks.signature import HEADER, sign
from gateway.wire import event_json

log = logging.getLogger(__name__)

PAUSES_S = (5, 15, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600)
"""Seconds before the next attempt; after the last one a delivery is dead."""
LONGEST_WISH_S = 24 * 3600  # of a Retry-After
BATCH = 200
KEEP = timedelta(days=14)
PRUNE_S = 600.0
PRUNE_LIMIT = 500
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

    `anew`: in a database that took the place of another no webhook is new; all begin with the first event, the alert.
    """

    def __init__(
        self, webhooks: Sequence[Webhook], store: Store, events: Events, clock: Clock, *, anew: bool = False
    ) -> None:
        self._anew = anew
        self._webhooks = {hook.name: hook for hook in webhooks}
        self._store = store
        self._events = events
        self._clock = clock
        self._wake = {name: asyncio.Event() for name in self._webhooks}
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
            for hook in self._webhooks.values():
                group.create_task(self._deliver(hook), name=f"webhook[{hook.name}]")

    # --- looking at it

    async def overview(self) -> list[tuple[Webhook, dict[str, int]]]:
        """Every webhook with how many of its deliveries stand where."""
        hooks = list(self._webhooks.values())
        return await self._store.read(lambda tx: [(hook, tx.deliveries.counts(hook.name)) for hook in hooks])

    async def find(
        self, webhook: str, state: DeliveryState | None = None, before: int | None = None, limit: int = 50
    ) -> list[Delivery]:
        """Deliveries of a webhook, newest first; `before`: of events with a smaller seq. Raises RequestError."""
        self._hook(webhook)
        return await self._store.read(lambda tx: tx.deliveries.find(webhook, state, before, limit))

    async def replay(self, webhook: str, delivery_id: str) -> Delivery:
        """Has a delivery made again, under its own id. Raises RequestError (unknown_webhook, unknown_delivery)."""
        self._hook(webhook)
        now = self._clock.now()
        again = await self._store.write(lambda tx: tx.deliveries.replay(webhook, delivery_id, now))
        if again is None:
            raise RequestError(f"there is no delivery {delivery_id[:40]!r} of {webhook}", code="unknown_delivery")
        self._wake[webhook].set()
        return again

    def _hook(self, name: str) -> Webhook:
        if name not in self._webhooks:
            raise RequestError(f"there is no webhook {name[:40]!r}", code="unknown_webhook")
        return self._webhooks[name]

    # --- from events to deliveries

    def _begin(self, tx: Tx) -> dict[str, int]:
        abandoned = tx.deliveries.abandon(self._webhooks.keys(), self._clock.now())
        if abandoned:
            log.warning("%d deliveries waited for webhooks that are not configured any more", abandoned)
        known = tx.events.consumers("webhook:")
        for gone in known - {consumer(name) for name in self._webhooks}:
            tx.events.forget(gone)
        for name in self._webhooks:
            if consumer(name) not in known:
                tx.events.advance(consumer(name), 0 if self._anew else tx.events.last())
        return {name: tx.events.cursor(consumer(name)) for name in self._webhooks}

    async def _fan_out(self, places: dict[str, int]) -> None:
        while True:
            after = min(places.values())
            batch = await self._patiently(lambda tx: tx.events.after(min(places.values()), BATCH))
            if not batch:
                await self._events.wait_for_events(after)
                continue
            await self._patiently(partial(self._spread, batch=batch, places=places), write=True)
            for name in places:
                places[name] = max(places[name], batch[-1].seq)
                self._wake[name].set()

    def _spread(self, tx: Tx, *, batch: Sequence[StoredEvent], places: dict[str, int]) -> None:
        now = self._clock.now()
        for name, place in places.items():
            wanted = self._webhooks[name].events
            for stored in batch:
                if stored.seq > place and stored.event.kind.value in wanted:
                    tx.deliveries.insert(_delivery(name, stored, now))
            tx.events.advance(consumer(name), batch[-1].seq)

    # --- from deliveries to receivers

    async def _deliver(self, hook: Webhook) -> None:
        poster = Poster(allow_private=hook.allow_private, timeout_s=hook.timeout_s)
        busy: set[str] = set()
        wake = self._wake[hook.name]
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    wake.clear()
                    for delivery in await self._patiently(lambda tx: self._due(tx, hook, busy)):
                        busy.add(delivery.subject)
                        group.create_task(self._attempt(hook, poster, delivery, busy))
                    await self._until_due(hook, busy)
        finally:
            await poster.close()

    def _due(self, tx: Tx, hook: Webhook, busy: set[str]) -> list[Delivery]:
        room = hook.concurrency - len(busy)
        return tx.deliveries.due(hook.name, self._clock.now(), frozenset(busy), room) if room > 0 else []

    async def _until_due(self, hook: Webhook, busy: set[str]) -> None:
        """Waits until something new waits, an attempt is over, or the next one's time has come."""
        moment = None
        if len(busy) < hook.concurrency:
            moment = await self._patiently(lambda tx: tx.deliveries.next_moment(hook.name, frozenset(busy)))
        pause = None
        if moment is not None:
            pause = min(max(0.0, (moment - self._clock.now()).total_seconds()), LOOK_AGAIN_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._wake[hook.name].wait()

    async def _attempt(self, hook: Webhook, poster: Poster, delivery: Delivery, busy: set[str]) -> None:
        body = delivery.body.encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "smsgw",
            "Smsgw-Delivery": delivery.id,
            "Smsgw-Event": delivery.kind,
            "Smsgw-Attempt": str(delivery.attempts + 1),
            HEADER: sign(hook.secret, body, int(self._clock.now().timestamp())),
        }
        answer = await self._post(hook, poster, body, headers)
        settled = self._settled(delivery, answer, self._clock.now())
        if not answer.ok:
            log.warning("webhook %s: %s (attempt %d): %s", hook.name, delivery.id, settled.attempts, answer.error)
        try:
            await self._store.write(lambda tx: tx.deliveries.settle(settled, self._clock.now()))
        except StoreError as error:
            log.error("webhook %s: what became of %s is not stored: %s", hook.name, delivery.id, error)
            await asyncio.sleep(STORE_PAUSE_S)  # it is tried again: the receiver drops it by its id
        finally:
            busy.discard(delivery.subject)
            self._wake[hook.name].set()

    async def _post(self, hook: Webhook, poster: Poster, body: bytes, headers: dict[str, str]) -> Answer:
        try:
            return await poster.post(hook.url, body, headers)
        except Exception as error:  # whatever a receiver can make of an answer must not end the gateway
            log.exception("webhook %s: an attempt met a defect", hook.name)
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


def _delivery(webhook: str, stored: StoredEvent, now: datetime) -> Delivery:
    event = stored.event
    return Delivery(
        id=str(uuid.uuid5(_IDS, f"{webhook}/{stored.seq}")),
        webhook=webhook,
        seq=stored.seq,
        kind=event.kind.value,
        subject=event.subject,
        body=json.dumps(event_json(stored), ensure_ascii=False, separators=(",", ":")),
        created_at=now,
    )
