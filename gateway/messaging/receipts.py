"""Status reports: which segment one speaks of, and what it says. Also evidence for segments whose outcome is unknown.

A report fits a segment when SIM and recipient are the same and it came after the segment was submitted. Among those, the
reference decides; a report whose reference no segment has shows that an unknown segment did leave (design: evidence (b)).
All reports on one submit carry the same service-centre time: what repeats or completes an earlier one proves nothing new.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from gateway.messaging import ledger
from gateway.messaging.model import Report, Segment, SegmentState
from gateway.messaging.numbers import same_subscriber
from gateway.messaging.ports import Tx
from gateway.pdu import status_of

REPORT_WINDOW = timedelta(days=8)
"""A report later than this belongs to nothing: networks keep a text for a few days, and references come round again."""


def take_report(tx: Tx, report: Report, now: datetime) -> bool:
    """Stores a report and applies it to its segment. False when no segment is known for it (yet)."""
    stored = replace(report, n=tx.reports.insert(report))
    segment = _find(tx, report, fresh=True)
    if segment is None:
        return False
    _apply(tx, segment, stored, now)
    return True


def _find(tx: Tx, report: Report, *, fresh: bool) -> Segment | None:
    """`fresh`: the report came in just now, so everything was submitted before, even if the clock has gone back since."""

    def fits(segment: Segment) -> bool:
        return _fits(segment, report) and (fresh or _submitted(segment) <= report.received_at)

    if (twin := tx.reports.twin(report)) is not None:
        return next(each for each in tx.segments.of(twin[0]) if each.seq == twin[1])
    # References wrap at 256, so the latest open match counts.
    known = [each for each in tx.segments.with_reference(report.iccid, report.mr) if fits(each)]
    still_open = [each for each in known if each.state is SegmentState.SENT]
    if still_open:
        return max(still_open, key=_place)
    # A report can overtake the answer that tells the reference: then it waits for that answer.
    if any(fits(each) for each in tx.segments.in_states((SegmentState.SUBMITTING,), report.iccid)):
        return None
    unknown = tx.segments.in_states((SegmentState.UNKNOWN,), report.iccid)
    unproved = [each for each in (*unknown, *tx.segments.without_reference(report.iccid)) if fits(each)]
    if unproved:
        return min(unproved, key=_place)
    # The policy let it fail, and it had left after all: the record is put right.
    given_up = [each for each in tx.segments.given_up(report.iccid) if fits(each)]
    if given_up:
        return min(given_up, key=_place)
    return max(known, key=_place, default=None)


def after_submit(tx: Tx, segment: Segment, now: datetime) -> None:
    """After a submit was settled: reports that had to wait for it find their segment."""
    if segment.state is SegmentState.SENT and segment.mr is not None and segment.submitted_at is not None:
        for report in tx.reports.unmatched(segment.iccid, segment.submitted_at, segment.mr):
            if _fits(segment, report):
                segment = _apply(tx, segment, report, now)
    unknown = tx.segments.in_states((SegmentState.UNKNOWN,), segment.iccid)
    unproved = [*unknown, *tx.segments.without_reference(segment.iccid)]
    for report in tx.reports.unmatched(segment.iccid, min(map(_submitted, unproved))) if unproved else ():
        if (found := _find(tx, report, fresh=False)) is not None:
            _apply(tx, found, report, now)


def _apply(tx: Tx, segment: Segment, report: Report, now: datetime) -> Segment:
    """A report's verdict (3GPP TS 23.040 clause 9.2.3.15: TP-Status). Returns the segment as it is now."""
    tx.reports.match(report.n, segment.message_id, segment.seq)
    said = status_of(report.st)
    status = f"TP-Status 0x{report.st:02X}: {said.meaning}"
    if segment.state in (SegmentState.UNKNOWN, SegmentState.FAILED):
        segment = replace(segment, state=SegmentState.SENT, mr=report.mr, settled_at=now, error="")
        ledger.put(tx, segment, now, "a status report shows that it left")
        ledger.follow(tx, segment, None, now)
    if not said.final:
        if segment.state is SegmentState.SENT:
            ledger.put(tx, segment, now, f"the service centre is still trying ({status})", what="waiting")
        return segment
    error = None if said.delivered else ("undelivered", f"the service centre could not deliver it ({status})")
    state = SegmentState.DELIVERED if said.delivered else SegmentState.UNDELIVERED
    if segment.state in (SegmentState.DELIVERED, state):  # that it arrived is the last word
        return segment
    settled = replace(segment, state=state, error=error[1] if error else "")
    ledger.put(tx, settled, now, status)
    ledger.follow(tx, settled, error, now)
    return settled


def _fits(segment: Segment, report: Report) -> bool:
    if segment.submitted_at is None or not same_subscriber(segment.peer, report.peer):
        return False
    return report.received_at <= segment.submitted_at + REPORT_WINDOW


def _place(segment: Segment) -> tuple[int, datetime]:
    """Its place among all submits. What an older release sent has only its time."""
    return segment.ordinal, _submitted(segment)


def _submitted(segment: Segment) -> datetime:
    assert segment.submitted_at is not None, "only segments that were submitted are looked at"
    return segment.submitted_at
