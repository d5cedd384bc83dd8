"""Commands without an `id` that are delivered again: which one does a packet identifier mean that is in use again?"""

from __future__ import annotations

import queue
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.messaging.model import MessageFilter
from gateway.mqtt.proofs import MAX_TOKENS, Deliveries, Proofs
from tests.edges.gateway_thread import GatewayThread, config_for
from tests.support.processes import PATIENCE, wait_until

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ = 0x10, 0x20, 0x30, 0x40, 0x80, 0x90, 0xC0
DUP, QOS1 = 0x08, 0x02
ALARM = b'{"to": "+4915112345678", "text": "alarm"}'
OTHER = b'{"to": "+4915112345678", "text": "other"}'


class Script:
    """A broker (MQTT 5) that delivers what a test wants under the identifier that the test wants."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"mqtt://127.0.0.1:{self._listener.getsockname()[1]}"
        self.acknowledged: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.results = 0
        self.connects = 0
        self.confirms = True
        self._subscribed = threading.Event()
        self._client: socket.socket | None = None
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                self._client, _ = self._listener.accept()
            except OSError:
                return
            with self._client as client, suppress(OSError):
                while (packet := _read(client)) is not None:
                    self._answer(client, *packet)

    def _answer(self, client: socket.socket, first: int, body: bytes) -> None:
        kind = first & 0xF0
        if kind == CONNECT:
            self.connects += 1
            _write(client, CONNACK, b"\x01\x00\x00")  # the session was kept
        elif kind == SUBSCRIBE:
            _write(client, SUBACK, body[:2] + b"\x00" + b"\x01" * _filters(body))
            self._subscribed.set()
        elif kind == PUBLISH and self.confirms:
            topic = int.from_bytes(body[:2])
            self.results += body[2 : 2 + topic].endswith(b"send/result")
            _write(client, PUBACK, body[2 + topic : 4 + topic])
        elif kind == PUBACK:
            self.acknowledged.put(int.from_bytes(body[:2]))
        elif kind == PINGREQ:
            _write(client, 0xD0, b"")

    def deliver(
        self, identifier: int, payload: bytes, *, again: bool = False, topic: bytes = b"smsgw/box/send"
    ) -> None:
        """Delivers a command and waits for the acknowledgement."""
        assert self._subscribed.wait(PATIENCE)
        assert self._client is not None
        head = len(topic).to_bytes(2) + topic + identifier.to_bytes(2) + b"\x00"
        _write(self._client, PUBLISH | QOS1 | (DUP if again else 0), head + payload)
        assert self.acknowledged.get(timeout=PATIENCE) == identifier

    def hang_up(self) -> None:
        assert self._client is not None
        self._subscribed.clear()
        with suppress(OSError):  # it may have gone by itself
            self._client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()


def _read(client: socket.socket) -> tuple[int, bytes] | None:
    def exactly(count: int) -> bytes:
        octets = b""
        while len(octets) < count:
            if not (more := client.recv(count - len(octets))):
                raise EOFError
            octets += more
        return octets

    try:
        first, length, shift = exactly(1)[0], 0, 0
        while True:
            octet = exactly(1)[0]
            length |= (octet & 0x7F) << shift
            shift += 7
            if octet < 0x80:
                return first, exactly(length)
    except (EOFError, OSError):
        return None


def _write(client: socket.socket, first: int, body: bytes) -> None:
    assert len(body) < 128
    client.sendall(bytes((first, len(body))) + body)


def _filters(body: bytes) -> int:
    """How many topic filters a SUBSCRIBE has. Its properties are shorter than 128 octets."""
    place, count = 3 + body[2], 0
    while place < len(body):
        place += 3 + int.from_bytes(body[place : place + 2])
        count += 1
    return count


@pytest.mark.parametrize(("second_identifier", "texts"), [(1, 3), (2, 2)])
def test_an_identifier_that_is_given_out_again(tmp_path: Path, second_identifier: int, texts: int) -> None:
    """The same words a second time, whose first delivery was lost on the way; or the first time, delivered again."""
    broker = Script()
    try:
        with GatewayThread(config_for(tmp_path, broker.url)) as gateway:
            broker.deliver(1, ALARM)
            broker.deliver(second_identifier, OTHER)
            wait_until(lambda: broker.results == 2, "both results")
            broker.hang_up()
            broker.confirms = False
            for _ in range(2):  # the second time because the acknowledgement got lost
                broker.deliver(1, ALARM, again=True)
                assert len(gateway.call(gateway.service.messages(MessageFilter()))) == texts
                broker.hang_up()
    finally:
        broker.close()


def test_a_topic_that_is_no_text_keeps_nothing_up(tmp_path: Path) -> None:
    """No broker should hand that on. The acknowledgement is all that it gets, and the connection goes on."""
    broker = Script()
    try:
        with GatewayThread(config_for(tmp_path, broker.url)) as gateway:
            broker.deliver(1, ALARM, topic=b"smsgw/box/notify/\xff")
            broker.deliver(2, ALARM)
            wait_until(lambda: broker.results == 1, "the result")
            assert len(gateway.call(gateway.service.messages(MessageFilter()))) == 1
            assert broker.connects == 1
    finally:
        broker.close()


def reusing() -> Proofs:
    proofs = Proofs()
    proofs.reuses = True
    return proofs


def test_only_what_was_published_after_an_acknowledgement_proves_it() -> None:
    proofs = reusing()
    first = Deliveries(proofs)
    for token in ("a", "b", "c"):
        assert not first.begun(token, 1, again=False)
    first.acknowledged("a")
    first.acknowledged(None)  # a request, say
    first.acknowledged("b")
    first.ended(proved=2)
    assert [proofs.is_done(token) for token in ("a", "b", "c")] == [True, False, False]


def test_the_delivery_meant_is_the_last_one_taken() -> None:
    proofs = reusing()
    first = Deliveries(proofs)
    first.begun("a", 1, again=False)
    first.acknowledged("a")
    first.begun("a", 1, again=False)
    first.acknowledged("a")
    first.ended(proved=1)
    assert not proofs.is_done("a")


def test_what_was_not_stored_is_still_another_one() -> None:
    proofs = reusing()
    proofs.done("a")
    second = Deliveries(proofs)
    assert second.begun("a", 1, again=True)
    second.not_taken("a", new=True)
    assert second.begun("a", 1, again=True)
    assert not second.begun("a", 1, again=True)
    second.not_taken("a", new=False)
    assert not second.begun("a", 1, again=True)


def test_a_broker_that_counts_on_means_the_earlier_one() -> None:
    proofs = Proofs()
    proofs.done("a")
    assert not Deliveries(proofs).begun("a", 1, again=True)


def test_the_memory_of_deliveries_is_bounded() -> None:
    proofs = reusing()
    deliveries = Deliveries(proofs)
    for n in range(MAX_TOKENS + 5):
        deliveries.begun(str(n), n, again=False)
        deliveries.acknowledged(str(n))
    deliveries.ended(proved=MAX_TOKENS + 5)
    assert not proofs.is_done("4")
    assert proofs.is_done("5")
