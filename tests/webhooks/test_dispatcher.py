"""From the committed event to the receiver: signed, in order per message, through failures, restarts and kills."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import RequestError
from gateway.messaging.deliveries import Delivery, DeliveryState
from gateway.messaging.model import Event, EventKind
from gateway.sections import EVENTS
from gateway.store import SqliteStore
from gateway.webhooks import Dispatcher, Webhook, dispatcher, target, verify
from gateway.webhooks.hook import KINDS
from gateway.webhooks.signature import sign
from tests.store.opening import opened
from tests.support.receiver import Answer, Post, Receiver, receiving

SECRET = "0123456789abcdef"


class Clock:
    """The real time, moved on by what a test does not want to wait for."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    trusted = True

    def network_time(self, moment: datetime) -> None:
        """Not needed."""


class Outbox:
    """The event outbox of a store, as the service shows it."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.last = 0
        self.changed = asyncio.Event()
        store.on_events(self._committed)

    def _committed(self, seq: int) -> None:
        self.last = seq
        self.changed.set()

    async def wait_for_events(self, after: int) -> None:
        while self.last <= after:
            self.changed.clear()
            await self.changed.wait()

    async def add(self, subject: str, n: int, kind: EventKind = EventKind.MESSAGE_STATUS) -> None:
        event = Event(kind=kind, subject=subject, payload=json.dumps({"n": n, "text": "Grüße 👋"}))
        await self.store.write(lambda tx: tx.events.add(event, datetime.now(UTC)))


@asynccontextmanager
async def running(
    store: SqliteStore, *hooks: Webhook, clock: Clock | None = None, anew: bool = False
) -> AsyncIterator[tuple[Dispatcher, Outbox]]:
    outbox = Outbox(store)
    one = Dispatcher(hooks, store, outbox, clock or Clock(), anew=anew)
    task = asyncio.create_task(one.run())
    wanted = {f"webhook:{hook.name}" for hook in hooks}  # a new one begins with what comes after its start

    async def begun() -> bool:
        return await store.read(lambda tx: tx.events.consumers("webhook:")) == wanted

    await until(begun)
    try:
        async with asyncio.timeout(20):
            yield one, outbox
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def hook(receiver: Receiver, **values: Any) -> Webhook:
    return Webhook(**{"name": "crm", "url": receiver.url, "secret": SECRET, "allow_private": True, **values})


async def posts(receiver: Receiver, count: int) -> list[Post]:
    return await asyncio.to_thread(receiver.wait, count)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Looks again and again, for at most 20 s: what is waited for is in the database of another thread."""
    for _ in range(2000):
        if await condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(condition)


async def settled(one: Dispatcher, state: DeliveryState, count: int = 1, name: str = "crm") -> None:
    async def enough() -> bool:
        return len(await one.find(name, state)) >= count

    await until(enough)


async def attempted(one: Dispatcher, attempts: int) -> Delivery:
    """The newest delivery, once so many attempts are settled."""

    async def enough() -> bool:
        return any(delivery.attempts >= attempts for delivery in (await one.find("crm"))[:1])

    await until(enough)
    return (await one.find("crm"))[0]


def test_the_configuration_knows_every_kind_of_event() -> None:
    assert set(KINDS) <= set(EVENTS)


def test_an_event_arrives_signed_and_whole(tmp_path: Path) -> None:
    with receiving() as receiver:

        async def main() -> None:
            async with opened(tmp_path) as store, running(store, hook(receiver)) as (one, outbox):
                await outbox.add("SM1", 1)
                (post,) = await posts(receiver, 1)
                now = datetime.now(UTC).timestamp()
                assert post.value == {"event": "message.status", "seq": 1, "data": {"n": 1, "text": "Grüße 👋"}}
                assert post.headers["smsgw-event"] == "message.status"
                assert post.headers["content-type"] == "application/json"
                signature = post.headers["smsgw-signature"]
                assert verify(SECRET, post.body, signature, now)
                assert not verify(SECRET, post.body + b" ", signature, now)
                assert not verify("another secret", post.body, signature, now)
                assert not verify(SECRET, post.body, signature, now + 301)  # replayed later
                await settled(one, DeliveryState.DELIVERED)

        asyncio.run(main())


def test_broken_signatures_are_refused_and_raise_nothing() -> None:
    good = sign(SECRET, b"x", 1000)
    assert verify(SECRET, b"x", good, 1000)
    for header in (
        "",
        "t=,v1=",
        "t=x,v1=y",
        "v1=00",
        "t=1000",
        good.replace("t=1000", "t=1001"),
        "t=٣,v1=ü",
        "t=" + "9" * 99,
    ):
        assert not verify(SECRET, b"x", header, 1000)


def test_what_one_message_does_stays_in_order_while_others_go_on(tmp_path: Path) -> None:
    """The first message's receiver fails twice: its later events wait, another message's do not."""
    failures = {"left": 2}

    def answer(post: Post) -> Answer:
        if post.value["data"]["n"] == 1 and failures["left"]:
            failures["left"] -= 1
            return 503, {}
        return 200, {}

    with receiving(answer) as receiver:

        async def main() -> None:
            clock = Clock()
            async with opened(tmp_path) as store, running(store, hook(receiver), clock=clock) as (one, outbox):
                for subject, n in (("SM1", 1), ("SM1", 2), ("SM2", 3), ("SM1", 4)):
                    await outbox.add(subject, n)
                await settled(one, DeliveryState.DELIVERED, 1)
                first = await posts(receiver, 2)
                assert {post.value["data"]["n"] for post in first} == {1, 3}
                for count in (1, 2):
                    failed = (await one.find("crm"))[-1].id

                    async def again(failed: str = failed, count: int = count) -> bool:
                        found = await store.read(lambda tx: tx.deliveries.get(failed))
                        return found is not None and found.attempts == count

                    await until(again)
                    clock.ahead += timedelta(seconds=20)
                    one._wake["crm"].set()
                await settled(one, DeliveryState.DELIVERED, 4)

        asyncio.run(main())
        order = [post.value["data"]["n"] for post in receiver.posts if post.value["data"]["n"] != 3]
        assert order == [1, 1, 1, 2, 4]
        repeats = {post.headers["smsgw-delivery"] for post in receiver.posts if post.value["data"]["n"] == 1}
        assert len(repeats) == 1  # a repeat carries the same id
        assert [post.headers["smsgw-attempt"] for post in receiver.posts if post.value["data"]["n"] == 1] == [
            "1",
            "2",
            "3",
        ]


def test_the_pauses_grow_and_the_last_attempt_is_the_end(tmp_path: Path) -> None:
    with receiving(lambda _: (500, {})) as receiver:

        async def main() -> None:
            clock = Clock()
            async with opened(tmp_path) as store, running(store, hook(receiver), clock=clock) as (one, outbox):
                await outbox.add("SM1", 1)
                for attempt in range(1, len(dispatcher.PAUSES_S) + 2):
                    await posts(receiver, attempt)
                    delivery = await attempted(one, attempt)
                    if attempt <= len(dispatcher.PAUSES_S):
                        assert delivery.next_at is not None
                        pause = (delivery.next_at - clock.now()).total_seconds()
                        assert pause == pytest.approx(dispatcher.PAUSES_S[attempt - 1], rel=0.11, abs=2)
                        clock.ahead += timedelta(seconds=pause + 1)
                        one._wake["crm"].set()
                (dead,) = await one.find("crm", DeliveryState.DEAD)
                assert (dead.attempts, dead.status, dead.error) == (11, 500, "it answered 500")
                receiver.answer = lambda _: (200, {})
                again = await one.replay("crm", dead.id)
                assert again.id == dead.id
                await settled(one, DeliveryState.DELIVERED)
                assert receiver.posts[-1].headers["smsgw-delivery"] == dead.id
                with pytest.raises(RequestError, match="no delivery"):
                    await one.replay("crm", "nonsense")
                with pytest.raises(RequestError, match="no webhook"):
                    await one.find("other")

        asyncio.run(main())


def test_gone_is_dead_at_once_and_retry_after_is_honoured(tmp_path: Path) -> None:
    answers = {1: (410, {}), 2: (429, {"Retry-After": "100"})}
    with receiving(lambda post: answers[post.value["data"]["n"]]) as receiver:

        async def main() -> None:
            async with opened(tmp_path) as store, running(store, hook(receiver)) as (one, outbox):
                await outbox.add("SM1", 1)
                await settled(one, DeliveryState.DEAD)
                await outbox.add("SM2", 2)
                await posts(receiver, 2)
                waiting = await attempted(one, 1)
                assert waiting.next_at is not None
                assert (waiting.next_at - datetime.now(UTC)).total_seconds() > 90

        asyncio.run(main())


def test_only_what_was_asked_for_and_only_from_the_first_start_on(tmp_path: Path) -> None:
    with receiving() as receiver:

        async def main() -> None:
            async with opened(tmp_path) as store:
                outbox = Outbox(store)
                await outbox.add("SM0", 0)
                only = hook(receiver, events=frozenset({"inbox"}))
                async with running(store, only) as (one, outbox):
                    await outbox.add("SM1", 1)
                    await outbox.add("SM2", 2, EventKind.INBOX)
                    await settled(one, DeliveryState.DELIVERED)
                await outbox.add("SM3", 3, EventKind.INBOX)  # while it was not running
                async with running(store, only) as (one, outbox):
                    await outbox.add("SM4", 4, EventKind.INBOX)
                    await settled(one, DeliveryState.DELIVERED, 3)

        asyncio.run(main())
        assert sorted(post.value["data"]["n"] for post in receiver.posts) == [2, 3, 4]


def test_that_the_database_was_replaced_is_told_too(tmp_path: Path) -> None:
    with receiving() as receiver:

        async def main() -> None:
            async with opened(tmp_path) as store:
                await Outbox(store).add("database_replaced", 1, EventKind.ALERT)
                async with running(store, hook(receiver), anew=True) as (one, _):
                    await settled(one, DeliveryState.DELIVERED)

        asyncio.run(main())
        assert [post.value["event"] for post in receiver.posts] == ["alert"]


def test_what_waits_for_a_removed_webhook_is_dead_and_holds_nothing_up(tmp_path: Path) -> None:
    with receiving(lambda _: (500, {})) as receiver:

        async def main() -> None:
            async with opened(tmp_path) as store:
                async with running(store, hook(receiver)) as (_, outbox):
                    await outbox.add("SM1", 1)
                    await posts(receiver, 1)
                async with running(store, hook(receiver, name="other")):
                    left = await store.read(lambda tx: tx.deliveries.find("crm", None, None, 10))
                    assert [(one.state, one.error) for one in left] == [(DeliveryState.DEAD, "the webhook was removed")]
                    assert await store.read(lambda tx: tx.events.consumers("webhook:")) == {"webhook:other"}

        asyncio.run(main())


def test_one_slow_receiver_does_not_hold_up_another_and_never_gets_more_than_its_share(tmp_path: Path) -> None:
    go_on = threading.Event()
    lock = threading.Lock()
    at_once = {"now": 0, "most": 0}

    def slow(_post: Post) -> Answer:
        with lock:
            at_once["now"] += 1
            at_once["most"] = max(at_once["most"], at_once["now"])
        go_on.wait(15)
        with lock:
            at_once["now"] -= 1
        return 200, {}

    with receiving(slow) as first, receiving() as second:

        async def main() -> None:
            slow_hook = hook(first, name="slow", concurrency=3)
            async with opened(tmp_path) as store, running(store, slow_hook, hook(second)) as (one, outbox):
                for n in range(10):
                    await outbox.add(f"SM{n}", n)
                await posts(second, 10)
                await posts(first, 3)
                assert len(first.posts) == 3
                go_on.set()
                await posts(first, 10)
                await settled(one, DeliveryState.DELIVERED, 10, "slow")

        asyncio.run(main())
        assert at_once["most"] == 3


def test_finished_deliveries_are_deleted_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "PRUNE_S", 0.02)
    with receiving() as receiver:

        async def main() -> None:
            clock = Clock()
            async with opened(tmp_path) as store, running(store, hook(receiver), clock=clock) as (one, outbox):
                await outbox.add("SM1", 1)
                await settled(one, DeliveryState.DELIVERED)
                clock.ahead += dispatcher.KEEP + timedelta(hours=1)

                async def empty() -> bool:
                    return (await one.overview())[0][1] == {}

                await until(empty)

        asyncio.run(main())


def test_the_log_has_no_text(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with receiving(lambda _: (500, {})) as receiver:

        async def main() -> None:
            async with opened(tmp_path) as store, running(store, hook(receiver)) as (one, outbox):
                await outbox.add("SM1", 1)
                await attempted(one, 1)

        asyncio.run(main())
    assert "it answered 500" in caplog.text
    assert "Grüße" not in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize("port", [99_999, 10**30])
def test_a_redirect_to_a_port_that_cannot_be_is_a_failed_attempt(tmp_path: Path, port: int) -> None:
    where = {"Location": f"http://127.0.0.1:{port}/"}
    with receiving(lambda post: (307, where) if post.value["data"]["n"] == 1 else (200, {})) as receiver:

        async def main() -> None:
            async with opened(tmp_path) as store, running(store, hook(receiver)) as (one, outbox):
                await outbox.add("SM1", 1)
                assert "no port" in (await attempted(one, 1)).error
                await outbox.add("SM2", 2)
                await settled(one, DeliveryState.DELIVERED)

        asyncio.run(main())


def test_a_defect_of_an_attempt_or_of_the_fan_out_ends_neither_the_others_nor_the_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "DEFECT_PAUSE_S", 0.01)
    once = {"sign", "_delivery"}
    where = {"sign": target, "_delivery": dispatcher}

    def failing(name: str) -> Callable[..., Any]:
        real = getattr(where[name], name)

        def call(*values: Any) -> Any:
            if name in once:
                once.remove(name)
                raise TypeError("a defect")
            return real(*values)

        return call

    for name in sorted(once):
        monkeypatch.setattr(where[name], name, failing(name))
    with receiving() as receiver:

        async def main() -> None:
            async with opened(tmp_path) as store, running(store, hook(receiver)) as (one, outbox):
                await outbox.add("SM1", 1)
                await settled(one, DeliveryState.DELIVERED)
                assert not once

        asyncio.run(main())


def test_a_clock_that_goes_back_holds_no_delivery_up(tmp_path: Path) -> None:
    answers = [(500, {}), (200, {}), (200, {})]
    with receiving(lambda _: answers.pop(0)) as receiver:

        async def main() -> None:
            clock = Clock()
            clock.ahead = timedelta(days=3650)
            async with opened(tmp_path) as store, running(store, hook(receiver), clock=clock) as (one, outbox):
                await outbox.add("SM1", 1)
                await attempted(one, 1)
                clock.ahead = timedelta()
                await outbox.add("SM1", 2)
                await settled(one, DeliveryState.DELIVERED, 2)
                assert [post.value["data"]["n"] for post in await posts(receiver, 3)] == [1, 1, 2]

        asyncio.run(main())
