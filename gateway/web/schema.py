"""What the API answers, as models: for `openapi.json`, and for the tests that hold the answers to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.accounts import Role
from gateway.messaging.deliveries import DeliveryState
from gateway.messaging.model import SegmentState, Status
from gateway.wire import Payload


class Answer(BaseModel):
    """Base of what is answered: nothing is there that is not named."""

    model_config = ConfigDict(extra="forbid")


class Error(Answer):
    """What is wrong, in a stable word and a sentence. `field`: where."""

    code: str
    message: str
    field: str | None = None


class ErrorAnswer(Answer):
    """Every answer of 400 and above."""

    error: Error


class Result(Answer):
    """What became of a command to send."""

    id: str | None
    status: Literal["accepted", "duplicate"]
    message_ids: list[str]


class Message(Answer):
    """A message. Some fields are there for one direction only, or only where there is something to say."""

    message_id: str
    id: str | None
    direction: Literal["outbound", "inbound"]
    to: str | None
    sender: str | None = Field(alias="from")
    status: Status
    modem: str | None
    text: str | None = None
    data_hex: str | None = None
    encoding: str | None
    message_class: int | None = Field(alias="class")
    ports: list[int] | None = None
    segments: int | None = None
    segments_sent: int | None = None
    priority: int | None = None
    validity_s: int | None = None
    send_at: datetime | None = None
    expires_at: datetime | None = None
    delivery_report: bool | None = None
    at_most_once: bool | None = None
    ordered: bool | None = None
    tags: dict[str, Any] | None = None
    parts: int | None = None
    parts_missing: list[int] | None = None
    revision: int | None = None
    blocked: bool | None = None
    smsc_time: datetime | None = None
    error: Error | None = None
    created_at: datetime
    updated_at: datetime


class Segment(Answer):
    """One SMS of a message, with its PDU."""

    seq: int
    state: SegmentState
    mr: int | None
    attempts: int
    modem: str | None
    pdu: str
    submitted_at: datetime | None
    settled_at: datetime | None
    error: str | None


class TimelineEntry(Answer):
    """Something that happened to a message."""

    at: datetime
    what: str
    segment: int | None
    modem: str | None
    detail: str


class MessageDetails(Message):
    """A message with all that happened to it."""

    segment_list: list[Segment]
    timeline: list[TimelineEntry]


class Messages(Answer):
    """A page, newest first. `next`: `before` of the following page."""

    messages: list[Message]
    next: str | None


class Modem(Answer):
    """A modem as it is now."""

    name: str
    able: bool
    state: str
    registered: bool
    operator: str
    access: str
    rssi_dbm: int | None
    bars: int
    roaming: bool
    sim: str
    imei: str
    iccid: str
    number: str
    queue: int
    sent_today: int
    daily_limit: int
    sent_this_month: int | None = None
    monthly_limit: int | None = None
    recipients_today: int | None = None
    daily_recipients: int | None = None
    temperature_c: float | None = None
    voltage_mv: int | None = None
    cell: str | None = None
    error: str | None = None
    since: datetime | None


class Modems(Answer):
    """All configured modems."""

    modems: list[Modem]


class ModemName(Answer):
    """The modem that was meant."""

    modem: str


class Ussd(Answer):
    """What the network said."""

    modem: str
    text: str
    state: str


class Forwarding(Answer):
    """How calls are forwarded for one reason."""

    reason: str
    active: bool
    number: str | None
    after_s: int | None


class Forwardings(Answer):
    """How calls are forwarded."""

    forwarding: list[Forwarding]


class ForwardingState(Answer):
    """What was changed."""

    reason: str
    active: bool


class PhonebookEntry(Answer):
    """An entry of a SIM's phonebook."""

    index: int
    number: str
    name: str


class Phonebook(Answer):
    """A phonebook."""

    storage: str
    entries: list[PhonebookEntry]


class NewEntry(Answer):
    """What was added."""

    storage: str
    number: str
    name: str


class OldEntry(Answer):
    """What was deleted."""

    storage: str
    index: int


class OwnNumbers(Answer):
    """The numbers that the SIM knows for itself."""

    numbers: list[str]


class Call(Answer):
    """A call. `from` is null where the caller hides."""

    call_id: str
    modem: str
    direction: str
    sender: str | None = Field(alias="from")
    state: str
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None


class Calls(Answer):
    """A page, newest first."""

    calls: list[Call]
    next: int | None


class Webhook(Answer):
    """A webhook, and how many of its deliveries stand where. `url` is empty where numbers and texts have their own."""

    name: str
    url: str
    events: list[str]
    waiting: int
    delivered: int
    dead: int


class Webhooks(Answer):
    """All configured webhooks, and the applications of the Twilio-compatible API."""

    webhooks: list[Webhook]


class Delivery(Answer):
    """One event on its way to a webhook."""

    delivery_id: str
    event: str
    seq: int
    subject: str
    state: DeliveryState
    attempts: int
    status: int | None
    error: str | None
    next_at: datetime | None
    created_at: datetime
    updated_at: datetime | None


class Deliveries(Answer):
    """A page, newest first."""

    deliveries: list[Delivery]
    next: int | None


class LoggedIn(Answer):
    """A new session; its cookie is in the header."""

    name: str
    csrf_token: str


class Who(Answer):
    """Who asks."""

    name: str
    role: Role
    kind: Literal["user", "session", "token", "local"]
    csrf_token: str | None = None


class User(Answer):
    """A person."""

    name: str
    role: Role
    disabled: bool
    created_at: datetime


class Users(Answer):
    """All people."""

    users: list[User]


class Token(Answer):
    """A program's key; the key itself is told once only, when it is made."""

    token_id: str
    name: str
    role: Role
    modems: list[str]
    recipients: list[str]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used: datetime | None


class NewToken(Token):
    """A token with its text."""

    token: str


class Tokens(Answer):
    """All tokens."""

    tokens: list[Token]


class AuditEntry(Answer):
    """What somebody did."""

    n: int
    at: datetime
    who: str
    source: str
    action: str
    target: str
    ok: bool


class Audit(Answer):
    """A page, newest first."""

    entries: list[AuditEntry]
    next: int | None


class ErrorCode(Answer):
    """What a code means, and whether trying again can help."""

    code: str
    meaning: str
    retryable: bool
    twilio: int | None


class ErrorCodes(Answer):
    """The table of codes."""

    codes: list[ErrorCode]


IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "As `id` in the body: the same key and content again is answered `duplicate` and not sent twice.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 64},
}


def documented(
    answer: type[Answer],
    status: int = 200,
    *,
    body: type[Payload] | None = None,
    parameters: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Arguments of a route's decorator: what it takes and answers. The routes read bodies themselves, for their errors."""
    told: dict[str, Any] = {"responses": {status: {"model": answer}, "default": {"model": ErrorAnswer}}}
    if answer is Result:
        told["responses"][200] = {"model": answer, "description": "A duplicate of an earlier command."}
    if status != 200:
        told["status_code"] = status
    extra: dict[str, Any] = {"parameters": list(parameters)} if parameters else {}
    if body is not None:
        content = {"application/json": {"schema": _inlined(body.model_json_schema(by_alias=True))}}
        extra["requestBody"] = {"required": True, "content": content}
    return told | {"openapi_extra": extra} if extra else told


def nothing(status: int = 204) -> dict[str, Any]:
    """The same for a route that answers without a body."""
    return {"status_code": status, "responses": {"default": {"model": ErrorAnswer}}}


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without references of its own, which would point into the whole document."""
    definitions = schema.pop("$defs", {})

    def resolve(value: Any) -> Any:
        if isinstance(value, dict):
            if "$ref" in value:
                return resolve(definitions[value["$ref"].rpartition("/")[2]])
            return {name: resolve(inner) for name, inner in value.items()}
        return [resolve(inner) for inner in value] if isinstance(value, list) else value

    resolved = resolve(schema)
    assert isinstance(resolved, dict)
    return resolved
