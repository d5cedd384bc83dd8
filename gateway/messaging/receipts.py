"""Which segment a status report speaks of: same SIM, same reference, recipient alike, sent not too long ago."""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway.messaging import outbound
from gateway.messaging.model import Report, Segment, SegmentState
from gateway.messaging.numbers import same_subscriber
from gateway.messaging.ports import Tx

REPORT_WINDOW = timedelta(days=8)
"""A report later than this belongs to nothing: networks keep a text for a few days, and references come round again."""


def take_report(tx: Tx, report: Report, now: datetime) -> bool:
    """Stores a report and applies it to its segment. False when no segment is known for it (yet)."""
    n = tx.reports.insert(report)
    segment = _find(tx, report)
    if segment is None:
        return False
    tx.reports.match(n, segment.message_id, segment.seq)
    outbound.apply_report(tx, segment, report.mr, report.st, now)
    return True


def _find(tx: Tx, report: Report) -> Segment | None:
    """References wrap at 256, so the latest match counts; without one, an unknown segment is evidence (b) of its leaving."""
    known = [
        segment
        for segment in tx.segments.with_reference(report.iccid, report.mr)
        if segment.state is not SegmentState.SUBMITTING and _fits(segment, report)
    ]
    still_open = [segment for segment in known if segment.state is SegmentState.SENT] or known
    if still_open:
        return max(still_open, key=lambda each: each.submitted_at or report.received_at)
    unknown = [
        segment
        for segment in tx.segments.in_states((SegmentState.UNKNOWN,), report.iccid)
        if _fits(segment, report)
    ]
    return min(unknown, key=lambda each: each.submitted_at or report.received_at, default=None)


def _fits(segment: Segment, report: Report) -> bool:
    if segment.submitted_at is None or not same_subscriber(segment.peer, report.peer):
        return False
    return segment.submitted_at <= report.received_at <= segment.submitted_at + REPORT_WINDOW


def match_early(tx: Tx, segment: Segment, now: datetime) -> None:
    """After `+CMGS:`: applies a report that had come before the answer and fitted nothing then."""
    if segment.mr is None or segment.submitted_at is None:
        return
    for report in tx.reports.unmatched(segment.iccid, segment.mr, segment.submitted_at):
        if same_subscriber(segment.peer, report.peer):
            tx.reports.match(report.n, segment.message_id, segment.seq)
            outbound.apply_report(tx, segment, report.mr, report.st, now)
            return
