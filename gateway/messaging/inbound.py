"""Taking received TPDUs: raw PDU, decoded part, message and event in one transaction. Nothing is discarded.

What a modem hands over may be new, the same slot again after a crash before the delete was confirmed (replay), or a copy
that the network sent again (repeat). Only the first is announced; all are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gateway.clock import rfc3339
from gateway.errors import PduError
from gateway.messaging import alerts, announce, reassembly
from gateway.messaging.compliance import Compliance
from gateway.messaging.model import Assembly, Message, Part, Report, Status, TimelineEntry
from gateway.messaging.ports import Received, Tx
from gateway.messaging.receipts import take_report
from gateway.pdu import (
    Concat,
    Deliver,
    Direction,
    Frame,
    StatusReport,
    Submit,
    UserData,
    decode_frame,
    fingerprint,
    join,
)

REPEAT_WINDOW = timedelta(hours=72)
"""A single text with an equal fingerprint within this time is a repeat by the network."""

SECOND_WINDOW = timedelta(seconds=5)
"""… unless it came within this time: people do send the same word twice. What one listing shows came at one time."""

SHORT_MESSAGE_TYPE_0 = 0x40
"""3GPP TS 23.040 clause 9.2.3.9: to be acknowledged and otherwise ignored ("silent SMS"). It is kept, and not shown."""

REPLACE_TYPES = range(0x41, 0x48)
"""3GPP TS 23.040 clause 9.2.3.9: such a message takes the place of an earlier one of its type from the same sender."""

MAX_OPEN_PER_SENDER = 64
MAX_OPEN_PER_LINE = 2000
"""Open assemblies; parts beyond are kept raw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """The line a part came in on, and what is needed to write messages: own number, id maker, time.

    `compliance`: who is blocked, and which texts are opt-out words; None: nobody, none. `replies`: gets the ids of what
    is to be sent in answer.
    """

    line: str
    iccid: str
    number: str
    new_id: Callable[[], str]
    now: datetime
    compliance: Compliance | None = None
    replies: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrival:
    item: Received
    frame: Frame | None
    fingerprint: bytes
    error: str = ""


def take(tx: Tx, box: Box, items: Sequence[Received]) -> None:
    """Stores everything of one listing or notification. After the commit the modem may delete or acknowledge it.

    The oldest first: a modem fills its slots in any order, and with a sender that never changes its reference a part of
    a later text would go to the earlier one that still lacks it.
    """
    for arrival in sorted(map(_read, items), key=_age):
        item = arrival.item
        since = box.now - REPEAT_WINDOW
        earlier = tx.parts.alike(box.iccid, arrival.fingerprint, since)
        if any(_is_replay(part, item, since) for part in earlier):
            continue
        _take_one(tx, box, arrival, earlier)


def _age(arrival: _Arrival) -> tuple[bool, float]:
    """Sorts by service-centre time; what tells none stays behind the others, in the order in which it was listed."""
    tpdu = arrival.frame.tpdu if arrival.frame else None
    moment = tpdu.scts.moment if isinstance(tpdu, Deliver) else None
    return moment is None, moment.timestamp() if moment is not None else 0


def keep_raw(tx: Tx, box: Box, item: Received) -> None:
    """Stores a TPDU that `take` fails with: unread, and announced as such."""
    since = box.now - REPEAT_WINDOW
    arrival = _unread(item, "a defect; the log says more")
    earlier = tx.parts.alike(box.iccid, arrival.fingerprint, since)
    if not any(_is_replay(part, item, since) for part in earlier):
        _take_undecodable(tx, box, arrival, earlier)


def _unread(item: Received, why: str) -> _Arrival:
    return _Arrival(item=item, frame=None, fingerprint=item.pdu.upper().encode(), error=why)


def _read(item: Received) -> _Arrival:
    try:
        frame = decode_frame(item.pdu, Direction.MT, length=item.length)
    except PduError as exc:
        whole = _whole_frame(item.pdu)
        if whole is None:
            return _unread(item, str(exc))
        frame = whole
    return _Arrival(item=item, frame=frame, fingerprint=fingerprint(frame.tpdu_octets))


def _whole_frame(pdu: str) -> Frame | None:
    """The frame when every octet is in its place: then only the <length> in the header in front of it is wrong."""
    try:
        frame = decode_frame(pdu, Direction.MT)
    except PduError:
        return None
    octets = bytes.fromhex(pdu)
    padding = octets[1 + octets[0] + len(frame.tpdu_octets) :]
    return frame if not padding.strip(b"\xff") else None


def _is_replay(part: Part, item: Received, since: datetime) -> bool:
    """The same slot, whose delete was never confirmed: a crash came between commit and delete.

    Or the acknowledgement of a direct delivery did not count: the network sends the text again, wherever it lands.
    """
    if part.released:
        return False
    if part.slot is None:
        return part.received_at >= since
    return part.memory == item.memory and part.slot == item.index


def _take_one(tx: Tx, box: Box, arrival: _Arrival, earlier: Sequence[Part]) -> None:
    tpdu = arrival.frame.tpdu if arrival.frame else None
    if isinstance(tpdu, StatusReport):
        _take_report(tx, box, arrival, tpdu, earlier)
    elif isinstance(tpdu, Deliver):
        if (concat := tpdu.ud.concat) is not None and concat.total > 1:
            _take_segment(tx, box, arrival, tpdu, concat, earlier)
        else:
            _take_single(tx, box, arrival, tpdu, earlier)
    else:
        _take_undecodable(tx, box, arrival, earlier)


def _part(box: Box, arrival: _Arrival, kind: str) -> Part:
    item = arrival.item
    return Part(
        line=box.line,
        iccid=box.iccid,
        memory=item.memory,
        slot=item.index,
        listing=item.listing,
        kind=kind,
        pdu=item.pdu,
        fingerprint=arrival.fingerprint,
        received_at=box.now,
    )


def _take_undecodable(tx: Tx, box: Box, arrival: _Arrival, earlier: Sequence[Part]) -> None:
    tx.parts.insert(replace(_part(box, arrival, "undecodable"), repeat_of=earlier[0].n if earlier else None))
    if not earlier:
        why = arrival.error or ("an SMS-SUBMIT" if arrival.frame and isinstance(arrival.frame.tpdu, Submit) else "")
        text = f"a PDU in {arrival.item.memory or 'a direct delivery'} cannot be read and is kept raw: {why}"
        alerts.tell(tx, "bad_pdu", text, box.line, box.now)


def _take_report(tx: Tx, box: Box, arrival: _Arrival, tpdu: StatusReport, earlier: Sequence[Part]) -> None:
    part = _part(box, arrival, "status-report")
    repeated = _repeated(part, earlier)
    tx.parts.insert(replace(part, repeat_of=repeated.n if repeated else None))
    if repeated is None:
        report = Report(
            iccid=box.iccid,
            mr=tpdu.mr,
            peer=str(tpdu.ra),
            st=tpdu.st,
            received_at=box.now,
            scts=tpdu.scts.moment,
        )
        take_report(tx, report, box.now)


def _take_single(tx: Tx, box: Box, arrival: _Arrival, tpdu: Deliver, earlier: Sequence[Part]) -> None:
    part = _part(box, arrival, "deliver")
    repeated = _repeated(part, earlier)
    if tpdu.pid == SHORT_MESSAGE_TYPE_0:
        tx.parts.insert(replace(part, kind="silent", repeat_of=repeated.n if repeated else None))
        return
    if repeated is not None:
        tx.parts.insert(replace(part, repeat_of=repeated.n, message_id=repeated.message_id))
        if repeated.message_id and tx.messages.get(repeated.message_id):
            tx.messages.log(repeated.message_id, TimelineEntry(at=box.now, what="repeated", modem=box.line))
        return
    if tpdu.pid in REPLACE_TYPES:
        part = replace(part, kind=f"replace-{tpdu.pid - REPLACE_TYPES.start + 1}")
    content = join([tpdu.ud])
    message = replace(
        _message(box, tpdu, Status.RECEIVED),
        text=content.text,
        data=content.data,
        encoding=content.encoding.value,
    )
    replaced = _replaced(tx, part, tpdu)
    tx.parts.insert(replace(part, message_id=message.id))
    _announce(tx, message, box, first=True)
    if replaced is not None:  # both are kept: what was announced was read, and may have been acted upon
        for one, detail in ((replaced, f"by {message.id}"), (message.id, f"takes the place of {replaced}")):
            tx.messages.log(one, TimelineEntry(at=box.now, what="replaced", modem=box.line, detail=detail))


def _replaced(tx: Tx, part: Part, tpdu: Deliver) -> str | None:
    """The message whose place this one takes: the last of the same type from the same sender."""
    if tpdu.pid not in REPLACE_TYPES:
        return None
    for earlier in tx.parts.replaceable(part.iccid, part.kind):
        if not earlier.pdu:  # it was redacted
            continue
        before = decode_frame(earlier.pdu, Direction.MT).tpdu
        if isinstance(before, Deliver) and before.oa == tpdu.oa:
            return earlier.message_id
    return None


def _repeated(part: Part, earlier: Sequence[Part]) -> Part | None:
    """The part that this one repeats; None when it is a second, equal text."""
    # Time by itself, not in one direction: the clock of a box without a battery is set back, too.
    return next((each for each in earlier if abs(part.received_at - each.received_at) > SECOND_WINDOW), None)


def _message(box: Box, tpdu: Deliver, status: Status) -> Message:
    ports = tpdu.ud.ports
    return Message(
        id=box.new_id(),
        direction="inbound",
        peer=str(tpdu.oa),
        status=status,
        created_at=box.now,
        updated_at=box.now,
        own_number=box.number,
        line=box.line,
        modem=box.line,
        iccid=box.iccid,
        message_class=tpdu.dcs.message_class,
        ports=(ports.destination, ports.source) if ports else None,
        smsc_time=tpdu.scts.moment,
    )


def _announce(tx: Tx, message: Message, box: Box, *, first: bool) -> None:
    rules = box.compliance
    message = _marked(tx, message, box)
    if first:
        tx.messages.insert(message)
    else:
        tx.messages.update(
            message.id,
            box.now,
            status=message.status,
            text=message.text,
            data=message.data,
            encoding=message.encoding,
            parts_missing=message.parts_missing,
            revision=message.revision,
            blocked=message.blocked,
        )
    if message.status is Status.RECEIVED:
        lacking = f"without part {', '.join(map(str, message.parts_missing))}" if message.parts_missing else ""
        sent = f"sent {rfc3339(message.smsc_time)}" if message.smsc_time else ""
        detail = "; ".join(filter(None, (sent, lacking)))
        tx.messages.log(message.id, TimelineEntry(at=box.now, what="received", modem=box.line, detail=detail))
        if message.blocked:
            why = "its sender is on a block list, or on no allow list"
            tx.messages.log(message.id, TimelineEntry(at=box.now, what="blocked", modem=box.line, detail=why))
        else:
            tx.events.add(announce.inbox(message, box.now), box.now)
        # A text is complete once: what a part more makes of it is no word any longer.
        if rules is not None and not message.parts_missing:
            box.replies.extend(filter(None, (rules.heard(tx, message, box.new_id, box.now),)))


def _marked(tx: Tx, message: Message, box: Box) -> Message:
    """A message that knows whether its sender is blocked now."""
    return replace(message, blocked=box.compliance is not None and box.compliance.blocks(tx, message.peer))


# --- concatenated texts -------------------------------------------------------------------------------------------


def _take_segment(tx: Tx, box: Box, arrival: _Arrival, tpdu: Deliver, concat: Concat, earlier: Sequence[Part]) -> None:
    part = replace(_part(box, arrival, "deliver"), seq=concat.seq)
    if (redacted := next((each for each in earlier if not each.pdu), None)) is not None:
        tx.parts.insert(replace(part, pdu="", message_id=redacted.message_id, repeat_of=redacted.n))
        return
    key = f"{tpdu.oa.ton:d}:{tpdu.oa.npi:d}:{tpdu.oa.value}"
    known = tx.parts.assemblies(box.iccid, key, concat.ref, concat.wide, concat.total)
    twins = {each.n: tx.parts.in_place(each.n, concat.seq) for each in known}
    candidates = [
        reassembly.Candidate(n=each.n, scts=each.scts, there=_user_data(twin) if (twin := twins[each.n]) else None)
        for each in known
    ]
    place = reassembly.choose(tpdu.scts.moment, tpdu.ud, candidates)
    if place is not None:
        assembly = next(each for each in known if each.n == place[0])
        if place[1] and (twin := twins[assembly.n]) is not None:
            tx.parts.insert(replace(part, message_id=assembly.message_id, repeat_of=twin.n))
            return
    else:
        if _too_many(tx, box, key):
            _keep_overflow(tx, box, part)
            return
        assembly = _start(tx, box, tpdu, concat, key)
    tx.parts.insert(replace(part, message_id=assembly.message_id, assembly=assembly.n))
    have = tx.parts.count_of(assembly.n)
    log = TimelineEntry(at=box.now, what="part", segment=concat.seq, modem=box.line, detail=f"{have} of {concat.total}")
    tx.messages.log(assembly.message_id, log)
    if assembly.delivered or have == concat.total:
        _deliver(tx, box, assembly)


def _user_data(part: Part) -> tuple[UserData, datetime | None]:
    """A stored part's user data and service-centre time."""
    tpdu = decode_frame(part.pdu, Direction.MT).tpdu
    assert isinstance(tpdu, Deliver), "only SMS-DELIVERs are put into assemblies"
    return tpdu.ud, tpdu.scts.moment


def _too_many(tx: Tx, box: Box, key: str) -> bool:
    return (
        tx.parts.open_assemblies(box.iccid, key) >= MAX_OPEN_PER_SENDER
        or tx.parts.open_assemblies(box.iccid) >= MAX_OPEN_PER_LINE
    )


def _keep_overflow(tx: Tx, box: Box, part: Part) -> None:
    tx.parts.insert(part)
    text = "too many unfinished concatenated texts; a part is kept raw"
    alerts.tell(tx, "too_many_parts", text, box.line, box.now)


def _start(tx: Tx, box: Box, tpdu: Deliver, concat: Concat, key: str) -> Assembly:
    message = replace(_message(box, tpdu, Status.RECEIVING), segments=concat.total, revision=0)
    message = _marked(tx, message, box)
    tx.messages.insert(message)
    assembly = Assembly(
        n=0,
        line=box.line,
        iccid=box.iccid,
        key=key,
        ref=concat.ref,
        wide=concat.wide,
        total=concat.total,
        started_at=box.now,
        scts=tpdu.scts.moment,
        message_id=message.id,
    )
    return replace(assembly, n=tx.parts.start_assembly(assembly))


def _deliver(tx: Tx, box: Box, assembly: Assembly) -> None:
    have = {part.seq or 0: _user_data(part)[0] for part in tx.parts.of_assembly(assembly.n)}
    message = tx.messages.get(assembly.message_id)
    assert message is not None, "an assembly has its message from the first part on"
    content = reassembly.assemble(assembly.total, have)
    revision = assembly.revision + 1
    tx.parts.deliver_assembly(assembly.n, revision)
    whole = replace(
        message,
        status=Status.RECEIVED,
        text=content.text,
        data=content.data,
        encoding=content.encoding.value,
        parts_missing=reassembly.missing(assembly.total, have),
        revision=revision,
    )
    _announce(tx, whole, box, first=False)


def deliver_overdue(tx: Tx, started_before: datetime, now: datetime, compliance: Compliance | None = None) -> int:
    """Texts that have waited too long for parts are delivered as they are. Returns how many."""
    overdue = tx.parts.overdue_assemblies(started_before)
    for assembly in overdue:
        box = Box(
            line=assembly.line,
            iccid=assembly.iccid,
            number="",
            new_id=_no_new_id,
            now=now,
            compliance=compliance,
        )
        _deliver(tx, box, assembly)
    return len(overdue)


def _no_new_id() -> str:
    raise AssertionError("an overdue text has its id already")


# --- what the modem has let go ------------------------------------------------------------------------------------


def released(tx: Tx, iccid: str, items: Sequence[Received], now: datetime) -> None:
    """The modem confirmed that these are deleted or acknowledged."""
    for item in items:
        tx.parts.release_slot(iccid, item.memory, item.index, _read(item).fingerprint, now)


def swept(tx: Tx, iccid: str, memory: str, listed: Sequence[Received], now: datetime) -> None:
    """A completed listing: what is stored as unreleased but is not there any more, or is another, has been let go."""
    there = {item.index: _read(item).fingerprint for item in listed}
    gone = [part.n for part in tx.parts.unreleased(iccid, memory) if there.get(part.slot) != part.fingerprint]
    tx.parts.release(gone, now)
