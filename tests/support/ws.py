"""A small WebSocket client on a socket of its own."""

from __future__ import annotations

import json
import socket
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Event, Ping, RejectConnection, Request, TextMessage

PATIENCE = 15.0


class WsClient:
    """`with WsClient(url, "/ws", token=…) as client:`; `status` is 101, or what the handshake was refused with."""

    def __init__(self, url: str, target: str, *, buffer: int = 0, **headers: str) -> None:
        """`buffer`: octets that the system takes for a client that does not read, about; 0 is as many as it likes."""
        parts = urlsplit(url)
        self._socket = socket.socket()
        if buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self._socket.settimeout(PATIENCE)
        self._socket.connect((parts.hostname or "", parts.port or 80))
        self._connection = WSConnection(ConnectionType.CLIENT)
        self._events: list[Event] = []
        extra = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        self._send(Request(host=parts.netloc, target=target, extra_headers=extra))
        first = self._next()
        self.status = 101 if isinstance(first, AcceptConnection) else getattr(first, "status_code", 0)
        assert isinstance(first, AcceptConnection | RejectConnection)

    def __enter__(self) -> WsClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.status == 101:
            self._send(CloseConnection(code=1000))
        self._socket.close()

    def say(self, text: str) -> None:
        self._send(TextMessage(data=text))

    def hear(self) -> dict[str, Any]:
        """The next JSON text."""
        text = ""
        while True:
            event = self._next()
            if isinstance(event, CloseConnection):
                self.status = 0
                raise ConnectionResetError(f"closed: {event.code}")
            assert isinstance(event, TextMessage), event
            text += event.data
            if event.message_finished:
                value = json.loads(text)
                assert isinstance(value, dict)
                return value

    def hear_events(self, count: int) -> list[dict[str, Any]]:
        """The next events that have a place in the order; what is told of modems is left out."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            value = self.hear()
            if "seq" in value:
                found.append(value)
        return found

    def closed(self) -> int:
        """Waits for the end; its code."""
        while True:
            event = self._next()
            if isinstance(event, CloseConnection):
                return int(event.code)

    def _send(self, event: Event) -> None:
        self._socket.sendall(self._connection.send(event))

    def _next(self) -> Event:
        while True:
            while not self._events:
                data = self._socket.recv(65536)
                self._connection.receive_data(data or None)
                self._events += list(self._connection.events())
            event = self._events.pop(0)
            if not isinstance(event, Ping):
                return event
            self._socket.sendall(self._connection.send(event.response()))
