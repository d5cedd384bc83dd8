"""The life of an outbound segment, one function a transition, each run inside a transaction.

    pending → submitting → sent → delivered | undelivered
                 │  └────→ failed | pending (again)
                 └───────→ unknown → sent | pending | failed (→ sent, when a report comes after all)

`submitting` is committed before the first octet of the PDU leaves; what cannot be known is `unknown` and is settled by
evidence (a late answer, a status report, the next reference) before any policy. The message's status follows from its segments.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.messaging import announce
from gateway.messaging.content import without_validity
from gateway.messaging.model import (
    LEFT,
    Message,
    Segment,
    SegmentState,
    Status,
    TimelineEntry,
)
from gateway.messaging.ports import SubmitResult, Tx

BACKOFF_S = (5, 15, 60, 300, 900)
"""Pause before the next attempt, by attempts made."""

SPREAD = 0.2
"""So much of a pause is left to chance, so that what failed at one moment does not come back at one moment."""

LONGEST_PAUSE = timedelta(seconds=max(BACKOFF_S))

LOCAL_PAUSE_S = 30
"""Pause of a line whose SIM or configuration is in the way: no attempt is burnt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sim:
    """Where a segment is sent from."""

    line: str
    imei: str
    iccid: str
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`max_attempts` per segment; `on_unknown`: "resend" or "fail"; `chance`: a number in [0, 1) for the pauses."""

    max_attempts: int
    on_unknown: str
    chance: Callable[[], float] = random.SystemRandom().random


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a submit, in our words. `state`: the segment's next state. `mr`: the reference when sent.

    `attempts`: how often at most, counted from the first time that the error limits it. `without_validity`: the next
    attempt goes without a validity period. `detail`: words for the timeline where there is no error. `refusal`: the
    modem's error, "cms:10" …, where it refused.
    """

    state: SegmentState
    mr: int | None = None
    error: tuple[str, str] | None = None
    burns_attempt: bool = True
    line_pause_s: float = 0
    attempts: int | None = None
    without_validity: bool = False
    detail: str = ""
    refusal: str = ""


_REFUSAL_STATES = {
    "permanent": SegmentState.FAILED,
    "ambiguous": SegmentState.UNKNOWN,
    "sent": SegmentState.SENT,
}
_REFUSAL_CODES = {
    "permanent": "network_rejected",
    "ambiguous": "outcome_unknown",
    "local": "modem_error",
    "no_validity": "network_rejected",
}


def judge(result: SubmitResult) -> Outcome:
    """The modem's answer → the segment's next state."""
    if result.outcome == "sent":
        return Outcome(state=SegmentState.SENT, mr=result.mr)
    if result.outcome == "unknown":
        return Outcome(
            state=SegmentState.UNKNOWN, error=("outcome_unknown", result.detail or "no answer from the modem")
        )
    if result.outcome == "not_sent":
        return Outcome(
            state=SegmentState.PENDING, error=("modem_error", result.detail), burns_attempt=False, line_pause_s=1
        )
    detail = f"{result.error}: {result.detail}" if result.detail else result.error
    return judge_refusal(result.cause, detail, result.attempts)


def judge_refusal(cause: str, detail: str, attempts: int | None) -> Outcome:
    """A refusal by its retry class ("retry", "permanent", "local", "ambiguous", "sent", "no_validity")."""
    state = _REFUSAL_STATES.get(cause, SegmentState.PENDING)
    left = state is SegmentState.SENT
    return Outcome(
        state=state,
        error=None if left else (_REFUSAL_CODES.get(cause, "network_busy"), detail),
        burns_attempt=cause != "local",
        line_pause_s=LOCAL_PAUSE_S if cause == "local" else 0,
        attempts=attempts,
        without_validity=cause == "no_validity",
        detail=f"the network has it already ({detail})" if left else "",
        refusal=detail.partition(": ")[0],
    )


def prepare(tx: Tx, message: Message, line: str, pdus: Sequence[tuple[str, int]]) -> list[Segment]:
    """Writes the segments of a concatenated message, of which nothing has left, as pending on a line.

    When another line laid them out before, they are replaced: a concatenation reference is that line's own.
    """
    attempts = {segment.seq: segment.attempts for segment in tx.segments.of(message.id)}
    segments = [
        Segment(
            message_id=message.id,
            seq=seq,
            state=SegmentState.PENDING,
            pdu=pdu,
            length=length,
            attempts=attempts.get(seq, 0),
            line=line,
            peer=message.peer,
        )
        for seq, (pdu, length) in enumerate(pdus, 1)
    ]
    for segment in segments:
        tx.segments.put(segment)
    return segments


def may_leave(tx: Tx, message_id: str, now: datetime) -> Message | None:
    """A message that waits, is not paused and has not expired. What a line read before can be over by now."""
    message = tx.messages.get(message_id)
    if message is None or message.status not in (Status.QUEUED, Status.SENDING):
        return None
    paused = message.not_before is not None and now < message.not_before <= now + LONGEST_PAUSE
    expired = message.expires_at is not None and message.expires_at <= now
    return None if paused or expired else message


Bars = Callable[[Tx, Message, Sim, datetime], bool]
"""Whether a message of which nothing has left may not leave any more; then it has failed."""


def claim(tx: Tx, segment: Segment, sim: Sim, now: datetime, bars: Bars | None = None) -> Segment | None:
    """Marks a segment `submitting` on a SIM.

    None when the message was cancelled, has expired, went elsewhere or was barred meanwhile. The segment's own state
    counts too: SIMs of which no ICCID is known cannot be told apart.
    """
    message = may_leave(tx, segment.message_id, now)
    if message is None or message.iccid not in ("", sim.iccid):
        return None
    known = next((each for each in tx.segments.of(message.id) if each.seq == segment.seq), None)
    if known is not None and known.state is not SegmentState.PENDING:
        return None
    if bars is not None and message.status is Status.QUEUED and bars(tx, message, sim, now):
        return None
    claimed = replace(
        segment,
        state=SegmentState.SUBMITTING,
        attempts=known.attempts if known else 0,
        limit=known.limit if known else None,
        ordinal=tx.segments.next_ordinal(),
        line=sim.line,
        imei=sim.imei,
        iccid=sim.iccid,
        submitted_at=now,
        settled_at=None,
        error="",
    )
    tx.segments.put(claimed)
    if message.status is not Status.SENDING or message.iccid != sim.iccid:
        tx.messages.update(
            message.id, now, status=Status.SENDING, line=sim.line, iccid=sim.iccid, own_number=sim.number, error=None
        )
    tx.messages.log(message.id, TimelineEntry(at=now, what="submitting", segment=segment.seq, modem=sim.line))
    return claimed


def record(tx: Tx, segment: Segment, outcome: Outcome, policy: Policy, now: datetime) -> Segment:
    """Writes what came of a submit, and what follows from it for the message. Returns the segment as it is now."""
    if outcome.without_validity and (changed := _without_validity(tx, segment, now)) is not None:
        segment = changed
    elif outcome.without_validity:  # it was not the validity period
        outcome = replace(outcome, state=SegmentState.FAILED)
    attempts = segment.attempts + (1 if outcome.burns_attempt else 0)
    limit = segment.limit
    if outcome.attempts is not None:
        limit = min(limit or segment.attempts + outcome.attempts, policy.max_attempts)
    state, error = outcome.state, outcome.error
    if state is SegmentState.PENDING and attempts >= policy.max_attempts:
        state, error = SegmentState.FAILED, error or ("modem_error", "it did not leave, and was tried often enough")
    if state is SegmentState.PENDING and outcome.attempts is not None and limit is not None and attempts >= limit:
        state, error = SegmentState.FAILED, ("network_rejected", error[1] if error else "")
    settled = replace(
        segment,
        state=state,
        mr=outcome.mr,
        attempts=attempts,
        limit=limit,
        settled_at=now,
        error=error[1] if error else "",
    )
    detail = error[1] if error else outcome.detail
    if state is SegmentState.SENT and outcome.mr is not None:
        detail = f"{detail}; reference {outcome.mr}" if detail else f"reference {outcome.mr}"
    put(tx, settled, now, detail)
    follow(tx, settled, error, now, policy)
    return settled


def _without_validity(tx: Tx, segment: Segment, now: datetime) -> Segment | None:
    """The segment, and what of its message has not left, without a validity period. None when there was none."""
    without = without_validity(segment.pdu)
    if without is None:
        return None
    for other in tx.segments.of(segment.message_id):
        if other.state is SegmentState.PENDING and (shorter := without_validity(other.pdu)) is not None:
            tx.segments.put(replace(other, pdu=shorter[0], length=shorter[1]))
    detail = "the service centre takes no validity period; it goes without one"
    tx.messages.log(
        segment.message_id,
        TimelineEntry(at=now, what="changed", segment=segment.seq, modem=segment.line, detail=detail),
    )
    return replace(segment, pdu=without[0], length=without[1])


def put(tx: Tx, segment: Segment, now: datetime, detail: str, what: str | None = None) -> None:
    """Writes a segment and the line of the timeline that says so."""
    tx.segments.put(segment)
    entry = TimelineEntry(
        at=now, what=what or segment.state.value, segment=segment.seq, modem=segment.line, detail=detail
    )
    tx.messages.log(segment.message_id, entry)


_AFTER_SENT = (Status.DELIVERED, Status.UNDELIVERED)

_SEGMENT_ERRORS = {
    Status.UNKNOWN: (SegmentState.UNKNOWN, "outcome_unknown"),
    Status.UNDELIVERED: (SegmentState.UNDELIVERED, "undelivered"),
}
"""Statuses that a message has because a segment is in that state: the error's code; the words are the segment's."""


def follow(
    tx: Tx, segment: Segment, error: tuple[str, str] | None, now: datetime, policy: Policy | None = None
) -> None:
    """The message's status from its segments, announced when it changed. `policy`: wanted where an attempt has failed."""
    message = tx.messages.get(segment.message_id)
    if message is None:
        return
    segments = [segment] if message.segments == 1 else tx.segments.of(message.id)
    left = sum(1 for each in segments if each.state in LEFT)
    changes: dict[str, object] = {"segments_sent": left}
    status = _status(message, segments)
    if message.status is Status.FAILED and status not in (Status.SENT, *_AFTER_SENT):
        status = Status.FAILED  # what has ended does not go on, although more of it left than was known
        if left > message.segments_sent:
            changes["error"] = ("partially_sent", f"{left} of {message.segments} segments left")
    elif status is Status.FAILED and message.status is not Status.FAILED:
        why = error[1] if error else "the rest could not be sent"
        changes["error"] = ("partially_sent", f"{left} of {message.segments} segments left; {why}") if left else error
    elif segment.state is SegmentState.PENDING:
        changes["not_before"] = _next_attempt(segment, error, now, policy.chance() if policy else 0)
        if status is Status.QUEUED:  # nothing has left: the whole message is free to go by another modem
            changes |= {"iccid": "", "preferred": ""}
    elif status in _SEGMENT_ERRORS:
        state, code = _SEGMENT_ERRORS[status]
        changes["error"] = code, next(each.error for each in segments if each.state is state)
    elif message.error is not None and status is not Status.FAILED:
        changes["error"] = None
    change_status(tx, message, status, now, **changes)


def _next_attempt(segment: Segment, error: tuple[str, str] | None, now: datetime, chance: float) -> datetime | None:
    """A modem that was away pauses by itself; a network that said no is asked again after a growing pause."""
    if error is None or error[0] == "modem_error":
        return None
    pause = BACKOFF_S[min(max(segment.attempts, 1), len(BACKOFF_S)) - 1]
    return now + timedelta(seconds=pause * (1 - SPREAD * chance))


def _status(message: Message, segments: Sequence[Segment]) -> Status:
    states = {segment.state for segment in segments}
    complete = len(segments) == message.segments
    if SegmentState.UNKNOWN in states:
        return Status.UNKNOWN
    if SegmentState.FAILED in states:
        return Status.FAILED
    if complete and states <= {SegmentState.DELIVERED}:
        return Status.DELIVERED
    if complete and states <= set(LEFT):
        return Status.UNDELIVERED if SegmentState.UNDELIVERED in states else Status.SENT
    started = states & {*LEFT, SegmentState.SUBMITTING}
    return Status.SENDING if started else Status.QUEUED


def change_status(tx: Tx, message: Message, status: Status, now: datetime, **changes: object) -> Message:
    """Updates a message; a new status that edges are told of becomes an event. `delivered` never skips `sent`."""
    if status is message.status and all(getattr(message, name) == value for name, value in changes.items()):
        return message
    tx.messages.update(message.id, now, status=status, **changes)
    after = replace(message, status=status, updated_at=now, **changes)  # type: ignore[arg-type]
    silent = status not in announce.ANNOUNCED or (status is Status.QUEUED and message.status is Status.SENDING)
    if status is not message.status and not silent:
        if status in _AFTER_SENT and message.status not in (Status.SENT, *_AFTER_SENT):
            tx.events.add(announce.message_status(replace(after, status=Status.SENT, error=None), now), now)
        tx.events.add(announce.message_status(after, now), now)
    return after
