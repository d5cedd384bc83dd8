"""The words the gateway thinks in: messages, segments, parts, events. Frozen values; no behaviour that needs a clock or a disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

MAX_CLIENT_ID = 64
"""Longest idempotency key, in characters."""

DEFAULT_PRIORITY = 5
"""Priorities run from 0 (last) to 9 (first)."""


class Status(StrEnum):
    """A message's status, in the words of the Twilio API plus our `unknown`."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    CANCELED = "canceled"
    UNKNOWN = "unknown"
    RECEIVING = "receiving"
    RECEIVED = "received"


WAITING = (Status.SCHEDULED, Status.QUEUED)
"""Outbound statuses in which no octet has left yet."""


class SegmentState(StrEnum):
    """Where one SMS-SUBMIT stands (design: outbound is sent once)."""

    PENDING = "pending"
    SUBMITTING = "submitting"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    UNKNOWN = "unknown"


LEFT = (SegmentState.SENT, SegmentState.DELIVERED, SegmentState.UNDELIVERED)
"""Segment states that mean: the network took it."""


class EventKind(StrEnum):
    """What edges can be told about."""

    SEND_RESULT = "send.result"
    MESSAGE_STATUS = "message.status"
    INBOX = "inbox"
    ALERT = "alert"
    USSD = "ussd"
    CALL = "call"
    CELL_BROADCAST = "cell-broadcast"


@dataclass(frozen=True, slots=True, kw_only=True)
class SendRequest:
    """One command to send, its types already checked, its content not yet.

    `to`: recipients as the client wrote them. Exactly one of `text` and `data` is wanted.
    `encoding`: "auto", "gsm7" or "ucs2". `ports`: (destination, source). `validity_s`: seconds. Times are aware.
    """

    to: tuple[str, ...]
    text: str | None = None
    data: bytes | None = None
    client_id: str | None = None
    modem: str | None = None
    sender: str | None = None
    media: tuple[str, ...] = ()
    message_class: int | None = None
    ports: tuple[int, int] | None = None
    encoding: str = "auto"
    validity_s: int | None = None
    send_at: datetime | None = None
    expires_at: datetime | None = None
    priority: int = DEFAULT_PRIORITY
    delivery_report: bool | None = None
    at_most_once: bool = False
    ordered: bool = False
    tags: Mapping[str, Any] = field(default_factory=dict)


TWILIO = "twilio"
"""The edge (`Origin.edge`) of what comes through the Twilio-compatible API; opt-out words may stop that alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a command came from.

    `edge`: "mqtt", "api", `TWILIO` … `wants_result`: write a `send.result` event into the outbox with the command.
    `client`: which of the edge's clients it is, where the edge can tell (a user, a token's name).
    `delivery`: a token that is the same when the transport delivers the same command again (MQTT: session, packet
    identifier and digest of the payload); `redelivered`: the transport says that it may be such a one (MQTT: DUP).
    `reply_to`, `correlation`: MQTT 5 response topic and correlation data, handed back in the event.
    """

    edge: str
    client: str = ""
    wants_result: bool = False
    delivery: str | None = None
    redelivered: bool = False
    reply_to: str | None = None
    correlation: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """What became of a command. `status`: "accepted", "duplicate" or "rejected"; `error`: (code, message) when rejected."""

    status: str
    client_id: str | None = None
    message_ids: tuple[str, ...] = ()
    error: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A fact for the edges. `subject`: what it is about (message id, modem name). `payload`: JSON object text without `seq`."""

    kind: EventKind
    subject: str
    payload: str
    reply_to: str | None = None
    correlation: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event with its place in the one global order."""

    seq: int
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One SMS-SUBMIT of an outbound message. `seq` counts from 1; `pdu` is AT hex, `length` its TPDU octets.

    `ordinal`: its place among all submits, whatever the clock says. `limit`: the attempt that is the last one where an
    error number often hides a permanent cause.
    """

    message_id: str
    seq: int
    state: SegmentState
    pdu: str = ""
    length: int = 0
    mr: int | None = None
    attempts: int = 0
    line: str | None = None
    imei: str = ""
    iccid: str = ""
    peer: str = ""
    submitted_at: datetime | None = None
    settled_at: datetime | None = None
    error: str = ""
    ordinal: int = 0
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One text, in either direction, as it is stored.

    `n`: accept order. `peer`: the other side's number. `modem`: the one the client asked for (None: any); `line` and
    `iccid`: the modem and SIM that the first segment went to, which keep the rest (empty: none yet).
    `edge`: which edge it was accepted from ("" for what came in).
    `queue`: the one that it waits in; `preferred`: the SIM (ICCID) that last talked to the recipient, if that counts.
    `delivery_report`: None means as the modem's configuration says. `segments`: parts on the air; `segments_sent`: those
    that the network took (outbound).
    `parts_missing`, `revision`, `smsc_time`, `blocked` (its sender is, so it was not announced): inbound only. `error`: (code, message).
    """

    id: str
    direction: str
    peer: str
    status: Status
    created_at: datetime
    updated_at: datetime
    n: int = 0
    client_id: str | None = None
    own_number: str = ""
    modem: str | None = None
    line: str | None = None
    iccid: str = ""
    edge: str = ""
    queue: int = 0
    preferred: str = ""
    text: str | None = None
    data: bytes | None = None
    encoding: str = "auto"
    message_class: int | None = None
    ports: tuple[int, int] | None = None
    segments: int = 1
    segments_sent: int = 0
    priority: int = DEFAULT_PRIORITY
    validity_s: int | None = None
    send_at: datetime | None = None
    expires_at: datetime | None = None
    not_before: datetime | None = None
    delivery_report: bool | None = None
    at_most_once: bool = False
    ordered: bool = False
    tags: Mapping[str, Any] = field(default_factory=dict)
    error: tuple[str, str] | None = None
    parts_missing: tuple[int, ...] = ()
    revision: int = 1
    smsc_time: datetime | None = None
    blocked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Messages that the same lines may take, of one client. `modem`: the one asked for; `route`: the matching rule; or ""."""

    n: int
    modem: str
    route: str
    client: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A message that a line may take, and whose it is."""

    message: Message
    client: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a line can take now. `iccid`: its SIM; `sims`: all SIMs that can begin something new; `limit`: at most so many.

    `room`: segments that a new message may have, and `more_than` so many it has; `peers`: the only recipients that a new
    message may have (None: any).
    """

    iccid: str
    now: datetime
    limit: int
    sims: tuple[str, ...] = ()
    room: int = 255
    more_than: int = 0
    peers: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One TPDU as a modem handed it over. `memory` is "" and `slot` None when it came directly (+CMT, +CDS).

    `kind`: "deliver", "status-report", "silent", "undecodable", or "replace-1" … "replace-7" (replace types).
    `repeat_of`: the part (its `n`) that this one repeats.
    """

    line: str
    iccid: str
    memory: str
    slot: int | None
    listing: int
    kind: str
    pdu: str
    fingerprint: bytes
    received_at: datetime
    n: int = 0
    message_id: str | None = None
    assembly: int | None = None
    seq: int | None = None
    repeat_of: int | None = None
    released: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """Parts of one concatenated text that are being put together. `key`: sender with its type of number.

    `delivered`: the text was announced, whole or with parts missing. `revision`: how often.
    """

    n: int
    line: str
    iccid: str
    key: str
    ref: int
    wide: bool
    total: int
    started_at: datetime
    scts: datetime | None
    message_id: str
    delivered: bool = False
    revision: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A status report: reference, recipient, status octet, when it was received, and whether a segment was found for it.

    `scts`: when the service centre took the text, if that is a time at all.
    """

    iccid: str
    mr: int
    peer: str
    st: int
    received_at: datetime
    scts: datetime | None = None
    n: int = 0
    matched: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A submit whose outcome was never known, and of which the policy decided. A report may still speak of it."""

    iccid: str
    peer: str
    message_id: str
    seq: int
    submitted_at: datetime
    n: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One line of a message's life. `what`: a short word ("queued", "submitting", "sent" …); `detail`: one line in words."""

    at: datetime
    what: str
    segment: int | None = None
    modem: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """Which messages to list. Every given field must match; newest first; `before` is an `n` (cursor).

    `status`: one, or any of several. `peer`: all of the other side's number; `peer_ends`: how it ends; `number`: our own.
    `since`, `until`: accepted or received from then on, and before then. `tag`: its name and, where not None, value.
    `kind`: "text", "data" or "flash". `failed`: with an error, or without. `words`: full-text query, see `store.listing`.
    `blocked`: those of blocked senders alone, or only the others; None: both.
    """

    direction: str | None = None
    status: str | tuple[str, ...] | None = None
    peer: str | None = None
    peer_ends: str | None = None
    line: str | None = None
    number: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    tag: tuple[str, str | None] | None = None
    kind: str | None = None
    failed: bool | None = None
    client_id: str | None = None
    words: str | None = None
    blocked: bool | None = False
    before: int | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class LineStatus:
    """What the edges show of one modem. `able`: registered, able to send, first sweep done."""

    name: str
    able: bool = False
    state: str = "connecting"
    registered: bool = False
    operator: str = ""
    access: str = ""
    rssi_dbm: int | None = None
    bars: int = 0
    roaming: bool = False
    sim: str = "unknown"
    imei: str = ""
    iccid: str = ""
    number: str = ""
    queue: int = 0
    sent_today: int = 0
    daily_limit: int = 0
    sent_this_month: int = 0
    monthly_limit: int = 0
    recipients_today: int = 0
    daily_recipients: int = 0
    temperature_c: float | None = None
    voltage_mv: int | None = None
    cell: str = ""
    error: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UssdAnswer:
    """What the network said in a USSD dialogue. `state`: "done", or "reply_wanted" where it waits for an answer."""

    text: str
    state: str


CALL_OPEN = ("ringing", "answered")
"""States of a call that is going on; "ended", "missed" and "rejected" are its ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call in the log. `peer`: the caller, None where that is not known; `state`: where it stands or how it ended."""

    id: str
    line: str
    direction: str
    peer: str | None
    state: str
    started_at: datetime
    n: int = 0
    iccid: str = ""
    answered_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """Which calls to list. Every given field must match; newest first; `before` is an `n` (cursor)."""

    peer: str | None = None
    line: str | None = None
    before: int | None = None
    limit: int = 50
