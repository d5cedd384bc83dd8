"""What is not known: after a crash, a lost answer, a time-out. Evidence first, then the policy."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.messaging.model import SegmentState
from tests.messaging.rig import UNKNOWN, Answer, Rig, report, rig, run, until
from tests.support.clock import ManualClock

TO = "+4915112345678"


async def crashed(path: Path, clock: ManualClock, *, text: str = "hello", **command: Any) -> str:
    """A gateway that dies while the modem has a segment in hand."""
    async with rig(path, clock=clock) as box:
        port = box.ports["one"]
        port.hold = asyncio.Event()
        await box.ready()
        message_id = (await box.send(text=text, **command)).message_ids[0]
        await until(lambda: port.offered, "the submit")
        await until(lambda: submitting(box, message_id), "submitting")
    return message_id


async def submitting(box: Rig, message_id: str) -> bool:
    return any(segment.state is SegmentState.SUBMITTING for segment in await box.segments(message_id))


def test_what_was_submitting_is_unknown_after_a_crash_and_others_go_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        message_id = await crashed(tmp_path, clock)
        async with rig(tmp_path, clock=clock) as box:
            assert await box.statuses(message_id) == ["queued", "unknown"]
            assert box.service.listener.expects_late("one")
            await box.ready()
            other = (await box.send(text="another")).message_ids[0]
            await box.becomes(other, "sent")
            assert [text for _, text, _ in box.ports["one"].taken] == ["another"]

    run(scenario())


@pytest.mark.parametrize(
    ("late", "statuses", "sends"),
    [
        (Answer(outcome="", mr=7), ["queued", "unknown", "sent"], 0),
        (Answer(outcome="", error="cms:38", cause="permanent"), ["queued", "unknown", "failed"], 0),
        (Answer(outcome="", error="cms:332", cause="ambiguous"), ["queued", "unknown"], 0),
        (Answer(outcome="", error="cms:42", cause="retry"), ["queued", "unknown", "sent"], 1),
    ],
)
def test_a_late_answer_settles_it(tmp_path: Path, late: Answer, statuses: list[str], sends: int) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        message_id = await crashed(tmp_path, clock)
        async with rig(tmp_path, clock=clock) as box:
            await box.ready(late=late)
            box.pass_time(6)
            await box.becomes(message_id, statuses[-1])
            found = [status for status in await box.statuses(message_id) if status != "queued"]
            assert ["queued", *found] == statuses
            assert len(box.ports["one"].taken) == sends

    run(scenario())


def test_a_late_answer_of_another_sim_settles_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        message_id = await crashed(tmp_path, clock)
        async with rig(tmp_path, clock=clock) as box:
            await box.ready(iccid="swapped", late=Answer(outcome="", mr=7))
            assert await box.statuses(message_id) == ["queued", "unknown"]

    run(scenario())


@pytest.mark.parametrize("late", [Answer(outcome="", mr=2), Answer(outcome="", error="cms:42", cause="retry")])
def test_a_late_answer_of_a_text_that_a_report_has_settled_is_not_an_older_texts(tmp_path: Path, late: Answer) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            box.ports["one"].answers.extend([UNKNOWN, UNKNOWN])
            await box.ready()
            older = (await box.send(to="+4915100000001", text="never left")).message_ids[0]
            await box.becomes(older, "unknown")
            box.clock.advance(5)
            newer = (await box.send(to="+4915100000002", text="left")).message_ids[0]
            await box.becomes(newer, "unknown")
            box.clock.advance(5)
            await box.receive(report(2, "+4915100000002", at=box.clock.now()))
            assert await box.becomes(newer, "delivered") == ["queued", "unknown", "sent", "delivered"]
            await box.service.listener.late_submit("one", late)
            assert await box.statuses(older) == ["queued", "unknown"]

    run(scenario())


def test_a_report_shows_that_it_left(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        message_id = await crashed(tmp_path, clock)
        async with rig(tmp_path, clock=clock) as box:
            await box.ready()
            await box.receive(report(200, "015112345678", at=clock.now()))
            assert await box.becomes(message_id, "delivered") == ["queued", "unknown", "sent", "delivered"]
            (segment,) = await box.segments(message_id)
            assert (segment.state, segment.mr) == (SegmentState.DELIVERED, 200)
            box.pass_time(10_000)
            await box.becomes((await box.send(text="other")).message_ids[0], "sent")
            assert [text for _, text, _ in box.ports["one"].taken] == ["other"]

    run(scenario())


def test_a_report_for_another_recipient_shows_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        message_id = await crashed(tmp_path, clock)
        async with rig(tmp_path, clock=clock) as box:
            await box.ready()
            await box.receive(report(200, "+4915100000000", at=clock.now()))
            assert await box.statuses(message_id) == ["queued", "unknown"]

    run(scenario())


def test_a_report_that_came_before_the_crash_counts_too(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        async with rig(tmp_path, clock=clock) as box:
            port = box.ports["one"]
            port.hold = asyncio.Event()
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            await until(lambda: submitting(box, message_id), "submitting")
            await box.receive(report(9, at=clock.now()))
            assert await box.statuses(message_id) == ["queued"]
        async with rig(tmp_path, clock=clock, start=False) as box:
            assert (await box.statuses(message_id))[-2:] == ["sent", "delivered"]

    run(scenario())


def test_a_report_that_overtakes_the_answer_belongs_to_that_answer(tmp_path: Path) -> None:
    """An older unknown segment to the same number must not be taken for it: it would be lost."""

    async def scenario() -> None:
        clock = ManualClock()
        lost = await crashed(tmp_path, clock, text="never left")
        async with rig(tmp_path, clock=clock) as box:
            port = box.ports["one"]
            port.hold = asyncio.Event()
            port.answers.append(Answer(outcome="sent", mr=33))
            await box.ready()
            second = (await box.send(text="second")).message_ids[0]
            await until(lambda: submitting(box, second), "submitting")
            await box.receive(report(33, at=clock.now()))
            port.hold.set()
            assert await box.becomes(second, "delivered") == ["queued", "sent", "delivered"]
            assert await box.statuses(lost) == ["queued", "unknown"]
            port.hold = None
            box.pass_time(601)
            await box.becomes(lost, "sent")
            assert [text for _, text, _ in port.taken] == ["second", "never left"]

    run(scenario())


@pytest.mark.parametrize(
    ("settings", "command", "statuses"),
    [
        ({}, {}, ["queued", "unknown", "sent"]),
        ({"on_unknown": "fail"}, {}, ["queued", "unknown", "failed"]),
        ({}, {"at_most_once": True}, ["queued", "unknown", "failed"]),
    ],
)
def test_without_evidence_the_policy_decides_after_the_hold(
    tmp_path: Path, settings: dict[str, Any], command: dict[str, Any], statuses: list[str]
) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, unknown_hold_s=60, **settings) as box:
            port = box.ports["one"]
            port.answers.append(UNKNOWN)
            await box.ready()
            message_id = (await box.send(**command)).message_ids[0]
            await box.becomes(message_id, "unknown")
            box.pass_time(3600)  # no sweep since the loss: a report may lie in a storage without a word
            await box.sweep()
            box.pass_time(59)
            await asyncio.sleep(0.02)
            assert await box.statuses(message_id) == ["queued", "unknown"]
            box.pass_time(2)
            await box.becomes(message_id, statuses[-1])
            assert [word for word in await box.statuses(message_id) if word != "queued"] == statuses[1:]
            assert len(port.offered) == (2 if statuses[-1] == "sent" else 1)

    run(scenario())


def test_the_hold_counts_only_while_the_sim_is_there(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, unknown_hold_s=60) as box:
            port = box.ports["one"]
            port.answers.append(UNKNOWN)
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            await box.becomes(message_id, "unknown")
            box.down()
            box.pass_time(3600)
            await box.ready(iccid="another SIM")
            box.pass_time(3600)
            await box.ready()
            box.pass_time(59)
            await asyncio.sleep(0.02)
            assert await box.statuses(message_id) == ["queued", "unknown"]
            box.pass_time(2)
            await box.becomes(message_id, "sent")

    run(scenario())


def test_the_hold_goes_on_where_it_stopped_when_the_sim_comes_back(tmp_path: Path) -> None:
    """A modem that comes and goes must not hold a text for ever."""

    async def scenario() -> None:
        async with rig(tmp_path, unknown_hold_s=60) as box:
            port = box.ports["one"]
            port.answers.append(UNKNOWN)
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            await box.becomes(message_id, "unknown")
            for n in range(3):
                await box.ready()
                box.pass_time(25)  # a sweep a minute looks at least this often
                await looked(box)
                assert (await box.statuses(message_id) == ["queued", "unknown"]) is (n < 2)
                box.down()
                box.pass_time(1000)
                await looked(box)
            await box.ready()
            await box.becomes(message_id, "sent")
            assert len(port.offered) == 2

    async def looked(box: Rig) -> None:
        timers = box.service._timers
        await until(lambda: not timers._wake.is_set() and not timers._freed, "the timers to have looked")
        for _ in range(3):
            await box.store.write(lambda tx: None)
            await box.store.read(lambda tx: None)

    run(scenario())


def test_repeats_end_with_max_attempts(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, unknown_hold_s=60, max_attempts=2) as box:
            port = box.ports["one"]
            port.answers.extend([UNKNOWN] * 10)
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            for n in (1, 2):
                await until(lambda n=n: len(port.offered) == n, f"attempt {n}")

                async def unknown() -> bool:
                    return [s.state for s in await box.segments(message_id)] == [SegmentState.UNKNOWN]

                await until(unknown, "unknown")
                await box.sweep()
                box.pass_time(61)
            await box.becomes(message_id, "failed")
            assert len(port.offered) == 2
            assert (await box.service.message(message_id))[0].error == (
                "outcome_unknown",
                "no answer and no report came; it was not repeated",
            )

    run(scenario())


def test_a_half_unknown_text_repeats_only_the_lost_segment(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, unknown_hold_s=60) as box:
            port = box.ports["one"]
            port.answers.extend([Answer(outcome="sent", mr=1), UNKNOWN])
            await box.ready()
            message_id = (await box.send(text="0123456789" * 40)).message_ids[0]
            await box.becomes(message_id, "unknown")
            assert len(port.offered) == 2
            await box.sweep()
            box.pass_time(61)
            await box.becomes(message_id, "sent")
            assert [seq for _, _, seq in port.taken] == [1, 2, 3]
            assert len(set(port.references)) == 1

    run(scenario())


# --- reports --------------------------------------------------------------------------------------------------------


def test_a_text_is_delivered_when_all_its_segments_are(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            await box.ready()
            message_id = (await box.send(text="0123456789" * 40)).message_ids[0]
            await box.becomes(message_id, "sent")
            for n, mr in enumerate((2, 3, 1)):
                assert await box.statuses(message_id) == ["queued", "sent"]
                await box.receive(report(mr, at=box.clock.now(), index=n))
            assert await box.statuses(message_id) == ["queued", "sent", "delivered"]

    run(scenario())


@pytest.mark.parametrize(
    ("reports", "statuses"),
    [
        ([0x00], ["delivered"]),
        ([0x01], ["delivered"]),
        ([0x20, 0x30, 0x00], ["delivered"]),
        ([0x46], ["undelivered"]),
        ([0x60], ["undelivered"]),
        ([0x00, 0x00], ["delivered"]),
        ([0x00, 0x46], ["delivered"]),
        ([0x20], []),
    ],
)
def test_what_a_report_says(tmp_path: Path, reports: list[int], statuses: list[str]) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            await box.becomes(message_id, "sent")
            for n, st in enumerate(reports):
                box.clock.advance(10)
                await box.receive(report(1, at=box.clock.now(), st=st, index=n))
            assert await box.statuses(message_id) == ["queued", "sent", *statuses]

    run(scenario())


def test_references_come_round_and_the_latest_text_counts(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            port = box.ports["one"]
            port.answers.extend([Answer(outcome="sent", mr=5), Answer(outcome="sent", mr=5)])
            await box.ready()
            old = (await box.send(text="old")).message_ids[0]
            await box.becomes(old, "sent")
            await box.receive(report(5, at=box.clock.now(), index=1))
            box.clock.advance(3600)
            new = (await box.send(text="new")).message_ids[0]
            await box.becomes(new, "sent")
            await box.receive(report(5, at=box.clock.now(), index=2))
            assert await box.statuses(old) == ["queued", "sent", "delivered"]
            assert await box.statuses(new) == ["queued", "sent", "delivered"]

    run(scenario())


def test_an_expired_half_sent_text_is_not_brought_back_by_a_report(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            port = box.ports["one"]
            port.answers.extend([Answer(outcome="sent", mr=1), Answer(outcome="not_sent")])
            await box.ready()
            expires = box.clock.now() + timedelta(seconds=100)
            message_id = (await box.send(text="0123456789" * 40, expires_at=expires)).message_ids[0]
            await until(lambda: len(port.offered) == 2, "the second segment")
            box.down()
            box.pass_time(101)
            await box.becomes(message_id, "failed")
            await box.receive(report(1, at=box.clock.now()))
            assert await box.statuses(message_id) == ["queued", "failed"]

    run(scenario())
