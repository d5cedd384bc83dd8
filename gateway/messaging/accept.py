"""Taking a command: all recipients or none, once per idempotency key, in the transaction that makes it durable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.clock import rfc3339
from gateway.errors import RequestError
from gateway.messaging import announce
from gateway.messaging.content import Checked
from gateway.messaging.model import (
    CommandResult,
    Message,
    Origin,
    SendRequest,
    Status,
    TimelineEntry,
)
from gateway.messaging.ports import Tx
from gateway.messaging.routing import Router

REDELIVERY_WINDOW = 1024
"""How many such commands back a redelivered one is looked for: more than any broker keeps in flight to us."""


MAX_CLIENT = 128
"""Longest name of a client for fair turns, in characters."""


class Room:
    """For how many more messages there is room among those that wait. Used in the transaction that adds them.

    Counting costs more the more there are, so it is done only when what is known to be left is used up: messages that were
    sent meanwhile leave more than that.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._left = 0

    def take(self, tx: Tx, messages: int) -> None:
        """Raises RequestError(queue_full)."""
        if self._left < messages:
            self._left = self._limit - tx.messages.waiting_count()
        if self._left < messages:
            raise RequestError(
                f"of {self._limit} messages that may wait there is room for {self._left}", code="queue_full"
            )
        self._left -= messages


Permit = Callable[[Tx, Sequence[str], str | None, str], None]
"""Recipients, modem, edge: raises RequestError where one of them may not be written to."""


Also = Callable[[Tx, Sequence[str]], None]
"""What an edge writes with a command that is accepted, in the same commit: it is given the ids of the messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A checked command, ready to be written. `permit`: None where nobody is to be asked."""

    request: SendRequest
    checked: Checked
    digest: str
    origin: Origin
    room: Room
    router: Router
    permit: Permit | None = None
    also: Also | None = None


def accept(tx: Tx, command: Command, new_id: Callable[[], str], now: datetime) -> CommandResult:
    """Writes the messages of a command, its first status events and its result; or says why not."""
    request, origin = command.request, command.origin
    recipients = tuple(dict.fromkeys(command.checked.recipients))
    result = _seen_before(tx, request, command.digest, origin)
    if result is None:
        try:
            if command.permit is not None:
                command.permit(tx, recipients, command.checked.modem, origin.edge)
            command.room.take(tx, len(recipients))
        except RequestError as exc:
            result = rejected(request.client_id, exc)
    if result is None:
        by_recipient = {to: insert(tx, command, to, new_id(), now) for to in recipients}
        ids = tuple(by_recipient[to] for to in command.checked.recipients)
        tx.commands.insert(request.client_id, command.digest, ids, origin.delivery, now)
        if command.also is not None:
            command.also(tx, ids)
        result = CommandResult(status="accepted", client_id=request.client_id, message_ids=ids)
    answer(tx, result, origin, now)
    return result


def refuse(
    tx: Tx, request: SendRequest, digest: str, origin: Origin, error: RequestError, now: datetime
) -> CommandResult:
    """Answers a command whose content cannot be taken, now; if it was taken before, the first answer still holds."""
    result = _seen_before(tx, request, digest, origin)
    if result is None or result.status != "duplicate":
        result = rejected(request.client_id, error)
    answer(tx, result, origin, now)
    return result


def _seen_before(tx: Tx, request: SendRequest, digest: str, origin: Origin) -> CommandResult | None:
    client_id = request.client_id
    if client_id is not None and (known := tx.commands.by_client_id(client_id)) is not None:
        first, ids = known
        if first == digest:
            return CommandResult(status="duplicate", client_id=client_id, message_ids=ids)
        return rejected(
            client_id, RequestError(f"id {client_id!r} was used before for other content", code="id_conflict")
        )
    # A command without an id: the transport's own mark tells a redelivery from the same words said twice.
    if client_id is None and origin.redelivered and origin.delivery is not None:
        earlier = tx.commands.by_delivery(origin.delivery, REDELIVERY_WINDOW)
        if earlier is not None:
            return CommandResult(status="duplicate", message_ids=earlier)
    return None


def insert(tx: Tx, command: Command, to: str, message_id: str, now: datetime) -> str:
    """Writes one recipient's message with its first status event. Returns its id."""
    request, router, modem = command.request, command.router, command.checked.modem
    route = router.route_of(to)
    later = request.send_at is not None and request.send_at > now
    message = Message(
        id=message_id,
        direction="outbound",
        peer=to,
        status=Status.SCHEDULED if later else Status.QUEUED,
        created_at=now,
        updated_at=now,
        client_id=request.client_id,
        modem=modem,
        edge=command.origin.edge,
        queue=tx.queues.number(modem or "", route, client_of(request, command.origin, router.client_tag)),
        preferred=tx.messages.last_sim(to, now - router.sticky) if router.sticky and modem is None else "",
        text=request.text,
        data=request.data,
        encoding=command.checked.encoding,
        message_class=request.message_class,
        ports=request.ports,
        segments=command.checked.segments,
        priority=request.priority,
        validity_s=request.validity_s,
        send_at=request.send_at if later else None,
        expires_at=request.expires_at,
        delivery_report=request.delivery_report,
        at_most_once=request.at_most_once,
        ordered=request.ordered,
        tags=request.tags,
    )
    tx.messages.insert(message)
    tx.messages.log(message_id, TimelineEntry(at=now, what=message.status.value, detail=f"by {command.origin.edge}"))
    quiet = None if later else router.quiet_until(route, message.priority, now)
    if quiet is not None:
        tx.messages.log(message_id, TimelineEntry(at=now, what="waiting", detail=f"quiet hours until {rfc3339(quiet)}"))
    tx.events.add(announce.message_status(message, now, quiet), now)
    return message_id


def client_of(request: SendRequest, origin: Origin, tag: str) -> str:
    """Whose message it is, for fair turns: the edge, its client where it can tell, and what the client says in a tag."""
    named = request.tags.get(tag)
    parts = (origin.edge, origin.client, named if isinstance(named, str) else "")
    return "/".join(parts)[:MAX_CLIENT].encode("utf-8", "replace").decode()


def rejected(client_id: str | None, error: RequestError) -> CommandResult:
    """The result that says no, with the error's code and its one line."""
    return CommandResult(status="rejected", client_id=client_id, error=(error.code, str(error)))


def answer(tx: Tx, result: CommandResult, origin: Origin, now: datetime) -> None:
    """Puts the result into the event outbox where the edge wants it, so that a crash after the commit still answers."""
    if origin.wants_result:
        tx.events.add(announce.send_result(result, origin), now)
