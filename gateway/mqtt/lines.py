"""Modem states and availability out, retained: at every connect, and then what changed."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from gateway.clock import Clock
from gateway.messaging.model import LineStatus
from gateway.mqtt.connection import Connection
from gateway.mqtt.payloads import availability, line_state
from gateway.mqtt.ports import Service
from gateway.mqtt.topics import Topics
from gateway.wire import line_json

STATE_PAUSE = 0.5
"""Seconds between two states of one modem; its counters change with every text. Availability never waits."""


class LinePublisher:
    """Publishes what the service says of its lines. One for all connections: `changed` hears of changes."""

    def __init__(self, service: Service, topics: Topics, clock: Clock) -> None:
        self._service = service
        self._topics = topics
        self._clock = clock
        self._dirty = asyncio.Event()
        self._availability: dict[str, str] = {}
        self._states: dict[str, dict[str, Any]] = {}
        self._published_at: dict[str, float] = {}
        service.on_line_change(lambda _line: self._dirty.set())

    async def publish_all(self, connection: Connection) -> None:
        """Publishes everything, changed or not: the broker may have lost it. Raises ConnectionFailed."""
        self._availability.clear()
        self._states.clear()
        self._published_at.clear()
        await self._publish_changes(connection)

    async def run(self, connection: Connection) -> None:
        """Publishes changes until the connection ends. Raises ConnectionFailed."""
        while True:
            self._dirty.clear()
            held_back = await self._publish_changes(connection)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(held_back):
                    await self._dirty.wait()

    async def publish_offline(self, connection: Connection) -> None:
        """Says that no modem is available, at the end."""
        for name in self._availability:
            await connection.publish(self._topics.modem_availability(name), "offline", retain=True)

    async def _publish_changes(self, connection: Connection) -> float | None:
        """Returns the seconds until a state that was held back is due, None if there is none."""
        held_back: list[float] = []
        for line in self._service.lines():
            if self._availability.get(line.name) != availability(line):
                self._availability[line.name] = availability(line)
                await connection.publish(self._topics.modem_availability(line.name), availability(line), retain=True)
            if self._states.get(line.name) != line_json(line):
                wait = self._published_at.get(line.name, -STATE_PAUSE) + STATE_PAUSE - self._clock.monotonic()
                if wait > 0:
                    held_back.append(wait)
                    continue
                await self._publish_state(connection, line)
        return min(held_back, default=None)

    async def _publish_state(self, connection: Connection, line: LineStatus) -> None:
        self._states[line.name] = line_json(line)
        self._published_at[line.name] = self._clock.monotonic()
        state = line_state(line, self._clock.now())
        await connection.publish(self._topics.modem_state(line.name), state, retain=True)
