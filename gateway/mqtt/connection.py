"""One MQTT connection, used once: paho's client driven by the asyncio loop, without paho's thread.

The client is new for every connection, so paho keeps nothing to repeat: what was not acknowledged comes again from
our own event outbox. Only the blocking part of connecting (names, TCP, TLS) runs in a thread of its own; the socket
is handed to the loop afterwards. paho holds a lock during callbacks, so callbacks here only note what happened.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from gateway.errors import TransientError

log = logging.getLogger(__name__)

CONNECT_TIMEOUT = 10.0
ANSWER_TIMEOUT = 10.0
"""Seconds for CONNACK and SUBACK."""
KEEPALIVE = 30
WINDOW = 200
"""PUBLISH packets that may wait for their PUBACK, unless the broker's Receive Maximum is less."""
RECEIVE_MAXIMUM = 100
"""Commands that the broker may have in flight to us (MQTT 5)."""
SESSION_FOR_EVER = 0xFFFFFFFF

V5 = MQTTProtocolVersion.MQTTv5
V311 = MQTTProtocolVersion.MQTTv311


class ConnectionFailed(TransientError):
    """The connection could not be made or was lost; the message says why."""


class ProtocolRefused(ConnectionFailed):
    """The broker does not speak this version of MQTT."""


class ClosedEarly(ConnectionFailed):
    """The broker closed the connection instead of answering CONNECT, as some do that do not know MQTT 5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a connection needs to know."""

    host: str
    port: int
    client_id: str
    will_topic: str
    will_payload: bytes
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None


class Connection:
    """Open it once, use it until `closed`, make a new one. `on_message` is called in receive order and must not block."""

    def __init__(
        self, settings: Settings, level: MQTTProtocolVersion, on_message: Callable[[MQTTMessage], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.v5 = level == V5
        self.closed: asyncio.Future[str] = self._loop.create_future()
        self._where = f"{settings.host}:{settings.port}"
        self._connack: asyncio.Future[tuple[bool, ReasonCode, Properties | None]] = self._loop.create_future()
        self._suback: asyncio.Future[Sequence[ReasonCode]] = self._loop.create_future()
        self._socket: Any = None
        self._reading = False
        self._window = WINDOW
        self._pending: dict[int, tuple[Callable[[ReasonCode], None] | None, int]] = {}
        self._acknowledged = 0
        self.proved = 0
        self._room = asyncio.Event()
        self._tick: asyncio.TimerHandle | None = None
        self._client = self._make_client(settings, level, on_message)

    def _make_client(
        self, settings: Settings, level: MQTTProtocolVersion, on_message: Callable[[MQTTMessage], None]
    ) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            clean_session=None if level == V5 else False,
            protocol=level,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = CONNECT_TIMEOUT
        client.max_inflight_messages_set(0)  # the window is ours
        client.will_set(settings.will_topic, settings.will_payload, qos=1, retain=True)
        if settings.username is not None:
            client.username_pw_set(settings.username, settings.password)
        if settings.tls is not None:
            client.tls_set_context(settings.tls)
        client.on_connect = lambda _c, _u, flags, reason, properties: self._note(
            self._connack, (flags.session_present, reason, properties)
        )
        client.on_subscribe = lambda _c, _u, _mid, reasons, _p: self._note(self._suback, reasons)
        client.on_publish = lambda _c, _u, mid, reason, _p: self._on_puback(mid, reason)
        client.on_disconnect = lambda _c, _u, flags, reason, _p: self._on_disconnect(
            f"the broker said: {reason}" if flags.is_disconnect_packet_from_server else "connection lost"
        )
        client.on_message = lambda _c, _u, message: on_message(message)
        client.on_socket_close = lambda _c, _u, _socket: self._detach()
        client.on_socket_register_write = lambda _c, _u, _socket: self._want_write(True)
        client.on_socket_unregister_write = lambda _c, _u, _socket: self._want_write(False)
        if level == V5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = SESSION_FOR_EVER
            properties.ReceiveMaximum = RECEIVE_MAXIMUM
            client.connect_async(settings.host, settings.port, KEEPALIVE, clean_start=False, properties=properties)
        else:
            client.connect_async(settings.host, settings.port, KEEPALIVE)
        return client

    async def open(self) -> bool:
        """Connects. Returns whether the broker still had our session.

        Raises ConnectionFailed, or its kinds ProtocolRefused and ClosedEarly.
        """
        await self._connect_in_thread()
        self._attach()
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                await asyncio.wait((self._connack, self.closed), return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError as exc:
            self.fail("no CONNACK")
            raise ConnectionFailed(f"{self._where}: no answer to CONNECT within {ANSWER_TIMEOUT:g} s") from exc
        if not self._connack.done():
            raise ClosedEarly(f"{self._where}: the connection was closed before CONNACK")
        session_present, reason, properties = self._connack.result()
        if reason.is_failure:
            self.fail(f"refused: {reason}")
            kind = ProtocolRefused if reason == "Unsupported protocol version" else ConnectionFailed
            raise kind(f"{self._where}: the broker refused the connection: {reason}")
        self._window = min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW))
        return session_present

    async def _connect_in_thread(self) -> None:
        done: concurrent.futures.Future[None] = concurrent.futures.Future()

        def connect() -> None:
            try:
                self._client.reconnect()
            except Exception as exc:  # noqa: BLE001  # handed to the task that waits
                done.set_exception(exc)
            else:
                done.set_result(None)

        # A daemon thread, not an executor's: a name server that does not answer must not hold up the end of the process.
        done.set_running_or_notify_cancel()
        threading.Thread(target=connect, name="mqtt-connect", daemon=True).start()
        try:
            await asyncio.wrap_future(done)
        except asyncio.CancelledError:
            done.add_done_callback(lambda _: self._close_socket())
            raise
        except (OSError, ValueError) as exc:
            raise ConnectionFailed(f"{self._where}: cannot connect: {exc}") from exc

    def _attach(self) -> None:
        sock: Any = self._client.socket()
        if sock is None:
            raise ConnectionFailed(f"{self._where}: the connection was lost at once")
        self._socket = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # Nagle costs 40 ms on small packets
        self.resume_reading()
        self._want_write(True)  # CONNECT is waiting
        self._tick = self._loop.call_later(1.0, self._every_second)

    # --- the loop calls these ---

    def _readable(self) -> None:
        self._run(self._client.loop_read)
        # Packets that TLS has decrypted already do not make the socket readable.
        while self._reading and isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            self._run(self._client.loop_read)

    def _writable(self) -> None:
        self._run(self._client.loop_write)

    def _every_second(self) -> None:
        self._run(self._client.loop_misc)
        if not self.closed.done():
            self._tick = self._loop.call_later(1.0, self._every_second)

    def _run(self, step: Callable[[], MQTTErrorCode]) -> None:
        try:
            step()
        except Exception:
            log.exception("mqtt: the connection is given up")
            self.fail("internal error")

    # --- paho calls these, with a lock held ---

    def _note(self, future: asyncio.Future[Any], value: Any) -> None:
        if not future.done():
            future.set_result(value)

    def _on_puback(self, mid: int, reason: ReasonCode) -> None:
        done, acknowledged = self._pending.pop(mid, (None, 0))
        self.proved = max(self.proved, acknowledged)
        self._room.set()
        if done is not None:
            done(reason)
        elif reason.is_failure:
            log.warning("mqtt: the broker refused a message: %s", reason)

    def _on_disconnect(self, why: str) -> None:
        self._note(self.closed, why)
        self._room.set()
        if self._tick is not None:
            self._tick.cancel()

    def _want_write(self, wanted: bool) -> None:
        if self._socket is None:  # still in the connecting thread
            return
        if wanted:
            self._loop.add_writer(self._socket, self._writable)
        else:
            self._loop.remove_writer(self._socket)

    def _detach(self) -> None:
        if self._socket is None:
            return
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket = None
        self._reading = False

    # --- the edge calls these ---

    def pause_reading(self) -> None:
        """Lets the broker wait; TCP tells it."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._socket)

    def resume_reading(self) -> None:
        if self._socket is not None and not self._reading:
            self._reading = True
            self._loop.add_reader(self._socket, self._readable)

    async def subscribe(self, topics: Sequence[str]) -> None:
        """Subscribes with QoS 1 and waits for SUBACK. Raises ConnectionFailed."""
        self._check_open()
        options = SubscribeOptions(
            qos=1, noLocal=True, retainAsPublished=True, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB
        )
        if self.v5:
            self._client.subscribe([(topic, options) for topic in topics])
        else:
            self._client.subscribe([(topic, 1) for topic in topics])
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                await asyncio.wait((self._suback, self.closed), return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError as exc:
            raise ConnectionFailed(f"{self._where}: no answer to SUBSCRIBE within {ANSWER_TIMEOUT:g} s") from exc
        self._check_open()
        reasons = zip(topics, self._suback.result(), strict=False)
        refused = [f"{topic}: {reason}" for topic, reason in reasons if reason.is_failure]
        if refused:
            raise ConnectionFailed(f"{self._where}: the broker refused to subscribe {'; '.join(refused)}")

    async def publish(
        self,
        topic: str,
        payload: str | bytes,
        *,
        retain: bool = False,
        correlation: bytes | None = None,
        done: Callable[[ReasonCode], None] | None = None,
    ) -> None:
        """Sends one PUBLISH with QoS 1 as soon as the window has room. `done`: called with the PUBACK's reason code.

        Raises ConnectionFailed.
        """
        while len(self._pending) >= self._window and not self.closed.done():
            self._room.clear()
            await self._room.wait()
        self._check_open()
        properties = None
        if correlation is not None and self.v5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.CorrelationData = correlation
        info = self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        self._pending[info.mid] = done, self._acknowledged

    def ack(self, message: MQTTMessage) -> None:
        """Acknowledges a message that was received with QoS 1. Does nothing on a connection that is gone.

        What is published afterwards goes behind it: when the broker confirms that, it has the acknowledgement, too.
        `proved` counts those.
        """
        if message.qos == 1 and not self.closed.done():
            self._client.ack(message.mid, message.qos)
            self._acknowledged += 1

    async def drain(self, seconds: float) -> None:
        """Waits until everything published is acknowledged, for `seconds` at most."""
        try:
            async with asyncio.timeout(seconds):
                while self._pending and not self.closed.done():
                    self._room.clear()
                    await self._room.wait()
        except TimeoutError:
            log.warning("mqtt: %d messages were not acknowledged at the end", len(self._pending))

    async def disconnect(self) -> None:
        """Says goodbye, so that the broker does not publish the last will; returns when the socket is closed."""
        if not self.closed.done():
            self._client.disconnect()
            await asyncio.wait((self.closed,), timeout=2.0)
        self.fail("closed by us")

    def fail(self, why: str) -> None:
        """Gives up without a goodbye: the broker publishes the last will and keeps what is not acknowledged."""
        self._detach()
        self._on_disconnect(why)
        self._close_socket()

    def _close_socket(self) -> None:
        sock: Any = self._client.socket()
        if sock is not None:
            sock.close()

    def _check_open(self) -> None:
        if self.closed.done():
            raise ConnectionFailed(f"{self._where}: {self.closed.result()}")
