"""Received texts to the applications of their numbers: each until one has taken it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.errors import StoreError
from gateway.messaging.deliveries import Delivery
from gateway.messaging.model import EventKind, Message, StoredEvent, TimelineEntry
from gateway.messaging.ports import Store, Tx
from gateway.web.twilio import parameters
from gateway.web.twilio.account import Account
from gateway.web.twilio.client import Client, Failed, shown
from gateway.web.twilio.conversation import Conversation, Postponed, Sender
from gateway.web.twilio.loops import Loops
from gateway.web.twilio.parameters import Fields
from gateway.web.twilio.settings import Hooks, hooks_of
from gateway.web.twilio.trouble import end, tell
from gateway.webhooks.post import Answer
from gateway.webhooks.target import Attempt

NAME = "twilio:inbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What came of an attempt, and at which address. `failures`: in their order; the last one may have had no remedy."""

    answer: Answer
    url: str
    failures: tuple[Failed, ...] = ()


class Inbox:
    """A target of the dispatcher. The address is the one that is set when the attempt is made."""

    name = NAME
    concurrency = 8
    url = ""
    events = frozenset({EventKind.INBOX.value})

    def __init__(self, account: Account, store: Store, sender: Sender, clock: Clock, *, allow_private: bool) -> None:
        self._account = account
        self._store = store
        self._sender = sender
        self._clock = clock
        self._allow_private = allow_private
        self._loops = Loops(clock)

    def body(self, tx: Tx, stored: StoredEvent) -> str | None:
        if stored.event.kind is not EventKind.INBOX:
            return None
        message = tx.messages.get(stored.event.subject)
        if message is None or message.text is None or (hooks := hooks_of(tx, message.iccid)) is None:
            return None  # octets have no name in Twilio's words
        number = _own_number(tx, message)
        fields = parameters.incoming(tx, self._account, message, number, hooks.service)
        revision = json.loads(stored.event.payload)["revision"]
        return json.dumps({"fields": fields, "revision": revision}, ensure_ascii=False)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Attempt]:
        client = Client(self._account, allow_private=self._allow_private)

        async def attempt(delivery: Delivery) -> Answer:
            try:
                return await self._attempt(client, delivery)
            except StoreError as error:
                return Answer(status=None, error=str(error))

        try:
            yield attempt
        finally:
            await client.close()

    async def _attempt(self, client: Client, delivery: Delivery) -> Answer:
        found = await self._store.read(lambda tx: self._setting(tx, delivery.subject))
        if found is None:
            return Answer(status=None, error="the text or the address that is told of it is gone", final=True)
        message, number, hooks = found
        kept = json.loads(delivery.body)
        fields = [(name, value) for name, value in kept["fields"]]
        talk = Conversation(
            client=client,
            sender=self._sender,
            loops=self._loops,
            message=message,
            own_number=number,
            service=hooks.service,
            revision=kept.get("revision", 1),
            delivery=delivery.id,
        )
        try:
            asked = await self._ask(talk, hooks, fields)
        except Postponed as later:
            asked = Asked(answer=Answer(status=None, error=str(later)), url=hooks.url)
        await self._tell(talk, hooks, asked)
        return asked.answer

    def _setting(self, tx: Tx, message_id: str) -> tuple[Message, str, Hooks] | None:
        message = tx.messages.get(message_id)
        hooks = hooks_of(tx, message.iccid) if message is not None else None
        return (message, _own_number(tx, message), hooks) if message is not None and hooks is not None else None

    async def _ask(self, talk: Conversation, hooks: Hooks, fields: Fields) -> Asked:
        """Asks, and asks at the fallback address when that fails. Raises Postponed."""
        try:
            await talk.hold(hooks.url, hooks.method, fields)
        except Failed as failed:
            first = failed
        else:
            return Asked(answer=Answer(status=200), url=hooks.url)
        if not hooks.fallback_url:
            answer = Answer(status=first.status, error=str(first), final=first.final)
            return Asked(answer=answer, url=hooks.url, failures=(first,))
        talk.note(first)
        again = [*fields, ("ErrorCode", str(first.number)), ("ErrorUrl", first.url)]
        try:
            await talk.hold(hooks.fallback_url, hooks.fallback_method, again)
        except Failed as second:
            # Only if neither would answer otherwise, nothing is to be hoped for.
            answer = Answer(status=second.status, error=str(second), final=first.final and second.final)
            return Asked(answer=answer, url=hooks.fallback_url, failures=(first, second))
        return Asked(answer=Answer(status=200), url=hooks.fallback_url, failures=(first,))

    async def _tell(self, talk: Conversation, hooks: Hooks, asked: Asked) -> None:
        """Writes down in the text's timeline what came of an attempt, and tells whom it may concern what failed."""
        now, answer, message = self._clock.now(), asked.answer, talk.message
        lines = [("twilio-error", f"{problem.number}: {problem.message}") for problem in talk.problems]
        if answer.ok:
            sent = f"; answered by {', '.join(talk.sent)}" if talk.sent else ""
            lines.append(("twilio", f"taken by {shown(asked.url)}{sent}"))
        else:
            lines.append(("twilio-error", answer.error))

        def write(tx: Tx) -> None:
            for what, detail in lines:
                tx.messages.log(message.id, TimelineEntry(at=now, what=what, modem=message.line, detail=detail))
            if asked.failures and hooks_of(tx, message.iccid) == hooks:  # else nobody is there to be well again
                tell(tx, message, asked.failures, now)
            if answer.ok and not asked.failures:
                end(tx, message.line, f"the application of {message.own_number or message.line} is well again", now)

        await self._store.write(write)


def _own_number(tx: Tx, message: Message) -> str:
    number = tx.twilio.number(message.iccid)
    return message.own_number or (number.number if number is not None else "")
