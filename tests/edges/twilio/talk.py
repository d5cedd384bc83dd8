"""The rules, the dispatcher and the applications of an account, over a database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.messaging.deliveries import Delivery, DeliveryState
from gateway.messaging.model import TWILIO, Message, MessageFilter, Origin, SendRequest
from gateway.messaging.ports import Tx
from gateway.messaging.twilio import Beside, NumberSettings
from gateway.web.twilio.account import Account
from gateway.web.twilio.callbacks import Callbacks
from gateway.web.twilio.inbox import Inbox
from gateway.webhooks import Dispatcher
from tests.edges.twilio.application import Application, serving
from tests.messaging.rig import Rig, deliver, rig

ACCOUNT = Account(sid="AC" + "1" * 32, token="0123456789abcdef0123456789abcdef")
OWN = "+491700000001"
PEER = "+491718888888"
PATIENCE = 20.0


async def until(condition: Callable[[], Any], what: str) -> Any:
    """Waits for something that nothing announces: other threads and an HTTP server have their part in it."""
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                found = condition()
                if asyncio.iscoroutine(found):
                    found = await found
                if found:
                    return found
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"waited in vain for {what}") from None


@dataclass
class Talk:
    """One number with an application. `slot`: where the next text lies in the SIM."""

    rig: Rig
    application: Application
    dispatcher: Dispatcher
    slot: int = 0
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def set(self, **settings: Any) -> None:
        """Settings of the number; those that begin with `/` are paths of the application."""
        urls = {name: self._url(value) for name, value in settings.items()}
        number = NumberSettings(iccid="iccid-one", number=OWN, **urls)
        await self.rig.store.write(lambda tx: tx.twilio.put_number(number))

    def _url(self, value: str) -> str:
        return self.application.url(value) if value.startswith("/") else value

    async def receive(self, text: str | bytes, oa: str = PEER, line: str = "one") -> None:
        self.rig.clock.advance(60)
        self.slot += 10
        await self.rig.receive(
            *deliver(text, oa=oa, at=self.rig.clock.now(), index=self.slot, ref=self.slot), line=line
        )

    async def send(self, text: str = "hello", callback: str = "/status", to: str = PEER) -> str:
        """Sends as the API does. Returns the id."""

        def also(tx: Tx, ids: Any) -> None:
            for one in ids:
                tx.twilio.put_beside(Beside(message_id=one, status_callback=self._url(callback) if callback else ""))

        result = await self.rig.service.send(SendRequest(to=(to,), text=text), Origin(edge=TWILIO), also)
        assert result.error is None
        return result.message_ids[0]

    async def messages(self, direction: str) -> list[Message]:
        """The oldest first."""
        return (await self.rig.service.messages(MessageFilter(direction=direction)))[::-1]

    async def replies(self) -> list[tuple[str, str | None]]:
        return [(message.peer, message.text) for message in await self.messages("outbound")]

    async def deliveries(self, state: DeliveryState | None = None, name: str = "twilio:inbox") -> list[Delivery]:
        return await self.dispatcher.find(name, state)

    async def settled(self, state: DeliveryState = DeliveryState.DELIVERED, count: int = 1) -> list[Delivery]:
        """The deliveries of texts, once so many stand there."""

        async def enough() -> list[Delivery]:
            found = await self.deliveries(state)
            return found if len(found) >= count else []

        found: list[Delivery] = await until(enough, f"{count} to be {state}")
        return found

    async def attempted(self, attempts: int, name: str = "twilio:inbox") -> Delivery:
        """The newest delivery, once so many attempts are settled."""

        async def enough() -> Delivery | None:
            return next((one for one in (await self.deliveries(None, name))[:1] if one.attempts >= attempts), None)

        found: Delivery = await until(enough, f"{attempts} attempts")
        return found

    def again(self, seconds: float = 60) -> None:
        """Lets the pause before the next attempt pass."""
        self.rig.clock.advance(seconds)
        for wake in self.dispatcher._wake.values():
            wake.set()

    async def noted(self) -> list[tuple[str, str]]:
        """What the timeline of the last received text says of applications."""
        last = (await self.messages("inbound"))[-1]
        timeline = (await self.rig.service.message(last.id))[2]
        return [(entry.what, entry.detail) for entry in timeline if entry.what.startswith("twilio")]


@asynccontextmanager
async def talking(
    path: Path, *, allow_private: bool = True, ready: bool = True, **settings: Any
) -> AsyncIterator[Talk]:
    """A gateway with one number that can send, and an application that is not yet set for it."""
    with serving() as application:
        async with rig(path, **settings) as rigged:
            if ready:
                await rigged.ready()
            async with dispatching(rigged, application, allow_private=allow_private) as talk:
                yield talk


@asynccontextmanager
async def dispatching(rigged: Rig, application: Application, *, allow_private: bool = True) -> AsyncIterator[Talk]:
    """The dispatcher alone, over a gateway that runs."""
    targets = (
        Inbox(ACCOUNT, rigged.store, rigged.service, rigged.clock, allow_private=allow_private),
        Callbacks(ACCOUNT, allow_private=allow_private),
    )
    dispatcher = Dispatcher([], rigged.store, rigged.service, rigged.clock, others=targets)
    task = asyncio.create_task(dispatcher.run())

    async def begun() -> bool:
        found = await rigged.store.read(lambda tx: tx.events.consumers("webhook:twilio:"))
        return len(found) == len(targets)

    await until(begun, "the dispatcher to begin")
    try:
        yield Talk(rig=rigged, application=application, dispatcher=dispatcher)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
