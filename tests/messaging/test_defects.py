"""Where a text could be lost, sent twice or stay for ever: clocks that go back, defects of ours, answers at the wrong moment."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import RequestError, StoreError
from gateway.messaging import ledger, outbound, receipts, sender
from gateway.messaging.ledger import Sim
from gateway.messaging.model import Segment, SegmentState
from gateway.messaging.ports import Tx
from tests.messaging.rig import ORIGIN, UNKNOWN, Answer, late, refused, report, rig, run, until
from tests.support.clock import ManualClock


def test_a_command_that_was_taken_is_a_duplicate_whatever_has_changed_since(tmp_path: Path) -> None:
    """The acknowledgement was lost, and when the command comes again its expiry has passed."""

    async def scenario() -> None:
        clock = ManualClock()
        expires = clock.now() + timedelta(seconds=60)
        transport = replace(ORIGIN, delivery="session:1:digest")
        async with rig(tmp_path, clock=clock) as box:
            with_id = await box.send(client_id="a", expires_at=expires)
            without = await box.send(expires_at=expires, origin=transport)
        clock.advance(3600)
        async with rig(tmp_path, clock=clock) as box:
            again = await box.send(client_id="a", expires_at=expires)
            assert (again.status, again.message_ids) == ("duplicate", with_id.message_ids)
            again = await box.send(expires_at=expires, origin=replace(transport, redelivered=True))
            assert (again.status, again.message_ids) == ("duplicate", without.message_ids)
            assert [each["status"] for each in await box.events("send.result")] == ["accepted"] * 2 + ["duplicate"] * 2
            new = await box.send(client_id="b", expires_at=expires)
            assert (new.status, new.error and new.error[0]) == ("rejected", "expired")

    run(scenario())


def test_a_redelivery_is_known_however_many_commands_came_by_other_ways(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, start=False) as box:
            transport = replace(ORIGIN, delivery="session:1:digest")
            first = await box.send(origin=transport)
            await asyncio.gather(*(box.send(text=f"n{n}") for n in range(1100)))
            again = await box.send(origin=replace(transport, redelivered=True))
            assert (again.status, again.message_ids) == ("duplicate", first.message_ids)

    run(scenario())


def test_a_segment_is_claimed_once(tmp_path: Path) -> None:
    """Two lines can look at the same moment; where a SIM tells no ICCID, they cannot be told apart by it."""

    async def scenario() -> None:
        async with rig(tmp_path, start=False) as box:
            message_id = (await box.send()).message_ids[0]

            def claim(line: str) -> Any:
                def change(tx: Tx) -> Any:
                    segment = ledger.Segment(message_id=message_id, seq=1, state=SegmentState.PENDING, pdu="00")
                    return ledger.claim(tx, segment, Sim(line=line, imei=line, iccid="", number=""), box.clock.now())

                return box.store.write(change)

            assert await claim("one") is not None
            assert await claim("two") is None

    run(scenario())


def test_an_unknown_outcome_is_settled_though_the_clock_went_back(tmp_path: Path) -> None:
    """A box without a clock battery starts with an old time after a power cut."""

    async def scenario() -> None:
        clock = ManualClock()
        async with rig(tmp_path, clock=clock, unknown_hold_s=60) as box:
            box.ports["one"].answers.append(UNKNOWN)
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            await box.becomes(message_id, "unknown")
        clock._now -= timedelta(days=300)
        async with rig(tmp_path, clock=clock, unknown_hold_s=60) as box:
            await box.ready()
            await box.idle()
            await box.sweep()
            box.pass_time(61)
            await box.becomes(message_id, "sent")

    run(scenario())


@pytest.mark.parametrize("answer", [UNKNOWN, Answer(outcome="sent", mr=7)])
def test_a_report_finds_its_text_though_the_clock_went_back(tmp_path: Path, answer: Answer) -> None:
    """… or a text that left, and of which this is the only sign, would be sent again."""

    async def scenario() -> None:
        clock = ManualClock()
        async with rig(tmp_path, clock=clock) as box:
            box.ports["one"].answers.append(answer)
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            await box.becomes(message_id, answer.outcome)
        clock._now -= timedelta(minutes=40)
        async with rig(tmp_path, clock=clock) as box:
            await box.ready()
            await box.receive(report(7, at=clock.now()))
            assert (await box.statuses(message_id))[-2:] == ["sent", "delivered"]

    run(scenario())


def test_a_pause_ends_though_the_clock_went_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        async with rig(tmp_path, clock=clock) as box:
            box.ports["one"].answers.append(refused("retry"))
            await box.ready()
            message_id = (await box.send()).message_ids[0]

            async def pausing() -> bool:
                return (await box.service.message(message_id))[0].not_before is not None

            await until(pausing, "the pause")
        clock._now -= timedelta(days=300)
        async with rig(tmp_path, clock=clock) as box:
            await box.ready()
            await box.becomes(message_id, "sent")

    run(scenario())


def test_a_defect_while_sending_ends_nothing_and_its_text_is_unknown(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, lines=("one", "two")) as box:
            port = box.ports["one"]

            def defect() -> None:
                port.at_gate = None
                raise ZeroDivisionError("nobody foresaw this")

            port.at_gate = defect
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            await box.becomes(message_id, "unknown")
            await box.becomes((await box.send(text="next")).message_ids[0], "sent")
            await box.ready("two")
            await box.becomes((await box.send(text="other", modem="two")).message_ids[0], "sent")

    run(scenario())


@pytest.mark.parametrize("texts", [1, 2, 3])
def test_a_defect_in_what_follows_from_a_result_ends_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, texts: int
) -> None:
    """The result alone is kept, and the text whose claim went with it is not blamed."""
    monkeypatch.setattr(sender, "STORE_RETRY_S", 0.01)
    real, bad = receipts.after_submit, "+4915112345671"

    def failing(tx: Tx, segment: Segment, now: datetime) -> None:
        if segment.peer == bad:
            raise TypeError("a defect")
        real(tx, segment, now)

    monkeypatch.setattr(receipts, "after_submit", failing)

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            ids = [(await box.send(to=to)).message_ids[0] for to in (bad, "+4915112345672", bad)[:texts]]
            await box.ready()
            for message_id in ids:
                await box.becomes(message_id, "sent")
            assert len(box.ports["one"].taken) == texts

    run(scenario())


def test_a_text_that_cannot_be_built_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = sender.build_pdus

    def build(message: Any, **how: Any) -> Any:
        if message.text == "poison":
            raise ZeroDivisionError("nobody foresaw this")
        return real(message, **how)

    monkeypatch.setattr(sender, "build_pdus", build)
    monkeypatch.setattr(sender, "STORE_RETRY_S", 0.01)

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            await box.ready()
            await box.send(text="poison", priority=9)
            await box.send(text="poison" * 30)
            await box.becomes((await box.send(text="next")).message_ids[0], "sent")

    run(scenario())


def test_a_text_of_an_older_release_that_cannot_be_cut_fails_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(message: Any, **how: Any) -> Any:
        raise RequestError("no such character", code="not_encodable")

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            await box.ready()
            real = sender.build_pdus
            monkeypatch.setattr(sender, "build_pdus", build)
            old = (await box.send(text="old")).message_ids[0]
            assert await box.becomes(old, "failed") == ["queued", "failed"]
            monkeypatch.setattr(sender, "build_pdus", real)
            await box.becomes((await box.send(text="next")).message_ids[0], "sent")
            assert old not in box.service._senders._held

    run(scenario())


def test_a_defect_in_time_driven_work_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = outbound.release_due
    defects = [ZeroDivisionError("nobody foresaw this")]

    def release_due(tx: Tx, now: datetime) -> int:
        if defects:
            raise defects.pop()
        return real(tx, now)

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            await box.ready()
            monkeypatch.setattr(outbound, "release_due", release_due)
            monkeypatch.setattr("gateway.messaging.timers.STORE_RETRY", timedelta(0))
            message_id = (await box.send(send_at=box.clock.now() + timedelta(seconds=5))).message_ids[0]
            box.pass_time(6)
            await box.becomes(message_id, "sent")

    run(scenario())


def test_a_defect_with_one_unknown_outcome_keeps_nothing_else_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, bad = outbound.give_up_waiting, "+4915112345671"

    def failing(tx: Tx, unknown: Segment, policy: ledger.Policy, now: datetime) -> None:
        if unknown.peer == bad:
            raise TypeError("a defect")
        real(tx, unknown, policy, now)

    monkeypatch.setattr(outbound, "give_up_waiting", failing)
    monkeypatch.setattr(outbound, "expire_overdue", lambda tx, now: 1 // 0)

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            box.ports["one"].answers.extend([UNKNOWN, UNKNOWN])
            await box.ready()
            ids = [(await box.send(to=to)).message_ids[0] for to in (bad, "+4915112345672")]
            for message_id in ids:
                await box.becomes(message_id, "unknown")
            later = (await box.send(send_at=box.clock.now() + timedelta(seconds=5))).message_ids[0]
            await box.sweep()
            box.pass_time(601)
            await box.becomes(ids[1], "sent")
            await box.becomes(later, "sent")
            assert (await box.service.message(ids[0]))[0].status == "unknown"

    run(scenario())


def test_a_late_answer_waits_for_the_result_that_it_belongs_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database comes back: the answer must not be noted, as nobody's, before the time-out is."""
    monkeypatch.setattr(sender, "STORE_RETRY_S", 0.1)

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            port = box.ports["one"]
            port.hold = asyncio.Event()
            port.answers.append(UNKNOWN)
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            await until(lambda: port.at_work, "the submit")
            real = outbound.settle

            def full(*_: Any) -> None:
                raise StoreError("the disk is full")

            monkeypatch.setattr(outbound, "settle", full)
            port.hold.set()
            lane = box.service._senders._lanes["one"]
            await until(lambda: lane.unsettled, "the result that cannot be stored")
            with pytest.raises(StoreError):
                await box.service.listener.late_submit("one", late(mr=7))
            box.down()
            with pytest.raises(StoreError):
                await box.ready(late=late(mr=7))
            assert box.service.listener.expects_late("one")
            monkeypatch.setattr(outbound, "settle", real)
            await box.becomes(message_id, "unknown")
            await box.ready(late=late(mr=7))
            assert await box.statuses(message_id) == ["queued", "unknown", "sent"]

    run(scenario())


def test_an_unknown_text_that_expired_meanwhile_is_not_called_unsent(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, unknown_hold_s=60) as box:
            port = box.ports["one"]
            port.answers.append(UNKNOWN)
            await box.ready()
            message_id = (await box.send(expires_at=box.clock.now() + timedelta(seconds=30))).message_ids[0]
            await box.becomes(message_id, "unknown")
            await box.sweep()
            box.pass_time(61)
            assert await box.becomes(message_id, "failed") == ["queued", "unknown", "failed"]
            message = (await box.service.message(message_id))[0]
            assert message.error is not None
            assert message.error[0] == "outcome_unknown"
            assert len(port.offered) == 1

    run(scenario())
