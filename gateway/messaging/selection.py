"""What a line may take now: what its SIM has begun, what prefers it, and its share of each queue. Runs inside a transaction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.messaging.ledger import Sim
from gateway.messaging.model import Candidate, Message, TimelineEntry, Wanted
from gateway.messaging.ports import Tx
from gateway.messaging.routing import Router

ANY = -1
"""Below the lowest priority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Able:
    """A line that can begin something new at this moment. `room`: segments that it may have."""

    line: str
    iccid: str
    room: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """One line's question. `able`: who can begin something new, the line itself among them."""

    line: str
    able: tuple[Able, ...]
    wanted: Wanted


def pull(router: Router, question: Pull, tx: Tx) -> tuple[list[Candidate], bool]:
    """The messages that a line may send, at most `limit` of each kind; and whether there may be more behind them."""
    wanted = question.wanted
    if not wanted.room:
        begun = tx.messages.begun(wanted)
        return [Candidate(message=message, client="") for message in begun], len(begun) >= wanted.limit
    queues = tx.queues.all()
    clients = {queue.n: queue.client for queue in queues}
    closed = [queue.n for queue in queues if router.quiet_until(queue.route, 0, wanted.now) is not None]
    loud = router.quiet_up_to
    found: list[list[Message]] = [tx.messages.begun(wanted), tx.messages.preferring(wanted, closed, loud)]
    for able, sized in _sizes(question):
        for queue in queues:
            share = router.share(queue, question.line, able)
            if share is not None:
                above = loud if queue.n in closed else ANY
                found.append(tx.messages.in_queue(queue.n, share.slots, share.of, sized, above))
    more = any(len(messages) >= wanted.limit for messages in found)
    return [
        Candidate(message=message, client=clients.get(message.queue, "")) for messages in found for message in messages
    ], more


def _sizes(question: Pull) -> Iterator[tuple[frozenset[str], Wanted]]:
    """Who can begin a message depends on its size: what is too long for what one modem may send today is another's."""
    more_than, mine = 0, question.wanted.room
    for room in sorted({mine, *(each.room for each in question.able if each.room < mine)}):
        able = [each for each in question.able if each.room >= room]
        sims = tuple(each.iccid for each in able)
        yield (
            frozenset(each.line for each in able),
            replace(question.wanted, room=room, more_than=more_than, sims=sims),
        )
        more_than = room


def explain(tx: Tx, router: Router, message: Message, sim: Sim, now: datetime) -> None:
    """Writes into a message's timeline why this line took it, where that is not plain."""
    if not message.preferred and not router.has_routes:
        return
    queue = next((each for each in tx.queues.all() if each.n == message.queue), None)
    why = "" if queue is None else router.reason(queue, sim.line)
    if message.preferred and message.preferred == sim.iccid:
        why = "this SIM last talked to the recipient"
    if why:
        tx.messages.log(message.id, TimelineEntry(at=now, what="routed", modem=sim.line, detail=why))
