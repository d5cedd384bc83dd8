"""What a restored backup means for texts: whatever waited in it may have been sent since, and is not sent again.

Each function runs inside a transaction, before the gateway starts on the restored file.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.messaging import alerts, ledger, receipts
from gateway.messaging.model import Message, SegmentState, Status, TimelineEntry

if TYPE_CHECKING:
    from gateway.messaging.ports import Tx

WHY = "it waited in a backup that was restored; whether it was sent since then is not known"
BATCH = 200
_OPEN = (SegmentState.PENDING, SegmentState.SUBMITTING, SegmentState.UNKNOWN)


def settle(tx: Tx, now: datetime) -> int:
    """Fails every outbound message that is not finished, and leaves an alert if there were any. Returns how many.

    A late status report for what had been submitted before the backup was made still puts its record right.
    """
    ended, after = 0, 0
    while waiting := tx.messages.waiting_behind(after, BATCH):
        for message in waiting:
            _end(tx, message, now)
        ended, after = ended + len(waiting), waiting[-1].n
    text = f"a backup was restored; {ended} messages that waited in it were ended and not sent again"
    alerts.tell(tx, "database_restored", text, None, now)
    return ended


def _end(tx: Tx, message: Message, now: datetime) -> None:
    for segment in tx.segments.of(message.id):
        if segment.state not in _OPEN:
            continue
        if segment.state is not SegmentState.PENDING and segment.submitted_at is not None:
            receipts.doubt(tx, segment, now)
        tx.segments.put(replace(segment, state=SegmentState.FAILED, settled_at=now, error=WHY))
    tx.messages.log(message.id, TimelineEntry(at=now, what="failed", detail=WHY))
    ledger.change_status(tx, message, Status.FAILED, now, error=("outcome_unknown", WHY))
