"""Why a message that is queued does not leave yet: for its timeline, and for who asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.clock import rfc3339
from gateway.messaging.lines import Lines
from gateway.messaging.model import Message, Queue, Status
from gateway.messaging.ports import Tx
from gateway.messaging.routing import Router


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One line in words, and the end of it where that is known."""

    detail: str
    until: datetime | None = None

    def __str__(self) -> str:
        return self.detail if self.until is None else f"{self.detail} until {rfc3339(self.until)}"


def why_waiting(tx: Tx, router: Router, lines: Lines, message: Message, now: datetime) -> Reason | None:
    """The first thing that is in the way of a queued message; None when it is merely not its turn yet."""
    if message.status is not Status.QUEUED or message.direction != "outbound":
        return None
    queue = next((each for each in tx.queues.all() if each.n == message.queue), None)
    if queue is None:
        return None
    if message.not_before is not None and message.not_before > now:
        return Reason(detail="it is tried again; it pauses", until=message.not_before)
    quiet = router.quiet_until(queue.route, message.priority, now)
    if quiet is not None:
        return Reason(detail="quiet hours", until=quiet)
    return _no_line(router, lines, queue, message)


def _no_line(router: Router, lines: Lines, queue: Queue, message: Message) -> Reason | None:
    possible = [line for name, line in lines.by_name.items() if name in router.possible(queue)]
    there = [line for line in possible if line.sim is not None]
    whose = f"modem {queue.modem}" if queue.modem else f"no modem of route {queue.route}" if queue.route else "no modem"
    cannot = "cannot" if queue.modem else "can"
    if not there:
        return Reason(detail=f"{whose} {cannot} send now")
    if not any(line.may_begin(message.segments, message.peer) for line in there):
        return Reason(
            detail=f"{whose} may send more today" if not queue.modem else f"{whose} has sent what it may today"
        )
    return None
