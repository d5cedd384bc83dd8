"""SQL for messages, their timeline, outbound segments and status reports."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from gateway.messaging.ledger import LONGEST_PAUSE
from gateway.messaging.model import (
    Doubt,
    Message,
    MessageFilter,
    Queue,
    Report,
    Segment,
    SegmentState,
    TimelineEntry,
    Wanted,
)
from gateway.messaging.numbers import same_subscriber
from gateway.store import listing, rows
from gateway.store.rows import ms

_COLUMNS = ", ".join(rows.MESSAGE_COLUMNS)
_MARKS = ", ".join("?" * len(rows.MESSAGE_COLUMNS))
_INSERT_MESSAGE = f"INSERT INTO messages ({_COLUMNS}) VALUES ({_MARKS})"  # noqa: S608 - own names

_WAITING = "direction = 'outbound' AND status IN ('queued', 'sending')"

# An `ordered` message makes its recipient's later ones wait. A pause that is longer than any we make is one from before
# the clock went back: it is over.
_FREE = """(not_before IS NULL OR not_before NOT BETWEEN :pausing AND :longest) AND (expires_at IS NULL OR expires_at > :now)
  AND NOT EXISTS (SELECT 1 FROM messages AS earlier WHERE earlier.peer = m.peer AND earlier.n < m.n
    AND earlier.ordered = 1 AND earlier.status IN ('scheduled', 'queued', 'sending', 'unknown'))"""
_MAY_BEGIN = """iccid = '' AND segments <= :room AND segments > :more_than
  AND (:peers IS NULL OR peer IN (SELECT value FROM json_each(:peers)))"""
_FIRST = "ORDER BY priority DESC, n LIMIT :limit"

_BEGUN = f"""SELECT * FROM messages AS m INDEXED BY messages_begun
WHERE {_WAITING} AND iccid <> '' AND iccid = :iccid AND {_FREE} {_FIRST}"""  # noqa: S608 - own words
_PREFERRING = f"""SELECT * FROM messages AS m INDEXED BY messages_preferring
WHERE {_WAITING} AND preferred <> '' AND preferred = :iccid AND {_MAY_BEGIN}
  AND (priority > :above OR queue NOT IN (SELECT value FROM json_each(:closed))) AND {_FREE} {_FIRST}"""  # noqa: S608 - own words
# Messages are dealt out over slots by their number, well mixed: clients often send by turns.
_IN_QUEUE = f"""SELECT * FROM messages AS m INDEXED BY messages_in_queue
WHERE {_WAITING} AND queue = :queue AND priority > :above AND {_MAY_BEGIN}
  AND (preferred = '' OR preferred NOT IN (SELECT value FROM json_each(:sims)))
  AND (:of = 1 OR ((n * 40503) >> 4) % :of IN (SELECT value FROM json_each(:slots))) AND {_FREE} {_FIRST}"""  # noqa: S608 - own words


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

    def find(self, wanted: MessageFilter) -> tuple[list[Message], int | None]:
        """One step of a list: what it found, newest first, and the `before` of the next step; None at the end."""
        return listing.find(self._db, wanted)

    def begun(self, wanted: Wanted) -> list[Message]:
        """Messages that this SIM has begun: they stay with it, whatever the routes say."""
        return self._sendable(_BEGUN, wanted)

    def preferring(self, wanted: Wanted, closed: Sequence[int] = (), above: int = -1) -> list[Message]:
        """New messages whose recipient this SIM last talked to; of `closed` queues only those with a priority above `above`."""
        return self._sendable(_PREFERRING, wanted, closed=json.dumps(closed), above=above)

    def in_queue(self, queue: int, share: Sequence[int], of: int, wanted: Wanted, above: int = -1) -> list[Message]:
        """New messages of a queue that fall into one of the slots `share` out of `of` and prefer no other SIM that is there.

        Only those with a priority above `above`.
        """
        terms = {"queue": queue, "of": of, "slots": json.dumps(share), "sims": json.dumps(wanted.sims), "above": above}
        return self._sendable(_IN_QUEUE, wanted, **terms)

    def _sendable(self, query: str, wanted: Wanted, **more: Any) -> list[Message]:
        values = {
            "iccid": wanted.iccid,
            "now": ms(wanted.now),
            "pausing": ms(wanted.now + timedelta(milliseconds=1)),
            "longest": ms(wanted.now + LONGEST_PAUSE),
            "room": wanted.room,
            "more_than": wanted.more_than,
            "peers": None if wanted.peers is None else json.dumps(sorted(wanted.peers)),
            "limit": wanted.limit,
        }
        return [rows.message(row) for row in self._db.execute(query, values | more)]

    def sent_through(self, edge: str, peer: str) -> bool:
        """Whether a message to that number came through an edge (Twilio's: only those are indexed)."""
        query = """SELECT 1 FROM messages INDEXED BY messages_through_twilio
                   WHERE edge = ? AND edge = 'twilio' AND peer = ? LIMIT 1"""
        return self._db.execute(query, (edge, peer)).fetchone() is not None

    def last_sim(self, peer: str, since: datetime) -> str:
        """The SIM (ICCID) that last talked to a number, in either direction; "" if none did since then.

        One that failed to does not count: the next message had better try another.
        """
        query = """SELECT iccid FROM messages INDEXED BY messages_talked WHERE peer = ? AND iccid <> '' AND updated_at >= ?
                   AND status IN ('sending', 'sent', 'delivered', 'receiving', 'received') ORDER BY n DESC LIMIT 1"""
        row = self._db.execute(query, (peer, ms(since))).fetchone()
        return str(row["iccid"]) if row else ""

    def waiting_behind(self, n: int, limit: int) -> list[Message]:
        """Outbound messages that are not finished, in accept order from behind number `n` on."""
        query = """SELECT * FROM messages WHERE n > ? AND direction = 'outbound'
                   AND status IN ('scheduled', 'queued', 'sending', 'unknown') ORDER BY n LIMIT ?"""
        return [rows.message(row) for row in self._db.execute(query, (n, limit))]

    def bound_elsewhere(self, lines: Collection[str]) -> int:
        """How many messages that are not finished were begun on a line that is none of these."""
        query = """SELECT count(*) FROM messages WHERE direction = 'outbound' AND status IN ('queued', 'sending', 'unknown')
                   AND iccid <> '' AND line NOT IN (SELECT value FROM json_each(?))"""
        return int(self._db.execute(query, (json.dumps(list(lines)),)).fetchone()[0])

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
        query = """SELECT (SELECT count(*) FROM messages INDEXED BY messages_in_queue
                     WHERE direction = 'outbound' AND status IN ('queued', 'sending'))
                   + (SELECT count(*) FROM messages INDEXED BY messages_scheduled WHERE status = 'scheduled')"""
        return int(self._db.execute(query).fetchone()[0])

    def waiting_by_queue(self) -> dict[int, int]:
        """How many messages wait in each queue."""
        query = f"""SELECT queue, count(*) FROM messages INDEXED BY messages_in_queue
                    WHERE {_WAITING} GROUP BY queue"""  # noqa: S608 - own words
        return dict(self._db.execute(query).fetchall())

    def log(self, message_id: str, entry: TimelineEntry) -> None:
        self._db.execute(
            "INSERT INTO timeline (message_id, at, what, segment, modem, detail) VALUES (?, ?, ?, ?, ?, ?)",
            (message_id, ms(entry.at), entry.what, entry.segment, entry.modem, entry.detail),
        )

    def timeline(self, message_id: str) -> list[TimelineEntry]:
        query = "SELECT * FROM timeline WHERE message_id = ? ORDER BY n"
        return [rows.timeline_entry(row) for row in self._db.execute(query, (message_id,))]


USAGE_SLOT_MS = 15 * 60 * 1000
"""Table `usage` counts by quarters of an hour: every time zone's days begin at one."""

MAX_QUEUES = 200
"""Rows of the table `queues`. Beyond that, what no client waits in is dropped; then new clients share one."""


class Queues:
    """Table `queues`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def all(self) -> list[Queue]:
        query = "SELECT n, modem, route, client FROM queues ORDER BY n"
        return [
            Queue(n=row["n"], modem=row["modem"], route=row["route"], client=row["client"])
            for row in self._db.execute(query)
        ]

    def number(self, modem: str, route: str, client: str) -> int:
        """The queue for these, made if there is none."""
        found = self._find(modem, route, client)
        if found is None and client and self._full():
            client = ""
            found = self._find(modem, route, client)
        if found is not None:
            return found
        values = (modem, route, client)
        return int(
            self._db.execute("INSERT INTO queues (modem, route, client) VALUES (?, ?, ?)", values).lastrowid or 0
        )

    def _find(self, modem: str, route: str, client: str) -> int | None:
        query = "SELECT n FROM queues WHERE modem = ? AND route = ? AND client = ?"
        row = self._db.execute(query, (modem, route, client)).fetchone()
        return int(row["n"]) if row else None

    def _full(self) -> bool:
        count = "SELECT count(*) FROM queues"
        if self._db.execute(count).fetchone()[0] < MAX_QUEUES:
            return False
        self._db.execute(
            """DELETE FROM queues WHERE n NOT IN (SELECT queue FROM messages
               WHERE direction = 'outbound' AND status IN ('scheduled', 'queued', 'sending', 'unknown'))"""
        )
        return bool(self._db.execute(count).fetchone()[0] >= MAX_QUEUES)


class Segments:
    """Table `segments`, and the concatenation references given out."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def put(self, segment: Segment) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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

    def doubt(self, doubt: Doubt, forget_before: datetime) -> None:
        """Keeps a doubt. Those of the SIM from before that time are over: no report can come any more."""
        self._db.execute("DELETE FROM doubts WHERE iccid = ? AND submitted_at < ?", (doubt.iccid, ms(forget_before)))
        self._db.execute(
            "INSERT INTO doubts (iccid, peer, message_id, seq, submitted_at) VALUES (?, ?, ?, ?, ?)",
            (doubt.iccid, doubt.peer, doubt.message_id, doubt.seq, ms(doubt.submitted_at)),
        )

    def doubts(self, iccid: str) -> list[Doubt]:
        """Those of a SIM, oldest first."""
        query = "SELECT * FROM doubts WHERE iccid = ? ORDER BY n LIMIT 256"
        return [rows.doubt(row) for row in self._db.execute(query, (iccid,))]

    def doubts_of(self, message_id: str) -> list[Doubt]:
        return [rows.doubt(row) for row in self._db.execute("SELECT * FROM doubts WHERE message_id = ?", (message_id,))]

    def no_doubt(self, n: int) -> None:
        self._db.execute("DELETE FROM doubts WHERE n = ?", (n,))

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

    def sent_since(self, line: str, moment: datetime, before: datetime | None = None) -> int:
        query = """SELECT count(*) FROM segments INDEXED BY segments_by_line WHERE line = ? AND settled_at >= ?
                   AND settled_at < ? AND state IN ('sent', 'delivered', 'undelivered')"""
        end = 2**62 if before is None else ms(before)
        return int(self._db.execute(query, (line, ms(moment), end)).fetchone()[0])

    def forgotten_since(self, line: str, moment: datetime) -> int:
        """What a line sent since then that was deleted since; to a quarter of an hour."""
        query = "SELECT coalesce(sum(segments), 0) FROM usage WHERE line = ? AND slot >= ?"
        return int(self._db.execute(query, (line, (ms(moment) or 0) // USAGE_SLOT_MS)).fetchone()[0])

    def recipients_since(self, line: str, moment: datetime) -> list[str]:
        """To whom a line has sent since then, each once."""
        query = """SELECT DISTINCT peer FROM segments INDEXED BY segments_by_line WHERE line = ? AND settled_at >= ?
                   AND state IN ('sent', 'delivered', 'undelivered')"""
        return [row["peer"] for row in self._db.execute(query, (line, ms(moment)))]


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
        """The segment that an earlier report on the same submit found: same SIM, reference, service-centre time and recipient.

        The recipient may be written in another form: a report of another network does that.
        """
        query = """SELECT message_id, seq, peer FROM reports INDEXED BY reports_of_submit WHERE iccid = ? AND mr = ?
                   AND scts = ? AND message_id IS NOT NULL ORDER BY n DESC LIMIT 64"""
        found = self._db.execute(query, (report.iccid, report.mr, rows.iso(report.scts)))
        same = (row for row in found if same_subscriber(row["peer"], report.peer))
        return next(((row["message_id"], row["seq"]) for row in same), None)

    def leftover(self, limit: int) -> list[Report]:
        """Reports that fit no segment, newest first."""
        query = "SELECT * FROM reports WHERE message_id IS NULL ORDER BY n DESC LIMIT ?"
        return [rows.report(row) for row in self._db.execute(query, (limit,))]

    def taken_at(self, iccid: str, mr: int, message_id: str, seq: int) -> list[datetime]:
        """When the service centre took a segment under that reference, by the reports on it."""
        query = """SELECT DISTINCT scts FROM reports INDEXED BY reports_of_submit WHERE iccid = ? AND mr = ?
                   AND scts IS NOT NULL AND message_id = ? AND seq = ?"""
        return [datetime.fromisoformat(row["scts"]) for row in self._db.execute(query, (iccid, mr, message_id, seq))]

    def match(self, n: int, message_id: str, seq: int) -> None:
        self._db.execute("UPDATE reports SET message_id = ?, seq = ? WHERE n = ?", (message_id, seq, n))
