"""What edges are shown of modems, health and events, and what they are alerted to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.errors import CODES, RequestError
from gateway.messaging import LineSettings
from gateway.messaging.model import LineStatus
from tests.messaging.rig import deliver, rig, run


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Satisfies `messaging.ports.LineState`."""

    state: str = "ready"
    registered: bool = True
    operator: str = "Test"
    access: str = "lte"
    rssi_dbm: int | None = -71
    bars: int = 4
    roaming: bool = False
    sim: str = "ready"
    imei: str = "imei-one"
    iccid: str = "iccid-one"
    number: str = "+491700000001"
    temperature_c: float | None = None
    voltage_mv: int | None = None
    cell: str = ""
    warnings: tuple[str, ...] = ()
    error: str = ""


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("sim_missing", "sim_missing"),
        ("sim_pin", "sim_pin_required"),
        ("sim_puk", "sim_puk_required"),
        ("failed", "modem_error"),
        ("lost", "modem_error"),
    ],
)
def test_an_alert_is_raised_once_and_called_off_once(tmp_path: Path, state: str, code: str) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, start=False) as box:
            listener = box.service.listener
            for each in (State(state=state, error="why"), State(state=state, error="why", bars=1), State(), State()):
                listener.state_changed("one", each)
                await box.store.write(lambda tx: None)
            raised, over = await box.events("alert")
            assert raised == {
                "code": code,
                "message": "one: why",
                "modem": "one",
                "since": "2026-03-01T12:00:00.000Z",
                "over": False,
            }
            assert (over["code"], over["modem"], over["over"]) == (code, "one", True)
            assert code in CODES

    run(scenario())


def test_a_warning_is_raised_beside_other_trouble_and_called_off_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, start=False) as box:
            low = ("low_voltage",)
            for each in (State(warnings=low), State(state="lost", warnings=low), State(warnings=low), State(), State()):
                box.service.listener.state_changed("one", each)
                await box.store.write(lambda tx: None)
            told = [(each["code"], each["over"]) for each in await box.events("alert")]
            assert told == [
                ("low_voltage", False),
                ("modem_error", False),
                ("modem_error", True),
                ("low_voltage", True),
            ]
            assert "low_voltage" in CODES

    run(scenario())


def test_one_trouble_after_another(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, lines=("one", "two"), start=False) as box:
            for name, state in (("one", "lost"), ("two", "sim_puk"), ("one", "sim_missing"), ("one", "ready")):
                box.service.listener.state_changed(name, State(state=state))
                await box.store.write(lambda tx: None)
            told = [(each["modem"], each["code"], each["over"]) for each in await box.events("alert")]
            assert told == [
                ("one", "modem_error", False),
                ("two", "sim_puk_required", False),
                ("one", "modem_error", True),
                ("one", "sim_missing", False),
                ("one", "sim_missing", True),
            ]

    run(scenario())


def test_a_line_that_is_tried_again_and_again_in_vain_has_one_alert(tmp_path: Path) -> None:
    """Each try goes through the same states; none of them says that anything is well."""

    async def scenario() -> None:
        async with rig(tmp_path, start=False) as box:
            for state in ("connecting", "initialising", "lost") * 3 + ("initialising", "searching"):
                box.service.listener.state_changed("one", State(state=state))
                await box.store.write(lambda tx: None)
            told = [(each["code"], each["over"]) for each in await box.events("alert")]
            assert told == [("modem_error", False), ("modem_error", True)]

    run(scenario())


def test_what_is_shown_of_a_line(tmp_path: Path) -> None:
    async def scenario() -> None:
        lines = (LineSettings(name="one", number="+4930123456", daily_limit=5),)
        async with rig(tmp_path, line_settings=lines) as box:
            told: list[LineStatus] = []
            box.service.on_line_change(told.append)
            (before,) = box.service.lines()
            assert (before.able, before.state, before.number, before.daily_limit) == (
                *(False, "connecting", "+4930123456", 5),
            )
            box.service.listener.state_changed("one", State())
            box.service.listener.state_changed("one", State())
            await box.ready()
            box.down()
            assert [(each.able, each.state, each.operator) for each in told] == [
                (False, "ready", "Test"),
                (True, "ready", "Test"),
                (False, "ready", "Test"),
            ]
            assert told[-1].number == "+4930123456", "what is configured counts, not what the SIM says"
            assert told[-1].since == box.clock.now()

    run(scenario())


def test_the_number_that_a_sim_tells_is_the_one_a_text_came_to(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            box.service.listener.state_changed("one", State(number="+491700000077"))
            await box.receive(*deliver("hello", at=box.clock.now()))
            (event,) = await box.events("inbox")
            assert event["to"] == "+491700000077"
            mine = await box.send(sender="+49 170 0000077")
            assert (await box.service.message(mine.message_ids[0]))[0].modem == "one"

    run(scenario())


def test_health(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, lines=("one", "two")) as box:
            assert box.service.health() == {"ready": False, "store": "ok", "lines": {"one": False, "two": False}}
            await box.ready("two")
            assert box.service.health() == {"ready": True, "store": "ok", "lines": {"one": False, "two": True}}
            await box.store.close()
            assert box.service.health()["ready"] is False

    run(scenario())


def test_a_gateway_without_modems_is_ready(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, lines=()) as box:
            assert box.service.health() == {"ready": True, "store": "ok", "lines": {}}
            assert (await box.send()).status == "accepted"

    run(scenario())


# --- events -----------------------------------------------------------------------------------------------------------


def test_who_waits_for_events_is_woken_by_the_next_one_and_by_no_other_change(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, start=False) as box:
            waiters = [asyncio.create_task(box.service.wait_for_events(0)) for _ in range(3)]
            waiters[2].cancel()
            await box.service.set_value("key", "value")
            with pytest.raises(RequestError):
                await box.service.cancel("SM0")
            await asyncio.sleep(0.01)
            assert [waiter.done() for waiter in waiters] == [False, False, True]
            await box.send()
            await asyncio.gather(*waiters[:2])
            await box.service.wait_for_events(1)
            later = asyncio.create_task(box.service.wait_for_events(2))
            await asyncio.sleep(0.01)
            assert not later.done()
            await box.service.alert("store_error", "just so")
            await later
            assert [stored.seq for stored in await box.service.events(0, 10)] == [1, 2, 3]
            assert [stored.seq for stored in await box.service.events(1, 1)] == [2]

    run(scenario())


def test_who_asks_for_events_that_are_deleted_waits_for_the_next_one(tmp_path: Path) -> None:
    """A box that was quiet for as long as events are kept: a page that is open there must not ask again all the time."""

    async def scenario() -> None:
        async with rig(tmp_path, start=False) as box:
            for _ in range(3):
                await box.send()
        async with rig(tmp_path, start=False) as box:
            await box.sql("DELETE FROM events")
            for place in (0, 2, 0):
                assert await box.service.events(place, 10) == []
                waiting = asyncio.create_task(box.service.wait_for_events(place))
                await asyncio.sleep(0.01)
                assert not waiting.done()
                waiting.cancel()
            waiting = asyncio.create_task(box.service.wait_for_events(0))
            await box.service.alert("store_error", "just so")
            await waiting
            assert [stored.seq for stored in await box.service.events(0, 10)] == [7]

    run(scenario())


def test_a_consumer_goes_on_where_it_was_after_a_restart(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, start=False) as box:
            await box.send()
            await box.send()
            await box.service.advance("mqtt", 3)
            await box.service.set_value("session", "abc")
        async with rig(tmp_path, start=False) as box:
            assert await box.service.cursor("mqtt") == 3
            assert await box.service.cursor("web") == 0
            assert await box.service.get_value("session") == "abc"
            assert await box.service.get_value("nothing") is None
            await box.service.wait_for_events(3)  # there is one left: nobody has to wait
            assert [stored.seq for stored in await box.service.events(3, 10)] == [4]

    run(scenario())


def test_a_life_is_told_in_its_timeline(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            await box.ready()
            later = box.clock.now() + timedelta(hours=1)
            message_id = (await box.send(send_at=later)).message_ids[0]
            box.pass_time(3600)
            await box.becomes(message_id, "sent")
            _, segments, timeline = await box.service.message(message_id)
            assert [entry.what for entry in timeline] == ["scheduled", "queued", "submitting", "sent"]
            assert [entry.modem for entry in timeline] == [None, None, "one", "one"]
            assert [entry.segment for entry in timeline] == [None, None, 1, 1]
            assert timeline[-1].detail == "reference 1"
            assert (segments[0].imei, segments[0].iccid, segments[0].mr) == ("imei-one", "iccid-one", 1)

    run(scenario())


def test_a_text_that_nobody_knows(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, start=False) as box:
            for ask in (box.service.message, box.service.cancel):
                with pytest.raises(RequestError) as told:
                    await ask("SM" + "0" * 32)
                assert told.value.code == "unknown_message"

    run(scenario())


def test_state_changes_do_not_hide_who_the_modem_is(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            await box.ready()
            box.service.listener.state_changed("one", replace(State(), imei="", iccid="", number=""))
            (status,) = box.service.lines()
            assert (status.imei, status.iccid, status.number) == ("imei-one", "iccid-one", "+491700000001")

    run(scenario())
