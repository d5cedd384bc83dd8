"""Outbound is sent once: what a database, a SIM or a person does in between changes nothing of that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import RequestError, StoreError
from gateway.messaging import LineSettings, counts
from gateway.messaging.model import SegmentState
from gateway.messaging.ports import Tx
from tests.messaging.fast import FastClock
from tests.messaging.rig import NOT_SENT, UNKNOWN, Answer, Rig, deliver, refused, report, rig, run, until

LONG = "0123456789" * 40  # three segments
SPEED = 100.0
NO_CLAIMS = """CREATE TRIGGER broken BEFORE INSERT ON segments WHEN NEW.state = 'submitting'
               BEGIN SELECT RAISE(ABORT, 'no claims'); END"""
NO_RESULTS = """CREATE TRIGGER broken BEFORE INSERT ON segments WHEN NEW.state NOT IN ('submitting', 'pending')
                BEGIN SELECT RAISE(ABORT, 'no results'); END"""
MENDED = "DROP TRIGGER broken"


def texts(box: Rig, name: str = "one") -> list[str | None]:
    return [text for _, text, _ in box.ports[name].taken]


async def eager(box: Rig, name: str = "one") -> None:
    """The line has found out that it is fast: then it takes many messages ahead."""
    lane = await until(lambda: box.service._senders._lanes.get(name), "the senders to run")
    lane.seconds_each = 0.001


async def states(box: Rig, message_id: str) -> list[str]:
    return [segment.state.value for segment in await box.segments(message_id)]


# --- the database ---------------------------------------------------------------------------------------------------


def test_what_could_not_be_claimed_does_not_leave_and_keeps_its_place(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, clock=FastClock(SPEED)) as box:
            port = box.ports["one"]
            await eager(box)
            ids = [(await box.send(text=f"n{n}")).message_ids[0] for n in range(4)]
            await box.sql(NO_CLAIMS)
            await box.ready()
            await until(lambda: len(port.offered) >= 2, "some attempts")
            assert port.taken == []
            assert [await box.statuses(each) for each in ids] == [["queued"]] * 4
            await box.sql(MENDED)
            await until(lambda: len(port.taken) == 4, "all to be sent")
            assert texts(box) == ["n0", "n1", "n2", "n3"]

    run(scenario(), speed=SPEED)


def test_a_result_that_cannot_be_stored_is_kept_and_nothing_else_leaves(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, clock=FastClock(SPEED)) as box:
            port = box.ports["one"]
            ids = [(await box.send(text=text)).message_ids[0] for text in ("short", LONG, "last")]
            await box.sql(NO_RESULTS)
            await box.ready()
            await until(lambda: port.taken, "the first")
            later = box.clock.now() + timedelta(seconds=4)
            await until(lambda: box.clock.now() > later, "a few more tries to store it")
            assert texts(box) == ["short"]
            box.down()
            assert await box.statuses(ids[0]) == ["queued"]
            await box.sql(MENDED)
            await box.becomes(ids[0], "sent")
            await box.ready()
            await box.becomes(ids[2], "sent")
            assert [await box.statuses(each) for each in ids] == [["queued", "sent"]] * 3
            assert [seq for _, _, seq in port.taken] == [1, 1, 2, 3, 1]

    run(scenario(), speed=SPEED)


def test_a_full_disk_stops_the_sending_and_not_the_gateway(tmp_path: Path) -> None:
    def limit(pages: int) -> Callable[[Tx], None]:
        return lambda tx: tx.events._db.execute(f"PRAGMA max_page_count = {pages}")  # type: ignore[attr-defined]

    async def scenario() -> None:
        async with rig(tmp_path, clock=FastClock(SPEED)) as box:
            port = box.ports["one"]
            port.hold = asyncio.Event()
            ids = [(await box.send(text=f"n{n}")).message_ids[0] for n in range(60)]
            await box.ready()
            await until(lambda: port.at_work, "the first submit")
            await box.store.write(limit(1))  # the smallest that SQLite takes is what there is
            port.hold.set()
            await until(lambda: not box.store.healthy, "the disk to be full")
            left = len(port.taken)
            assert left < 60
            assert not box.service.health()["ready"]
            box.ports["one"].at_gate = lambda: left_while_full.append(1)
            left_while_full: list[int] = []
            offered = len(port.offered)
            await until(lambda: len(port.offered) > offered or box.store.healthy, "another try")
            assert left_while_full == []

            async def mended() -> bool:
                with suppress(StoreError):  # what is in the same batch fails, and takes it along
                    await box.store.write(limit(100_000))
                return box.store.healthy

            await until(mended, "room on the disk")
            await box.becomes(ids[-1], "sent")
            assert sorted(texts(box), key=str) == sorted((f"n{n}" for n in range(60)), key=str)
            assert all([await box.statuses(each) == ["queued", "sent"] for each in ids])

    run(scenario(), speed=SPEED)


def test_refused_before_the_prompt_while_nothing_can_be_stored(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, clock=FastClock(SPEED)) as box:
            port = box.ports["one"]
            port.prompt = False
            await box.sql(NO_CLAIMS)
            message_id = (await box.send()).message_ids[0]
            await box.ready()
            await until(lambda: len(port.offered) >= 2, "two attempts")
            await box.sql(MENDED)
            port.prompt = True
            assert await box.becomes(message_id, "sent") == ["queued", "sent"]
            assert len(port.taken) == 1

    run(scenario(), speed=SPEED)


def test_one_commit_carries_a_result_and_the_next_claim(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            await eager(box)
            ids = [(await box.send(text=f"n{n}")).message_ids[0] for n in range(10)]
            changes = 0
            write = box.store.write

            def counted(change: Callable[[Tx], Any]) -> Any:
                nonlocal changes
                changes += 1
                return write(change)

            box.store.write = counted  # type: ignore[method-assign]
            await box.ready()
            await box.becomes(ids[-1], "sent")
            await box.idle()
            assert changes <= 10 + 2, "each claim carries the result before it, if it was taken ahead"

    run(scenario())


# --- limits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_the_daily_limit_is_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr(counts, "PAUSE_S", 0.01)

    async def scenario() -> None:
        lines = (LineSettings(name="one", daily_limit=limit),)
        async with rig(tmp_path, line_settings=lines) as box:
            await eager(box)
            await asyncio.gather(*(box.send(text=f"n{n}") for n in range(4)))
            await box.send(text=LONG)
            await box.send(text=LONG)
            await box.ready()
            await until(lambda: box.service.lines()[0].sent_today == limit, "the count to be told")
            await box.idle()
            assert len(box.ports["one"].taken) == limit
            box.pass_time(1)
            await box.idle()
            assert len(box.ports["one"].taken) == limit

    run(scenario())


def test_the_daily_limit_holds_over_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "PAUSE_S", 0.01)

    async def scenario() -> None:
        lines = (LineSettings(name="one", daily_limit=2),)
        for expected in (2, 0):
            async with rig(tmp_path, line_settings=lines) as box:
                for n in range(4):
                    await box.send(text=f"n{n}")
                await box.ready()
                await until(lambda: box.service.lines()[0].sent_today == 2, "the count to be told")
                await box.idle()
                assert len(box.ports["one"].taken) == expected

    run(scenario())


# --- concatenated texts ---------------------------------------------------------------------------------------------


def test_a_text_that_goes_by_another_line_takes_that_lines_reference(tmp_path: Path) -> None:
    """Else it could meet another text of that line to the same number under one reference."""

    async def scenario() -> None:
        async with rig(tmp_path, lines=("one", "two")) as box:
            one, two = box.ports["one"], box.ports["two"]
            await box.sql("INSERT INTO concat_references VALUES ('one', '+4915112345678', 1)")
            await box.sql("INSERT INTO concat_references VALUES ('two', '+4915112345678', 99)")
            one.answers.append(NOT_SENT)
            await box.ready("one")
            first = (await box.send(text=LONG)).message_ids[0]
            await until(lambda: one.offered, "the first line to try")
            box.down("one")
            await box.ready("two")
            await box.becomes(first, "sent")
            second = (await box.send(text=LONG)).message_ids[0]
            await box.becomes(second, "sent")
            assert two.references == [100] * 3 + [101] * 3

    run(scenario())


@pytest.mark.parametrize("answer", [refused("retry"), refused("local"), NOT_SENT])
def test_a_text_goes_on_where_it_stopped_on_the_same_sim(tmp_path: Path, answer: Answer) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, clock=FastClock(SPEED), lines=("one", "two")) as box:
            one = box.ports["one"]
            one.answers.extend([Answer(outcome="sent", mr=1), answer])
            await box.ready("one")
            message_id = (await box.send(text=LONG)).message_ids[0]
            await until(lambda: len(one.offered) == 2, "the second segment")
            await box.ready("two")
            assert await box.becomes(message_id, "sent") == ["queued", "sent"]
            assert [seq for _, _, seq in one.taken] == [1, 2, 3]
            assert len(set(one.references)) == 1
            assert box.ports["two"].offered == []

    run(scenario(), speed=SPEED)


@pytest.mark.parametrize(
    ("answers", "error", "states_"),
    [
        ([refused("permanent")], ("network_rejected", "cms:1"), ["failed", "pending", "pending"]),
        (
            [Answer(outcome="sent", mr=1), refused("permanent")],
            ("partially_sent", "1 of 3 segments left; cms:1"),
            ["sent", "failed", "pending"],
        ),
    ],
)
def test_a_segment_that_is_refused_for_good_ends_the_text(
    tmp_path: Path, answers: list[Answer], error: tuple[str, str], states_: list[str]
) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            box.ports["one"].answers.extend(answers)
            await box.ready()
            message_id = (await box.send(text=LONG)).message_ids[0]
            assert await box.becomes(message_id, "failed") == ["queued", "failed"]
            assert (await box.service.message(message_id))[0].error == error
            last = (await box.events("message.status"))[-1]
            assert (last["segments"], last["segments_sent"]) == (3, len(answers) - 1)
            assert await states(box, message_id) == states_
            box.pass_time(10_000)
            await box.becomes((await box.send(text="next")).message_ids[0], "sent")
            assert texts(box)[len(answers) - 1 :] == ["next"]

    run(scenario())


def test_another_sim_in_the_same_modem_does_not_go_on_with_the_text(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            port = box.ports["one"]
            port.hold = asyncio.Event()
            await box.ready()
            message_id = (await box.send(text=LONG)).message_ids[0]
            await until(lambda: port.at_work, "the first segment to be under way")
            box.down()
            await box.ready(iccid="another SIM")  # before the answer to the first segment is there
            port.hold.set()
            other = (await box.send(text="by the other")).message_ids[0]
            await box.becomes(other, "sent")
            assert [seq for _, _, seq in port.taken] == [1, 1]
            assert await states(box, message_id) == ["sent", "pending", "pending"]
            box.down()
            await box.ready()
            await box.becomes(message_id, "sent")
            assert [seq for _, _, seq in port.taken] == [1, 1, 2, 3]

    run(scenario())


# --- cancelling and expiry ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "reached", "code"),
    [
        ([], "sent", "not_cancelable"),
        ([UNKNOWN], "unknown", "not_cancelable"),
        ([refused("permanent")], "failed", "not_cancelable"),
        ([refused("retry")], "queued", None),
    ],
)
def test_only_what_waits_can_be_cancelled(
    tmp_path: Path, answers: list[Answer], reached: str, code: str | None
) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            port = box.ports["one"]
            port.answers.extend(answers)
            await box.ready()
            message_id = (await box.send(text=LONG)).message_ids[0]
            await until(lambda: port.offered, "the first attempt")
            await box.becomes(message_id, reached)
            await box.idle()
            offered = len(port.offered)
            try:
                told = None
                await box.service.cancel(message_id)
            except RequestError as error:
                told = error.code
            assert told == code
            box.pass_time(10_000)
            await box.becomes((await box.send(text="next")).message_ids[0], "sent")
            assert len(port.offered) == offered + 1
            with pytest.raises(RequestError, match="is "):
                await box.service.cancel(message_id)

    run(scenario())


def test_a_received_text_cannot_be_cancelled(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            await box.receive(*deliver("hello", at=box.clock.now()))
            (event,) = await box.events("inbox")
            with pytest.raises(RequestError) as told:
                await box.service.cancel(event["message_id"])
            assert told.value.code == "unknown_message"

    run(scenario())


@pytest.mark.parametrize("text", ["short", LONG])
def test_what_is_cancelled_or_expires_in_a_lines_own_queue_is_not_sent(tmp_path: Path, text: str) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            port = box.ports["one"]
            port.hold = asyncio.Event()
            for n in range(3):
                await box.send(text=f"n{n}")
            soon = box.clock.now() + timedelta(seconds=10)
            expires = (await box.send(text=text, expires_at=soon)).message_ids[0]
            cancelled = (await box.send(text=text)).message_ids[0]
            last = (await box.send(text="last")).message_ids[0]
            await box.ready()
            await until(lambda: port.at_work, "the first to be under way")
            await box.service.cancel(cancelled)
            box.clock.advance(11)
            port.hold.set()
            await box.becomes(last, "sent")
            assert texts(box) == ["n0", "n1", "n2", "last"]
            box.pass_time(0)
            assert await box.becomes(expires, "failed") == ["queued", "failed"]
            assert await box.statuses(cancelled) == ["queued", "canceled"]

    run(scenario())


@pytest.mark.parametrize(("answer", "ends"), [(None, "sent"), (NOT_SENT, "failed"), (refused("retry"), "failed")])
def test_what_expires_in_a_modems_hands_waits_for_the_answer(tmp_path: Path, answer: Answer | None, ends: str) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, clock=FastClock(SPEED)) as box:
            port = box.ports["one"]
            port.hold = asyncio.Event()
            if answer is not None:
                port.answers.append(answer)
            await box.ready()
            soon = box.clock.now() + timedelta(seconds=20)
            message_id = (await box.send(expires_at=soon)).message_ids[0]
            await until(lambda: port.at_work, "the submit")
            await until(lambda: box.clock.now() > soon + timedelta(seconds=5), "the expiry")
            assert await box.statuses(message_id) == ["queued"]
            port.hold.set()
            assert await box.becomes(message_id, ends) == ["queued", ends]
            assert len(port.offered) == 1

    run(scenario(), speed=SPEED)


def test_an_expired_text_of_which_a_part_left_says_so(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            port = box.ports["one"]
            port.answers.extend([Answer(outcome="sent", mr=1), refused("retry")])
            await box.ready()
            message_id = (await box.send(text=LONG, expires_at=box.clock.now() + timedelta(seconds=4))).message_ids[0]
            await until(lambda: len(port.offered) == 2, "the refusal")
            await box.idle()
            box.pass_time(5)
            await box.becomes(message_id, "failed")
            event = (await box.events("message.status"))[-1]
            assert (event["error"]["code"], event["segments_sent"]) == ("partially_sent", 1)
            assert [each.state for each in await box.segments(message_id)] == [
                *(SegmentState.SENT, SegmentState.FAILED, SegmentState.FAILED)
            ]
            await box.receive(report(1, at=box.clock.now()))
            assert await box.statuses(message_id) == ["queued", "failed"]

    run(scenario())


def test_a_text_waits_for_its_own_modem_only(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, lines=("one", "two")) as box:
            bound = (await box.send(text="bound", modem="two")).message_ids[0]
            await box.ready("one")
            await box.becomes((await box.send(text="free")).message_ids[0], "sent")
            await box.idle("one")
            assert texts(box) == ["free"]
            await box.ready("two")
            await box.becomes(bound, "sent")
            assert texts(box, "two") == ["bound"]

    run(scenario())
