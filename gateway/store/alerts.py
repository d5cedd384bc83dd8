"""SQL for alerts."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from gateway.messaging.alerts import Alert, AlertFilter
from gateway.store.rows import at, maybe_at, ms


class AlertRows:
    """Table `alerts`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def get(self, n: int) -> Alert | None:
        return self._one("SELECT * FROM alerts WHERE n = ?", n)

    def put(self, alert: Alert) -> None:
        """A new alert (n = 0), or what is known of it by now."""
        values = (alert.message, ms(alert.last_at), ms(alert.until), alert.count)
        if alert.n:
            self._db.execute(
                "UPDATE alerts SET message = ?, last_at = ?, until = ?, count = ? WHERE n = ?", (*values, alert.n)
            )
            return
        self._db.execute(
            """INSERT INTO alerts (message, last_at, until, count, code, line, since, lasting)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
            (*values, alert.code, alert.line, ms(alert.since), alert.lasting),
        )

    def active(self, code: str, line: str) -> Alert | None:
        return self._one("SELECT * FROM alerts WHERE code = ? AND line = ? AND until IS NULL", code, line)

    def ended(self, code: str, line: str, since: datetime) -> Alert | None:
        """The last one that ended since then."""
        query = """SELECT * FROM (SELECT * FROM alerts WHERE code = ?1 AND line = ?2 ORDER BY n DESC LIMIT 1)
                   WHERE lasting = 1 AND until >= ?3"""
        return self._one(query, code, line, ms(since))

    def end_lasting(self, now: datetime) -> None:
        self._db.execute("UPDATE alerts SET until = ? WHERE until IS NULL AND lasting = 1", (ms(now),))

    def find(self, wanted: AlertFilter) -> list[Alert]:
        query = """SELECT * FROM alerts WHERE (?1 IS NULL OR line = ?1) AND (?2 IS NULL OR code = ?2)
                   AND (?3 IS NULL OR n < ?3) AND (?4 IS NULL OR (until IS NULL) = ?4) ORDER BY n DESC LIMIT ?5"""
        values = (wanted.line, wanted.code, wanted.before, wanted.active, wanted.limit)
        return [_alert(row) for row in self._db.execute(query, values)]

    def _one(self, query: str, *values: object) -> Alert | None:
        row = self._db.execute(query, values).fetchone()
        return _alert(row) if row else None


def _alert(row: sqlite3.Row) -> Alert:
    return Alert(
        n=row["n"],
        code=row["code"],
        line=row["line"],
        message=row["message"],
        since=at(row["since"]),
        last_at=at(row["last_at"]),
        until=maybe_at(row["until"]),
        count=row["count"],
        lasting=bool(row["lasting"]),
    )
