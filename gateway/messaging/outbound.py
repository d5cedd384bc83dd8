"""What happens to outbound messages outside the straight path: settling, recovery after a crash, policy, cancelling, expiry.

Each function runs inside a transaction.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gateway.errors import RequestError
from gateway.messaging import alerts, announce, ledger, receipts
from gateway.messaging.chain import Proof
from gateway.messaging.ledger import Outcome, Policy, Sim
from gateway.messaging.model import LEFT, WAITING, Message, Segment, SegmentState, Status, TimelineEntry
from gateway.messaging.ports import LateSubmit, Tx


def settle(tx: Tx, segment: Segment, outcome: Outcome, policy: Policy, now: datetime) -> None:
    """Writes what came of a submit, and lets waiting status reports find their segment."""
    receipts.after_submit(tx, ledger.record(tx, segment, outcome, policy, now), now)


def recover(tx: Tx, policy: Policy, now: datetime) -> int:
    """At start: every segment that was `submitting` when the last run ended is `unknown`. Returns how many."""
    lost = tx.segments.in_states((SegmentState.SUBMITTING,))
    error = ("outcome_unknown", "the gateway stopped while the modem was sending")
    for segment in lost:
        settle(tx, segment, Outcome(state=SegmentState.UNKNOWN, error=error, burns_attempt=False), policy, now)
    return len(lost)


def settle_late(tx: Tx, sim: Sim, late: LateSubmit, policy: Policy, now: datetime) -> bool:
    """An answer outside a submit settles the segment that timed out last on the same modem and SIM. False if there is none.

    A modem answers in order. So when a later segment is known to have left, by a report that was quicker than the answer,
    then the answer is that one's and tells nothing of an older unknown segment.
    """
    waiting = [each for each in tx.segments.in_states((SegmentState.UNKNOWN,), sim.iccid) if each.imei == sim.imei]
    if late.mr is not None:
        outcome = Outcome(state=SegmentState.SENT, mr=late.mr, burns_attempt=False)
    else:
        outcome = replace(ledger.judge_refusal(late.cause, late.error, late.attempts), burns_attempt=False)
    if not waiting or outcome.state is SegmentState.UNKNOWN:
        return False
    last = waiting[-1]
    if tx.segments.left_after(sim.line, last.ordinal):
        return False
    settle(tx, last, outcome, policy, now)
    return True


def settle_proved(tx: Tx, proof: Proof, policy: Policy, now: datetime) -> None:
    """The next reference of the SIM shows whether a lost submit had left; unless that is known by now."""
    current = _segment(tx, proof.segment)
    if current is None or current.state is not SegmentState.UNKNOWN or current.ordinal != proof.segment.ordinal:
        return
    left = proof.mr is not None
    detail = f"the next reference shows that it {'left' if left else 'never left'}"
    state = SegmentState.SENT if left else SegmentState.PENDING
    settle(tx, current, Outcome(state=state, mr=proof.mr, burns_attempt=False, detail=detail), policy, now)


def _segment(tx: Tx, like: Segment) -> Segment | None:
    """A segment as it is now."""
    return next((each for each in tx.segments.of(like.message_id) if each.seq == like.seq), None)


def give_up_waiting(tx: Tx, unknown: Segment, policy: Policy, now: datetime) -> None:
    """No evidence came for an unknown segment while its SIM was there: the policy decides."""
    current = _segment(tx, unknown)
    message = tx.messages.get(unknown.message_id)
    if current is None or message is None or current.state is not SegmentState.UNKNOWN:
        return
    in_time = message.expires_at is None or now < message.expires_at
    may_repeat = policy.on_unknown == "resend" and not message.at_most_once
    again = may_repeat and in_time and current.attempts < min(policy.max_attempts, current.limit or policy.max_attempts)
    error = None if again else ("outcome_unknown", "no answer and no report came; it was not repeated")
    state = SegmentState.PENDING if again else SegmentState.FAILED
    receipts.doubt(tx, current, now)
    settle(tx, current, Outcome(state=state, error=error, burns_attempt=False), policy, now)


def end_unknown(tx: Tx, unknown: Segment, now: datetime) -> bool:
    """A text of unknown outcome has expired and its SIM is away: it fails, and a person is told. False if it goes on."""
    current, message = _segment(tx, unknown), tx.messages.get(unknown.message_id)
    if current is None or message is None or current.state is not SegmentState.UNKNOWN:
        return False
    receipts.doubt(tx, current, now)
    why = "the SIM that it was sent by did not come back in time"
    failed = replace(current, state=SegmentState.FAILED, settled_at=now, error=why)
    ledger.put(tx, failed, now, why)
    ledger.follow(tx, failed, ("outcome_unknown", why), now)
    text = f"whether message {message.id} left will not be known: {why}"
    alerts.tell(tx, "outcome_unknown", text, current.line, now)
    return True


def release_due(tx: Tx, now: datetime) -> int:
    """Scheduled messages whose time has come are queued. Returns how many."""
    due = tx.messages.due(now)
    for message in due:
        tx.messages.log(message.id, TimelineEntry(at=now, what="queued", detail="its time has come"))
        ledger.change_status(tx, message, Status.QUEUED, now)
    return len(due)


def expire_overdue(tx: Tx, now: datetime) -> int:
    """Messages that were not sent before their expiry fail; one with a segment in the modem's hands waits for that."""
    ended = 0
    for message in tx.messages.overdue(now):
        segments = tx.segments.of(message.id)
        states = {segment.state for segment in segments}
        if SegmentState.SUBMITTING in states:
            continue
        left = bool(states & set(LEFT))
        error = (
            ("partially_sent", "it expired with some segments sent") if left else ("expired", "it was not sent in time")
        )
        for segment in segments:  # so that a later report cannot make the message look as if it went on
            if segment.state is SegmentState.PENDING:
                tx.segments.put(replace(segment, state=SegmentState.FAILED, error=error[1]))
        tx.messages.log(message.id, TimelineEntry(at=now, what="failed", detail=error[1]))
        ledger.change_status(tx, message, Status.FAILED, now, error=error)
        ended += 1
    return ended


def fail(tx: Tx, message: Message, error: tuple[str, str], now: datetime) -> None:
    """A message that can never be sent fails, with the reason."""
    tx.messages.log(message.id, TimelineEntry(at=now, what="failed", detail=error[1]))
    ledger.change_status(tx, message, Status.FAILED, now, error=error)


def cancel(tx: Tx, message_id: str, now: datetime) -> Message:
    """Cancels a message of which nothing has left. Raises RequestError (unknown_message, not_cancelable)."""
    message = tx.messages.get(message_id)
    if message is None or message.direction != "outbound":
        raise RequestError(f"there is no outbound message {message_id[:40]!r}", code="unknown_message")
    if message.status not in WAITING:
        raise RequestError(f"message {message_id} is {message.status.value}", code="not_cancelable")
    tx.messages.log(message.id, TimelineEntry(at=now, what="canceled"))
    tx.messages.update(message.id, now, status=Status.CANCELED)
    after = replace(message, status=Status.CANCELED, updated_at=now)
    tx.events.add(announce.message_status(after, now), now)
    return after
