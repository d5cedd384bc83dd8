"""Statuses of texts to the applications that asked for them: in order per text, and until they are taken."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from gateway.messaging.deliveries import Delivery
from gateway.messaging.model import EventKind, Status, StoredEvent
from gateway.messaging.ports import Tx
from gateway.web.twilio import parameters
from gateway.web.twilio.account import Account
from gateway.web.twilio.client import Client, Failed
from gateway.web.twilio.settings import callback_of
from gateway.webhooks.post import Answer
from gateway.webhooks.target import Attempt

NAME = "twilio:status"


class Callbacks:
    """A target of the dispatcher. A text's address is the one it had when it came to the status."""

    name = NAME
    concurrency = 8
    url = ""
    events = frozenset({EventKind.MESSAGE_STATUS.value})

    def __init__(self, account: Account, *, allow_private: bool) -> None:
        self._account = account
        self._allow_private = allow_private

    def body(self, tx: Tx, stored: StoredEvent) -> str | None:
        if stored.event.kind is not EventKind.MESSAGE_STATUS:
            return None
        message = tx.messages.get(stored.event.subject) if tx.twilio.beside(stored.event.subject) else None
        if message is None or (callback := callback_of(tx, message)) is None:
            return None
        told = json.loads(stored.event.payload)
        error, moment = told.get("error", {}).get("code", ""), datetime.fromisoformat(told["ts"])
        fields = parameters.status(self._account, message, Status(told["status"]), error, moment, callback.sender)
        if callback.service:
            fields.append(("MessagingServiceSid", callback.service))
        return json.dumps({"url": callback.url, "method": callback.method, "fields": fields}, ensure_ascii=False)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Attempt]:
        client = Client(self._account, allow_private=self._allow_private)

        async def attempt(delivery: Delivery) -> Answer:
            kept = json.loads(delivery.body)
            fields = [(name, value) for name, value in kept["fields"]]
            try:
                await client.request(kept["url"], kept["method"], fields, delivery.id)
            except Failed as failed:
                return Answer(status=failed.status, error=str(failed), final=failed.final)
            return Answer(status=200)

        try:
            yield attempt
        finally:
            await client.close()
