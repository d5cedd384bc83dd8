"""SQL that lists messages by any filter, newest first, a bounded step at a time.

The source of a list is the index that narrows it most; the other terms are looked at row by row, a limited number of them
in a step, so that a search for what is rare does not keep other readers waiting.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.messaging.model import Message, MessageFilter
from gateway.store import rows
from gateway.store.rows import ms

STEP = 5_000
"""So many message numbers a step looks at, where its index leaves terms to be compared."""

NARROW = 2_000
"""A time in which no more messages came than this is looked up first; a longer one is not worth it."""

_END = 2**62
_BADLY = frozenset({"failed", "undelivered", "canceled", "unknown"})
_WAITING = frozenset({"scheduled", "queued", "sending"})


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a list comes from: `tables`, with what holds for them; `exact`: no other term has to be compared."""

    tables: str
    term: str
    covers: frozenset[str] = frozenset()


_ALL = _Source("messages AS m NOT INDEXED", "1")
# The first that applies is the source. The order: what narrows most.
_SOURCES: tuple[tuple[Callable[[MessageFilter], bool], _Source], ...] = (
    (
        lambda wanted: wanted.client_id is not None,
        _Source(
            "commands AS c CROSS JOIN json_each('[\"' || replace(c.message_ids, ',', '\",\"') || '\"]') AS i "
            "CROSS JOIN messages AS m ON m.id = i.value",
            "c.client_id = :client_id",
            frozenset({"client_id"}),
        ),
    ),
    (
        lambda wanted: wanted.words is not None,
        _Source(
            "messages_text AS t CROSS JOIN messages AS m ON m.n = t.rowid",
            "messages_text MATCH :words AND t.rowid < :before AND t.rowid >= :floor",
            frozenset({"words"}),
        ),
    ),
    (
        lambda wanted: wanted.peer is not None,
        _Source("messages AS m INDEXED BY messages_by_peer", "m.peer = :peer", frozenset({"peer"})),
    ),
    (
        lambda wanted: wanted.failed is True,
        _Source("messages AS m INDEXED BY messages_with_error", "m.error_code IS NOT NULL", frozenset({"failed"})),
    ),
    (
        lambda wanted: bool(_statuses(wanted)) and _statuses(wanted) <= _BADLY,
        _Source(
            "messages AS m INDEXED BY messages_ended_badly",
            "m.status IN ('failed', 'undelivered', 'canceled', 'unknown')",
        ),
    ),
    (
        lambda wanted: bool(_statuses(wanted)) and _statuses(wanted) <= _WAITING,
        _Source(
            """(SELECT n AS k FROM messages INDEXED BY messages_in_queue WHERE direction = 'outbound'
                  AND status IN ('queued', 'sending') AND n < :before
                UNION ALL SELECT n FROM messages INDEXED BY messages_scheduled WHERE status = 'scheduled' AND n < :before)
               CROSS JOIN messages AS m ON m.n = k""",
            "1",
        ),
    ),
    (
        lambda wanted: wanted.tag is not None,
        _Source("messages AS m INDEXED BY messages_tagged", "m.tags <> '{}'"),
    ),
    (
        lambda wanted: wanted.direction == "inbound",
        _Source("messages AS m INDEXED BY messages_inbound", "m.direction = 'inbound'", frozenset({"direction"})),
    ),
)

_TERMS = {
    "direction": "m.direction = :direction",
    "status": "m.status IN (SELECT value FROM json_each(:status))",
    "peer": "m.peer = :peer",
    "peer_ends": "substr(m.peer, -length(:peer_ends)) = :peer_ends",
    "line": "coalesce(m.line, m.modem) = :line",
    "number": "m.own_number = :number",
    "since": "m.created_at >= :since",
    "until": "m.created_at < :until",
    "tag": """EXISTS (SELECT 1 FROM json_each(m.tags) WHERE key = :tag_name
              AND (:tag_value IS NULL OR CAST(value AS TEXT) = :tag_value))""",
    "kind": """CASE :kind WHEN 'text' THEN m.data IS NULL WHEN 'data' THEN m.data IS NOT NULL
               ELSE m.message_class = 0 END""",
    "failed": "(m.error_code IS NOT NULL) = :failed",
    "client_id": "m.client_id = :client_id",
    "words": "m.n IN (SELECT rowid FROM messages_text WHERE messages_text MATCH :words)",
}


def find(db: sqlite3.Connection, wanted: MessageFilter) -> tuple[list[Message], int | None]:
    """One step: messages that match, newest first, and the `before` of the next step; None at the end."""
    values = _values(wanted)
    before, lowest = _bounds(db, wanted, values)
    query, stepping = query_for(wanted)
    floor = max(before - STEP, lowest) if stepping else lowest
    limits = {"before": before, "floor": floor, "limit": wanted.limit}
    found = [rows.message(row) for row in db.execute(query, values | limits)]
    if len(found) >= wanted.limit:
        return found, found[-1].n
    return found, floor if floor > lowest else None


def query_for(wanted: MessageFilter) -> tuple[str, bool]:
    """The query, and whether it has terms that no index answers: then it is asked for a limited range of numbers."""
    source = next((source for applies, source in _SOURCES if applies(wanted)), _ALL)
    left = [name for name in _TERMS if getattr(wanted, name) not in (None, ()) and name not in source.covers]
    blocked = [] if wanted.blocked is None else ["m.blocked = :blocked"]
    terms = [source.term, "m.n < :before", "m.n >= :floor", *(_TERMS[name] for name in left), *blocked]
    query = f"SELECT m.* FROM {source.tables} WHERE {' AND '.join(terms)}"  # noqa: S608 - own words
    order = "t.rowid" if "words" in source.covers else "m.n"
    return f"{query} ORDER BY {order} DESC LIMIT :limit", bool(left) or bool(wanted.blocked)


def _statuses(wanted: MessageFilter) -> frozenset[str]:
    return frozenset((wanted.status,) if isinstance(wanted.status, str) else wanted.status or ())


def _values(wanted: MessageFilter) -> dict[str, Any]:
    name, value = wanted.tag or (None, None)
    same = ("direction", "peer", "peer_ends", "line", "number", "kind", "failed", "client_id", "blocked")
    return {field: getattr(wanted, field) for field in same} | {
        "status": json.dumps(sorted(_statuses(wanted))),
        "since": ms(wanted.since),
        "until": ms(wanted.until),
        "tag_name": name,
        "tag_value": value,
        "words": None if wanted.words is None else match(wanted.words),
    }


def _bounds(db: sqlite3.Connection, wanted: MessageFilter, values: dict[str, Any]) -> tuple[int, int]:
    """The numbers between which a match can be: not below the second, below the first."""
    last = int(db.execute("SELECT coalesce(max(n), 0) FROM messages").fetchone()[0])
    before, lowest = min(wanted.before if wanted.before is not None else _END, last + 1), 1
    if wanted.since is None and wanted.until is None:
        return before, lowest
    times = {"since": values["since"] or -_END, "until": values["until"] or _END, "narrow": NARROW}
    row = db.execute(
        """SELECT count(*), min(n), max(n) FROM (SELECT n FROM messages INDEXED BY messages_by_time
           WHERE created_at >= :since AND created_at < :until LIMIT :narrow)""",
        times,
    ).fetchone()
    if row[0] == NARROW:
        return before, lowest
    return (min(before, row[2] + 1), int(row[1])) if row[0] else (0, 0)


def match(words: str) -> str:
    """What a person typed → FTS5's language: all words occur; `"a phrase"` as it stands; `begin*` begins a word.

    Nothing that FTS5 would take for an operator is left one.
    """
    terms = []
    for n, piece in enumerate(words.replace("\0", " ").split('"')):
        if n % 2:
            terms += [f'"{piece}"'] if piece.strip() else []
            continue
        for word in piece.split():
            bare = word.rstrip("*")
            if any(char.isalnum() for char in bare):
                terms.append(f'"{bare}"' + ("*" if word.endswith("*") else ""))
    return " ".join(terms) or '""'
