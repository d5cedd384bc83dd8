"""When the routes or modems of the configuration changed: what waits is given the queue that it would get today."""

from __future__ import annotations

from datetime import datetime

from gateway.messaging import alerts, outbound
from gateway.messaging.model import Message
from gateway.messaging.ports import Store, Tx
from gateway.messaging.routing import Router

KEY = "routing"
"""The stored value that tells for which configuration the messages were sorted."""

BATCH = 500


async def resort(store: Store, router: Router, now: datetime) -> None:
    """At start, before anything is sent. Raises StoreError.

    A message that asked for a modem which is gone fails, unless some of it has left or may have: that waits for its SIM,
    and an alert says so.
    """
    if await store.read(lambda tx: tx.events.get_value(KEY)) != router.fingerprint:
        place: int | None = 0
        while place is not None:
            place = await store.write(lambda tx, after=place: _step(tx, router, after, now))  # type: ignore[misc]
        await store.write(lambda tx: tx.events.set_value(KEY, router.fingerprint))
    left = await store.read(lambda tx: tx.messages.bound_elsewhere(router.lines))
    if left:
        text = f"{left} half-sent messages wait for the SIM of a modem that is not configured any more"
        await store.write(lambda tx: alerts.tell(tx, "no_modem", text, None, now))


def _step(tx: Tx, router: Router, after: int, now: datetime) -> int | None:
    """Sorts the next messages. Returns where to go on, None at the end."""
    clients = {queue.n: queue.client for queue in tx.queues.all()}
    messages = tx.messages.waiting_behind(after, BATCH)
    for message in messages:
        if message.modem and message.modem not in router.lines and not message.iccid:
            error = ("no_modem", f"there is no modem {message.modem!r} any more")
            outbound.fail(tx, message, error, now)
        else:
            _sort(tx, router, message, clients.get(message.queue, ""), now)
    return messages[-1].n if len(messages) == BATCH else None


def _sort(tx: Tx, router: Router, message: Message, client: str, now: datetime) -> None:
    # What may have left stays with its SIM, whatever modem that is in; what comes back from there unsent is anybody's.
    modem = message.modem if message.modem in router.lines else None
    queue = tx.queues.number(modem or "", router.route_of(message.peer), client)
    if queue != message.queue:
        tx.messages.update(message.id, now, queue=queue)
