"""The life of an outbound segment, one function a transition, each run inside a transaction.

    pending → submitting → sent → delivered | undelivered
                 │  └────→ failed | pending (again)
                 └───────→ unknown → sent | pending | failed

`submitting` is committed before the first octet of the PDU leaves; what cannot be known is `unknown` and is settled by
evidence (a late answer, a status report) before any policy. The message's status follows from its segments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.messaging import announce
from gateway.messaging.model import (
    LEFT,
    Message,
    Segment,
    SegmentState,
    Status,
    TimelineEntry,
)
from gateway.messaging.ports import LateSubmit, SubmitResult, Tx

BACKOFF_S = (5, 15, 60, 300, 900)
"""Pause before the next attempt, by attempts made."""

LOCAL_PAUSE_S = 30
"""Pause of a line whose SIM or configuration is in the way: no attempt is burnt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`max_attempts` per segment; `on_unknown`: "resend" or "fail"."""

    max_attempts: int
    on_unknown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sim:
    """Where a segment is sent from."""

    line: str
    imei: str
    iccid: str
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a submit, in our words. `state`: the segment's next state. `mr`: the reference when sent."""

    state: SegmentState
    mr: int | None = None
    error: tuple[str, str] | None = None
    burns_attempt: bool = True
    line_pause_s: float = 0


_REFUSAL_STATES = {
    "permanent": SegmentState.FAILED,
    "ambiguous": SegmentState.UNKNOWN,
    "sent": SegmentState.SENT,
}
_REFUSAL_CODES = {"permanent": "network_rejected", "ambiguous": "outcome_unknown", "local": "modem_error"}


def judge(result: SubmitResult) -> Outcome:
    """The modem's answer → the segment's next state."""
    if result.outcome == "sent":
        return Outcome(state=SegmentState.SENT, mr=result.mr)
    if result.outcome == "unknown":
        return Outcome(state=SegmentState.UNKNOWN, error=("outcome_unknown", result.detail or "no answer from the modem"))
    if result.outcome == "not_sent":
        return Outcome(state=SegmentState.PENDING, error=("modem_error", result.detail), burns_attempt=False, line_pause_s=1)
    return judge_refusal(result.cause, f"{result.error}: {result.detail}" if result.detail else result.error)


def judge_refusal(cause: str, detail: str) -> Outcome:
    """A refusal by its retry class ("retry", "permanent", "local", "ambiguous", "sent")."""
    state = _REFUSAL_STATES.get(cause, SegmentState.PENDING)
    return Outcome(
        state=state,
        error=None if state is SegmentState.SENT else (_REFUSAL_CODES.get(cause, "network_busy"), detail),
        burns_attempt=cause != "local",
        line_pause_s=LOCAL_PAUSE_S if cause == "local" else 0,
    )


def prepare(tx: Tx, message: Message, pdus: Sequence[tuple[str, int]]) -> list[Segment]:
    """Writes a concatenated message's segments as pending; what an earlier run wrote stays as it is."""
    known = {segment.seq: segment for segment in tx.segments.of(message.id)}
    for seq, (pdu, length) in enumerate(pdus, 1):
        if seq not in known:
            known[seq] = Segment(
                message_id=message.id, seq=seq, state=SegmentState.PENDING, pdu=pdu, length=length, peer=message.peer
            )
            tx.segments.put(known[seq])
    return [known[seq] for seq in sorted(known)]


def claim(tx: Tx, segment: Segment, sim: Sim, now: datetime) -> Segment | None:
    """Marks a segment `submitting` on a SIM. None when the message was cancelled, has expired or went elsewhere meanwhile."""
    message = tx.messages.get(segment.message_id)
    if message is None or message.status not in (Status.QUEUED, Status.SENDING):
        return None
    if message.iccid not in ("", sim.iccid) or (message.expires_at is not None and message.expires_at <= now):
        return None
    claimed = replace(
        segment,
        state=SegmentState.SUBMITTING,
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


def settle(tx: Tx, segment: Segment, outcome: Outcome, policy: Policy, now: datetime) -> None:
    """Writes what came of a submit, and what follows from it for the message."""
    attempts = segment.attempts + (1 if outcome.burns_attempt else 0)
    state, error = outcome.state, outcome.error
    if state is SegmentState.PENDING and attempts >= policy.max_attempts:
        state = SegmentState.FAILED
    settled = replace(
        segment,
        state=state,
        mr=outcome.mr,
        attempts=attempts,
        settled_at=now,
        error=error[1] if error else "",
    )
    tx.segments.put(settled)
    tx.messages.log(
        segment.message_id,
        TimelineEntry(
            at=now, what=state.value, segment=segment.seq, modem=segment.line, detail=_in_words(settled, outcome)
        ),
    )
    _follow(tx, settled, error, now)
    if state is SegmentState.SENT and outcome.mr is not None:
        _early_report(tx, settled, now)


def _in_words(segment: Segment, outcome: Outcome) -> str:
    if segment.state is SegmentState.SENT:
        return f"reference {segment.mr}" if segment.mr is not None else ""
    return outcome.error[1] if outcome.error else ""


def _follow(tx: Tx, segment: Segment, error: tuple[str, str] | None, now: datetime) -> None:
    """The message's status from its segments, announced when it changed."""
    message = tx.messages.get(segment.message_id)
    if message is None:
        return
    segments = [segment] if message.segments == 1 else tx.segments.of(message.id)
    left = sum(1 for each in segments if each.state in LEFT)
    changes: dict[str, object] = {"segments_sent": left}
    status = _status(message, segments)
    if status is Status.FAILED:
        changes["error"] = ("partially_sent", f"{left} of {message.segments} segments left; {error[1] if error else ''}") if left else error
    elif status is Status.QUEUED:
        # Nothing has left: the whole message is free to go by another modem, after a pause.
        pause = 0 if error is None or error[0] == "modem_error" else BACKOFF_S[min(segment.attempts, len(BACKOFF_S)) - 1]
        changes |= {"iccid": "", "not_before": now + timedelta(seconds=pause) if pause else None}
    elif status is Status.SENDING and segment.state is SegmentState.PENDING and error is not None:
        changes["not_before"] = now + timedelta(seconds=BACKOFF_S[min(segment.attempts, len(BACKOFF_S) - 1)])
    elif status in (Status.UNKNOWN, Status.UNDELIVERED):
        changes["error"] = error
    elif message.error is not None:
        changes["error"] = None
    change_status(tx, message, status, now, **changes)


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
        if status in (Status.DELIVERED, Status.UNDELIVERED) and message.status is not Status.SENT:
            tx.events.add(announce.message_status(replace(after, status=Status.SENT, error=None), now), now)
        tx.events.add(announce.message_status(after, now), now)
    return after


# --- after a crash, a lost answer or a time-out -------------------------------------------------------------------


def recover(tx: Tx, now: datetime) -> int:
    """At start: every segment that was `submitting` when the last run ended is `unknown`. Returns how many."""
    lost = tx.segments.in_states((SegmentState.SUBMITTING,))
    for segment in lost:
        outcome = Outcome(
            state=SegmentState.UNKNOWN,
            error=("outcome_unknown", "the gateway stopped while the modem was sending"),
            burns_attempt=False,
        )
        settle(tx, segment, outcome, Policy(max_attempts=255, on_unknown="resend"), now)
    return len(lost)


def settle_late(tx: Tx, sim: Sim, late: LateSubmit, policy: Policy, now: datetime) -> bool:
    """An answer outside a submit settles the one that timed out last on the same modem and SIM. False if there is none."""
    waiting = [
        each for each in tx.segments.in_states((SegmentState.UNKNOWN,), sim.iccid) if each.imei == sim.imei
    ]
    if not waiting:
        return False
    segment = max(waiting, key=lambda each: each.submitted_at or now)
    outcome = (
        Outcome(state=SegmentState.SENT, mr=late.mr) if late.mr is not None else judge_refusal(late.cause, late.error)
    )
    if outcome.state is SegmentState.UNKNOWN:
        return False
    settle(tx, segment, replace(outcome, burns_attempt=False), policy, now)
    return True


def give_up_waiting(tx: Tx, segment: Segment, policy: Policy, now: datetime) -> None:
    """No evidence came for an unknown segment while its SIM was there: the policy decides."""
    current = {each.seq: each for each in tx.segments.of(segment.message_id)}.get(segment.seq)
    message = tx.messages.get(segment.message_id)
    if current is None or message is None or current.state is not SegmentState.UNKNOWN:
        return
    again = policy.on_unknown == "resend" and not message.at_most_once and current.attempts + 1 < policy.max_attempts
    outcome = Outcome(
        state=SegmentState.PENDING if again else SegmentState.FAILED,
        error=None if again else ("outcome_unknown", "no answer and no report came; it was not repeated"),
    )
    settle(tx, current, outcome, policy, now)


# --- status reports -----------------------------------------------------------------------------------------------


def apply_report(tx: Tx, segment: Segment, mr: int, st: int, now: datetime) -> None:
    """A status report's verdict on a segment (3GPP TS 23.040 clause 9.2.3.15: TP-Status)."""
    if 0x20 <= st < 0x40:  # the service centre goes on trying
        tx.messages.log(
            segment.message_id,
            TimelineEntry(at=now, what="pending-report", segment=segment.seq, modem=segment.line, detail=f"TP-Status {st:#04x}"),
        )
        delivered = None
    else:
        delivered = st < 0x20
    if segment.state is SegmentState.UNKNOWN:
        settle_as_sent = Outcome(state=SegmentState.SENT, mr=mr, burns_attempt=False)
        _put_sent(tx, segment, settle_as_sent, now)
        segment = replace(segment, state=SegmentState.SENT, mr=mr)
    if delivered is None:
        return
    state = SegmentState.DELIVERED if delivered else SegmentState.UNDELIVERED
    error = None if delivered else ("undelivered", f"the service centre reports TP-Status {st:#04x}")
    settled = replace(segment, state=state, error=error[1] if error else "")
    tx.segments.put(settled)
    tx.messages.log(
        segment.message_id,
        TimelineEntry(at=now, what=state.value, segment=segment.seq, modem=segment.line, detail=f"TP-Status {st:#04x}"),
    )
    _follow(tx, settled, error, now)


def _put_sent(tx: Tx, segment: Segment, outcome: Outcome, now: datetime) -> None:
    sent = replace(segment, state=SegmentState.SENT, mr=outcome.mr, settled_at=now, error="")
    tx.segments.put(sent)
    tx.messages.log(
        segment.message_id,
        TimelineEntry(at=now, what="sent", segment=segment.seq, modem=segment.line, detail="a status report shows that it left"),
    )
    _follow(tx, sent, None, now)


def _early_report(tx: Tx, segment: Segment, now: datetime) -> None:
    """A report may overtake the `+CMGS:` that it belongs to."""
    from gateway.messaging.receipts import match_early  # receipts builds on this module

    match_early(tx, segment, now)
