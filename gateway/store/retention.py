"""SQL that deletes what is old and finished. Every call looks at a few rows, so that it holds nobody up."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime

from gateway.clock import SET_AFTER
from gateway.store.outgoing import USAGE_SLOT_MS
from gateway.store.rows import ms

_SET_MS = int(SET_AFTER.timestamp() * 1000)
"""How old something is that is older than this, nobody knows."""

# What a status report or a late part could still change, or a modem still has in hand, is not finished.
_OLD_MESSAGES = f"""
SELECT id FROM messages AS m WHERE n > ? AND n <= ? AND created_at < ? AND updated_at >= {_SET_MS}
  AND (status IN ('delivered', 'undelivered', 'failed', 'canceled', 'received') AND updated_at < ?
    AND (status <> 'failed' OR error_code NOT IN ('outcome_unknown', 'partially_sent'))
    AND (status <> 'received' OR parts_missing = '')
    OR status IN ('sent', 'failed', 'received') AND updated_at < ?)
  AND NOT EXISTS (SELECT 1 FROM segments WHERE message_id = m.id AND state IN ('submitting', 'unknown'))
  AND NOT EXISTS (SELECT 1 FROM doubts WHERE message_id = m.id AND submitted_at >= ?)
"""  # noqa: S608 - own number

_KEEP_COUNT = f"""INSERT INTO usage SELECT line, settled_at / {USAGE_SLOT_MS}, 1 FROM segments
WHERE message_id = ? AND settled_at >= ? AND state IN ('sent', 'delivered', 'undelivered')
ON CONFLICT (line, slot) DO UPDATE SET segments = segments + 1"""  # noqa: S608 - own number


_BESIDE = ("segments", "timeline", "twilio_messages", "media")
"""Tables with rows that go with a message."""


class Old:
    """What retention needs. `after`: where the last call stopped; each returns where the next one goes on, None at the end."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def delete_messages(
        self, after: int, before: datetime, settled_before: datetime, counted_since: datetime, limit: int
    ) -> int | None:
        """Finished messages with their segments and timeline. `settled_before`: for those that a report may still change.

        What was sent after `counted_since` goes on counting for its line's monthly limit.
        """

        def delete(last: int) -> None:
            settled = ms(min(before, settled_before))
            times = ms(before), ms(before), settled, settled
            ids = [(row["id"],) for row in self._db.execute(_OLD_MESSAGES, (after, last, *times))]
            self._take_away(ids, counted_since)
            self._db.execute("DELETE FROM usage WHERE slot < ?", ((ms(counted_since) or 0) // USAGE_SLOT_MS,))

        return self._step("messages", "n", "created_at", after, before, limit, delete)

    def delete_message(self, message_id: str, counted_since: datetime) -> None:
        """One message, whatever its age and state, in the same way."""
        self._take_away([(message_id,)], counted_since)

    def _take_away(self, ids: list[tuple[str]], counted_since: datetime) -> None:
        self._db.executemany(_KEEP_COUNT, [(message_id, ms(counted_since)) for (message_id,) in ids])
        for table, column in (*((each, "message_id") for each in _BESIDE), ("messages", "id")):
            self._db.executemany(f"DELETE FROM {table} WHERE {column} = ?", ids)  # noqa: S608 - own names

    def delete_assemblies(self, after: int, before: datetime, limit: int) -> int | None:
        where = "started_at < ? AND delivered = 1"
        return self._simple("assemblies", "n", "started_at", where, after, before, limit)

    def delete_parts(self, after: int, before: datetime, limit: int) -> int | None:
        """Received parts that the modem has let go and that no unfinished text needs."""
        where = """received_at < ? AND released_at IS NOT NULL AND NOT EXISTS
                   (SELECT 1 FROM assemblies WHERE assemblies.n = parts.assembly AND delivered = 0)"""
        return self._simple("parts", "n", "received_at", where, after, before, limit)

    def delete_reports(self, after: int, before: datetime, limit: int) -> int | None:
        return self._simple("reports", "n", "received_at", "received_at < ?", after, before, limit)

    def delete_calls(self, after: int, before: datetime, limit: int) -> int | None:
        return self._simple("calls", "n", "started_at", "started_at < ? AND ended_at IS NOT NULL", after, before, limit)

    def delete_alerts(self, after: int, before: datetime, limit: int) -> int | None:
        return self._simple("alerts", "n", "since", "until < ?", after, before, limit)

    def delete_media(self, after: int, before: datetime, limit: int) -> int | None:
        """Those that belong to no message; the others go with theirs."""
        return self._simple("media", "n", "created_at", "created_at < ? AND message_id IS NULL", after, before, limit)

    def delete_commands(self, after: int, before: datetime, limit: int) -> int | None:
        return self._simple("commands", "n", "at", "at < ?", after, before, limit)

    def delete_events(self, after: int, before: datetime, read: int, limit: int) -> int | None:
        """Events with seq ≤ `read`."""
        return self._simple("events", "seq", "at", f"at < ? AND seq <= {read:d}", after, before, limit)

    def _simple(
        self, table: str, key: str, time: str, where: str, after: int, before: datetime, limit: int
    ) -> int | None:
        def delete(last: int) -> None:
            rows = f"{key} > ? AND {key} <= ? AND {time} >= {_SET_MS}"
            self._db.execute(f"DELETE FROM {table} WHERE {rows} AND {where}", (after, last, ms(before)))  # noqa: S608 - own names

        return self._step(table, key, time, after, before, limit, delete)

    def _step(
        self,
        table: str,
        key: str,
        time: str,
        after: int,
        before: datetime,
        limit: int,
        delete: Callable[[int], None],
    ) -> int | None:
        """One step through a table in the order of its growth. The end: no more rows, or none among them that is old."""
        query = f"SELECT {key}, {time} FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT ?"  # noqa: S608 - own names
        looked_at = self._db.execute(query, (after, limit)).fetchall()
        if not looked_at or min(row[1] for row in looked_at) >= (ms(before) or 0):
            return None
        last = int(looked_at[-1][0])
        delete(last)
        return last if len(looked_at) == limit else None
