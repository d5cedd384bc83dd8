"""Senders: order, retries, one SIM a message, nothing after a failed commit."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.errors import RequestError
from gateway.messaging import LineSettings, counts, sender
from gateway.messaging.model import SegmentState
from tests.messaging.rig import NOT_SENT, Answer, refused, rig, run, until

LONG = "0123456789" * 40  # three segments


def test_accept_order_at_equal_priority_and_the_urgent_first(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            for n in range(40):
                await box.send(text=f"n{n}", priority=9 if n in (20, 30) else 5)
            await box.ready()
            await until(lambda: len(box.ports["one"].taken) == 40, "all to be sent")
            texts = [text for _, text, _ in box.ports["one"].taken]
            assert texts == ["n20", "n30"] + [f"n{n}" for n in range(40) if n not in (20, 30)]

    run(scenario())


def test_an_urgent_message_overtakes_what_a_line_has_taken_already(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            port = box.ports["one"]
            port.hold = asyncio.Event()
            for n in range(5):
                await box.send(text=f"n{n}")
            await box.ready()
            await until(lambda: len(port.offered) == 1, "the first to be under way")
            await box.send(text="urgent", priority=9)
            port.hold.set()
            await until(lambda: len(port.taken) == 6, "all to be sent")
            assert [text for _, text, _ in port.taken][:2] == ["n0", "urgent"]

    run(scenario())


def test_submitting_is_committed_before_the_gate_opens_and_one_at_a_time(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            seen: list[list[tuple[str, int]]] = []

            def look() -> None:
                other = sqlite3.connect(tmp_path / "smsgw.db")
                seen.append(other.execute("SELECT pdu, mr FROM segments WHERE state = 'submitting'").fetchall())
                other.close()

            box.ports["one"].at_gate = look
            for n in range(5):
                await box.send(text=f"n{n}")
            await box.send(text=LONG)
            await box.ready()
            await until(lambda: len(seen) == 8, "all segments to be submitted")
            assert [[pdu for pdu, _ in rows] for rows in seen] == [[pdu] for pdu in box.ports["one"].offered]

    run(scenario())


def test_a_long_text_leaves_in_order_under_one_reference_that_rises_per_recipient(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            await box.ready()
            first = (await box.send(text=LONG)).message_ids[0]
            assert await box.becomes(first, "sent") == ["queued", "sent"]
            second = (await box.send(text=LONG)).message_ids[0]
            await box.becomes(second, "sent")
            port = box.ports["one"]
            assert [seq for _, _, seq in port.taken] == [1, 2, 3, 1, 2, 3]
            one, two = port.references[0], port.references[3]
            assert port.references == [one] * 3 + [two] * 3
            assert two == one % 255 + 1
            assert all(segment.state is SegmentState.SENT for segment in await box.segments(first))

    run(scenario())


def test_what_fails_for_now_is_tried_again_after_growing_pauses_and_then_fails(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, max_attempts=3) as box:
            port = box.ports["one"]
            port.answers.extend([refused("retry")] * 3)
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            for attempt, pause in enumerate((5, 15), 1):
                await until(lambda a=attempt: len(port.offered) == a, f"attempt {attempt}")

                async def refused_so_often(times: int = attempt) -> bool:
                    return [each.attempts for each in await box.segments(message_id)] == [times]

                await until(refused_so_often, "the pause")
                message = (await box.service.message(message_id))[0]
                assert message.not_before == box.clock.now() + timedelta(seconds=pause)
                box.pass_time(pause - 1)
                assert len(port.offered) == attempt
                box.pass_time(1)
            assert await box.becomes(message_id, "failed") == ["queued", "failed"]
            assert (await box.service.message(message_id))[0].error == ("network_busy", "cms:1")
            assert len(port.offered) == 3

    run(scenario())


@pytest.mark.parametrize(
    ("answer", "statuses", "code"),
    [
        (refused("permanent"), ["queued", "failed"], "network_rejected"),
        (refused("sent"), ["queued", "sent"], None),
        (Answer(outcome="sent", mr=None), ["queued", "sent"], None),
    ],
)
def test_answers_that_settle_at_once(tmp_path: Path, answer: Answer, statuses: list[str], code: str | None) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            box.ports["one"].answers.append(answer)
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            assert await box.becomes(message_id, statuses[-1]) == statuses
            error = (await box.service.message(message_id))[0].error
            assert (error[0] if error else None) == code
            assert len(box.ports["one"].offered) == 1

    run(scenario())


def test_a_local_trouble_pauses_the_line_and_burns_no_attempt(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, max_attempts=1) as box:
            port = box.ports["one"]
            port.answers.append(refused("local"))
            await box.ready()
            message_id = (await box.send()).message_ids[0]

            async def settled() -> bool:
                return [(s.state, s.attempts) for s in await box.segments(message_id)] == [(SegmentState.PENDING, 0)]

            await until(settled, "the refusal to be stored")
            box.pass_time(29)
            assert len(port.offered) == 1
            box.pass_time(2)
            assert await box.becomes(message_id, "sent") == ["queued", "sent"]

    run(scenario())


def test_what_a_lost_modem_did_not_send_goes_by_another(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, lines=("one", "two")) as box:
            box.ports["one"].answers.append(NOT_SENT)
            box.ports["one"].prompt = False
            await box.ready("one")
            message_id = (await box.send()).message_ids[0]
            await until(lambda: box.ports["one"].offered, "the first line to try")
            box.down("one")
            await box.ready("two")
            await box.becomes(message_id, "sent")
            assert len(box.ports["two"].taken) == 1
            assert (await box.service.message(message_id))[0].line == "two"

    run(scenario())


def test_a_half_sent_text_stays_with_its_sim(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, lines=("one", "two")) as box:
            one, two = box.ports["one"], box.ports["two"]
            one.answers.extend([Answer(outcome="sent", mr=9), NOT_SENT])
            await box.ready("one")
            message_id = (await box.send(text=LONG, expires_at=box.clock.now() + timedelta(hours=1))).message_ids[0]
            await until(lambda: len(one.offered) == 2, "the second segment to be refused")
            box.down("one")
            await box.ready("two")
            other = (await box.send(text="short")).message_ids[0]
            await box.becomes(other, "sent")
            assert [text for _, text, _ in two.taken] == ["short"]
            await box.ready("one", iccid="another SIM in the same modem")
            box.pass_time(2)
            third = (await box.send(text="by the other SIM", modem="one")).message_ids[0]
            await box.becomes(third, "sent")
            assert [seq for _, _, seq in one.taken] == [1, 1]
            box.pass_time(3601)
            await box.becomes(message_id, "failed")
            assert (await box.service.message(message_id))[0].error == (
                "partially_sent",
                "it expired with some segments sent",
            )

    run(scenario())


def test_refused_before_the_prompt_is_tried_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            port = box.ports["one"]
            port.prompt = False
            port.answers.append(refused("retry"))
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            await until(lambda: port.offered, "the first attempt")

            async def pending() -> bool:
                return [s.state for s in await box.segments(message_id)] == [SegmentState.PENDING]

            await until(pending, "the segment to wait again")
            port.prompt = True
            box.pass_time(6)
            assert await box.becomes(message_id, "sent") == ["queued", "sent"]

    run(scenario())


def test_ordered_holds_back_the_recipients_later_texts_only(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            port = box.ports["one"]
            port.answers.append(refused("retry"))
            first = (await box.send(text="first", ordered=True)).message_ids[0]
            await box.send(text="second")
            await box.send(to="+4915100000000", text="to someone else")
            await box.ready()
            await until(lambda: len(port.taken) == 1, "the other recipient's text")
            assert [text for _, text, _ in port.taken] == ["to someone else"]
            box.pass_time(6)
            await box.becomes(first, "sent")
            box.pass_time(0)
            await until(lambda: len(port.taken) == 3, "the text behind it")
            assert [text for _, text, _ in port.taken] == ["to someone else", "first", "second"]

    run(scenario())


def test_a_scheduled_text_waits_for_its_time(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            await box.ready()
            message_id = (await box.send(send_at=box.clock.now() + timedelta(hours=1))).message_ids[0]
            await box.becomes((await box.send(text="now")).message_ids[0], "sent")
            assert len(box.ports["one"].taken) == 1
            box.pass_time(3600)
            assert await box.becomes(message_id, "sent") == ["scheduled", "queued", "sent"]

    run(scenario())


def test_what_expires_is_not_sent(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            message_id = (await box.send(expires_at=box.clock.now() + timedelta(seconds=60))).message_ids[0]
            box.pass_time(61)
            assert await box.becomes(message_id, "failed") == ["queued", "failed"]
            assert (await box.events("message.status"))[-1]["error"]["code"] == "expired"
            await box.ready()
            await box.becomes((await box.send(text="later")).message_ids[0], "sent")
            assert [text for _, text, _ in box.ports["one"].taken] == ["later"]

    run(scenario())


def test_cancelling(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            waiting = (await box.send(text="never")).message_ids[0]
            assert (await box.service.cancel(waiting)).status == "canceled"
            assert await box.statuses(waiting) == ["queued", "canceled"]
            port = box.ports["one"]
            port.hold = asyncio.Event()
            await box.ready()
            under_way = (await box.send(text="too late")).message_ids[0]
            await until(lambda: port.offered, "the submit")
            with pytest.raises(RequestError, match="sending") as told:
                await box.service.cancel(under_way)
            assert told.value.code == "not_cancelable"
            port.hold.set()
            await box.becomes(under_way, "sent")
            with pytest.raises(RequestError) as unknown:
                await box.service.cancel("SM0")
            assert unknown.value.code == "unknown_message"
            assert [text for _, text, _ in port.taken] == ["too late"]

    run(scenario())


def test_many_lines_share_a_queue_and_send_each_text_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        names = [f"line{n}" for n in range(8)]
        async with rig(tmp_path, lines=names) as box:
            for name in names:
                await box.ready(name)
            await asyncio.gather(*(box.send(text=f"n{n}") for n in range(100)))
            await until(lambda: sum(len(port.taken) for port in box.ports.values()) >= 100, "all to be sent")
            texts = [text for port in box.ports.values() for _, text, _ in port.taken]
            assert sorted(texts) == sorted(f"n{n}" for n in range(100))

    run(scenario())


def test_idle_lines_all_find_work_in_one_burst(tmp_path: Path) -> None:
    async def scenario() -> None:
        names = [f"line{n}" for n in range(8)]
        async with rig(tmp_path, lines=names) as box:
            for name in names:
                box.ports[name].hold = asyncio.Event()
                await box.ready(name)
            await asyncio.gather(*(box.send(text=f"n{n}") for n in range(8)))
            await until(lambda: all(port.offered for port in box.ports.values()), "every line to be busy")
            for port in box.ports.values():
                assert port.hold is not None
                port.hold.set()
            await until(lambda: sum(len(port.taken) for port in box.ports.values()) == 8, "all to be sent")

    run(scenario())


def test_rate_and_daily_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "PAUSE_S", 0.01)

    async def scenario() -> None:
        lines = (LineSettings(name="one", rate_per_minute=6, daily_limit=2),)
        async with rig(tmp_path, line_settings=lines) as box:
            port = box.ports["one"]
            for n in range(3):
                await box.send(text=f"n{n}")
            await box.ready()
            await until(lambda: len(port.taken) == 1, "the first")
            box.pass_time(9)
            assert len(port.taken) == 1
            box.pass_time(1)
            await until(lambda: len(port.taken) == 2, "the second")
            box.pass_time(11)
            await until(lambda: box.service.lines()[0].sent_today == 2, "the count")
            assert len(port.taken) == 2

    run(scenario())


def test_after_a_failed_commit_nothing_leaves_until_the_result_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "STORE_RETRY_S", 0.02)

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            port = box.ports["one"]
            port.hold = asyncio.Event()
            await box.ready()
            first = (await box.send(text="first")).message_ids[0]
            second = (await box.send(text="second")).message_ids[0]
            await until(lambda: port.offered, "the first submit")
            await change("CREATE TRIGGER full BEFORE UPDATE ON messages BEGIN SELECT RAISE(ABORT, 'full'); END")
            port.hold.set()
            await until(lambda: len(port.taken) == 1, "the first to be taken")
            await asyncio.sleep(0.1)
            assert len(port.taken) == 1
            await change("DROP TRIGGER full")
            assert await box.becomes(first, "sent") == ["queued", "sent"]
            assert await box.becomes(second, "sent") == ["queued", "sent"]
            assert [text for _, text, _ in port.taken] == ["first", "second"]

    async def change(statement: str) -> None:
        def run_it() -> None:
            other = sqlite3.connect(tmp_path / "smsgw.db", timeout=5)
            other.execute(statement)
            other.commit()
            other.close()

        await asyncio.to_thread(run_it)

    run(scenario())


def test_a_stop_lets_the_modem_finish(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            port = box.ports["one"]
            port.hold = asyncio.Event()
            await box.ready()
            ids = [(await box.send(text=f"n{n}")).message_ids[0] for n in range(3)]
            await until(lambda: port.offered, "the first submit")
            draining = asyncio.create_task(box.service.drain())
            await asyncio.sleep(0.01)
            assert not draining.done()
            port.hold.set()
            await draining
            assert await box.statuses(ids[0]) == ["queued", "sent"]
            assert await box.statuses(ids[1]) == ["queued"]
            assert len(port.taken) == 1

    run(scenario())
