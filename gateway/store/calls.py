"""SQL for the log of calls."""

from __future__ import annotations

import sqlite3

from gateway.messaging.model import Call, CallFilter
from gateway.store.rows import at, maybe_at, ms


class Calls:
    """Table `calls`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def put(self, call: Call) -> None:
        """A new call, or what is known of it by now."""
        self._db.execute(
            """INSERT INTO calls (id, line, iccid, direction, peer, state, started_at, answered_at, ended_at)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
               peer = excluded.peer, state = excluded.state, answered_at = excluded.answered_at, ended_at = excluded.ended_at""",
            (
                *(call.id, call.line, call.iccid, call.direction, call.peer, call.state),
                *(ms(call.started_at), ms(call.answered_at), ms(call.ended_at)),
            ),
        )

    def get(self, call_id: str) -> Call | None:
        row = self._db.execute("SELECT * FROM calls WHERE id = ?", (call_id,)).fetchone()
        return _call(row) if row else None

    def find(self, wanted: CallFilter) -> list[Call]:
        query = """SELECT * FROM calls WHERE (?1 IS NULL OR peer = ?1) AND (?2 IS NULL OR line = ?2)
                   AND (?3 IS NULL OR n < ?3) ORDER BY n DESC LIMIT ?4"""
        values = (wanted.peer, wanted.line, wanted.before, wanted.limit)
        return [_call(row) for row in self._db.execute(query, values)]

    def open(self) -> list[Call]:
        """Calls whose end is not known."""
        return [_call(row) for row in self._db.execute("SELECT * FROM calls WHERE ended_at IS NULL ORDER BY n")]


def _call(row: sqlite3.Row) -> Call:
    return Call(
        n=row["n"],
        id=row["id"],
        line=row["line"],
        iccid=row["iccid"],
        direction=row["direction"],
        peer=row["peer"],
        state=row["state"],
        started_at=at(row["started_at"]),
        answered_at=maybe_at(row["answered_at"]),
        ended_at=maybe_at(row["ended_at"]),
    )
