"""Values ↔ columns: times as milliseconds, enums as their words, pairs and JSON as text."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.messaging.model import Assembly, Doubt, Message, Part, Report, Segment, SegmentState, Status, TimelineEntry

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def ms(moment: datetime | None) -> int | None:
    """Milliseconds since 1970 UTC."""
    return None if moment is None else (moment - _EPOCH) // _MILLISECOND


def at(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


def iso(moment: datetime | None) -> str | None:
    """A service centre's time, with the offset that it gave."""
    return None if moment is None else moment.isoformat()


def maybe_at(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else at(milliseconds)


MESSAGE_COLUMNS = (
    *(
        "id",
        "direction",
        "peer",
        "status",
        "created_at",
        "updated_at",
        "client_id",
        "own_number",
        "modem",
        "line",
        "iccid",
        "edge",
        "queue",
        "preferred",
    ),
    *("text", "data", "encoding", "message_class", "port_to", "port_from", "segments", "segments_sent", "priority"),
    *("validity_s", "send_at", "expires_at", "not_before", "delivery_report", "at_most_once", "ordered", "tags"),
    *("error_code", "error_message", "parts_missing", "revision", "smsc_time", "blocked"),
)

_TIMES = frozenset({"send_at", "expires_at", "not_before", "created_at", "updated_at"})


def columns_of(field: str, value: Any) -> dict[str, Any]:
    """One field of a `Message` as its column or columns."""
    if field in _TIMES:
        return {field: ms(value)}
    if field == "error":
        return {"error_code": value[0] if value else None, "error_message": value[1] if value else None}
    if field == "ports":
        return {"port_to": value[0] if value else None, "port_from": value[1] if value else None}
    if field == "tags":
        return {"tags": json.dumps(dict(value)) if value else "{}"}  # ASCII: a lone surrogate in JSON is legal
    if field == "parts_missing":
        return {"parts_missing": ",".join(map(str, value))}
    if field == "smsc_time":
        return {"smsc_time": iso(value)}
    return {field: value}


def message_values(message: Message) -> list[Any]:
    columns: dict[str, Any] = {}
    for field in Message.__slots__:
        columns |= columns_of(field, getattr(message, field))
    return [columns[name] for name in MESSAGE_COLUMNS]


def message(row: sqlite3.Row) -> Message:
    return Message(
        n=row["n"],
        id=row["id"],
        direction=row["direction"],
        peer=row["peer"],
        status=Status(row["status"]),
        created_at=at(row["created_at"]),
        updated_at=at(row["updated_at"]),
        client_id=row["client_id"],
        own_number=row["own_number"],
        modem=row["modem"],
        line=row["line"],
        iccid=row["iccid"],
        edge=row["edge"],
        queue=row["queue"],
        preferred=row["preferred"],
        text=row["text"],
        data=row["data"],
        encoding=row["encoding"],
        message_class=row["message_class"],
        ports=None if row["port_to"] is None else (row["port_to"], row["port_from"]),
        segments=row["segments"],
        segments_sent=row["segments_sent"],
        priority=row["priority"],
        validity_s=row["validity_s"],
        send_at=maybe_at(row["send_at"]),
        expires_at=maybe_at(row["expires_at"]),
        not_before=maybe_at(row["not_before"]),
        delivery_report=None if row["delivery_report"] is None else bool(row["delivery_report"]),
        at_most_once=bool(row["at_most_once"]),
        ordered=bool(row["ordered"]),
        tags={} if row["tags"] == "{}" else json.loads(row["tags"]),
        error=None if row["error_code"] is None else (row["error_code"], row["error_message"]),
        parts_missing=tuple(map(int, filter(None, row["parts_missing"].split(",")))),
        revision=row["revision"],
        smsc_time=datetime.fromisoformat(row["smsc_time"]) if row["smsc_time"] else None,
        blocked=bool(row["blocked"]),
    )


def segment_values(segment: Segment) -> tuple[Any, ...]:
    return (
        segment.message_id,
        segment.seq,
        segment.state.value,
        segment.pdu,
        segment.length,
        segment.mr,
        segment.attempts,
        segment.line,
        segment.imei,
        segment.iccid,
        segment.peer,
        ms(segment.submitted_at),
        ms(segment.settled_at),
        segment.error,
        segment.ordinal,
        segment.limit,
    )


def segment(row: sqlite3.Row) -> Segment:
    return Segment(
        message_id=row["message_id"],
        seq=row["seq"],
        state=SegmentState(row["state"]),
        pdu=row["pdu"],
        length=row["length"],
        mr=row["mr"],
        attempts=row["attempts"],
        line=row["line"],
        imei=row["imei"],
        iccid=row["iccid"],
        peer=row["peer"],
        submitted_at=maybe_at(row["submitted_at"]),
        settled_at=maybe_at(row["settled_at"]),
        error=row["error"],
        ordinal=row["ordinal"],
        limit=row["attempts_limit"],
    )


def part(row: sqlite3.Row) -> Part:
    return Part(
        n=row["n"],
        line=row["line"],
        iccid=row["iccid"],
        memory=row["memory"],
        slot=row["slot"],
        listing=row["listing"],
        kind=row["kind"],
        pdu=row["pdu"],
        fingerprint=row["fingerprint"],
        received_at=at(row["received_at"]),
        message_id=row["message_id"],
        assembly=row["assembly"],
        seq=row["seq"],
        repeat_of=row["repeat_of"],
        released=row["released_at"] is not None,
    )


def assembly(row: sqlite3.Row) -> Assembly:
    return Assembly(
        n=row["n"],
        line=row["line"],
        iccid=row["iccid"],
        key=row["key"],
        ref=row["ref"],
        wide=bool(row["wide"]),
        total=row["total"],
        started_at=at(row["started_at"]),
        scts=datetime.fromisoformat(row["scts"]) if row["scts"] else None,
        message_id=row["message_id"],
        delivered=bool(row["delivered"]),
        revision=row["revision"],
    )


def doubt(row: sqlite3.Row) -> Doubt:
    return Doubt(
        n=row["n"],
        iccid=row["iccid"],
        peer=row["peer"],
        message_id=row["message_id"],
        seq=row["seq"],
        submitted_at=at(row["submitted_at"]),
    )


def report(row: sqlite3.Row) -> Report:
    return Report(
        n=row["n"],
        iccid=row["iccid"],
        mr=row["mr"],
        peer=row["peer"],
        st=row["st"],
        received_at=at(row["received_at"]),
        scts=datetime.fromisoformat(row["scts"]) if row["scts"] else None,
        matched=row["message_id"] is not None,
    )


def timeline_entry(row: sqlite3.Row) -> TimelineEntry:
    return TimelineEntry(
        at=at(row["at"]), what=row["what"], segment=row["segment"], modem=row["modem"], detail=row["detail"]
    )
