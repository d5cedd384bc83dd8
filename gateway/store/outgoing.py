"""SQL for messages, their timeline, outbound segments and status reports."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from gateway.messaging.ledger import LONGEST_PAUSE
from gateway.messaging.model import Message, MessageFilter, Report, Segment, SegmentState, TimelineEntry
from gateway.store import rows
from gateway.store.rows import ms

_COLUMNS = ", ".join(rows.MESSAGE_COLUMNS)
_MARKS = ", ".join("?" * len(rows.MESSAGE_COLUMNS))
_INSERT_MESSAGE = f"INSERT INTO messages ({_COLUMNS}) VALUES ({_MARKS})"  # noqa: S608 - own names

# What a SIM may send now, first attempts in accept order at equal priority. An `ordered` message makes its recipient's
# later ones wait. A pause that is longer than any we make is one from before the clock went back: it is over.
_SENDABLE = """
SELECT * FROM messages AS m INDEXED BY messages_to_send
WHERE direction = 'outbound' AND status IN ('queued', 'sending')
  AND (modem IS NULL OR modem = ?) AND (iccid = '' OR iccid = ?)
  AND (not_before IS NULL OR not_before NOT BETWEEN ? AND ?) AND (expires_at IS NULL OR expires_at > ?)
  AND NOT EXISTS (SELECT 1 FROM messages AS earlier WHERE earlier.peer = m.peer AND earlier.n < m.n
    AND earlier.ordered = 1 AND earlier.status IN ('scheduled', 'queued', 'sending', 'unknown'))
ORDER BY priority DESC, n LIMIT ?
"""


class Messages:
    """Table `messages` and its `timeline`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def insert(self, message: Message) -> None:
        self._db.execute(_INSERT_MESSAGE, rows.message_values(message))

    def get(self, message_id: str) -> Message | None:
        row = self._db.execute("SELECT * FROM messages WHERE id = ?", (message_id,)).fetchone()
        return rows.message(row) if row else None

    def update(self, message_id: str, now: datetime, **changes: Any) -> None:
        columns: dict[str, Any] = {"updated_at": ms(now)}
        for field, value in changes.items():
            columns |= rows.columns_of(field, value)
        assignments = ", ".join(f"{name} = ?" for name in columns)
        self._db.execute(f"UPDATE messages SET {assignments} WHERE id = ?", (*columns.values(), message_id))  # noqa: S608 - own names

    def find(self, wanted: MessageFilter) -> list[Message]:
        terms = {"direction": wanted.direction, "status": wanted.status, "peer": wanted.peer, "line": wanted.line}
        given = {name: value for name, value in terms.items() if value is not None}
        where = "".join(f" AND {name} = ?" for name in given)
        before = wanted.before if wanted.before is not None else 2**62
        query = f"SELECT * FROM messages WHERE n < ?{where} ORDER BY n DESC LIMIT ?"  # noqa: S608 - own names
        return [rows.message(row) for row in self._db.execute(query, (before, *given.values(), wanted.limit))]

    def sendable(self, line: str, iccid: str, now: datetime, limit: int) -> list[Message]:
        pausing = ms(now + timedelta(milliseconds=1)), ms(now + LONGEST_PAUSE)
        return [rows.message(row) for row in self._db.execute(_SENDABLE, (line, iccid, *pausing, ms(now), limit))]

    def due(self, now: datetime) -> list[Message]:
        query = "SELECT * FROM messages WHERE status = 'scheduled' AND send_at <= ? ORDER BY send_at, n LIMIT 1000"
        return [rows.message(row) for row in self._db.execute(query, (ms(now),))]

    def overdue(self, now: datetime) -> list[Message]:
        query = """SELECT * FROM messages WHERE expires_at IS NOT NULL AND expires_at <= ?
                   AND status IN ('scheduled', 'queued', 'sending') ORDER BY n LIMIT 1000"""
        return [rows.message(row) for row in self._db.execute(query, (ms(now),))]

    def next_moment(self, now: datetime) -> datetime | None:
        """The next time at which something becomes due, expires, or may be tried again; the past counts as now."""
        row = self._db.execute(
            """SELECT min(moment) FROM (
                 SELECT min(send_at) AS moment FROM messages WHERE status = 'scheduled'
                 UNION ALL SELECT min(expires_at) FROM messages
                   WHERE expires_at IS NOT NULL AND status IN ('scheduled', 'queued', 'sending')
                 UNION ALL SELECT min(not_before) FROM messages
                   WHERE not_before > ? AND not_before IS NOT NULL AND status IN ('queued', 'sending'))""",
            (ms(now),),
        ).fetchone()
        return rows.maybe_at(row[0])

    def waiting_count(self) -> int:
        query = """SELECT (SELECT count(*) FROM messages INDEXED BY messages_to_send
                     WHERE direction = 'outbound' AND status IN ('queued', 'sending'))
                   + (SELECT count(*) FROM messages INDEXED BY messages_scheduled WHERE status = 'scheduled')"""
        return int(self._db.execute(query).fetchone()[0])

    def waiting_by_modem(self) -> dict[str | None, int]:
        """How many messages wait for each modem; None: for any."""
        query = """SELECT modem, count(*) FROM messages INDEXED BY messages_to_send
                   WHERE direction = 'outbound' AND status IN ('queued', 'sending') GROUP BY modem"""
        return dict(self._db.execute(query).fetchall())

    def log(self, message_id: str, entry: TimelineEntry) -> None:
        self._db.execute(
            "INSERT INTO timeline (message_id, at, what, segment, modem, detail) VALUES (?, ?, ?, ?, ?, ?)",
            (message_id, ms(entry.at), entry.what, entry.segment, entry.modem, entry.detail),
        )

    def timeline(self, message_id: str) -> list[TimelineEntry]:
        query = "SELECT * FROM timeline WHERE message_id = ? ORDER BY n"
        return [rows.timeline_entry(row) for row in self._db.execute(query, (message_id,))]


class Segments:
    """Table `segments`, and the concatenation references given out."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def put(self, segment: Segment) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows.segment_values(segment),
        )

    def of(self, message_id: str) -> list[Segment]:
        query = "SELECT * FROM segments WHERE message_id = ? ORDER BY seq"
        return [rows.segment(row) for row in self._db.execute(query, (message_id,))]

    def in_states(self, states: Sequence[SegmentState], iccid: str | None = None) -> list[Segment]:
        """Segments that are `submitting` or `unknown` (few at any time), in the order of their submits."""
        marks = ", ".join("?" * len(states))
        query = f"""SELECT * FROM segments INDEXED BY segments_open
                    WHERE state IN ('submitting', 'unknown') AND state IN ({marks})
                    AND (? IS NULL OR iccid = ?) ORDER BY ordinal, submitted_at"""  # noqa: S608 - only question marks
        return [rows.segment(row) for row in self._db.execute(query, (*(s.value for s in states), iccid, iccid))]

    def with_reference(self, iccid: str, mr: int) -> list[Segment]:
        """The segments of a SIM that have this message reference, newest first; the last few, since references wrap."""
        query = "SELECT * FROM segments WHERE iccid = ? AND mr = ? ORDER BY ordinal DESC LIMIT 64"
        return [rows.segment(row) for row in self._db.execute(query, (iccid, mr))]

    def without_reference(self, iccid: str) -> list[Segment]:
        """The latest segments of a SIM that were sent without a reference being told, and of which nothing more is known."""
        query = """SELECT * FROM segments INDEXED BY segments_without_reference WHERE iccid = ? AND mr IS NULL AND state = 'sent'
                   ORDER BY ordinal DESC LIMIT 64"""
        return [rows.segment(row) for row in self._db.execute(query, (iccid,))]

    def given_up(self, iccid: str) -> list[Segment]:
        """The latest segments of a SIM that the policy let fail although they may have left."""
        query = """SELECT * FROM segments INDEXED BY segments_given_up WHERE iccid = ? AND state = 'failed' AND doubtful = 1
                   ORDER BY ordinal DESC LIMIT 64"""
        return [rows.segment(row) for row in self._db.execute(query, (iccid,))]

    def next_ordinal(self) -> int:
        """Counts the submits of all lines."""
        row = self._db.execute("UPDATE counters SET n = n + 1 WHERE name = 'submits' RETURNING n").fetchone()
        return int(row[0])

    def next_reference(self, line: str, peer: str) -> int:
        """Counts the concatenation reference of (line, recipient) 1 … 255; 0 is avoided, some phones mistake it."""
        row = self._db.execute(
            """INSERT INTO concat_references VALUES (?, ?, 1 + abs(random() % 255))
               ON CONFLICT DO UPDATE SET ref = ref % 255 + 1 RETURNING ref""",
            (line, peer),
        ).fetchone()
        return int(row[0])

    def left_after(self, line: str, ordinal: int) -> bool:
        """Whether a segment that was submitted on the line after that one is known to have left."""
        query = """SELECT 1 FROM segments INDEXED BY segments_left WHERE line = ? AND ordinal > ?
                   AND state IN ('sent', 'delivered', 'undelivered') LIMIT 1"""
        return self._db.execute(query, (line, ordinal)).fetchone() is not None

    def sent_since(self, line: str, moment: datetime) -> int:
        query = """SELECT count(*) FROM segments INDEXED BY segments_by_line WHERE line = ? AND settled_at >= ?
                   AND state IN ('sent', 'delivered', 'undelivered')"""
        return int(self._db.execute(query, (line, ms(moment))).fetchone()[0])


class Reports:
    """Table `reports`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def insert(self, report: Report) -> int:
        cursor = self._db.execute(
            "INSERT INTO reports (iccid, mr, peer, st, received_at, scts) VALUES (?, ?, ?, ?, ?, ?)",
            (report.iccid, report.mr, report.peer, report.st, ms(report.received_at), rows.iso(report.scts)),
        )
        return int(cursor.lastrowid or 0)

    def unmatched(self, iccid: str, since: datetime, mr: int | None = None) -> list[Report]:
        query = """SELECT * FROM reports WHERE iccid = ? AND received_at >= ? AND message_id IS NULL
                   AND (? IS NULL OR mr = ?) ORDER BY n"""
        return [rows.report(row) for row in self._db.execute(query, (iccid, ms(since), mr, mr))]

    def twin(self, report: Report) -> tuple[str, int] | None:
        """The segment that an earlier report on the same submit found: same SIM, reference, recipient and service-centre time."""
        query = """SELECT message_id, seq FROM reports INDEXED BY reports_of_submit WHERE iccid = ? AND mr = ? AND scts = ?
                   AND peer = ? AND message_id IS NOT NULL ORDER BY n DESC LIMIT 1"""
        row = self._db.execute(query, (report.iccid, report.mr, rows.iso(report.scts), report.peer)).fetchone()
        return (row["message_id"], row["seq"]) if row else None

    def match(self, n: int, message_id: str, seq: int) -> None:
        self._db.execute("UPDATE reports SET message_id = ?, seq = ? WHERE n = ?", (message_id, seq, n))
