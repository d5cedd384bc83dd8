"""Conversations: what was said to and by one number, the newest first; how much of it nobody has read yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gateway.errors import RequestError
from gateway.messaging.model import Message

if TYPE_CHECKING:
    from gateway.messaging.ports import Store, Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """`last`: its newest message. `unread`: received since it was marked as read, at most `MAX_UNREAD`."""

    last: Message
    unread: int


MAX_UNREAD = 1000
"""Nobody counts further."""


class ConversationTable(Protocol):
    """Looks at messages, and keeps up to where each conversation was read."""

    def step(self, before: int | None, limit: int) -> tuple[list[Conversation], int | None]: ...
    def mark(self, peer: str, up_to: int | None) -> bool: ...


class Conversations:
    """For the edges."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(self, before: int | None, limit: int) -> tuple[list[Conversation], int | None]:
        """Those whose newest message has a number below `before`, newest first; and the next page's `before`.

        One step after the other looks at a bounded number of messages, and others read in between.
        """
        found: list[Conversation] = []
        while True:
            place, left = before, limit - len(found)
            more, before = await self._store.read(lambda tx, at=place, n=left: tx.records.conversations.step(at, n))  # type: ignore[misc]
            found += more
            if before is None or len(found) >= limit:
                return found, before

    async def mark_read(self, peer: str, message_id: str | None) -> None:
        """Everything of a conversation is read, or everything up to a message. Raises RequestError(unknown_message)."""

        def change(tx: Tx) -> None:
            message = tx.messages.get(message_id) if message_id is not None else None
            if message_id is not None and (message is None or message.peer != peer):
                raise RequestError(f"no message {message_id[:40]!r} is in that conversation", code="unknown_message")
            if not tx.records.conversations.mark(peer, message.n if message else None):
                raise RequestError("there is no such conversation", code="unknown_message")

        await self._store.write(change)
