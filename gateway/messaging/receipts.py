"""Status reports: which segment one speaks of, and what it says. Also evidence for segments whose outcome is unknown.

A report fits a segment when SIM and recipient are the same and it came after the segment was submitted. Among those, the
reference decides; a report whose reference no segment has shows that an unknown segment did leave (design: evidence (b)).
All reports on one submit carry the same service-centre time: what repeats or completes an earlier one proves nothing new.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from gateway.messaging import ledger
from gateway.messaging.model import LEFT, Doubt, Report, Segment, SegmentState
from gateway.messaging.numbers import same_subscriber
from gateway.messaging.ports import Tx
from gateway.pdu import status_of

REPORT_WINDOW = timedelta(days=8)
"""A report later than this proves nothing of a submit without a reference: networks keep a text for a few days."""

LONGEST_VALIDITY = timedelta(weeks=63)
"""3GPP TS 23.040 clause 9.2.3.12.1: so long a service centre may try. What fits nothing newer means the latest submit under its
reference even then, also when the clock of a box without a battery went forward in between."""


def take_report(tx: Tx, report: Report, now: datetime) -> bool:
    """Stores a report and applies it to its segment. False when no segment is known for it (yet)."""
    stored = replace(report, n=tx.reports.insert(report))
    segment = _find(tx, stored, fresh=True)
    if segment is None:
        return False
    _apply(tx, segment, stored, now)
    return True


def doubt(tx: Tx, segment: Segment, now: datetime) -> None:
    """The policy decides about a lost submit. A report that speaks of it must not be taken for another one's."""
    lost = Doubt(
        iccid=segment.iccid,
        peer=segment.peer,
        message_id=segment.message_id,
        seq=segment.seq,
        submitted_at=_submitted(segment),
    )
    tx.segments.doubt(lost, now - REPORT_WINDOW)


def _find(tx: Tx, report: Report, *, fresh: bool) -> Segment | None:
    """`fresh`: the report came in just now, so everything was submitted before, even if the clock has gone back since."""

    first = _first_heard(tx, report)
    since = first or (None if fresh else report.received_at)

    def fits(submit: Segment | Doubt, window: timedelta = REPORT_WINDOW) -> bool:
        return _fits(submit, report, window) and (since is None or _submitted(submit) <= since)

    if (twin := tx.reports.twin(report)) is not None:
        return _segment(tx, *twin)
    # References wrap at 256, so the latest open match counts.
    under_reference = tx.segments.with_reference(report.iccid, report.mr)
    still_open = [each for each in under_reference if fits(each) and each.state is SegmentState.SENT]
    if still_open:
        return max(still_open, key=_place)
    # A report can overtake the answer that tells the reference: then it waits for that answer.
    if any(fits(each) for each in tx.segments.in_states((SegmentState.SUBMITTING,), report.iccid)):
        return None
    # What the policy decided about may have left all the same. This comes before the segments whose outcome is open:
    # to take its report for theirs would lose a text, to take theirs for its report repeats one.
    for each in tx.segments.doubts(report.iccid):
        if fits(each) and (segment := _doubted(tx, each, report)) is not None:
            tx.segments.no_doubt(each.n)
            return segment
    unknown = tx.segments.in_states((SegmentState.UNKNOWN,), report.iccid)
    unproved = [each for each in (*unknown, *tx.segments.without_reference(report.iccid)) if fits(each)]
    if unproved:
        return min(unproved, key=_place)
    known = [each for each in under_reference if fits(each, LONGEST_VALIDITY)]
    return max(known, key=_place, default=None)


def _first_heard(tx: Tx, report: Report) -> datetime | None:
    """When an earlier report on the same submit came that fits nothing; None if there is none.

    What was submitted after that is not what it speaks of, however often it comes.
    """
    if report.scts is None:
        return None
    alike = tx.reports.unmatched(report.iccid, report.received_at - REPORT_WINDOW, report.mr)
    same = (each for each in alike if each.scts == report.scts and same_subscriber(each.peer, report.peer))
    return next((each.received_at for each in same if each.n < report.n), None)


def _doubted(tx: Tx, doubt: Doubt, report: Report) -> Segment | None:
    """The segment of a doubt; None when the report speaks of a text that was taken after the segment's next attempt."""
    segment = _segment(tx, doubt.message_id, doubt.seq)
    if segment is not None and segment.state is SegmentState.SUBMITTING:
        return None  # by another SIM: what comes of that is written first
    if segment is None or segment.mr is None or report.scts is None or segment.iccid != report.iccid:
        return segment
    taken = tx.reports.taken_at(report.iccid, segment.mr, segment.message_id, segment.seq)
    return None if any(each < report.scts for each in taken) else segment


def _segment(tx: Tx, message_id: str, seq: int) -> Segment | None:
    return next((each for each in tx.segments.of(message_id) if each.seq == seq), None)


def after_submit(tx: Tx, segment: Segment, now: datetime) -> None:
    """After a submit was settled: reports that had to wait for it find their segment."""
    if segment.state is SegmentState.SENT and segment.mr is not None and segment.submitted_at is not None:
        for report in tx.reports.unmatched(segment.iccid, segment.submitted_at, segment.mr):
            first = _first_heard(tx, report)
            if _fits(segment, report, LONGEST_VALIDITY) and (first is None or segment.submitted_at <= first):
                segment = _apply(tx, segment, report, now)
    unknown = tx.segments.in_states((SegmentState.UNKNOWN,), segment.iccid)
    unproved = [*unknown, *tx.segments.without_reference(segment.iccid)]
    since = [_submitted(each) for each in unproved]
    if segment.submitted_at is not None and tx.segments.doubts(
        segment.iccid
    ):  # earlier ones were compared as they came
        since.append(segment.submitted_at)
    for report in tx.reports.unmatched(segment.iccid, min(since)) if since else ():
        if (found := _find(tx, report, fresh=False)) is not None:
            _apply(tx, found, report, now)


def _apply(tx: Tx, segment: Segment, report: Report, now: datetime) -> Segment:
    """A report's verdict (3GPP TS 23.040 clause 9.2.3.15: TP-Status). Returns the segment as it is now."""
    tx.reports.match(report.n, segment.message_id, segment.seq)
    said = status_of(report.st)
    status = f"TP-Status 0x{report.st:02X}: {said.meaning}"
    if segment.state not in (*LEFT, SegmentState.SUBMITTING):
        segment = replace(segment, state=SegmentState.SENT, mr=report.mr, iccid=report.iccid, settled_at=now, error="")
        ledger.put(tx, segment, now, "a status report shows that it left")
        ledger.follow(tx, segment, None, now)
    elif segment.mr not in (report.mr, None):
        return _apply_to_earlier(tx, segment, status, now, delivered=said.delivered)
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


def _apply_to_earlier(tx: Tx, segment: Segment, status: str, now: datetime, *, delivered: bool) -> Segment:
    """The report speaks of an attempt before the one that counts: only that it arrived is news."""
    if not delivered or segment.state is SegmentState.DELIVERED:
        ledger.put(tx, segment, now, f"an earlier attempt had left, too ({status})", what="repeated")
        return segment
    settled = replace(segment, state=SegmentState.DELIVERED, error="")
    ledger.put(tx, settled, now, f"by an earlier attempt ({status})")
    ledger.follow(tx, settled, None, now)
    return settled


def _fits(submit: Segment | Doubt, report: Report, window: timedelta) -> bool:
    if submit.submitted_at is None or not same_subscriber(submit.peer, report.peer):
        return False
    return report.received_at <= submit.submitted_at + window


def _place(segment: Segment) -> tuple[int, datetime]:
    """Its place among all submits. What an older release sent has only its time."""
    return segment.ordinal, _submitted(segment)


def _submitted(submit: Segment | Doubt) -> datetime:
    assert submit.submitted_at is not None, "only segments that were submitted are looked at"
    return submit.submitted_at
