"""SQL for statistics."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from gateway.messaging.statistics import Cell, Fact, Progress, Question, Span
from gateway.store.rows import at

_FACT = """SELECT n, created_at, direction, coalesce(line, modem, '') AS line, peer, encoding, status,
coalesce(error_code, '') AS error,
CASE WHEN status = 'delivered' THEN max(updated_at - max(created_at, coalesce(send_at, 0)), 0) END AS took
FROM messages WHERE """
_CELL = ("slot", "direction", "line", "country", "encoding", "status", "error", "took")
_COUNT = f"""INSERT INTO stat_cells ({", ".join(_CELL)}, count) VALUES ({", ".join("?" * len(_CELL))}, 1)
ON CONFLICT ({", ".join(_CELL)}) DO UPDATE SET count = count + 1 RETURNING n"""  # noqa: S608 - own names
_WHERE = """FROM stat_cells INDEXED BY stat_cells_by_time WHERE slot >= :first AND slot < :end AND count > 0
AND (:line IS NULL OR line = :line) AND (:direction IS NULL OR direction = :direction)"""
_KEYS = {
    "modem": "line",
    "hour": "printf('%02d', (slot * 900 + :offset) % 86400 / 3600)",
    **{name: name for name in ("country", "encoding", "error", "status", "direction")},
}


class StatisticsRows:
    """Tables `stat_cells`, `stat_counted` (message → cell) and `stat_progress`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def progress(self) -> Progress:
        row = self._db.execute("SELECT seq, n, upto FROM stat_progress").fetchone()
        return Progress(seq=row["seq"], n=row["n"], upto=row["upto"])

    def behind(self) -> int:
        query = "SELECT coalesce((SELECT max(seq) FROM events), 0) - seq AS behind FROM stat_progress"
        return max(int(self._db.execute(query).fetchone()[0]), 0)

    def fresh(self, progress: Progress, limit: int) -> tuple[list[Fact], Progress]:
        """Messages that are new or were changed since, and how far that goes."""
        if progress.n < progress.upto:
            query = f"{_FACT} n > ? AND n <= ? ORDER BY n LIMIT ?"
            rows = self._db.execute(query, (progress.n, progress.upto, limit)).fetchall()
            n = rows[-1]["n"] if len(rows) == limit else progress.upto
            return [_fact(row) for row in rows], Progress(seq=progress.seq, n=n, upto=progress.upto)
        query = "SELECT seq, kind, subject FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
        events = self._db.execute(query, (progress.seq, limit)).fetchall()
        ids = dict.fromkeys(event["subject"] for event in events if event["kind"] in ("message.status", "inbox"))
        rows = [row for one in ids if (row := self._db.execute(f"{_FACT} id = ?", (one,)).fetchone())]
        seq = events[-1]["seq"] if events else progress.seq
        return [_fact(row) for row in rows], Progress(seq=seq, n=progress.n, upto=progress.upto)

    def count(self, cells: Sequence[tuple[int, Cell]], progress: Progress) -> None:
        """Each message is counted in its cell, and no longer in the one that it was in before."""
        for n, cell in cells:
            before = self._db.execute("SELECT cell FROM stat_counted WHERE n = ?", (n,)).fetchone()
            values = tuple(getattr(cell, name) for name in _CELL)
            after = self._db.execute(_COUNT, values).fetchall()[0]["n"]
            if before is not None:
                self._db.execute("UPDATE stat_cells SET count = count - 1 WHERE n = ?", (before["cell"],))
                self._db.execute("DELETE FROM stat_cells WHERE n = ? AND count = 0", (before["cell"],))
            self._db.execute("INSERT OR REPLACE INTO stat_counted (n, cell) VALUES (?, ?)", (n, after))
        self._db.execute("UPDATE stat_progress SET seq = ?, n = ?", (progress.seq, progress.n))

    def prune(self, before: int) -> None:
        """Cells of slots before that one, and what was noted of messages that are deleted; a part of them at a time."""
        self._db.execute(
            "DELETE FROM stat_cells WHERE n IN (SELECT n FROM stat_cells WHERE slot < ? LIMIT 500)", (before,)
        )
        self._db.execute(
            """DELETE FROM stat_counted WHERE n IN (SELECT n FROM stat_counted
               WHERE n < coalesce((SELECT min(n) FROM messages), 0) ORDER BY n LIMIT 2000)"""
        )

    def series(self, span: Span, width_s: int, question: Question) -> list[tuple[int, str, str, str, int]]:
        """(bucket, direction, line, status, count); the bucket counts from 1970 on in the zone's own time."""
        query = f"""SELECT (slot * 900 + :offset) / {width_s:d}, direction, line, status, sum(count) {_WHERE}
                    GROUP BY 1, 2, 3, 4"""
        return [tuple(row) for row in self._db.execute(query, _values(span, question))]

    def groups(self, span: Span, question: Question) -> list[tuple[str, str, int, int]]:
        """(key, status, step of the time to delivery, count)."""
        query = f"SELECT {_KEYS[question.by]}, status, took, sum(count) {_WHERE} GROUP BY 1, 2, 3"
        return [tuple(row) for row in self._db.execute(query, _values(span, question))]


def _values(span: Span, question: Question) -> dict[str, object]:
    values = {"first": span.first, "end": span.end, "offset": span.offset}
    return {**values, "line": question.line, "direction": question.direction}


def _fact(row: sqlite3.Row) -> Fact:
    return Fact(
        n=row["n"],
        at=at(row["created_at"]),
        direction=row["direction"],
        line=row["line"],
        peer=row["peer"],
        encoding=row["encoding"],
        status=row["status"],
        error=row["error"],
        took_ms=row["took"],
    )
