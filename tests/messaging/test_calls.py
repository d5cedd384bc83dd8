"""Calls: one id and one row each, an event for each state in order, and no call that rings for ever."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.errors import StoreError
from gateway.messaging import backlog, retention
from gateway.messaging.model import CallFilter
from tests.messaging.rig import rig, run, until


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    call: int
    number: str | None
    state: str


def changes(call: int, number: str | None, *states: str) -> list[Change]:
    return [Change(call=call, number=number, state=state) for state in states]


def test_a_call_has_one_id_one_row_and_an_event_for_each_state(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, lines=("one", "two")) as box:
            await box.ready("one")
            for change in changes(1, "01701234567", "ringing", "answered", "ended"):
                box.service.notices.call("one", change)
                box.clock.advance(5)
            for change in changes(1, None, "ringing", "missed"):  # another line counts for itself
                box.service.notices.call("two", change)
            await box.service.notices.flush()
            first, second = reversed(await box.service.calls(CallFilter()))
            assert (first.line, first.peer, first.state, first.iccid) == ("one", "+491701234567", "ended", "iccid-one")
            assert first.answered_at is not None
            assert first.ended_at is not None
            assert (first.answered_at - first.started_at).total_seconds() == 5
            assert (second.line, second.peer, second.state) == ("two", None, "missed")
            events = await box.events("call")
            assert [(each["call_id"], each["state"]) for each in events] == [
                *((first.id, state) for state in ("ringing", "answered", "ended")),
                *((second.id, state) for state in ("ringing", "missed")),
            ]
            assert events[0] | {"ts": ""} == {
                "call_id": first.id,
                "modem": "one",
                "direction": "inbound",
                "from": "+491701234567",
                "state": "ringing",
                "ts": "",
            }
            assert first.id.startswith("CA")
            assert len(first.id) == 34

    run(scenario())


def test_calls_are_found_by_number_and_modem_and_paged(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, lines=("one", "two")) as box:
            for n in range(6):
                box.service.notices.call("one" if n % 2 else "two", Change(call=n, number=f"+4917{n}", state="missed"))
            await box.service.notices.flush()
            assert [call.peer for call in await box.service.calls(CallFilter(line="one"))] == [
                "+49175",
                "+49173",
                "+49171",
            ]
            [found] = await box.service.calls(CallFilter(peer="+49173"))
            assert found.line == "one"
            older = await box.service.calls(CallFilter(before=found.n, limit=2))
            assert [call.peer for call in older] == ["+49172", "+49171"]

    run(scenario())


def test_what_rang_when_the_last_run_ended_is_over(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            for n, state in enumerate(("ringing", "answered")):
                box.service.notices.call("one", Change(call=n, number="+491701234567", state=state))
            await box.service.notices.flush()
        async with rig(tmp_path) as box:
            assert [call.state for call in await box.service.calls(CallFilter())] == ["ended", "missed"]
            assert [each["state"] for each in await box.events("call")] == ["ringing", "answered", "missed", "ended"]
            box.service.notices.call("one", Change(call=0, number=None, state="ringing"))  # no name is used again
            await box.service.notices.flush()
            assert len(await box.service.calls(CallFilter())) == 3

    run(scenario())


def test_a_change_that_is_not_stored_is_stored_later_and_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "PAUSE_S", 0.01)

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            write, refusals = box.store.write, [StoreError("disk full")] * 3

            def refusing(change):  # type: ignore[no-untyped-def]
                if refusals:
                    raise refusals.pop()
                return write(change)

            monkeypatch.setattr(box.store, "write", refusing)
            for change in changes(1, "+491701234567", "ringing", "missed"):
                box.service.notices.call("one", change)

            async def states() -> bool:
                return [each["state"] for each in await box.events("call")] == ["ringing", "missed"]

            await until(states, "both events")
            assert not refusals

    run(scenario())


def test_a_caller_that_is_no_number_is_kept_as_it_came(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            box.service.notices.call("one", Change(call=1, number="*#31", state="missed"))
            await box.service.notices.flush()
            assert [call.peer for call in await box.service.calls(CallFilter())] == ["*#31"]

    run(scenario())


def test_old_calls_go_with_old_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAUSE_S", 0)

    async def scenario() -> None:
        async with rig(tmp_path, retention_days=30) as box:
            for change in (*changes(1, "+491701234567", "ringing", "missed"), *changes(2, "+491701234568", "ringing")):
                box.service.notices.call("one", change)
            await box.service.notices.flush()
            box.clock.advance(31 * 86_400)
            for change in changes(3, "+491701234569", "missed"):
                box.service.notices.call("one", change)
            await box.service.notices.flush()
            await box.service._retention.delete_old()
            # one goes on still, as far as anybody knows
            assert [call.peer for call in await box.service.calls(CallFilter())] == ["+491701234569", "+491701234568"]

    run(scenario())
