"""What becomes sendable or due is looked at by itself: nothing waits for the next command to come along."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.messaging.model import Status
from tests.messaging.fast import FastClock
from tests.messaging.rig import NOT_SENT, UNKNOWN, Answer, deliver, late, refused, report, rig, run, until

SPEED = 200.0


def test_another_line_that_found_nothing_is_told_when_a_message_is_free_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, clock=FastClock(SPEED), lines=("one", "two")) as box:
            one, two = box.ports["one"], box.ports["two"]
            one.hold = asyncio.Event()
            one.answers.append(NOT_SENT)
            await box.ready("one")
            message_id = (await box.send()).message_ids[0]
            await until(lambda: one.at_work, "the first line to try")
            await box.ready("two")
            await box.idle("two")
            box.down("one")
            one.hold.set()
            assert await box.becomes(message_id, "sent") == ["queued", "sent"]
            assert len(two.taken) == 1

    run(scenario(), speed=SPEED)


@pytest.mark.parametrize("cause", ["retry", "local"])
def test_a_late_refusal_within_the_session_is_followed_by_another_attempt(tmp_path: Path, cause: str) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, clock=FastClock(SPEED)) as box:
            port = box.ports["one"]
            port.answers.append(UNKNOWN)
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            await box.becomes(message_id, "unknown")
            await box.idle("one")
            await box.service.listener.late_submit("one", late(cause=cause))
            await until(lambda: len(port.offered) == 2, "the second attempt")
            await box.becomes(message_id, "sent")

    run(scenario(), speed=SPEED)


def test_an_ordered_text_frees_the_next_one_for_another_line(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, clock=FastClock(SPEED), lines=("one", "two")) as box:
            one, two = box.ports["one"], box.ports["two"]
            one.hold = asyncio.Event()
            await box.ready("one")
            await box.ready("two")
            await box.send(text="first", modem="one", ordered=True)
            await until(lambda: one.at_work, "the first to be under way")
            await box.send(text="second", modem="two")
            await box.idle("two")
            assert two.offered == []
            one.hold.set()
            await until(lambda: two.taken, "the second")

    run(scenario(), speed=SPEED)


def test_cancelling_an_ordered_text_frees_the_next_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, clock=FastClock(SPEED)) as box:
            later = box.clock.now() + timedelta(hours=1)
            first = (await box.send(text="first", ordered=True, send_at=later)).message_ids[0]
            await box.ready()
            second = (await box.send(text="second")).message_ids[0]
            await box.idle("one")
            assert box.ports["one"].offered == []
            await box.service.cancel(first)
            await box.becomes(second, "sent")

    run(scenario(), speed=SPEED)


def test_a_report_that_settles_an_ordered_text_frees_the_next_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, clock=FastClock(SPEED)) as box:
            port = box.ports["one"]
            port.answers.append(UNKNOWN)
            await box.ready()
            first = (await box.send(text="first", ordered=True)).message_ids[0]
            await box.becomes(first, "unknown")
            second = (await box.send(text="second")).message_ids[0]
            await box.idle("one")
            assert len(port.offered) == 1
            await box.receive(report(9, at=box.clock.now()))
            assert await box.statuses(first) == ["queued", "unknown", "sent", "delivered"]
            await box.becomes(second, "sent")

    run(scenario(), speed=SPEED)


def test_each_unfinished_text_is_shown_when_its_own_time_is_up(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, clock=FastClock(SPEED), reassembly_timeout_s=30) as box:
            for n, pause in enumerate((10, 0)):
                await box.receive(deliver("A long text. " * 20, at=box.clock.now(), ref=n, index=n)[0])
                await asyncio.sleep(pause)

            async def both() -> bool:
                return len(await box.events("inbox")) == 2

            await until(both, "both to be shown")

    run(scenario(), speed=SPEED)


def test_an_attempt_is_made_again_when_its_pause_is_over(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, clock=FastClock(SPEED)) as box:
            port = box.ports["one"]
            port.answers.append(refused("retry"))
            await box.ready()
            await box.becomes((await box.send()).message_ids[0], "sent")
            assert len(port.offered) == 2

    run(scenario(), speed=SPEED)


def test_what_the_policy_repeats_is_sent_when_the_hold_is_over(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, clock=FastClock(SPEED), unknown_hold_s=30) as box:
            port = box.ports["one"]
            port.answers.append(UNKNOWN)
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            await box.becomes(message_id, "unknown")
            await box.sweep()
            assert await box.becomes(message_id, "sent") == ["queued", "unknown", "queued", "sent"]
            assert (await box.service.message(message_id))[0].status is Status.SENT

    run(scenario(), speed=SPEED)


def test_a_pause_of_the_line_ends_by_itself(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, clock=FastClock(SPEED)) as box:
            port = box.ports["one"]
            port.answers.append(Answer(outcome="not_sent", error="no_prompt"))
            await box.ready()
            await box.becomes((await box.send()).message_ids[0], "sent")
            assert len(port.offered) == 2

    run(scenario(), speed=SPEED)
