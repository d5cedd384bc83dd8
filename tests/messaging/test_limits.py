"""How much a SIM may send: by day, by month, to how many; never a segment more, over restarts too."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.messaging import LineSettings, counts, retention
from gateway.messaging.calendar import Calendar
from gateway.messaging.lines import MAX_SEGMENTS, Lines
from gateway.messaging.routing import Route, Routing
from tests.messaging.rig import UNKNOWN, Rig, rig, run, until
from tests.support.clock import ManualClock

BERLIN = Calendar(zone=ZoneInfo("Europe/Berlin"))
UTC_DAYS = Calendar(zone=UTC)
LONG = "0123456789" * 40  # three segments
DAY = 86_400.0


@pytest.fixture(autouse=True)
def _count_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "PAUSE_S", 0.01)
    monkeypatch.setattr(counts, "LOOK_AGAIN_S", 0.05)


def line(**limits: int) -> tuple[LineSettings, ...]:
    return (LineSettings(name="one", **limits),)


async def counted(box: Rig, sent_today: int, name: str = "one") -> None:
    line = box.service._lines.by_name[name]
    await until(lambda: line.status.sent_today == line.sent_today == sent_today, f"{sent_today} to be counted")


async def statuses(box: Rig, ids: list[str]) -> list[str]:
    return [(await box.service.message(message_id))[0].status for message_id in ids]


@given(st.lists(st.integers(1, 9), max_size=40), st.integers(1, 20), st.integers(0, 40))
def test_no_limit_is_overrun_by_what_fits_into_it(sizes: list[int], daily: int, monthly: int) -> None:
    """A message is begun only when it fits, alone if it is larger than the limit; and what fits is not kept back."""
    lines = Lines(line(daily_limit=daily, monthly_limit=monthly), ManualClock())
    one = lines.by_name["one"]
    for size in sizes:
        before = one.sent_today
        if one.may_begin(size, "72211"):
            for _ in range(size):
                lines.sent("one", "72211")
            assert one.sent_today <= daily or before == 0
            assert not monthly or one.sent_this_month <= monthly or before == 0
        else:
            assert before + size > daily or 0 < monthly < before + size
    assert 0 <= one.room() <= MAX_SEGMENTS


def test_a_text_that_does_not_fit_today_is_not_begun(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, line_settings=line(daily_limit=4), calendar=UTC_DAYS) as box:
            port = box.ports["one"]
            ids = [(await box.send(text=text)).message_ids[0] for text in ("a", "b", LONG, "c", "d", "e")]
            await box.ready()
            await until(lambda: len(port.taken) == 4, "as many as may be")
            await counted(box, 4)
            await box.idle()
            assert [text for _, text, _ in port.taken] == ["a", "b", "c", "d"]
            assert await statuses(box, [ids[2], ids[5]]) == ["queued", "queued"]
            why = (await box.service.message(ids[5]))[2][-1]
            assert (why.what, why.detail) == ("waiting", "no modem may send more today")
            box.pass_time(DAY / 2)
            await box.becomes(ids[2], "sent")
            await box.becomes(ids[5], "sent")
            assert len(port.taken) == 8

    run(scenario())


def test_a_text_larger_than_the_limit_goes_as_the_first_of_a_day(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, line_settings=line(daily_limit=2), calendar=UTC_DAYS) as box:
            port = box.ports["one"]
            ids = [(await box.send(text=text)).message_ids[0] for text in ("a", LONG)]
            await box.ready()
            await box.becomes(ids[0], "sent")
            await box.idle()
            assert len(port.taken) == 1
            box.pass_time(DAY / 2)
            await box.becomes(ids[1], "sent")

    run(scenario())


def test_the_month_counts_too_also_what_was_deleted_since(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAUSE_S", 0)
    settings = {"line_settings": line(monthly_limit=3), "calendar": UTC_DAYS, "retention_days": 1}

    async def scenario() -> None:
        clock = ManualClock()  # 1 March
        async with rig(tmp_path, clock=clock, **settings) as box:
            await box.ready()
            await box.becomes((await box.send(text="a")).message_ids[0], "sent")
            await box.becomes((await box.send(text="b")).message_ids[0], "sent")
            clock.advance(12 * DAY)
            await box.service._retention.delete_old()
            assert await box.sql("SELECT count(*) FROM segments") == [(0,)]
        async with rig(tmp_path, clock=clock, **settings) as box:
            assert box.service.lines()[0].sent_this_month == 2
            await box.ready()
            await box.becomes((await box.send(text="c")).message_ids[0], "sent")
            last = (await box.send(text="d")).message_ids[0]
            await counted(box, 1)
            clock.advance(12 * DAY)
            box.pass_time(0)
            await counted(box, 0)
            await box.idle()
            assert await statuses(box, [last]) == ["queued"]
            clock.advance(8 * DAY)  # April
            await box.becomes(last, "sent")
            await until(lambda: box.service.lines()[0].sent_this_month == 1, "the new month")

    run(scenario())


def test_recipients_are_limited_and_known_ones_go_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, line_settings=line(daily_recipients=2), calendar=UTC_DAYS) as box:
            port = box.ports["one"]
            await box.ready()
            for to in ("72211", "72212", "72213", "72211", "72212", "72214"):
                await box.send(to=to)
            await until(lambda: len(port.taken) == 4, "those that may")
            await box.idle()
            assert {to for to, _, _ in port.taken} == {"72211", "72212"}
            await until(lambda: box.service.lines()[0].recipients_today == 2, "the count")
        async with rig(tmp_path, line_settings=line(daily_recipients=2), calendar=UTC_DAYS) as box:
            port = box.ports["one"]
            await box.ready()
            await box.becomes((await box.send(to="72212")).message_ids[0], "sent")
            await box.idle()
            assert len(port.taken) == 1
            box.pass_time(DAY / 2)
            await until(lambda: len(port.taken) == 3, "the others, tomorrow")

    run(scenario())


def test_others_may_take_what_one_may_not(tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = (LineSettings(name="one", daily_limit=1), LineSettings(name="two", daily_recipients=1))
        table = Routing(routes=(Route(name="r", modems=("one", "two", "three")),))
        lines = ("one", "two", "three")
        async with rig(
            tmp_path, lines=lines, line_settings=(*settings, LineSettings(name="three")), routing=table
        ) as box:
            for name in lines:
                await box.ready(name)
            for to in ("72211", "72212", "72213"):
                await box.becomes((await box.send(to=to)).message_ids[0], "sent")
            assert [[to for to, _, _ in port.taken] for port in box.ports.values()] == [
                ["72211"],
                ["72212"],
                ["72213"],
            ]
            await until(lambda: box.service.lines()[0].sent_today == 1, "the count")

            async def alerts() -> bool:
                found = await box.events("alert")
                return [(each["code"], each["modem"], each["over"]) for each in found] == [
                    ("quota_exceeded", "one", False),
                    ("quota_exceeded", "two", False),
                ]

            await until(alerts, "the alerts")

    run(scenario())


def test_at_the_limit_a_command_can_be_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = line(daily_limit=1)
        async with rig(tmp_path, line_settings=settings, at_limit="refuse", calendar=UTC_DAYS) as box:
            await box.ready()
            first = await box.send(client_id="a")
            await box.becomes(first.message_ids[0], "sent")
            refused = await box.send(client_id="b")
            assert (refused.status, refused.error and refused.error[0]) == ("rejected", "quota_exceeded")
            assert (await box.send(client_id="a")).status == "duplicate"
            later = await box.send(send_at=box.clock.now() + timedelta(days=1))
            assert later.status == "accepted", "tomorrow is another day"
            box.clock.advance(DAY / 2)
            await counted(box, 0)
            assert (await box.send(client_id="b")).status == "accepted"

    run(scenario())


def test_what_may_have_left_counts(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, line_settings=line(daily_limit=2), on_unknown="fail", unknown_hold_s=60) as box:
            port = box.ports["one"]
            port.answers.append(UNKNOWN)
            ids = [(await box.send(text=f"n{n}")).message_ids[0] for n in range(3)]
            await box.ready()
            await box.becomes(ids[0], "unknown")
            await box.becomes(ids[1], "sent")
            await counted(box, 2)
            await box.idle()
            assert (len(port.offered), await statuses(box, ids[2:])) == (2, ["queued"])
            await box.sweep()
            box.pass_time(61)
            await box.becomes(ids[0], "failed")
            await box.becomes(ids[2], "sent")  # it is taken not to have left

    run(scenario())


def test_a_day_is_a_day_where_the_box_is(tmp_path: Path) -> None:
    clock = ManualClock()
    clock._now = datetime(2026, 7, 1, 21, 59, tzinfo=UTC)  # 23:59 in Berlin

    async def scenario() -> None:
        async with rig(tmp_path, clock=clock, line_settings=line(daily_limit=1), calendar=BERLIN) as box:
            await box.ready()
            await box.becomes((await box.send()).message_ids[0], "sent")
            second = (await box.send(text="second")).message_ids[0]
            await counted(box, 1)
            await box.idle()
            assert await statuses(box, [second]) == ["queued"]
            clock.advance(60)
            await box.becomes(second, "sent")

    run(scenario())


@pytest.mark.parametrize(
    ("now", "day", "month"),
    [
        ("2026-03-29T12:00:00", "2026-03-28T23:00:00", "2026-02-28T23:00:00"),
        ("2026-03-31T22:30:00", "2026-03-31T22:00:00", "2026-03-31T22:00:00"),
        ("2026-01-01T00:00:00", "2025-12-31T23:00:00", "2025-12-31T23:00:00"),
    ],
)
def test_days_and_months_begin_at_local_midnight(now: str, day: str, month: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert BERLIN.day_begin(moment).replace(tzinfo=None).isoformat() == day
    assert BERLIN.month_begin(moment).replace(tzinfo=None).isoformat() == month
    assert BERLIN.day_begin(moment) <= moment < BERLIN.day_end(moment)


def test_what_waits_tells_that_no_modem_is_there(tmp_path: Path) -> None:
    async def scenario() -> None:
        table = Routing(routes=(Route(name="de", prefixes=("+49",), modems=("one",)),))
        async with rig(tmp_path, lines=("one", "two"), routing=table) as box:

            async def why(**more: object) -> str:
                message_id = (await box.send(**more)).message_ids[0]
                return (await box.service.message(message_id))[2][-1].detail

            assert await why(to="+33612345678") == "no modem can send now"
            box.ports["two"].hold = asyncio.Event()
            await box.ready("two")
            assert await why() == "no modem of route de can send now"
            assert await why(modem="one") == "modem one cannot send now"
            await until(lambda: box.ports["two"].at_work, "two to be busy")
            assert await why(to="+33612345679") == "by test", "nothing is in the way: it is not its turn yet"

    run(scenario())


@pytest.mark.parametrize("how", ["route", "weights", "sticky"])
def test_what_is_too_long_for_what_one_modem_may_send_goes_by_another(tmp_path: Path, how: str) -> None:
    table = {
        "route": Routing(routes=(Route(name="all", modems=("one", "two")),)),
        "weights": Routing(routes=(Route(name="all", modems=("one", "two"), weights=(9, 1)),)),
        "sticky": Routing(sticky=timedelta(hours=24)),
    }[how]
    settings = (LineSettings(name="one", daily_limit=4), LineSettings(name="two"))

    async def scenario() -> None:
        async with rig(tmp_path, lines=("one", "two"), line_settings=settings, calendar=UTC_DAYS, routing=table) as box:
            await box.ready("one")
            for text in ("a", "b"):
                await box.becomes((await box.send(text=text)).message_ids[0], "sent")
            await box.ready("two")
            await box.idle("two")
            for n in range(9):
                await box.becomes((await box.send(text=f"{LONG}{n}")).message_ids[0], "sent")
            if how == "route":
                assert len(box.ports["one"].taken) == 2
                await box.becomes((await box.send(text="c")).message_ids[0], "sent")
                assert len(box.ports["one"].taken) == 3, "what fits still goes where it belongs"

    run(scenario())


def test_a_modem_of_a_route_goes_on_for_the_recipients_that_it_had(tmp_path: Path) -> None:
    table = Routing(routes=(Route(name="all", modems=("one",)),))

    async def scenario() -> None:
        async with rig(tmp_path, line_settings=line(daily_recipients=1), calendar=UTC_DAYS, routing=table) as box:
            await box.ready()
            await box.becomes((await box.send(to="+4915112345678")).message_ids[0], "sent")
            await counted(box, 1)
            new = (await box.send(to="+4915112345679")).message_ids[0]
            await box.becomes((await box.send(to="+4915112345678", text="again")).message_ids[0], "sent")
            assert await statuses(box, [new]) == ["queued"]

    run(scenario())
