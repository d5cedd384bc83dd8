"""What a line may take now: what its SIM has begun, what prefers it, and its share of each queue. Runs inside a transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.messaging.ledger import Sim
from gateway.messaging.model import Candidate, Message, TimelineEntry, Wanted
from gateway.messaging.ports import Tx
from gateway.messaging.routing import Router

ANY = -1
"""Below the lowest priority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """One line's question. `able`: the lines that can begin something new at this moment."""

    line: str
    able: frozenset[str]
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
    for queue in queues:
        share = router.share(queue, question.line, question.able)
        if share is not None:
            above = loud if queue.n in closed else ANY
            found.append(tx.messages.in_queue(queue.n, share.slots, share.of, wanted, above))
    more = any(len(messages) >= wanted.limit for messages in found)
    return [
        Candidate(message=message, client=clients.get(message.queue, "")) for messages in found for message in messages
    ], more


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
