"""What this edge needs of the messaging service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gateway.messaging.accept import Also
from gateway.messaging.alerts import Alerts
from gateway.messaging.controls import Controls
from gateway.messaging.conversations import Conversations
from gateway.messaging.history import History
from gateway.messaging.lists import Lists
from gateway.messaging.media import Media
from gateway.messaging.model import (
    Call,
    CallFilter,
    CommandResult,
    LineStatus,
    Message,
    MessageFilter,
    Origin,
    Part,
    Report,
    Segment,
    SendRequest,
    StoredEvent,
    TimelineEntry,
)
from gateway.messaging.removal import Removal
from gateway.messaging.statistics import Statistics


class Service(Protocol):
    """The commands return after the commit; they raise RequestError, or StoreError when nothing was committed."""

    async def send(self, request: SendRequest, origin: Origin, also: Also | None = None) -> CommandResult: ...

    async def message(self, message_id: str) -> tuple[Message, list[Segment], list[TimelineEntry]]: ...

    async def messages(self, wanted: MessageFilter) -> list[Message]: ...

    async def leftovers(self, limit: int) -> tuple[list[Report], list[Part]]: ...

    async def calls(self, wanted: CallFilter) -> list[Call]: ...

    async def cancel(self, message_id: str) -> Message: ...

    @property
    def controls(self) -> Controls: ...

    @property
    def lists(self) -> Lists: ...

    @property
    def history(self) -> History: ...

    @property
    def statistics(self) -> Statistics: ...

    @property
    def conversations(self) -> Conversations: ...

    @property
    def media(self) -> Media: ...

    @property
    def removal(self) -> Removal: ...

    @property
    def alerts(self) -> Alerts: ...

    async def events(self, after: int, limit: int) -> list[StoredEvent]: ...

    async def wait_for_events(self, after: int) -> None: ...

    async def last_event(self) -> int: ...

    async def waiting(self) -> int: ...

    def on_line_change(self, callback: Callable[[LineStatus], None]) -> None: ...

    def lines(self) -> list[LineStatus]: ...

    def health(self) -> dict[str, object]: ...
