"""What is old and finished goes, in small steps; what is open, unread or still compared with stays."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.messaging import retention
from tests.messaging.rig import UNKNOWN, Rig, deliver, report, rig, run, until
from tests.support.clock import ManualClock

DAY = 86_400.0


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAUSE_S", 0)
    monkeypatch.setattr(retention, "BATCH", 3)


async def sent(box: Rig, text: str, **more: object) -> str:
    message_id = (await box.send(text=text, **more)).message_ids[0]
    await box.becomes(message_id, "sent")
    return message_id


async def count(box: Rig, table: str) -> int:
    return int((await box.sql(f"SELECT count(*) FROM {table}"))[0][0])


async def left(box: Rig) -> list[str]:
    return [text or status for text, status in await box.sql("SELECT text, status FROM messages ORDER BY n")]


def test_finished_messages_go_with_all_that_belongs_to_them(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, retention_days=10) as box:
            await box.ready()
            for n in range(7):
                await sent(box, f"old {n}", client_id=f"key {n}")
            await box.receive(report(1, at=box.clock.now()))
            await box.receive(*deliver("in, old", at=box.clock.now()))
            await box.sql("UPDATE parts SET released_at = received_at")
            box.pass_time(31 * DAY)
            await sent(box, "new")
            await box.service._retention.delete_old()
            assert await left(box) == ["new"]
            for table in ("segments", "commands"):
                assert await count(box, table) == 1, table
            for table in ("parts", "reports"):
                assert await count(box, table) == 0, table
            assert await count(box, "timeline WHERE message_id NOT IN (SELECT id FROM messages)") == 0

    run(scenario())


def test_what_is_open_stays_however_old(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, retention_days=1, unknown_hold_s=1e9, reassembly_timeout_s=1e9) as box:
            box.ports["one"].answers.append(UNKNOWN)
            await box.ready()
            await box.becomes((await box.send(text="unknown")).message_ids[0], "unknown")
            await sent(box, "sent, and a report may come")
            box.down()
            await box.send(text="queued")
            await box.send(text="scheduled", send_at=box.clock.now() + timedelta(days=300))
            first, _ = deliver("a long text of which a part is missing " * 5, at=box.clock.now())
            await box.receive(first)
            box.clock.advance(5 * DAY)
            await box.service._retention.delete_old()
            assert set(await left(box)) == {
                "unknown",
                "sent, and a report may come",
                "queued",
                "scheduled",
                "receiving",
            }
            box.clock.advance(5 * DAY)
            await box.service._retention.delete_old()
            assert set(await left(box)) == {"unknown", "queued", "scheduled", "receiving"}
            assert await count(box, "parts") == 1

    run(scenario())


def test_a_text_that_lacks_a_part_stays_while_the_part_may_come(tmp_path: Path) -> None:
    """A service centre may try for days, and the part has the time at which it was sent."""

    async def scenario() -> None:
        async with rig(tmp_path, retention_days=1) as box:
            first, *rest = deliver("a long text of which a part is late " * 5, at=box.clock.now())
            await box.receive(first)
            box.pass_time(1.1 * DAY)
            await until(box.texts, "what is there")
            box.clock.advance(2 * DAY)
            await box.service._retention.delete_old()
            await box.receive(*rest)
            assert (await box.texts())[-1] == "a long text of which a part is late " * 5
            box.clock.advance(9 * DAY)
            await box.service._retention.delete_old()
            assert await left(box) == []

    run(scenario())


def test_idempotency_keys_live_for_thirty_days_at_least(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, retention_days=1) as box:
            await box.ready()
            first = await box.send(client_id="key")
            await box.becomes(first.message_ids[0], "sent")
            box.clock.advance(29 * DAY)
            await box.service._retention.delete_old()
            assert await left(box) == []
            again = await box.send(client_id="key")
            assert (again.status, again.message_ids) == ("duplicate", first.message_ids)
            box.clock.advance(2 * DAY)
            await box.service._retention.delete_old()
            assert (await box.send(client_id="key")).status == "accepted"

    run(scenario())


def test_events_go_when_all_consumers_have_read_them(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, retention_days=1, start=False) as box:
            for n in range(5):
                await box.service.alert("modem_error", f"n{n}")
            await box.service.advance("quick", 5)
            assert await box.service.cursor("slow") == 0
            box.clock.advance(2 * DAY)
            await box.service._retention.delete_old()
            assert [each.seq for each in await box.store.read(lambda tx: tx.events.after(0, 10))] == [1, 2, 3, 4, 5]
            await box.service.advance("slow", 3)
            await box.service._retention.delete_old()
            assert [each.seq for each in await box.store.read(lambda tx: tx.events.after(0, 10))] == [4, 5]

    run(scenario())


def test_a_consumer_that_was_taken_out_of_the_configuration_holds_no_events(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, retention_days=1, start=False) as box:
            for n in range(3):
                await box.service.alert("modem_error", f"n{n}")
            await box.service.advance("mqtt", 1)  # by an earlier run; nobody asks for it in this one
            await box.service.advance("webhook:crm", 2)
            box.clock.advance(2 * DAY)
            await box.service._retention.delete_old()
            assert [each.seq for each in await box.store.read(lambda tx: tx.events.after(0, 10))] == [3]

    run(scenario())


def test_a_clock_that_was_set_deletes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "ROUND_S", 0.01)
    clock = ManualClock()
    rounds: list[str] = []
    monkeypatch.setattr(retention.log, "warning", lambda text: rounds.append("skipped"))

    async def scenario() -> None:
        async with rig(tmp_path, retention_days=1, clock=clock, start=False) as box:
            delete_old = box.service._retention.delete_old

            async def counted() -> None:
                rounds.append("round")
                await delete_old()

            monkeypatch.setattr(box.service._retention, "delete_old", counted)
            box.tasks.append(asyncio.create_task(box.service._retention.run()))
            await until(lambda: rounds, "a round")
            clock._now += timedelta(days=4000)  # without the time having passed
            seen = len(rounds)
            await until(lambda: len(rounds) > seen, "the next round")
            assert rounds[: seen + 1] == ["round"] * seen + ["skipped"]
            await until(lambda: len(rounds) > seen + 1, "the one after")
            assert rounds[seen + 1] == "round"

    run(scenario())


def test_what_is_from_before_the_clock_was_set_is_not_old(tmp_path: Path) -> None:
    """A box without a battery begins in 1970: what comes in its first minute is not fifty years old in the second."""
    clock = ManualClock()
    today, clock._now = clock._now, datetime(1970, 1, 1, tzinfo=UTC)

    async def scenario() -> None:
        async with rig(tmp_path, retention_days=1, clock=clock) as box:
            await box.ready()
            first = await box.send(text="out", client_id="key")
            await box.becomes(first.message_ids[0], "sent")
            await box.receive(*deliver("in", at=today))
            await box.sql("UPDATE parts SET released_at = received_at")
            clock._now = today
            await box.service._retention.delete_old()
            assert await left(box) == ["out", "in"]
            assert await count(box, "parts") == 1
            assert (await box.send(text="out", client_id="key")).status == "duplicate"

    run(scenario())


def test_nothing_is_deleted_without_a_limit(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            async with asyncio.timeout(1):
                await box.service._retention.run()
            assert await count(box, "events") == 0

    run(scenario())
