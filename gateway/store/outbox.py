"""SQL for commands (idempotency) and the event outbox with its consumers' cursors."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from gateway.messaging.model import Event, EventKind, StoredEvent
from gateway.store.rows import ms


class Commands:
    """Table `commands`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def by_client_id(self, client_id: str) -> tuple[str, tuple[str, ...]] | None:
        row = self._db.execute("SELECT digest, message_ids FROM commands WHERE client_id = ?", (client_id,)).fetchone()
        return (row["digest"], tuple(row["message_ids"].split(","))) if row else None

    def by_delivery(self, delivery: str, window: int) -> tuple[str, ...] | None:
        """The newest command with this delivery token, if it is among the last `window` ones that have a token."""
        query = """SELECT message_ids FROM commands AS c WHERE delivery = ? AND ? > (SELECT count(*) FROM commands AS later
                   NOT INDEXED WHERE later.n > c.n AND later.delivery IS NOT NULL) ORDER BY n DESC LIMIT 1"""
        row = self._db.execute(query, (delivery, window)).fetchone()
        return tuple(row["message_ids"].split(",")) if row else None

    def insert(
        self, client_id: str | None, digest: str, message_ids: Sequence[str], delivery: str | None, now: datetime
    ) -> None:
        self._db.execute(
            "INSERT INTO commands (client_id, digest, message_ids, delivery, at) VALUES (?, ?, ?, ?, ?)",
            (client_id, digest, ",".join(message_ids), delivery, ms(now)),
        )


class Events:
    """Tables `events`, `cursors` and `key_values`. `added`: what this connection's running transaction has added."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.added: list[StoredEvent] = []

    def add(self, event: Event, now: datetime) -> int:
        cursor = self._db.execute(
            "INSERT INTO events (kind, subject, payload, reply_to, correlation, at) VALUES (?, ?, ?, ?, ?, ?)",
            (event.kind.value, event.subject, event.payload, event.reply_to, event.correlation, ms(now)),
        )
        seq = int(cursor.lastrowid or 0)
        self.added.append(StoredEvent(seq=seq, event=event))
        return seq

    def after(self, seq: int, limit: int) -> list[StoredEvent]:
        query = "SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
        return [
            StoredEvent(
                seq=row["seq"],
                event=Event(
                    kind=EventKind(row["kind"]),
                    subject=row["subject"],
                    payload=row["payload"],
                    reply_to=row["reply_to"],
                    correlation=row["correlation"],
                ),
            )
            for row in self._db.execute(query, (seq, limit))
        ]

    def last(self) -> int:
        return int(self._db.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])

    def cursor(self, consumer: str) -> int:
        row = self._db.execute("SELECT seq FROM cursors WHERE consumer = ?", (consumer,)).fetchone()
        return int(row["seq"]) if row else 0

    def cursors(self) -> dict[str, int]:
        return dict(self._db.execute("SELECT consumer, seq FROM cursors").fetchall())

    def advance(self, consumer: str, seq: int) -> None:
        self._db.execute(
            "INSERT INTO cursors VALUES (?, ?) ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)", (consumer, seq)
        )

    def consumers(self, prefix: str) -> set[str]:
        """The consumers whose name begins with `prefix`."""
        rows = self._db.execute("SELECT consumer FROM cursors WHERE substr(consumer, 1, ?) = ?", (len(prefix), prefix))
        return {row["consumer"] for row in rows}

    def forget(self, consumer: str) -> None:
        """The consumer is no more: what it has not read is kept for it no longer."""
        self._db.execute("DELETE FROM cursors WHERE consumer = ?", (consumer,))

    def redact(self, message_id: str) -> None:
        """What a received text said is blanked in the events that tell of it, and in their deliveries to webhooks."""
        inbox = "kind = 'inbox' AND subject = :id"
        for name in ("text", "data_hex"):
            self._db.execute(
                f"""UPDATE events SET payload = json_set(payload, '$.{name}', '', '$.redacted', json('true'))
                    WHERE {inbox} AND json_type(payload, '$.{name}') IS NOT NULL""",  # noqa: S608 - own words
                {"id": message_id},
            )
            self._db.execute(
                f"""UPDATE deliveries SET body = json_set(body, '$.data.{name}', '', '$.data.redacted', json('true'))
                    WHERE seq IN (SELECT seq FROM events WHERE {inbox}) AND kind = 'inbox' AND json_valid(body)
                    AND json_type(body, '$.data.{name}') IS NOT NULL""",  # noqa: S608 - own words
                {"id": message_id},
            )

        self._db.execute(
            f"""UPDATE deliveries SET body = json_set(body, '$.fields', json((SELECT json_group_array(json_array(value ->> 0,
                  CASE value ->> 0 WHEN 'Body' THEN '' ELSE value ->> 1 END)) FROM json_each(deliveries.body, '$.fields'))))
                WHERE seq IN (SELECT seq FROM events WHERE {inbox}) AND kind = 'inbox' AND json_valid(body)
                AND json_type(body, '$.fields') = 'array'""",  # noqa: S608 - own words
            {"id": message_id},
        )

    def get_value(self, key: str) -> str | None:
        row = self._db.execute("SELECT value FROM key_values WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row["value"])

    def set_value(self, key: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO key_values VALUES (?, ?)", (key, value))
