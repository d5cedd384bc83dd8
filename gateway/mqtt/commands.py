"""Commands in: parsed, handed to the service one after the other, acknowledged in receive order after the commit."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import deque
from collections.abc import Coroutine, Mapping
from typing import Any

from paho.mqtt.client import MQTTMessage
from paho.mqtt.reasoncodes import ReasonCode

from gateway import crashpoints
from gateway.errors import RequestError, StoreError
from gateway.messaging.model import Origin, SendRequest
from gateway.mqtt import payloads
from gateway.mqtt.connection import Connection, ConnectionFailed
from gateway.mqtt.operations import OPERATIONS, Operation
from gateway.mqtt.payloads import BridgeRequest
from gateway.mqtt.ports import Service
from gateway.mqtt.proofs import Deliveries, Proofs
from gateway.mqtt.topics import ReplyTopics, Topics
from gateway.wire import MAX_PAYLOAD, SendPayload, read, read_object, readable_id

log = logging.getLogger(__name__)

EDGE = "mqtt"
MAX_WAITING = 500
"""Received commands that wait to be started; above it the broker has to wait."""
MAX_RUNNING = 64
"""Commands handed to the service at once, so that they share commits."""
MAX_SLOW = 64
"""Requests that wait for a modem or a network at once."""
DRAIN_SECONDS = 10.0

Reply = tuple[str | None, bytes | None]
"""Response topic and correlation data."""


class CommandIntake:
    """Takes the commands of one connection.

    `session`: names the broker's session in delivery tokens. `targets`: the numbers behind `notify/<target>`.
    `proofs`: what is known of the deliveries of earlier connections.
    """

    def __init__(
        self,
        service: Service,
        topics: Topics,
        replies: ReplyTopics,
        connection: Connection,
        session: str,
        targets: Mapping[str, tuple[str, ...]],
        proofs: Proofs,
    ) -> None:
        self.service = service
        self._topics = topics
        self._replies = replies
        self._connection = connection
        self._session = session
        self._deliveries = Deliveries(proofs)
        self._targets = targets
        self._waiting: deque[MQTTMessage] = deque()
        self._running: deque[tuple[MQTTMessage, asyncio.Task[None]]] = deque()
        self._may_start = asyncio.Event()
        self._started = asyncio.Event()
        self._slow: set[asyncio.Task[None]] = set()

    def received(self, message: MQTTMessage) -> None:
        """Notes a message; called in receive order."""
        self._waiting.append(message)
        self._may_start.set()
        if len(self._waiting) >= MAX_WAITING:
            self._connection.pause_reading()

    async def run(self) -> None:
        """Starts and acknowledges for as long as the connection lives. Raises ConnectionFailed after a failed commit."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._start(), name="mqtt-commands")
            group.create_task(self._acknowledge(), name="mqtt-acknowledge")

    async def drain(self) -> None:
        """Waits for the commands that were started, and acknowledges them as far as they were committed, in order.

        None is still on its way when it is delivered again.
        """
        if self._running:
            await asyncio.wait([task for _, task in self._running], timeout=DRAIN_SECONDS)
        while self._running and self._running[0][1].done():
            message, task = self._running.popleft()
            if task.cancelled() or task.exception() is not None:
                break
            self._ack(message)
        for task in (*(task for _, task in self._running), *self._slow):
            task.cancel()
        self._running.clear()
        self._deliveries.ended(self._connection.proved)

    def _ack(self, message: MQTTMessage) -> None:
        self._connection.ack(message)
        if message.qos == 1:
            self._deliveries.acknowledged(self._token(message))

    async def _start(self) -> None:
        while True:
            while not self._waiting or len(self._running) >= MAX_RUNNING:
                self._may_start.clear()
                await self._may_start.wait()
            message = self._waiting.popleft()
            if len(self._waiting) < MAX_WAITING // 2:
                self._connection.resume_reading()
            task = asyncio.create_task(self._carry_out(message), name="mqtt-command")
            self._running.append((message, task))
            self._started.set()

    async def _acknowledge(self) -> None:
        while True:
            while not self._running:
                self._started.clear()
                await self._started.wait()
            message, task = self._running[0]
            try:
                await asyncio.shield(task)
            except StoreError as exc:
                raise ConnectionFailed(f"a command could not be stored and is left to the broker: {exc}") from exc
            except Exception:
                # Acknowledged all the same: it would come again at every connect, before all that are behind it.
                log.exception("mqtt: a command met a defect and gets no answer")
            self._running.popleft()
            self._may_start.set()
            self._ack(message)
            crashpoints.at("command.acknowledged")

    async def _carry_out(self, message: MQTTMessage) -> None:
        """Raises StoreError when nothing was committed."""
        try:
            topic = message.topic
        except UnicodeDecodeError:
            log.warning("mqtt: a message on a topic that is not UTF-8 is ignored")
            return
        if topic == self._topics.send:
            await self._send(message)
        elif topic.startswith(self._topics.notify):
            await self._notify(topic.removeprefix(self._topics.notify), message)
        elif topic.startswith(self._topics.requests):
            await self._request(topic.removeprefix(self._topics.requests), message)
        else:
            log.info("mqtt: a message on %s is ignored; an earlier configuration subscribed to it", topic)

    async def _send(self, message: MQTTMessage) -> None:
        client_id: str | None = None
        try:
            value = read_object(message.payload)
            client_id = readable_id(value)
            if message.retain:
                raise _retained()
            request = read(SendPayload, value).request()
        except RequestError as exc:
            await self._refuse(message, _retained() if message.retain else exc, client_id)
            return
        await self._hand_over(message, request, client_id)

    async def _notify(self, target: str, message: MQTTMessage) -> None:
        """The payload is the text itself, and who gets it stands in the configuration."""
        try:
            if message.retain:
                raise _retained()
            if target not in self._targets:
                raise RequestError(f"[notify] has no {target!r:.60}", code="unknown_target")
            if len(message.payload) > MAX_PAYLOAD:
                raise RequestError(f"at most {MAX_PAYLOAD} octets are allowed", code="too_large")
            text = message.payload.decode()
        except RequestError as exc:
            await self._refuse(message, exc, None)
        except UnicodeDecodeError:
            await self._refuse(message, RequestError("the text is not UTF-8", field="text"), None)
        else:
            await self._hand_over(message, SendRequest(to=self._targets[target], text=text), None)

    async def _hand_over(self, message: MQTTMessage, request: SendRequest, client_id: str | None) -> None:
        token = self._token(message)
        new = token is not None and self._deliveries.begun(token, message.mid, again=bool(message.dup))
        try:
            await self.service.send(request, self._origin(message, redelivered=bool(message.dup) and not new))
        except RequestError as exc:
            await self._refuse(message, exc, client_id)
        except (StoreError, asyncio.CancelledError):
            if token is not None:
                self._deliveries.not_taken(token, new=new)
            raise
        except Exception:
            log.exception("mqtt: a command met a defect")
            await self._refuse(message, _defect(), client_id)

    async def _refuse(self, message: MQTTMessage, error: RequestError, client_id: str | None) -> None:
        log.info("mqtt: a command on %s is refused: %s", message.topic, error.code)
        await self.service.reject(error, self._origin(message), client_id)

    def _token(self, message: MQTTMessage) -> str | None:
        """The same when the broker delivers the same message again. None where there is nothing to take."""
        try:
            topic = message.topic.encode()
        except UnicodeDecodeError:
            return None
        if message.qos != 1:
            return None
        digest = hashlib.sha256(topic + b"\0" + message.payload).hexdigest()
        return f"{self._session}:{message.mid}:{digest}"

    def _origin(self, message: MQTTMessage, *, redelivered: bool | None = None) -> Origin:
        reply_to, correlation = self._reply_to(message)
        return Origin(
            edge=EDGE,
            wants_result=True,
            delivery=self._token(message),
            redelivered=bool(message.dup) if redelivered is None else redelivered,
            reply_to=reply_to,
            correlation=correlation,
        )

    async def _request(self, name: str, message: MQTTMessage) -> None:
        transaction: str | int | None = None
        reply = self._reply_to(message)
        try:
            value = read_object(message.payload or b"{}")
            transaction = payloads.transaction_of(value)
            if message.retain:
                raise _retained()
            if name not in OPERATIONS:
                known = ", ".join(OPERATIONS)
                raise RequestError(f"there is no operation {name!r:.60}; known: {known}", code="unsupported")
            operation = OPERATIONS[name]
            request = read(operation.model, value)
            if operation.once and message.dup:
                raise RequestError("it was delivered before and may have been begun; ask anew", code="outcome_unknown")
        except RequestError as exc:
            await self._respond(name, payloads.response(transaction, exc), *reply)
            return
        answering = self._answer(name, operation, request, transaction, reply)
        if not operation.slow:
            await answering
        elif len(self._slow) < MAX_SLOW:
            self._in_background(answering)
        else:
            answering.close()
            busy = RequestError(f"{MAX_SLOW} requests wait for modems already", code="queue_full")
            await self._respond(name, payloads.response(transaction, busy), *reply)

    async def _answer(
        self, name: str, operation: Operation, request: BridgeRequest, transaction: str | int | None, reply: Reply
    ) -> None:
        outcome: Mapping[str, Any] | RequestError
        try:
            outcome = await operation.answer(self.service, request)
        except RequestError as exc:
            outcome = exc
        except StoreError:
            if not operation.slow:
                raise
            outcome = RequestError("the database could not take it", code="store_error")
        except Exception:
            log.exception("mqtt: the request %s met a defect", name)
            outcome = _defect()
        await self._respond(name, payloads.response(transaction, outcome), *reply)

    def _in_background(self, answering: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(answering, name="mqtt-slow-request")
        self._slow.add(task)
        task.add_done_callback(self._slow.discard)

    async def _respond(self, operation: str, text: str, reply_to: str | None, correlation: bytes | None) -> None:
        number = self._replies.published(reply_to) if reply_to is not None else None

        def done(reason: ReasonCode) -> None:
            if number is not None:
                self._replies.acknowledged(number)
            if reason.is_failure and reply_to is not None:
                log.warning("mqtt: the broker refused a response on the topic that was asked for: %s", reason)
                self._replies.refuse(reply_to)

        topic = reply_to or self._replies.usable(self._topics.response(operation))
        if topic is None:
            log.warning("mqtt: a request gets no response: the name of its operation is too long")
            return
        try:
            await self._connection.publish(topic, text, correlation=correlation, done=done)
        except ConnectionFailed as exc:  # it is not acknowledged either, so it comes again
            log.info("mqtt: the response to %s is given after the next connect: %s", operation, exc)

    def _reply_to(self, message: MQTTMessage) -> Reply:
        """MQTT 5 response topic, if it can be used, and correlation data."""
        topic = getattr(message.properties, "ResponseTopic", None)
        correlation = getattr(message.properties, "CorrelationData", None)
        return self._replies.usable(topic), bytes(correlation) if correlation is not None else None


def _retained() -> RequestError:
    return RequestError("a retained command is not carried out; publish it without retain", code="retained_refused")


def _defect() -> RequestError:
    return RequestError("a defect in the gateway; its log says more", code="internal_error")
