"""What this edge needs of the messaging service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gateway.errors import RequestError
from gateway.messaging.controls import Controls
from gateway.messaging.model import (
    CommandResult,
    LineStatus,
    Message,
    Origin,
    Segment,
    SendRequest,
    StoredEvent,
    TimelineEntry,
)


class Service(Protocol):
    """The commands return after the commit; each raises StoreError when there was none."""

    async def send(self, request: SendRequest, origin: Origin) -> CommandResult: ...

    async def reject(self, error: RequestError, origin: Origin, client_id: str | None = None) -> CommandResult: ...

    async def message(self, message_id: str) -> tuple[Message, list[Segment], list[TimelineEntry]]: ...

    async def cancel(self, message_id: str) -> Message: ...

    @property
    def controls(self) -> Controls: ...

    def lines(self) -> list[LineStatus]: ...

    def on_line_change(self, callback: Callable[[LineStatus], None]) -> None: ...

    async def events(self, after: int, limit: int) -> list[StoredEvent]: ...

    async def wait_for_events(self, after: int) -> None: ...

    async def cursor(self, consumer: str) -> int: ...

    async def advance(self, consumer: str, seq: int) -> None: ...

    async def get_value(self, key: str) -> str | None: ...

    async def set_value(self, key: str, value: str) -> None: ...
