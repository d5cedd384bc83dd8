"""SQL for the deliveries of web hooks."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from gateway.messaging.deliveries import LONGEST_PAUSE, Delivery, DeliveryState
from gateway.store.rows import at, ms

_INSERT = """INSERT OR IGNORE INTO deliveries
  (id, webhook, seq, kind, subject, body, created_at, state, attempts, next_at, updated_at, status, error)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
# The first waiting delivery of each subject: nothing of the same subject waits before it.
_FIRSTS = """FROM deliveries AS d WHERE webhook = ? AND state = 'waiting'
  AND NOT EXISTS (SELECT 1 FROM deliveries AS e WHERE e.webhook = d.webhook AND e.state = 'waiting'
                  AND e.subject = d.subject AND e.seq < d.seq)"""
# A pause that is longer than any we make is one from before the clock went back: it is over.
_DUE = f"SELECT * {_FIRSTS} AND (next_at <= ? OR next_at > ?) ORDER BY seq LIMIT ?"
_NEXT = f"SELECT subject, next_at {_FIRSTS} ORDER BY next_at LIMIT ?"


class Deliveries:
    """Table `deliveries`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def insert(self, delivery: Delivery) -> None:
        """One that is there already (the same event for the same webhook) stays as it is."""
        self._db.execute(
            _INSERT,
            (
                delivery.id,
                delivery.webhook,
                delivery.seq,
                delivery.kind,
                delivery.subject,
                delivery.body,
                ms(delivery.created_at),
                delivery.state.value,
                delivery.attempts,
                ms(delivery.next_at or delivery.created_at),
                ms(delivery.updated_at or delivery.created_at),
                delivery.status,
                delivery.error,
            ),
        )

    def get(self, delivery_id: str) -> Delivery | None:
        row = self._db.execute("SELECT * FROM deliveries WHERE id = ?", (delivery_id,)).fetchone()
        return _delivery(row) if row else None

    def due(self, webhook: str, now: datetime, busy: Collection[str], limit: int) -> list[Delivery]:
        """The first waiting delivery of each subject whose time has come, in event order; none of a subject in `busy`."""
        rows = self._db.execute(_DUE, (webhook, ms(now), ms(now + LONGEST_PAUSE), limit + len(busy))).fetchall()
        return [_delivery(row) for row in rows if row["subject"] not in busy][:limit]

    def next_moment(self, webhook: str, busy: Collection[str]) -> datetime | None:
        """When the first waiting delivery of a subject that is not in `busy` comes due."""
        rows = self._db.execute(_NEXT, (webhook, len(busy) + 1))
        return next((at(row["next_at"]) for row in rows if row["subject"] not in busy), None)

    def settle(self, delivery: Delivery, now: datetime) -> None:
        """Stores what became of an attempt."""
        self._db.execute(
            """UPDATE deliveries SET state = ?, attempts = ?, next_at = ?, updated_at = ?, status = ?, error = ?
               WHERE id = ?""",
            (
                delivery.state.value,
                delivery.attempts,
                ms(delivery.next_at or now),
                ms(now),
                delivery.status,
                delivery.error,
                delivery.id,
            ),
        )

    def find(self, webhook: str | None, state: DeliveryState | None, before: int | None, limit: int) -> list[Delivery]:
        """Deliveries, newest first. `before`: only those of events with a smaller seq."""
        query = """SELECT * FROM deliveries WHERE (?1 IS NULL OR webhook = ?1) AND (?2 IS NULL OR state = ?2)
                   AND (?3 IS NULL OR seq < ?3) ORDER BY seq DESC, webhook LIMIT ?4"""
        rows = self._db.execute(query, (webhook, state.value if state else None, before, limit))
        return [_delivery(row) for row in rows]

    def counts(self, webhook: str) -> dict[str, int]:
        """State → how many."""
        query = "SELECT state, count(*) FROM deliveries WHERE webhook = ? GROUP BY state"
        return {row[0]: row[1] for row in self._db.execute(query, (webhook,))}

    def replay(self, webhook: str, delivery_id: str, now: datetime) -> Delivery | None:
        """A dead or delivered one waits again, its attempts counted anew; None when there is no such delivery."""
        found = self.get(delivery_id)
        if found is None or found.webhook != webhook:
            return None
        again = replace(found, state=DeliveryState.WAITING, attempts=0, next_at=now, error="", status=None)
        self.settle(again, now)
        return again

    def abandon(self, configured: Collection[str], now: datetime) -> int:
        """What waits for webhooks that are not configured any more is dead. Returns how many."""
        marks = ", ".join("?" * len(configured))
        query = f"""UPDATE deliveries SET state = 'dead', error = 'the webhook was removed', updated_at = ?
                    WHERE state = 'waiting' AND webhook NOT IN ({marks})"""  # noqa: S608  marks are question marks
        return self._db.execute(query, (ms(now), *configured)).rowcount

    def prune(self, before: datetime, limit: int) -> int:
        """Deletes up to `limit` finished deliveries that were last touched before. Returns how many."""
        query = """DELETE FROM deliveries WHERE n IN (SELECT n FROM deliveries
                   WHERE state IN ('delivered', 'dead') AND updated_at < ? LIMIT ?)"""
        return self._db.execute(query, (ms(before), limit)).rowcount


def _delivery(row: sqlite3.Row) -> Delivery:
    return Delivery(
        id=row["id"],
        webhook=row["webhook"],
        seq=row["seq"],
        kind=row["kind"],
        subject=row["subject"],
        body=row["body"],
        created_at=at(row["created_at"]),
        state=DeliveryState(row["state"]),
        attempts=row["attempts"],
        next_at=at(row["next_at"]),
        updated_at=at(row["updated_at"]),
        status=row["status"],
        error=row["error"],
    )
