"""SQL for the consent log and for block and allow lists."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from gateway.messaging.consent import Consent, ConsentFilter, Entry, ListName, Way
from gateway.messaging.words import Change
from gateway.store.rows import at, ms


class Consents:
    """Table `consent`. It is only added to; how old something is does not end it."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def add(self, consent: Consent) -> None:
        self._db.execute(
            """INSERT INTO consent (at, peer, own_number, iccid, line, change, word, message_id, reply_id)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (
                *(ms(consent.at), consent.peer, consent.own_number, consent.iccid, consent.line),
                *(consent.change.value, consent.word, consent.message_id, consent.reply_id),
            ),
        )

    def opted_out(self, peer: str, own_number: str, iccid: str) -> bool:
        """Whether the last word of a peer to this number, or to this SIM, was to stop."""
        query = """SELECT change FROM consent INDEXED BY consent_by_peer WHERE peer = ? AND change <> 'help'
                   AND ((iccid = ? AND iccid <> '') OR (own_number = ? AND own_number <> '')) ORDER BY n DESC LIMIT 1"""
        row = self._db.execute(query, (peer, iccid, own_number)).fetchone()
        return row is not None and row["change"] == Change.OPT_OUT

    def replies_since(self, peer: str, moment: datetime) -> int:
        """How many answers a peer was given since then."""
        query = """SELECT count(*) FROM consent INDEXED BY consent_by_peer
                   WHERE peer = ? AND reply_id IS NOT NULL AND at >= ?"""
        return int(self._db.execute(query, (peer, ms(moment))).fetchone()[0])

    def find(self, wanted: ConsentFilter) -> list[Consent]:
        query = """SELECT * FROM consent WHERE (?1 IS NULL OR peer = ?1) AND (?2 IS NULL OR own_number = ?2)
                   AND (?3 IS NULL OR n < ?3) ORDER BY n DESC LIMIT ?4"""
        values = (wanted.peer, wanted.own_number, wanted.before, wanted.limit)
        return [_consent(row) for row in self._db.execute(query, values)]


def _consent(row: sqlite3.Row) -> Consent:
    return Consent(
        n=row["n"],
        at=at(row["at"]),
        peer=row["peer"],
        own_number=row["own_number"],
        iccid=row["iccid"],
        line=row["line"],
        change=Change(row["change"]),
        word=row["word"],
        message_id=row["message_id"],
        reply_id=row["reply_id"],
    )


class Lists:
    """Table `number_lists`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def any(self, way: Way) -> bool:
        return self._db.execute("SELECT 1 FROM number_lists WHERE way = ? LIMIT 1", (way.value,)).fetchone() is not None

    def allows(self, way: Way) -> bool:
        """Whether there is an entry that allows something."""
        query = "SELECT 1 FROM number_lists INDEXED BY lists_allowing WHERE way = ? AND list = 'allow' LIMIT 1"
        return self._db.execute(query, (way.value,)).fetchone() is not None

    def matching(self, way: Way, patterns: Sequence[str]) -> list[Entry]:
        query = "SELECT * FROM number_lists WHERE way = ? AND pattern IN (SELECT value FROM json_each(?))"
        return [_entry(row) for row in self._db.execute(query, (way.value, json.dumps(patterns)))]

    def all(self) -> list[Entry]:
        return [_entry(row) for row in self._db.execute("SELECT * FROM number_lists ORDER BY n")]

    def add(self, entry: Entry) -> Entry:
        """The entry as it is kept: one that is there already stays as it was."""
        self._db.execute(
            """INSERT INTO number_lists (way, pattern, list, note, created_at, created_by) VALUES (?, ?, ?, ?, ?, ?)
               ON CONFLICT DO NOTHING""",
            (*(entry.way.value, entry.pattern, entry.name.value, entry.note), ms(entry.created_at), entry.created_by),
        )
        query = "SELECT * FROM number_lists WHERE way = ? AND pattern = ? AND list = ?"
        return _entry(self._db.execute(query, (entry.way.value, entry.pattern, entry.name.value)).fetchone())

    def remove(self, name: ListName, n: int) -> bool:
        """Whether it was there."""
        return self._db.execute("DELETE FROM number_lists WHERE n = ? AND list = ?", (n, name.value)).rowcount > 0

    def count(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM number_lists").fetchone()[0])


def _entry(row: sqlite3.Row) -> Entry:
    return Entry(
        n=row["n"],
        name=ListName(row["list"]),
        way=Way(row["way"]),
        pattern=row["pattern"],
        note=row["note"],
        created_at=at(row["created_at"]),
        created_by=row["created_by"],
    )
