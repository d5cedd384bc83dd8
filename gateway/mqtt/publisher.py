"""Events out: the outbox's rows in their order, QoS 1 with a window; the cursor follows the PUBACKs."""

from __future__ import annotations

import asyncio
import logging

from paho.mqtt.reasoncodes import ReasonCode

from gateway import crashpoints
from gateway.errors import StoreError
from gateway.messaging.model import EventKind, StoredEvent
from gateway.mqtt.connection import Connection
from gateway.mqtt.payloads import with_seq
from gateway.mqtt.ports import Service
from gateway.mqtt.topics import ReplyTopics, Topics

log = logging.getLogger(__name__)

CONSUMER = "mqtt"
BATCH = 200
ADVANCE_PAUSE = 0.02
"""Seconds between two commits of the cursor: it saves the disk work, and only a crash in between repeats events."""
STORE_PAUSE = 1.0
TURNS = 4
"""Turns of the event loop between a commit and the publishing of its events. By then the command behind it is acknowledged:
an answer that costs the connection does not bring it again."""
BESIDE = frozenset({EventKind.CALL, EventKind.USSD, EventKind.CELL_BROADCAST})
"""What is no text. Where the broker's rules do not let it be published, the texts behind it must not wait for that."""


class EventPublisher:
    """Publishes from the cursor on, for one connection."""

    def __init__(self, service: Service, topics: Topics, replies: ReplyTopics, connection: Connection) -> None:
        self._service = service
        self._topics = topics
        self._replies = replies
        self._connection = connection
        self._outstanding: dict[int, bool] = {}  # seq in publishing order → acknowledged
        self._finished = 0
        self._advanced = 0
        self._progress = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Runs until the connection ends. Raises ConnectionFailed."""
        self._finished = self._advanced = await self._service.cursor(CONSUMER)
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self._publish(), name="mqtt-publish")
            group.create_task(self._advance(), name="mqtt-cursor")

    async def save(self) -> None:
        """Makes the cursor durable for what was acknowledged."""
        if self._finished > self._advanced:
            seq = self._finished
            await self._service.advance(CONSUMER, seq)
            self._advanced = seq

    async def _publish(self) -> None:
        after = self._finished
        while True:
            try:
                batch = await self._service.events(after, BATCH)
                if not batch:
                    await self._service.wait_for_events(after)
                    for _ in range(TURNS):
                        await asyncio.sleep(0)
            except StoreError as exc:
                log.error("mqtt: events cannot be read: %s", exc)
                await asyncio.sleep(STORE_PAUSE)
                continue
            for stored in batch:
                await self._publish_one(stored)
                after = stored.seq

    async def _publish_one(self, stored: StoredEvent) -> None:
        event = stored.event
        crashpoints.at("event.read")
        self._outstanding[stored.seq] = False
        asked = self._replies.usable(event.reply_to)
        number = self._replies.published(asked) if asked is not None else None
        await self._connection.publish(
            asked or self._topics.of_event(event),
            with_seq(stored),
            correlation=event.correlation,
            done=lambda reason: self._on_puback(stored, reason, asked, number),
        )

    def _on_puback(self, stored: StoredEvent, reason: ReasonCode, asked: str | None, number: int | None) -> None:
        if number is not None:
            self._replies.acknowledged(number)
        if reason.is_failure and asked is not None and self._group is not None:
            log.warning("mqtt: the broker refused a result on the response topic that was asked for: %s", reason)
            self._replies.refuse(asked)
            self._group.create_task(self._publish_one(stored), name="mqtt-result")
            return
        if reason == "Not authorized" and stored.event.kind in BESIDE:
            log.warning("mqtt: an event is left out: we may not publish on %s", self._topics.of_event(stored.event))
        elif reason.is_failure:
            # Not skipped: it is published again, after a pause, until the broker takes it.
            root = self._topics.root
            self._connection.fail(f"the broker refused an event: {reason}; are we allowed to publish on {root}/#?")
            return
        crashpoints.at("event.published")
        self._outstanding[stored.seq] = True
        while self._outstanding and self._outstanding[first := next(iter(self._outstanding))]:
            del self._outstanding[first]
            self._finished = first
        self._progress.set()

    async def _advance(self) -> None:
        while True:
            await self._progress.wait()
            await asyncio.sleep(ADVANCE_PAUSE)
            self._progress.clear()
            try:
                await self.save()
            except StoreError as exc:
                log.error("mqtt: the place in the events cannot be kept: %s", exc)
                self._progress.set()
                await asyncio.sleep(STORE_PAUSE)
