"""`/ws`: every event as JSON, resumable by `seq`, and the modems as they change."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect

from gateway.accounts import Permission, Principal
from gateway.errors import StoreError
from gateway.messaging.model import EventKind, LineStatus, StoredEvent
from gateway.web.auth import own_origin
from gateway.web.ports import Service
from gateway.wire import event_json, modem_json

BATCH = 100
MAX_CONNECTIONS = 100
STORE_PAUSE_S = 1.0
FORBIDDEN = 1008  # RFC 6455 7.4.1: policy violation
TRY_AGAIN = 1013


class Live:
    """The open connections. A slow one reads from the database later; nothing is kept for it in memory."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._connections: set[_Connection] = set()
        service.on_line_change(self._changed)

    def _changed(self, line: LineStatus) -> None:
        for connection in self._connections:
            connection.changed(line)

    async def serve(self, socket: WebSocket, after: int | None) -> None:
        """One connection from its handshake to its end."""
        principal = socket.scope["principal"]
        assert isinstance(principal, Principal)
        if not principal.may(Permission.READ) or not own_origin(
            socket.headers.get("origin"), socket.headers.get("host", "")
        ):
            await socket.close(FORBIDDEN)
            return
        if len(self._connections) >= MAX_CONNECTIONS:
            await socket.close(TRY_AGAIN)
            return
        place = await self._service.last_event() if after is None else after  # before the client may count on it
        await socket.accept()
        connection = _Connection(self._service, socket)
        self._connections.add(connection)
        try:
            await connection.run(place)
        finally:
            self._connections.discard(connection)


class _Connection:
    """One client. What it has not been told of a modem is only the last state of it."""

    def __init__(self, service: Service, socket: WebSocket) -> None:
        self._service = service
        self._socket = socket
        self._modems: dict[str, LineStatus] = {line.name: line for line in service.lines()}
        self._modem_changed = asyncio.Event()
        self._modem_changed.set()
        self._one_at_a_time = asyncio.Lock()

    def changed(self, line: LineStatus) -> None:
        self._modems[line.name] = line
        self._modem_changed.set()

    async def run(self, after: int) -> None:
        """Until the client goes. What it says is read, so that its going is seen, and not listened to."""
        tasks = [
            asyncio.create_task(self._events(after), name="live-events"),
            asyncio.create_task(self._lines(), name="live-modems"),
            asyncio.create_task(self._until_gone(), name="live-client"),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # sent to one that has gone
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _until_gone(self) -> None:
        while (await self._socket.receive())["type"] != "websocket.disconnect":
            continue

    async def _events(self, after: int) -> None:
        async for stored in self._stored(after):
            if stored.event.kind is not EventKind.SEND_RESULT:  # belongs to who gave the command
                await self._say(event_json(stored))

    async def _stored(self, place: int) -> AsyncIterator[StoredEvent]:
        while True:
            try:
                batch = await self._service.events(place, BATCH)
            except StoreError:
                await asyncio.sleep(STORE_PAUSE_S)
                continue
            for stored in batch:
                yield stored
                place = stored.seq
            if not batch:
                await self._service.wait_for_events(place)

    async def _lines(self) -> None:
        while True:
            await self._modem_changed.wait()
            self._modem_changed.clear()
            lines, self._modems = self._modems, {}
            for line in lines.values():
                await self._say({"event": "modem", "data": modem_json(line)})

    async def _say(self, value: dict[str, object]) -> None:
        async with self._one_at_a_time:
            await self._socket.send_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def live_routes(live: Live) -> APIRouter:
    """`/ws`."""
    router = APIRouter()

    @router.websocket("/ws")
    async def ws(socket: WebSocket, after: Annotated[int | None, Query(ge=0)] = None) -> None:
        await live.serve(socket, after)

    return router
