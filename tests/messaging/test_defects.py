"""Where a text could be lost, sent twice or stay for ever: clocks that go back, defects of ours, answers at the wrong moment."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.messaging import ledger, sender
from gateway.messaging.ledger import Sim
from gateway.messaging.model import SegmentState
from gateway.messaging.ports import Tx
from tests.messaging.rig import ORIGIN, UNKNOWN, Answer, rig, run, until
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


def test_a_late_answer_waits_for_the_result_that_it_belongs_to(tmp_path: Path) -> None:
    """The database comes back: the answer must not be noted, as nobody's, before the time-out is."""

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            port = box.ports["one"]
            port.hold = asyncio.Event()
            port.answers.append(UNKNOWN)
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            await until(lambda: port.at_work, "the submit")
            with pytest.raises(Exception, match="not settled"):
                await box.service.listener.late_submit("one", Answer(outcome="", mr=7))
            port.hold.set()
            await box.becomes(message_id, "unknown")
            await box.service.listener.late_submit("one", Answer(outcome="", mr=7))
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
