"""Events in the shape of the MQTT contract. One function a kind; edges add only `seq`."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from gateway.clock import rfc3339
from gateway.messaging.model import Call, CommandResult, Event, EventKind, Message, Origin, Status, UssdAnswer
from gateway.messaging.ports import Broadcast


def dump(payload: dict[str, Any]) -> str:
    """Compact JSON with real characters; lone surrogates cannot occur (they are refused or replaced before)."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"))


def error_object(error: tuple[str, str]) -> dict[str, str]:
    return {"code": error[0], "message": error[1]}


def send_result(result: CommandResult, origin: Origin) -> Event:
    payload: dict[str, Any] = {
        "id": result.client_id,
        "status": result.status,
        "message_ids": list(result.message_ids),
    }
    if result.error:
        payload["error"] = error_object(result.error)
    return Event(
        kind=EventKind.SEND_RESULT,
        subject=result.client_id or "",
        payload=dump(payload),
        reply_to=origin.reply_to,
        correlation=origin.correlation,
    )


def message_status(message: Message, now: datetime, waits_until: datetime | None = None) -> Event:
    """`waits_until`: it is known that it will not leave before."""
    payload: dict[str, Any] = {
        "message_id": message.id,
        "id": message.client_id,
        "to": message.peer,
        "status": message.status.value,
        "segments": message.segments,
        "segments_sent": message.segments_sent,
        "modem": message.line or message.modem,
    }
    if message.error:
        payload["error"] = error_object(message.error)
    if waits_until is not None:
        payload["waits_until"] = rfc3339(waits_until)
    payload["ts"] = rfc3339(now)
    return Event(kind=EventKind.MESSAGE_STATUS, subject=message.id, payload=dump(payload))


def inbox(message: Message, received_at: datetime) -> Event:
    payload: dict[str, Any] = {"message_id": message.id, "from": message.peer, "to": message.own_number}
    if message.text is not None:
        payload["text"] = message.text
    else:
        payload["data_hex"] = (message.data or b"").hex()
    payload |= {
        "encoding": message.encoding,
        "class": message.message_class,
        "parts": message.segments,
        "parts_missing": list(message.parts_missing),
        "revision": message.revision,
        "modem": message.line,
        "smsc_time": rfc3339(message.smsc_time) if message.smsc_time else None,
        "received_at": rfc3339(received_at),
    }
    if message.ports:
        payload["ports"] = list(message.ports)
    return Event(kind=EventKind.INBOX, subject=message.id, payload=dump(payload))


def alert(code: str, text: str, modem: str | None, since: datetime, *, over: bool = False) -> Event:
    payload: dict[str, Any] = {"code": code, "message": text, "modem": modem, "since": rfc3339(since), "over": over}
    return Event(kind=EventKind.ALERT, subject=modem or "", payload=dump(payload))


def call(found: Call, now: datetime) -> Event:
    payload: dict[str, Any] = {
        "call_id": found.id,
        "modem": found.line,
        "direction": found.direction,
        "from": found.peer,
        "state": found.state,
        "ts": rfc3339(now),
    }
    return Event(kind=EventKind.CALL, subject=found.id, payload=dump(payload))


def broadcast(modem: str, message: Broadcast, now: datetime) -> Event:
    payload: dict[str, Any] = {"modem": modem, "channel": message.channel, "serial": message.serial}
    payload |= {"data_hex": message.data_hex} if message.data_hex else {"text": message.text}
    payload |= {
        "pages": message.pages,
        "pages_missing": list(message.pages_missing),
        "language": message.language,
        "ts": rfc3339(now),
    }
    return Event(kind=EventKind.CELL_BROADCAST, subject=modem, payload=dump(payload))


def ussd(modem: str, answer: UssdAnswer, now: datetime) -> Event:
    payload: dict[str, Any] = {"modem": modem, "text": answer.text, "state": answer.state, "ts": rfc3339(now)}
    return Event(kind=EventKind.USSD, subject=modem, payload=dump(payload))


ANNOUNCED = frozenset(Status) - {Status.SENDING, Status.RECEIVING}
"""Statuses that are events. `sending` lasts milliseconds and is only kept in the timeline."""
