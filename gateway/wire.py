"""The JSON of the edges, one shape for MQTT and HTTP: commands in, strictly checked; messages and modems out.

Whatever octets come in, the only exception that leaves is RequestError.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema
from pydantic_core import from_json

from gateway.clock import parse_rfc3339, rfc3339
from gateway.errors import RequestError
from gateway.messaging.model import (
    DEFAULT_PRIORITY,
    MAX_CLIENT_ID,
    Call,
    CommandResult,
    LineStatus,
    Message,
    Part,
    Report,
    Segment,
    SendRequest,
    StoredEvent,
    TimelineEntry,
    UssdAnswer,
)
from gateway.messaging.ports import Forwarding, PhonebookEntry

MAX_PAYLOAD = 64 * 1024
"""Octets of JSON that one command may have."""
MAX_RECIPIENTS = 100
MAX_TAGS_JSON = 4096
MAX_TAGS_DEPTH = 8
MAX_VALIDITY_S = 63 * 7 * 86_400  # 23.040 9.2.3.12.1: the longest relative validity period is 63 weeks

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_HEX = re.compile(r"([0-9A-Fa-f]{2})*")
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})


def _moment(text: object) -> datetime:
    if not isinstance(text, str) or not _RFC3339.fullmatch(text):
        raise ValueError("a time is written like 2026-02-03T04:05:06Z or 2026-02-03T05:05:06+01:00")
    try:
        return parse_rfc3339(text.upper())
    except OverflowError as exc:  # year 1 or 9999 moved over the edge by its offset
        raise ValueError("the time is out of range") from exc


def _client_id(text: str) -> str:
    if any(unicodedata.category(char) in _UNPRINTABLE for char in text):
        raise ValueError("only printable characters are allowed")
    return text


def _octets(text: object) -> bytes:
    if not isinstance(text, str) or not _HEX.fullmatch(text):
        raise ValueError("an even number of hexadecimal digits is wanted")
    return bytes.fromhex(text)


def _one_or_more(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _tags(value: dict[str, Any]) -> dict[str, Any]:
    _check_depth(value, MAX_TAGS_DEPTH)
    if len(json.dumps(value, ensure_ascii=False).encode()) > MAX_TAGS_JSON:
        raise ValueError(f"at most {MAX_TAGS_JSON} octets of JSON are allowed")
    return value


def _check_depth(value: object, left: int) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("only finite numbers are allowed")
    if isinstance(value, int) and abs(value) >= 2**63:
        raise ValueError("only integers of 64 bits are allowed")
    if isinstance(value, dict | list):
        if left == 0:
            raise ValueError(f"at most {MAX_TAGS_DEPTH} levels are allowed")
        for inner in value.values() if isinstance(value, dict) else value:
            _check_depth(inner, left - 1)


Moment = Annotated[datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
Octets = Annotated[
    bytes, BeforeValidator(_octets), WithJsonSchema({"type": "string", "pattern": "^([0-9A-Fa-f]{2})*$"})
]
Short = Annotated[str, Field(min_length=1, max_length=64)]
UssdString = Annotated[str, Field(min_length=1, max_length=182)]  # 24.080 4.4.3.21: 160 octets of septets
ClientId = Annotated[str, Field(min_length=1, max_length=MAX_CLIENT_ID), AfterValidator(_client_id)]
_NUMBER_SCHEMA = {"type": "string", "minLength": 1, "maxLength": 64}
Recipients = Annotated[
    list[Short],
    BeforeValidator(_one_or_more),
    Field(min_length=1, max_length=MAX_RECIPIENTS),
    WithJsonSchema(
        {
            "anyOf": [
                _NUMBER_SCHEMA,
                {"type": "array", "items": _NUMBER_SCHEMA, "minItems": 1, "maxItems": MAX_RECIPIENTS},
            ]
        }
    ),
]
Port = Annotated[int, Field(ge=0, le=0xFFFF)]


class Payload(BaseModel):
    """Base of what clients send: types are not coerced, unknown fields are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


P = TypeVar("P", bound=Payload)


class SendPayload(Payload):
    """The command to send, design §4.3. A field that is null counts as absent."""

    id: ClientId | None = None
    to: Recipients
    text: str | None = None
    data_hex: Octets | None = None
    modem: Short | None = None
    sender: Short | None = Field(default=None, alias="from")
    media: list[Annotated[str, Field(max_length=2048)]] | None = Field(default=None, max_length=10)
    message_class: Annotated[int, Field(ge=0, le=3)] | None = Field(default=None, alias="class")
    ports: Annotated[list[Port], Field(min_length=2, max_length=2)] | None = None
    encoding: Literal["auto", "gsm7", "ucs2"] | None = None
    validity_s: Annotated[int, Field(ge=1, le=MAX_VALIDITY_S)] | None = None
    send_at: Moment | None = None
    expires_at: Moment | None = None
    priority: Annotated[int, Field(ge=0, le=9)] | None = None
    delivery_report: bool | None = None
    at_most_once: bool | None = None
    ordered: bool | None = None
    tags: Annotated[dict[Annotated[str, Field(max_length=64)], Any], AfterValidator(_tags)] | None = None

    def request(self, client_id: str | None = None) -> SendRequest:
        """The same as the domain's value. `client_id`: an idempotency key that came beside the payload."""
        return SendRequest(
            to=tuple(self.to),
            text=self.text,
            data=self.data_hex,
            client_id=client_id if client_id is not None else self.id,
            modem=self.modem,
            sender=self.sender,
            media=tuple(self.media or ()),
            message_class=self.message_class,
            ports=(self.ports[0], self.ports[1]) if self.ports else None,
            encoding=self.encoding or "auto",
            validity_s=self.validity_s,
            send_at=self.send_at,
            expires_at=self.expires_at,
            priority=DEFAULT_PRIORITY if self.priority is None else self.priority,
            delivery_report=self.delivery_report,
            at_most_once=bool(self.at_most_once),
            ordered=bool(self.ordered),
            tags=self.tags or {},
        )


class _IdOnly(BaseModel):
    model_config = ConfigDict(strict=True)

    id: ClientId


def read_object(octets: bytes | bytearray, most: int = MAX_PAYLOAD) -> dict[str, Any]:
    """At most `most` octets → JSON object. Raises RequestError too_large or bad_json."""
    if len(octets) > most:
        raise RequestError(f"the payload has {len(octets)} octets; at most {most} are allowed", code="too_large")
    try:
        # Unlike the standard library's, this parser has a limit on nesting and refuses lone surrogates.
        value = from_json(bytes(octets), allow_inf_nan=False)
    except ValueError as exc:
        raise RequestError(f"the payload is no JSON: {exc}", code="bad_json") from exc
    if not isinstance(value, dict):
        raise RequestError("the payload is JSON, but not an object", code="bad_json")
    return value


def read(model: type[P], value: Mapping[str, Any]) -> P:
    """An object → the payload it should be. Raises RequestError(bad_request) that names the first bad field."""
    try:
        return model.model_validate(value)
    except ValidationError as exc:
        raise bad_field(exc.errors(include_url=False, include_context=False, include_input=False)) from exc


def bad_field(errors: Iterable[Mapping[str, Any]]) -> RequestError:
    """What pydantic says about the first mistake, in one line."""
    first = next(iter(errors))
    loc = first["loc"]
    field = str(loc[0]) if loc else None
    where = ".".join(str(step) for step in loc if not (isinstance(step, str) and "-" in step and "[" in step))
    said = first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        return RequestError(f"{field} is missing", field=field)
    if first["type"] == "extra_forbidden":
        return RequestError(f"there is no field {field!r:.60}", field=field)
    return RequestError(f"{where}: {said[:1].lower()}{said[1:]}"[:300], field=field)


def readable_id(value: Mapping[str, Any]) -> str | None:
    """The client's id of an object that has other mistakes; None if it cannot be used either."""
    try:
        return _IdOnly.model_validate(value).id
    except ValidationError:
        return None


def read_client_id(text: str) -> str:
    """An idempotency key that came beside the payload. Raises RequestError(bad_request)."""
    try:
        return _IdOnly.model_validate({"id": text}).id
    except ValidationError as exc:
        raise bad_field(exc.errors(include_url=False, include_context=False, include_input=False)) from exc


def error_json(error: tuple[str, str]) -> dict[str, str]:
    return {"code": error[0], "message": error[1]}


def request_error_json(error: RequestError) -> dict[str, str]:
    return error_json((error.code, str(error))) | ({"field": error.field} if error.field else {})


def result_json(result: CommandResult) -> dict[str, Any]:
    return {"id": result.client_id, "status": result.status, "message_ids": list(result.message_ids)}


def message_json(message: Message) -> dict[str, Any]:
    """A message for people and programs. Fields that say nothing for its direction are left out."""
    outbound = message.direction == "outbound"
    fields: dict[str, Any] = {
        "message_id": message.id,
        "id": message.client_id,
        "direction": message.direction,
        "to": message.peer if outbound else message.own_number,
        "from": message.own_number if outbound else message.peer,
        "status": message.status.value,
        "modem": message.line or getattr(message, "modem", None),
    }
    fields |= {"text": message.text} if message.data is None else {"data_hex": message.data.hex()}
    fields |= {"encoding": message.encoding, "class": message.message_class}
    if message.ports is not None:
        fields["ports"] = list(message.ports)
    fields |= _outbound_json(message) if outbound else _inbound_json(message)
    if message.error is not None:
        fields["error"] = error_json(message.error)
    return fields | {"created_at": rfc3339(message.created_at), "updated_at": rfc3339(message.updated_at)}


def _outbound_json(message: Message) -> dict[str, Any]:
    return {
        "segments": message.segments,
        "segments_sent": message.segments_sent,
        "priority": message.priority,
        "validity_s": message.validity_s,
        "send_at": _time(message.send_at),
        "expires_at": _time(message.expires_at),
        "delivery_report": message.delivery_report,
        "at_most_once": message.at_most_once,
        "ordered": message.ordered,
        "tags": dict(message.tags),
    }


def _inbound_json(message: Message) -> dict[str, Any]:
    return {
        "parts": message.segments,
        "parts_missing": list(message.parts_missing),
        "revision": message.revision,
        "blocked": message.blocked,
        "smsc_time": _time(message.smsc_time),
    }


def segment_json(segment: Segment) -> dict[str, Any]:
    return {
        "seq": segment.seq,
        "state": segment.state.value,
        "mr": segment.mr,
        "attempts": segment.attempts,
        "modem": segment.line,
        "pdu": segment.pdu,
        "submitted_at": _time(segment.submitted_at),
        "settled_at": _time(segment.settled_at),
        "error": segment.error or None,
    }


def report_json(report: Report) -> dict[str, Any]:
    """A status report that belongs to no text."""
    return {
        "to": report.peer,
        "mr": report.mr,
        "st": report.st,
        "iccid": report.iccid,
        "smsc_time": _time(report.scts),
        "received_at": rfc3339(report.received_at),
    }


def part_json(part: Part) -> dict[str, Any]:
    """A PDU that is kept raw."""
    return {
        "pdu": part.pdu,
        "modem": part.line,
        "iccid": part.iccid,
        "memory": part.memory or None,
        "received_at": rfc3339(part.received_at),
    }


def timeline_json(entry: TimelineEntry) -> dict[str, Any]:
    return {
        "at": rfc3339(entry.at),
        "what": entry.what,
        "segment": entry.segment,
        "modem": entry.modem,
        "detail": entry.detail,
    }


def details_json(message: Message, segments: Iterable[Segment], timeline: Iterable[TimelineEntry]) -> dict[str, Any]:
    return message_json(message) | {
        "segment_list": [segment_json(segment) for segment in segments],
        "timeline": [timeline_json(entry) for entry in timeline],
    }


def event_json(stored: StoredEvent) -> dict[str, Any]:
    """An event as WebSocket clients and webhooks get it."""
    return {"event": stored.event.kind.value, "seq": stored.seq, "data": json.loads(stored.event.payload)}


def line_json(line: LineStatus) -> dict[str, Any]:
    """A modem's state without a time stamp, so that two that say the same are equal."""
    fields: dict[str, Any] = {
        "state": line.state,
        "registered": line.registered,
        "operator": line.operator,
        "access": line.access,
        "rssi_dbm": line.rssi_dbm,
        "bars": line.bars,
        "roaming": line.roaming,
        "sim": line.sim,
        "imei": line.imei,
        "iccid": line.iccid,
        "number": line.number,
        "queue": line.queue,
        "sent_today": line.sent_today,
        "daily_limit": line.daily_limit,
    }
    if line.monthly_limit:
        fields |= {"sent_this_month": line.sent_this_month, "monthly_limit": line.monthly_limit}
    if line.daily_recipients:
        fields |= {"recipients_today": line.recipients_today, "daily_recipients": line.daily_recipients}
    if line.temperature_c is not None:
        fields["temperature_c"] = line.temperature_c
    if line.voltage_mv is not None:
        fields["voltage_mv"] = line.voltage_mv
    if line.cell:
        fields["cell"] = line.cell
    if line.error:
        fields["error"] = line.error
    return fields


def modem_json(line: LineStatus) -> dict[str, Any]:
    return {"name": line.name, "able": line.able} | line_json(line) | {"since": _time(line.since)}


def call_json(call: Call) -> dict[str, Any]:
    return {
        "call_id": call.id,
        "modem": call.line,
        "direction": call.direction,
        "from": call.peer,
        "state": call.state,
        "started_at": rfc3339(call.started_at),
        "answered_at": _time(call.answered_at),
        "ended_at": _time(call.ended_at),
    }


def forwarding_json(found: Forwarding) -> dict[str, Any]:
    return {
        "reason": found.reason,
        "active": found.active,
        "number": found.number or None,
        "after_s": found.after_s,
    }


def entry_json(entry: PhonebookEntry) -> dict[str, Any]:
    return {"index": entry.index, "number": entry.number, "name": entry.name}


def ussd_json(answer: UssdAnswer) -> dict[str, Any]:
    return {"text": answer.text, "state": answer.state}


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment is not None else None
