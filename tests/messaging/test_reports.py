"""Status reports: which segment they speak of, whatever order they come in, and what they prove."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.messaging.model import SegmentState
from tests.messaging.rig import UNKNOWN, Answer, Rig, late, report, rig, run, until

TO = "+4915112345678"
LONG = "0123456789" * 40  # three segments


def sent(mr: int) -> Answer:
    return Answer(outcome="sent", mr=mr)


async def two(box: Rig) -> tuple[str, str]:
    """One text that was sent with reference 5, and a later one to the same number of which nothing is known."""
    port = box.ports["one"]
    port.answers.extend([sent(5), UNKNOWN])
    await box.ready()
    known = (await box.send(text="known")).message_ids[0]
    await box.becomes(known, "sent")
    box.clock.advance(10)
    lost = (await box.send(text="lost")).message_ids[0]
    await box.becomes(lost, "unknown")
    box.clock.advance(10)
    return known, lost


@pytest.mark.parametrize("pause_s", [0, 2, 60])
@pytest.mark.parametrize("place", [{"memory": "", "index": None}, {"index": 2}])
def test_a_report_that_comes_twice_proves_nothing_of_another_text(
    tmp_path: Path, pause_s: float, place: dict[str, object]
) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            known, lost = await two(box)
            once = report(5, at=box.clock.now())
            await box.receive(once)
            await box.released(once)
            box.clock.advance(pause_s)
            await box.receive(replace(once, **place))
            assert await box.statuses(known) == ["queued", "sent", "delivered"]
            assert await box.statuses(lost) == ["queued", "unknown"]

    run(scenario())


@pytest.mark.parametrize(
    ("first", "then", "known_ends"), [(0x00, 0x20, "delivered"), (0x00, 0x01, "delivered"), (0x46, 0x46, "undelivered")]
)
def test_a_second_word_about_one_text_proves_nothing_of_another(
    tmp_path: Path, first: int, then: int, known_ends: str
) -> None:
    """The service centre's time stamp is the same in all reports of one submit."""

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            known, lost = await two(box)
            taken = box.clock.now()
            await box.receive(report(5, at=taken, st=first))
            box.clock.advance(10)
            await box.receive(report(5, at=taken, discharged=box.clock.now(), st=then, index=2))
            assert await box.statuses(known) == ["queued", "sent", known_ends]
            assert await box.statuses(lost) == ["queued", "unknown"]

    run(scenario())


def test_a_reference_that_came_round_still_proves_that_an_unknown_one_left(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            known, lost = await two(box)
            await box.receive(report(5, at=box.clock.now()))
            box.clock.advance(3600)
            await box.receive(report(5, at=box.clock.now(), index=2))
            assert await box.statuses(known) == ["queued", "sent", "delivered"]
            assert await box.statuses(lost) == ["queued", "unknown", "sent", "delivered"]

    run(scenario())


@pytest.mark.parametrize(
    ("words", "statuses"),
    [([0x20, 0x00], ["delivered"]), ([0x20, 0x46], ["undelivered"]), ([0x30, 0x20], []), ([0x00, 0x20], ["delivered"])],
)
def test_all_reports_that_overtake_the_answer_count(tmp_path: Path, words: list[int], statuses: list[str]) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            port = box.ports["one"]
            port.answers.extend([UNKNOWN, sent(33)])
            await box.ready()
            lost = (await box.send(text="lost")).message_ids[0]
            await box.becomes(lost, "unknown")
            port.hold = asyncio.Event()
            message_id = (await box.send()).message_ids[0]
            await until(lambda: port.at_work, "the submit")
            for n, st in enumerate(words):
                at = box.clock.now()
                await box.receive(report(33, at=at, discharged=at + timedelta(seconds=n), st=st, index=n))
            port.hold.set()
            await box.becomes(message_id, statuses[-1] if statuses else "sent")
            assert await box.statuses(message_id) == ["queued", "sent", *statuses]
            assert await box.statuses(lost) == ["queued", "unknown"]

    run(scenario())


def test_a_report_waits_for_a_submit_to_the_same_recipient_and_proves_the_older_one_when_it_was_not_that(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            port = box.ports["one"]
            port.answers.extend([UNKNOWN, sent(34)])
            await box.ready()
            lost = (await box.send(text="lost")).message_ids[0]
            await box.becomes(lost, "unknown")
            port.hold = asyncio.Event()
            second = (await box.send(text="second")).message_ids[0]
            await until(lambda: port.at_work, "the submit")
            await box.receive(report(33, at=box.clock.now()))
            assert await box.statuses(lost) == ["queued", "unknown"]
            port.hold.set()
            await box.becomes(second, "sent")
            assert await box.statuses(lost) == ["queued", "unknown", "sent", "delivered"]
            assert await box.statuses(second) == ["queued", "sent"]

    run(scenario())


def test_a_report_does_not_wait_for_a_submit_to_someone_else(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            port = box.ports["one"]
            port.answers.append(UNKNOWN)
            await box.ready()
            lost = (await box.send(text="lost")).message_ids[0]
            await box.becomes(lost, "unknown")
            port.hold = asyncio.Event()
            await box.send(to="+4915100000000", text="to someone else")
            await until(lambda: port.at_work, "the submit")
            await box.receive(report(33, "015112345678", at=box.clock.now()))
            assert await box.statuses(lost) == ["queued", "unknown", "sent", "delivered"]
            port.hold.set()

    run(scenario())


def test_two_unknown_texts_to_one_number_are_proved_oldest_first(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            box.ports["one"].answers.extend([UNKNOWN, UNKNOWN])
            await box.ready()
            ids = []
            for text in ("older", "newer"):
                ids.append((await box.send(text=text)).message_ids[0])
                await box.becomes(ids[-1], "unknown")
                box.clock.advance(10)
            await box.receive(report(7, at=box.clock.now(), st=0x46))
            assert [(await box.statuses(each))[-1] for each in ids] == ["undelivered", "unknown"]
            await box.receive(report(8, at=box.clock.now(), index=2))
            assert [(await box.statuses(each))[-1] for each in ids] == ["undelivered", "delivered"]

    run(scenario())


@pytest.mark.parametrize(
    ("iccid", "ra", "days"),
    [("another", TO, 0), ("iccid-one", "+4915112345679", 0), ("iccid-one", TO, 9)],
)
def test_what_a_report_does_not_prove(tmp_path: Path, iccid: str, ra: str, days: int) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            box.ports["one"].answers.append(UNKNOWN)
            await box.ready()
            lost = (await box.send()).message_ids[0]
            await box.becomes(lost, "unknown")
            box.clock.advance(days * 86400)
            await box.service.listener.received("one", iccid, [report(7, ra, at=box.clock.now())])
            assert not {"sent", "delivered"} & {*await box.statuses(lost)}

    run(scenario())


def test_a_report_from_before_the_submit_proves_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            await box.ready()
            await box.receive(report(7, at=box.clock.now()))
            box.clock.advance(1)
            box.ports["one"].answers.append(UNKNOWN)
            lost = (await box.send()).message_ids[0]
            await box.becomes(lost, "unknown")
            assert await box.statuses(lost) == ["queued", "unknown"]

    run(scenario())


@pytest.mark.parametrize(
    ("words", "statuses"),
    [
        ([0x46, 0x00], ["undelivered", "delivered"]),  # it arrived after all
        ([0x46, 0x46], ["undelivered"]),
        ([0x46, 0x20], ["undelivered"]),
        ([0x7F, 0x46], ["undelivered"]),
        ([0x00, 0x20, 0x46], ["delivered"]),
    ],
)
def test_sent_is_said_once_and_delivered_is_the_last_word(
    tmp_path: Path, words: list[int], statuses: list[str]
) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            await box.becomes(message_id, "sent")
            for n, st in enumerate(words):
                box.clock.advance(10)
                await box.receive(report(1, at=box.clock.now(), st=st, index=n))
            assert await box.statuses(message_id) == ["queued", "sent", *statuses]

    run(scenario())


def test_why_one_part_was_not_delivered_is_kept_when_others_are(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            await box.ready()
            message_id = (await box.send(text=LONG)).message_ids[0]
            await box.becomes(message_id, "sent")
            for mr, st in ((2, 0x46), (1, 0x00), (3, 0x00)):
                await box.receive(report(mr, at=box.clock.now(), st=st, index=mr))
            assert await box.statuses(message_id) == ["queued", "sent", "undelivered"]
            error = (await box.service.message(message_id))[0].error
            assert error is not None
            assert error[0] == "undelivered"
            assert "0x46" in error[1]

    run(scenario())


def test_why_the_rest_was_not_sent_is_kept_when_a_report_comes(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            refusal = Answer(outcome="refused", error="cms:38", cause="permanent")
            box.ports["one"].answers.extend([sent(1), refusal])
            await box.ready()
            message_id = (await box.send(text=LONG)).message_ids[0]
            await box.becomes(message_id, "failed")
            before = (await box.service.message(message_id))[0].error
            assert before == ("partially_sent", "1 of 3 segments left; cms:38")
            await box.receive(report(1, at=box.clock.now()))
            assert (await box.service.message(message_id))[0].error == before
            assert await box.statuses(message_id) == ["queued", "failed"]
            assert [each.state for each in await box.segments(message_id)] == [
                *(SegmentState.DELIVERED, SegmentState.FAILED, SegmentState.PENDING)
            ]

    run(scenario())


def test_a_late_answer_meets_the_report_that_waited_for_it(tmp_path: Path) -> None:
    """The older of two unknown texts was proved by the report; the answer that tells the reference is the newer one's."""

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            box.ports["one"].answers.append(UNKNOWN)
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            await box.becomes(message_id, "unknown")
            await box.service.listener.late_submit("one", late(mr=9))
            assert await box.statuses(message_id) == ["queued", "unknown", "sent"]
            await box.receive(report(9, at=box.clock.now()))
            assert await box.statuses(message_id) == ["queued", "unknown", "sent", "delivered"]

    run(scenario())


def test_a_message_without_a_reference_takes_a_report_that_fits_nothing_else(tmp_path: Path) -> None:
    """Some modems confirm a submit without telling the reference."""

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            box.ports["one"].answers.append(Answer(outcome="sent", mr=None))
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            await box.becomes(message_id, "sent")
            await box.receive(report(77, at=box.clock.now()))
            assert await box.statuses(message_id) == ["queued", "sent", "delivered"]

    run(scenario())


def test_a_report_that_overtakes_an_answer_without_a_reference_finds_its_text(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            port = box.ports["one"]
            port.hold = asyncio.Event()
            port.answers.append(Answer(outcome="sent", mr=None))
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            await until(lambda: port.at_work, "the submit")
            await box.receive(report(9, at=box.clock.now()))
            port.hold.set()
            assert await box.becomes(message_id, "delivered") == ["queued", "sent", "delivered"]

    run(scenario())


@pytest.mark.parametrize("days", [20, 400])
def test_a_report_finds_its_reference_however_long_the_phone_was_off_or_the_clock_wrong(
    tmp_path: Path, days: int
) -> None:
    """A text may be valid for 63 weeks; and the clock of a box without a battery goes forward at the first network time."""

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            box.ports["one"].answers.append(Answer(outcome="sent", mr=5))
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            await box.becomes(message_id, "sent")
            box.clock.advance(days * 86400)
            await box.receive(report(5, at=box.clock.now()))
            await box.becomes(message_id, "delivered")

    run(scenario())


def test_an_old_text_without_a_report_does_not_take_the_one_of_an_unknown_text(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            box.ports["one"].answers.extend([Answer(outcome="sent", mr=5), UNKNOWN])
            await box.ready()
            old = (await box.send(text="old")).message_ids[0]
            await box.becomes(old, "sent")
            box.clock.advance(20 * 86400)
            new = (await box.send(text="new")).message_ids[0]
            await box.becomes(new, "unknown")
            await box.receive(report(5, at=box.clock.now()))
            await box.becomes(new, "delivered")
            assert (await box.statuses(old))[-1] == "sent"

    run(scenario())


def test_a_second_word_in_another_form_of_the_number_proves_nothing_of_another_text(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            known, lost = await two(box)
            taken = box.clock.now()
            await box.receive(report(5, at=taken))
            box.clock.advance(10)
            await box.receive(report(5, "015112345678", at=taken, discharged=box.clock.now(), index=2))
            assert (await box.statuses(known))[-1] == "delivered"
            assert await box.statuses(lost) == ["queued", "unknown"]

    run(scenario())


@pytest.mark.parametrize("answer", [UNKNOWN, sent(77), sent(78)])
def test_a_stray_report_that_goes_on_speaking_says_nothing_of_what_was_sent_since(
    tmp_path: Path, answer: Answer
) -> None:
    """All reports on one submit have the same service-centre time: what was heard of before cannot have been sent later."""

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            box.ports["one"].answers.append(answer)
            await box.ready()
            taken = box.clock.now()
            await box.receive(report(77, at=taken, st=0x20))
            box.clock.advance(10)
            ours = (await box.send()).message_ids[0]
            before = await box.becomes(ours, "unknown" if answer is UNKNOWN else "sent")
            box.clock.advance(10)
            await box.receive(report(77, at=taken, discharged=box.clock.now(), index=2))
            assert await box.statuses(ours) == before
            assert len(await box.store.read(lambda tx: tx.reports.leftover(10))) == 2

    run(scenario())
