"""SQL for what the Twilio-compatible API keeps and asks."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from datetime import datetime
from typing import Any

from gateway.messaging.twilio import Beside, MessagingService, NumberSettings, Search, Shown
from gateway.store import rows
from gateway.store.rows import at, maybe_at, ms

_SENT_AT = """CASE WHEN m.direction = 'inbound' THEN m.created_at ELSE (SELECT max(submitted_at) FROM segments AS s
  WHERE s.message_id = m.id AND s.state IN ('sent', 'delivered', 'undelivered')) END"""
_SHOWN = f"""SELECT m.*, {_SENT_AT} AS sent_at, b.sender, b.service, b.status_callback, b.status_callback_method,
  b.reply_to, b.deleted, b.message_id AS beside FROM messages AS m LEFT JOIN twilio_messages AS b ON b.message_id = m.id"""  # noqa: S608
_SHOWABLE = "m.blocked = 0 AND coalesce(b.deleted, 0) = 0"
_TO = "(m.direction = 'outbound' AND m.peer = :to OR m.direction = 'inbound' AND m.own_number = :to)"
_FROM = """(m.direction = 'inbound' AND m.peer = :sender
  OR m.direction = 'outbound' AND coalesce(nullif(m.own_number, ''), b.sender) = :sender)"""


class TwilioRows:
    """Tables `twilio_numbers`, `twilio_messages` and `twilio_services`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    # --- numbers

    def number(self, iccid: str) -> NumberSettings | None:
        row = self._db.execute("SELECT * FROM twilio_numbers WHERE iccid = ?", (iccid,)).fetchone()
        return _number(row) if row else None

    def numbers(self) -> list[NumberSettings]:
        return [_number(row) for row in self._db.execute("SELECT * FROM twilio_numbers ORDER BY iccid")]

    def put_number(self, settings: NumberSettings) -> None:
        self._put("twilio_numbers", settings)

    # --- messages

    def beside(self, message_id: str) -> Beside | None:
        row = self._db.execute("SELECT * FROM twilio_messages WHERE message_id = ?", (message_id,)).fetchone()
        return _beside(row) if row else None

    def put_beside(self, beside: Beside) -> None:
        self._put("twilio_messages", beside)

    def shown(self, message_id: str) -> Shown | None:
        row = self._db.execute(f"{_SHOWN} WHERE m.id = ? AND {_SHOWABLE}", (message_id,)).fetchone()
        return _shown(row) if row else None

    def search(self, wanted: Search, rows: int) -> tuple[list[Shown], int | None]:
        """At most `limit` messages out of the next `rows` that could match, and where to go on; None at the end.

        A time is no index, so a search for one goes through many rows: it does so in steps, and others have their turn.
        """
        forward = wanted.behind is None
        start = (wanted.after if wanted.after is not None else 2**62) if forward else wanted.behind
        order, beyond = ("DESC", "<") if forward else ("ASC", ">")
        terms = [_SHOWABLE]
        if wanted.to is not None:
            terms.append(_TO)
        if wanted.sender is not None:
            terms.append(_FROM)
        if wanted.sent_from is not None:
            terms.append(f"{_SENT_AT} >= :sent_from")
        if wanted.sent_before is not None:
            terms.append(f"{_SENT_AT} < :sent_before")
        values = {
            "start": start,
            "rows": rows,
            "to": wanted.to,
            "sender": wanted.sender,
            "sent_from": ms(wanted.sent_from),
            "sent_before": ms(wanted.sent_before),
        }
        window = f"SELECT n FROM messages WHERE n {beyond} :start ORDER BY n {order} LIMIT :rows"  # noqa: S608 - own words
        edge = self._db.execute(f"SELECT count(*), min(n), max(n) FROM ({window})", values).fetchone()  # noqa: S608
        if not edge[0]:
            return [], None
        last = int(edge[1] if forward else edge[2])
        inside = "m.n < :start AND m.n >= :last" if forward else "m.n > :start AND m.n <= :last"
        query = f"{_SHOWN} WHERE {inside} AND {' AND '.join(terms)} ORDER BY m.n {order} LIMIT :limit"
        found = self._db.execute(query, {**values, "last": last, "limit": wanted.limit}).fetchall()
        return [_shown(row) for row in found], last if int(edge[0]) == rows else None

    def last_sender(self, peer: str, iccids: Collection[str]) -> str:
        """Which of these SIMs last talked to a number; "" if none did."""
        query = """SELECT iccid FROM messages INDEXED BY messages_talked WHERE peer = ? AND iccid <> ''
                   AND iccid IN (SELECT value FROM json_each(?)) AND status IN
                   ('sending', 'sent', 'delivered', 'receiving', 'received') ORDER BY n DESC LIMIT 1"""
        row = self._db.execute(query, (peer, json.dumps(list(iccids)))).fetchone()
        return str(row["iccid"]) if row else ""

    def redact(self, message_id: str, now: datetime) -> None:
        """Blanks the body of a finished message, and the PDUs that it left or came in; fingerprints stay."""
        self._db.execute(
            "UPDATE messages SET text = '', data = NULL, updated_at = ? WHERE id = ?", (ms(now), message_id)
        )
        self._db.execute("UPDATE segments SET pdu = '' WHERE message_id = ?", (message_id,))
        self._db.execute(
            "UPDATE parts SET pdu = '' WHERE released_at IS NOT NULL AND (message_id = ?1 OR assembly IN "
            "(SELECT n FROM assemblies WHERE message_id = ?1))",
            (message_id,),
        )
        # No part can be put beside what nobody can read any more; a repeat is known by its fingerprint.
        self._db.execute("UPDATE parts SET assembly = NULL WHERE message_id = ?", (message_id,))
        self._db.execute("DELETE FROM assemblies WHERE message_id = ?", (message_id,))

    # --- services

    def service(self, sid: str) -> MessagingService | None:
        row = self._db.execute("SELECT * FROM twilio_services WHERE sid = ?", (sid,)).fetchone()
        return _service(row) if row else None

    def services(self) -> list[MessagingService]:
        return [_service(row) for row in self._db.execute("SELECT * FROM twilio_services ORDER BY created_at, sid")]

    def service_of(self, iccid: str) -> MessagingService | None:
        """The service whose pool a number is in; a number is in one at most."""
        return next((service for service in self.services() if iccid in service.senders), None)

    def put_service(self, service: MessagingService) -> None:
        self._put("twilio_services", service)

    def delete_service(self, sid: str) -> bool:
        return self._db.execute("DELETE FROM twilio_services WHERE sid = ?", (sid,)).rowcount > 0

    def _put(self, table: str, value: Any) -> None:
        """A new row, or the one of that key anew. Columns are called as the fields are."""
        columns = {name: _column(getattr(value, name)) for name in value.__slots__}
        marks = ", ".join("?" * len(columns))
        names = ", ".join(columns)
        self._db.execute(f"REPLACE INTO {table} ({names}) VALUES ({marks})", tuple(columns.values()))  # noqa: S608


def _column(value: Any) -> Any:
    if isinstance(value, datetime):
        return ms(value)
    return json.dumps(value) if isinstance(value, tuple) else value


def _number(row: sqlite3.Row) -> NumberSettings:
    times = {"created_at": maybe_at(row["created_at"]), "updated_at": maybe_at(row["updated_at"])}
    return NumberSettings(**{name: row[name] for name in NumberSettings.__slots__} | times)


def _beside(row: sqlite3.Row) -> Beside:
    return Beside(**{name: row[name] for name in Beside.__slots__} | {"deleted": bool(row["deleted"])})


def _service(row: sqlite3.Row) -> MessagingService:
    typed = {
        "created_at": at(row["created_at"]),
        "updated_at": at(row["updated_at"]),
        "sticky_sender": bool(row["sticky_sender"]),
        "use_number_webhook": bool(row["use_number_webhook"]),
        "senders": tuple(json.loads(row["senders"])),
    }
    return MessagingService(**{name: row[name] for name in MessagingService.__slots__} | typed)


def _shown(row: sqlite3.Row) -> Shown:
    beside = None
    if row["beside"] is not None:
        names = [name for name in Beside.__slots__ if name not in ("message_id", "deleted")]
        beside = Beside(message_id=row["id"], deleted=bool(row["deleted"]), **{name: row[name] for name in names})
    return Shown(message=rows.message(row), beside=beside, sent_at=maybe_at(row["sent_at"]))
