"""A power cut at any moment: the files as they are on the disk then, opened by the next run."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.messaging.model import MessageFilter, SegmentState
from tests.messaging.rig import UNKNOWN, Answer, Rig, deliver, late, refused, report, rig, run, until
from tests.support.clock import ManualClock

LONG = "0123456789" * 40  # three segments


def cut(path: Path, name: str, *, torn: int = 0) -> Path:
    """What a power cut would leave now: database and write-ahead log, of which the last octets may be missing."""
    there = path / name
    there.mkdir()
    for suffix in ("", "-wal"):
        shutil.copyfile(path / f"smsgw.db{suffix}", there / f"smsgw.db{suffix}")
    if torn:
        log = there / "smsgw.db-wal"
        log.write_bytes(log.read_bytes()[:-torn])
    return there


async def states(box: Rig, message_id: str) -> list[str]:
    return [segment.state.value for segment in await box.segments(message_id)]


@pytest.mark.parametrize(
    ("segment", "after"),
    [(1, ["unknown", "pending", "pending"]), (2, ["sent", "unknown", "pending"]), (3, ["sent", "sent", "unknown"])],
)
def test_what_a_modem_had_in_hand_is_unknown_and_nothing_else(tmp_path: Path, segment: int, after: list[str]) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        cuts: list[Path] = []
        async with rig(tmp_path, clock=clock) as box:
            port = box.ports["one"]
            port.at_gate = lambda: cuts.append(cut(tmp_path, f"cut{len(cuts) + 1}"))
            await box.ready()
            message_id = (await box.send(text=LONG)).message_ids[0]
            await box.becomes(message_id, "sent")
        async with rig(cuts[segment - 1], clock=clock) as box:
            assert await states(box, message_id) == after
            assert await box.statuses(message_id) == ["queued", "unknown"]
            await box.ready(late=late(mr=segment))
            await box.becomes(message_id, "sent")
            assert [seq for _, _, seq in box.ports["one"].taken] == list(range(segment + 1, 4))
            assert len({*box.ports["one"].references}) <= 1

    run(scenario())


def test_at_no_moment_does_the_disk_believe_that_something_waits_which_has_left(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        left: list[tuple[Path, list[tuple[str, str | None, int]]]] = []
        async with rig(tmp_path, clock=clock, lines=("one", "two")) as box:

            def look(name: str) -> Callable[[], None]:
                def at_gate() -> None:
                    # From here on the octets leave: what is cut off now must know of them.
                    taken = [each for port in box.ports.values() for each in port.taken]
                    left.append((cut(tmp_path, f"cut{len(left)}"), taken))

                return at_gate

            for name in ("one", "two"):
                box.ports[name].at_gate = look(name)
                box.ports[name].answers.extend(
                    [Answer(outcome="sent", mr=1), refused("retry"), Answer(outcome="sent", mr=2), UNKNOWN]
                )
            ids = {}
            for n in range(12):
                text = f"n{n} " + f"{n:04d}" * (100 if n % 3 == 2 else 0)
                ids[text] = (await box.send(text=text)).message_ids[0]
            await box.ready("one")
            await box.ready("two")
            await until(lambda: len(left) >= 8, "some traffic")
            await box.idle("one")
            await box.idle("two")
        assert len(left) >= 8
        for place, taken in left:
            async with rig(place, clock=clock, start=False) as box:
                for _, text, seq in taken:
                    message_id = next(each for whole, each in ids.items() if text and text in whole)
                    segment = {each.seq: each for each in await box.segments(message_id)}.get(seq)
                    assert segment is not None, text
                    assert segment.state in (SegmentState.SENT, SegmentState.UNKNOWN), text
                # Two in the hands of modems, and the two to which no answer came.
                assert 1 <= len(await box.service.messages(MessageFilter(status="unknown"))) <= 4

    run(scenario())


@pytest.mark.parametrize("torn", [0, 1, 4096, 5000, 20_000])
def test_a_log_that_was_cut_short_is_an_earlier_moment(tmp_path: Path, torn: int) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        async with rig(tmp_path, clock=clock) as box:
            ids = [(await box.send(text=f"n{n}", client_id=f"n{n}")).message_ids[0] for n in range(20)]
            place = cut(tmp_path, "cut", torn=torn)
            events = [stored.event for stored in await box.service.events(0, 1000)]
        async with rig(place, clock=clock) as box:
            kept = [stored.event for stored in await box.service.events(0, 1000)]
            assert kept == events[: len(kept)]
            assert (torn == 0) is (len(kept) == len(events))
            assert len(kept) % 2 == 0, "a command and its answer are stored together"
            again = [await box.send(text=f"n{n}", client_id=f"n{n}") for n in range(20)]
            duplicates = [each for each in again if each.status == "duplicate"]
            assert [each.message_ids[0] for each in duplicates] == ids[: len(duplicates)]
            assert len(duplicates) == len(kept) // 2
            await box.ready()
            await until(lambda: len(box.ports["one"].taken) == 20, "each to be sent once")
            assert sorted(str(text) for _, text, _ in box.ports["one"].taken) == sorted(f"n{n}" for n in range(20))

    run(scenario())


def test_an_accepted_command_survives_from_the_moment_of_its_answer(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        async with rig(tmp_path, clock=clock) as box:
            first = await box.send(to=["+4915112345678", "72211"], client_id="a")
            place = cut(tmp_path, "cut")
        async with rig(place, clock=clock) as box:
            assert (await box.send(to=["+4915112345678", "72211"], client_id="a")).message_ids == first.message_ids
            await box.ready()
            await box.becomes(first.message_ids[1], "sent")
            assert [to for to, _, _ in box.ports["one"].taken] == ["+4915112345678", "72211"]
            assert [event["status"] for event in await box.events("send.result")] == ["accepted", "duplicate"]

    run(scenario())


def test_a_crash_in_the_recovery_changes_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        cuts: list[Path] = []
        async with rig(tmp_path, clock=clock) as box:
            box.ports["one"].at_gate = lambda: cuts.append(cut(tmp_path, "cut"))
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            await box.becomes(message_id, "sent")
        for _ in range(3):
            async with rig(cuts[0], clock=clock, start=False) as box:
                assert await box.statuses(message_id) == ["queued", "unknown"]
                assert [each.attempts for each in await box.segments(message_id)] == [0]
        async with rig(cuts[0], clock=clock) as box:
            await box.ready()
            await box.receive(report(1, at=clock.now()))
            assert await box.statuses(message_id) == ["queued", "unknown", "sent", "delivered"]

    run(scenario())


def test_the_report_came_before_the_cut_and_its_answer_never(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        async with rig(tmp_path, clock=clock) as box:
            port = box.ports["one"]
            port.hold = asyncio.Event()
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            await until(lambda: port.at_work, "the submit")
            await box.receive(report(9, "015112345678", at=clock.now(), st=0x20))
            await box.receive(report(9, "015112345678", at=clock.now(), st=0x00, index=2))
            place = cut(tmp_path, "cut")
        async with rig(place, clock=clock) as box:
            assert await box.statuses(message_id) == ["queued", "unknown", "sent", "delivered"]
            (segment,) = await box.segments(message_id)
            assert (segment.mr, segment.state) == (9, SegmentState.DELIVERED)
            await box.ready()
            box.pass_time(10_000)
            await box.becomes((await box.send(text="next")).message_ids[0], "sent")
            assert len(box.ports["one"].taken) == 1

    run(scenario())


# --- inbound ----------------------------------------------------------------------------------------------------------


def test_what_was_stored_but_not_yet_deleted_is_shown_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        async with rig(tmp_path, clock=clock) as box:
            single = deliver("single", at=clock.now(), index=1, listing=5)
            parts = deliver(LONG, at=clock.now(), index=2, listing=5)
            told = report(1, at=clock.now(), index=9)
            await box.receive(*single, *parts[:2], told)
            place = cut(tmp_path, "cut")
        async with rig(place, clock=clock) as box:
            clock.advance(3)  # within the time in which an equal text would be a second one
            await box.receive(*(replace(each, listing=1) for each in (*single, *parts, told)))
            assert await box.texts() == ["single", LONG]
            assert await box.sql("SELECT count(*) FROM parts") == [(5,)]
            assert await box.sql("SELECT count(*) FROM reports") == [(1,)]

    run(scenario())


def test_what_was_deleted_but_not_noted_does_not_hide_a_new_text_in_the_slot(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        async with rig(tmp_path, clock=clock) as box:
            (item,) = deliver("yes", at=clock.now(), index=4)
            await box.receive(item)
            place = cut(tmp_path, "cut")  # the modem has deleted it, and nobody wrote it down
        async with rig(place, clock=clock) as box:
            await box.service.listener.swept("one", "iccid-one", "SM", [])
            assert await box.sql("SELECT count(*) FROM parts WHERE released_at IS NULL") == [(0,)]
            clock.advance(73 * 3600)
            await box.receive(item)
            assert await box.texts() == ["yes", "yes"]

    run(scenario())


def test_a_direct_delivery_that_was_not_acknowledged_comes_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        direct = deliver("directly", at=clock.now())[0]
        direct = replace(direct, memory="", index=None)
        async with rig(tmp_path, clock=clock) as box:
            await box.receive(direct)
            place = cut(tmp_path, "cut")
        clock.advance(2)
        async with rig(place, clock=clock) as box:
            await box.receive(replace(direct, listing=8))
            await box.released(direct)
            assert await box.texts() == ["directly"]
            assert await box.sql("SELECT count(*) FROM parts WHERE released_at IS NULL") == [(0,)]

    run(scenario())


def test_what_was_not_stored_at_the_cut_is_taken_whole_by_the_next_run(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        async with rig(tmp_path, clock=clock) as box:
            await box.send()
            place = cut(tmp_path, "cut")
            items = [*deliver("one", at=clock.now(), index=1), *deliver(LONG, at=clock.now(), index=2)]
            await box.receive(*items)
        async with rig(place, clock=clock) as box:
            await box.receive(*items)
            assert await box.texts() == ["one", LONG]

    run(scenario())
