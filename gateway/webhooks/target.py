"""Who is told of events by HTTP: which events, in what words, and how one attempt is made."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from gateway.clock import Clock
from gateway.messaging.deliveries import Delivery
from gateway.messaging.model import StoredEvent
from gateway.messaging.ports import Tx
from gateway.webhooks.hook import Webhook
from gateway.webhooks.post import Answer, Poster
from gateway.webhooks.signature import HEADER, sign
from gateway.wire import event_json

Attempt = Callable[[Delivery], Awaitable[Answer]]
"""Makes one attempt; a delivery comes again, as it was, until an attempt is good or the last one."""


class Target(Protocol):
    """One receiver, or many of a kind. At most `concurrency` attempts are made at a time."""

    @property
    def name(self) -> str: ...
    @property
    def concurrency(self) -> int: ...
    @property
    def url(self) -> str:
        """Where it is, "" where that is not one place."""

    @property
    def events(self) -> frozenset[str]: ...

    def body(self, tx: Tx, stored: StoredEvent) -> str | None:
        """What is kept to be delivered of an event; None when it is not wanted. Only looks; may be asked again."""

    def open(self) -> AbstractAsyncContextManager[Attempt]: ...


class HookTarget:
    """A configured webhook: the event as JSON, signed."""

    def __init__(self, hook: Webhook, clock: Clock) -> None:
        self.name = hook.name
        self.concurrency = hook.concurrency
        self.url = hook.url
        self.events = hook.events
        self._hook = hook
        self._clock = clock

    def body(self, _tx: Tx, stored: StoredEvent) -> str | None:
        if stored.event.kind.value not in self._hook.events:
            return None
        return json.dumps(event_json(stored), ensure_ascii=False, separators=(",", ":"))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Attempt]:
        hook = self._hook
        poster = Poster(allow_private=hook.allow_private, timeout_s=hook.timeout_s)

        async def attempt(delivery: Delivery) -> Answer:
            body = delivery.body.encode()
            headers = {
                "Content-Type": "application/json",
                "User-Agent": "smsgw",
                "Smsgw-Delivery": delivery.id,
                "Smsgw-Event": delivery.kind,
                "Smsgw-Attempt": str(delivery.attempts + 1),
                HEADER: sign(hook.secret, body, int(self._clock.now().timestamp())),
            }
            return await poster.post(hook.url, body, headers)

        try:
            yield attempt
        finally:
            await poster.close()
