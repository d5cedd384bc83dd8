"""A private mosquitto on a free loopback port, and clients that watch it."""

from __future__ import annotations

import functools
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.support.last_rites import last_rites
from tests.support.processes import PATIENCE, wait_until

# a long chaos asks for each text again and again
_matches = functools.lru_cache(maxsize=100_000)(paho.topic_matches_sub)


def find_mosquitto() -> str | None:
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class Broker:
    """Start, stop and start again; persistence keeps sessions and retained messages in `directory`."""

    def __init__(self, directory: Path, *, extra: str = "") -> None:
        self.directory = directory
        self.port = free_port()
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self._extra = extra
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = find_mosquitto()
        if program is None:
            pytest.skip("mosquitto is not installed")
        self.directory.mkdir(parents=True, exist_ok=True)
        config = self.directory / "mosquitto.conf"
        lines = [
            f"listener {self.port} 127.0.0.1",
            "persistence true",
            f"persistence_location {self.directory}/",
            "autosave_interval 1",
            *([] if "allow_anonymous" in self._extra else ["allow_anonymous true"]),
            "log_dest none",
            "set_tcp_nodelay true",
            "max_queued_messages 0",  # else mosquitto drops what its clients are too slow for
            *(["user root"] if os.geteuid() == 0 else []),
            self._extra,
        ]
        config.write_text("\n".join(lines) + "\n")
        self._process = subprocess.Popen(
            [program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        last_rites.started(self._process.pid)
        _wait_for_port(self.port, self._process)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE)
            last_rites.ended(self._process.pid)
            self._process = None

    def kill(self) -> None:
        """Without saving anything."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
            last_rites.ended(self._process.pid)
            self._process = None

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """It keeps its connections, and neither reads nor writes until the block is left."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Broker:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    def listens() -> bool:
        assert process.poll() is None, f"mosquitto ended with {process.returncode}"
        with closing(socket.socket()) as sock:
            sock.settimeout(1)
            return sock.connect_ex(("127.0.0.1", port)) == 0

    wait_until(listens, "mosquitto to listen")


@dataclass
class Received:
    """One message as an observing client got it."""

    topic: str
    payload: bytes
    retain: bool
    properties: Any = None
    at: float = field(default_factory=time.monotonic)


class Observer:
    """A paho client with its own thread: keeps all that it receives, publishes and waits for the acknowledgement."""

    def __init__(
        self,
        port: int,
        *topics: str,
        v5: bool = True,
        username: str | None = None,
        password: str | None = None,
        tls: str | None = None,
        session: str | None = None,
    ) -> None:
        """`session`: a client id whose session the broker keeps, so that nothing is missed while it is away."""
        self.received: list[Received] = []
        self._arrived = threading.Condition()
        self._subscribed = threading.Event()
        self._topics = topics
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=session or "",
            protocol=MQTTProtocolVersion.MQTTv5 if v5 else MQTTProtocolVersion.MQTTv311,
        )
        self._client.reconnect_delay_set(1, 1)
        if username is not None:
            self._client.username_pw_set(username, password)
        if tls is not None:
            self._client.tls_set(tls)
        self._client.on_message = lambda _c, _u, message: self._note(message)
        self._client.on_connect = lambda *_args: self._subscribe()
        self._client.on_subscribe = lambda *_args: self._subscribed.set()
        self._client.max_inflight_messages_set(1000)
        kept = Properties(PacketTypes.CONNECT)
        kept.SessionExpiryInterval = 3600
        options: dict[str, Any] = {"clean_start": False, "properties": kept} if session is not None else {}
        self._client.connect("127.0.0.1", port, **options)
        sock = self._client.socket()
        assert sock is not None
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # paho leaves Nagle on
        self._client.loop_start()
        assert self._subscribed.wait(PATIENCE), "the observer could not subscribe"

    def _subscribe(self) -> None:
        if self._topics:
            self._client.subscribe([(topic, 1) for topic in self._topics])
        else:
            self._subscribed.set()

    def _note(self, message: paho.MQTTMessage) -> None:
        with self._arrived:
            self.received.append(Received(message.topic, bytes(message.payload), message.retain, message.properties))
            self._arrived.notify_all()

    def on(self, topic: str) -> list[Received]:
        return [message for message in self.received if _matches(topic, message.topic)]

    def wait(self, topic: str, count: int = 1, *, seconds: float = PATIENCE) -> list[Received]:
        """All messages on `topic`, as soon as there are `count`."""
        found: list[Received] = []
        looked_at = 0

        def enough_now() -> bool:
            nonlocal looked_at
            new = self.received[looked_at:]
            looked_at += len(new)
            found.extend(message for message in new if _matches(topic, message.topic))
            return len(found) >= count

        with self._arrived:
            enough = self._arrived.wait_for(enough_now, seconds)
        assert enough, f"{len(found)} of {count} messages on {topic}; got: {[m.topic for m in self.received][-20:]}"
        return found

    def publish(
        self,
        topic: str,
        payload: bytes | str,
        *,
        qos: int = 1,
        retain: bool = False,
        response: str | None = None,
        correlation: bytes | None = None,
        wait: bool = True,
    ) -> None:
        properties = None
        if response is not None:
            properties = Properties(PacketTypes.PUBLISH)
            properties.ResponseTopic = response
            if correlation is not None:
                properties.CorrelationData = correlation
        info = self._client.publish(topic, payload, qos=qos, retain=retain, properties=properties)
        if wait:
            info.wait_for_publish(PATIENCE)
            assert info.is_published()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> Observer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class OldBroker:
    """In front of a real broker: refuses MQTT 5 the way older ones do, and passes everything else through.

    `refusal`: what is written before the connection is closed; b"" closes it without a word.
    """

    def __init__(self, broker: Broker, refusal: bytes) -> None:
        self._target = broker.port
        self._refusal = refusal
        self.levels: list[int] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            connect = client.recv(4096)  # CONNECT comes in one packet
            level = connect[connect.index(b"MQTT") + 4]
            self.levels.append(level)
            if level == 5:
                client.sendall(self._refusal)
                client.close()
                continue
            server = socket.create_connection(("127.0.0.1", self._target))
            server.sendall(connect)
            self._open += [client, server]
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=_pump, args=(source, sink), daemon=True).start()

    def __enter__(self) -> OldBroker:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._open:
            sock.close()
        self._thread.join(PATIENCE)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while octets := source.recv(65536):
            sink.sendall(octets)
        sink.shutdown(socket.SHUT_WR)
