"""Taking away what people want gone: a whole message, or only what it said. Metadata that later decisions need stays.

Idempotency keys and the fingerprints of received parts stay in either case, so that what is repeated is known as a repeat.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from gateway.clock import Clock
from gateway.errors import RequestError
from gateway.messaging.model import Message, SegmentState, Status, TimelineEntry
from gateway.messaging.ports import Store, Tx
from gateway.messaging.receipts import REPORT_WINDOW
from gateway.messaging.retention import COUNTED

FINISHED = frozenset(
    {Status.SENT, Status.DELIVERED, Status.UNDELIVERED, Status.FAILED, Status.CANCELED, Status.RECEIVED}
)
_IN_HAND = frozenset({SegmentState.SUBMITTING, SegmentState.UNKNOWN})
_REPORTABLE = frozenset({Status.SENT, Status.FAILED})
"""A status report may still come: without its segment it would be taken for another one's, of the same reference."""


class Removal:
    """For the edges. Both return after the commit, and raise RequestError (unknown_message, not_finished).

    `gone` is called when media may have gone with a message.
    """

    def __init__(self, store: Store, clock: Clock, gone: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._gone = gone

    async def delete(self, message_id: str) -> None:
        """Deletes a finished message with its segments and timeline."""
        now = self._clock.now()
        await self._store.write(lambda tx: delete(tx, message_id, now))
        self._store.forget_events()
        self._gone()

    async def redact(self, message_id: str) -> Message:
        """Blanks the body of a finished message and its PDUs, in events and deliveries too. Returns it as it is then."""
        now = self._clock.now()
        message = await self._store.write(lambda tx: redact(tx, message_id, now))
        self._store.forget_events()
        self._gone()
        return message


def delete(tx: Tx, message_id: str, now: datetime) -> None:
    """Raises RequestError (unknown_message, not_finished)."""
    message = _finished(tx, message_id)
    segments = tx.segments.of(message_id) if message.status in _REPORTABLE else []
    # Of an earlier attempt, too, whose outcome was never known, whatever became of the text since.
    submitted = [each.submitted_at for each in tx.segments.doubts_of(message_id)]
    submitted += [each.submitted_at for each in segments if each.submitted_at is not None]
    if submitted and (until := max(submitted) + REPORT_WINDOW) > now:
        raise RequestError(
            f"a delivery report may come for message {message_id} until {until:%Y-%m-%d %H:%M} UTC; "
            "redact it now, or delete it then",
            code="not_finished",
        )
    _blank(tx, message_id, now)
    tx.old.delete_message(message_id, now - COUNTED)


def redact(tx: Tx, message_id: str, now: datetime) -> Message:
    """Raises RequestError (unknown_message, not_finished)."""
    _finished(tx, message_id)
    _blank(tx, message_id, now)
    tx.messages.log(message_id, TimelineEntry(at=now, what="redacted"))
    after = tx.messages.get(message_id)
    assert after is not None
    return after


def _blank(tx: Tx, message_id: str, now: datetime) -> None:
    tx.twilio.redact(message_id, now)
    tx.events.redact(message_id)
    tx.records.media.delete_of(message_id)


def _finished(tx: Tx, message_id: str) -> Message:
    message = tx.messages.get(message_id)
    if message is None:
        raise RequestError(f"there is no message {message_id[:40]!r}", code="unknown_message")
    waits = message.status in (Status.SCHEDULED, Status.QUEUED)
    why = f"message {message_id} is {message.status.value}" + ("; cancel it first" if waits else "")
    if message.status is Status.RECEIVED and message.parts_missing:
        why = f"parts of message {message_id} are missing and may still come"
    elif message.status in FINISHED and not any(each.state in _IN_HAND for each in tx.segments.of(message_id)):
        return message
    raise RequestError(why, code="not_finished")
