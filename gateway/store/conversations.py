"""SQL for conversations: the newest message of each number, found by walking back through all that came."""

from __future__ import annotations

import sqlite3

from gateway.messaging.conversations import MAX_UNREAD, Conversation
from gateway.store import rows

STEP = 5_000
"""So many messages a step looks at: one number can have very many in a row."""

_END = 2**62
_NEWEST = """SELECT m.*, (SELECT count(*) FROM (SELECT 1 FROM messages AS i INDEXED BY messages_inbound_by_peer
    WHERE i.direction = 'inbound' AND i.blocked = 0 AND i.peer = m.peer
      AND i.n > coalesce((SELECT n FROM conversations_read AS r WHERE r.peer = m.peer), 0) LIMIT :unread)) AS unread
  FROM messages AS m NOT INDEXED WHERE m.n < :before AND m.n >= :floor AND m.blocked = 0
    AND NOT EXISTS (SELECT 1 FROM messages AS later INDEXED BY messages_by_peer
      WHERE later.peer = m.peer AND later.n > m.n AND later.blocked = 0)
  ORDER BY m.n DESC LIMIT :limit"""


class ConversationRows:
    """Table `conversations_read`, beside `messages`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def step(self, before: int | None, limit: int) -> tuple[list[Conversation], int | None]:
        """Conversations whose newest message is among the `STEP` numbers below `before`, and where to go on; None at the end."""
        last = int(self._db.execute("SELECT coalesce(max(n), 0) FROM messages").fetchone()[0])
        before = min(before if before is not None else _END, last + 1)
        floor = max(before - STEP, 1)
        values = {"before": before, "floor": floor, "limit": limit, "unread": MAX_UNREAD}
        found = [
            Conversation(last=rows.message(row), unread=row["unread"]) for row in self._db.execute(_NEWEST, values)
        ]
        if len(found) >= limit:
            return found, found[-1].last.n
        return found, floor if floor > 1 else None

    def mark(self, peer: str, up_to: int | None) -> bool:
        """Marks a conversation as read, up to a message's number or all of it. False when there is none."""
        query = "SELECT max(n) FROM messages INDEXED BY messages_by_peer WHERE peer = ?"
        last = self._db.execute(query, (peer,)).fetchone()[0]
        if last is None:
            return False
        self._db.execute(
            "INSERT INTO conversations_read VALUES (?, ?) ON CONFLICT (peer) DO UPDATE SET n = max(n, excluded.n)",
            (peer, last if up_to is None else up_to),
        )
        return True
