"""Quiet hours: what waits for them, what does not, and what the clock's moods do to it."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.messaging.calendar import Calendar, QuietHours
from gateway.messaging.model import Queue
from gateway.messaging.routing import Route, Routing
from tests.messaging.rig import NOT_SENT, Answer, Rig, rig, run, until
from tests.support.clock import ManualClock

BERLIN = Calendar(zone=ZoneInfo("Europe/Berlin"))
NIGHT = QuietHours(begin=time(22), end=time(7), calendar=BERLIN)
NOON = QuietHours(begin=time(12), end=time(13), calendar=BERLIN)
GERMAN, FRENCH = "+4915112345678", "+33612345678"
LONG = "0123456789" * 40
EVENING = datetime(2026, 3, 1, 22, 30, tzinfo=UTC)  # 23:30 in Berlin
MORNING = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def at(moment: datetime) -> ManualClock:
    clock = ManualClock()
    clock._now = moment
    return clock


async def waits(box: Rig, message_id: str) -> list[str]:
    return [entry.detail for entry in (await box.service.message(message_id))[2] if entry.what == "waiting"]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "now", "ends"),
    [
        (NIGHT, "2026-01-10T20:59:59", None),
        (NIGHT, "2026-01-10T21:00:00", "2026-01-11T06:00:00"),
        (NIGHT, "2026-01-10T23:30:00", "2026-01-11T06:00:00"),
        (NIGHT, "2026-01-11T05:59:59", "2026-01-11T06:00:00"),
        (NIGHT, "2026-01-11T06:00:00", None),
        (NIGHT, "2026-03-28T23:00:00", "2026-03-29T05:00:00"),  # the night that is an hour shorter
        (NIGHT, "2026-10-24T23:00:00", "2026-10-25T06:00:00"),  # and the one that is longer
        (NOON, "2026-07-01T10:00:00", "2026-07-01T11:00:00"),
        (NOON, "2026-07-01T11:00:00", None),
        (NOON, "2026-07-01T09:59:59", None),
    ],
)
def test_when_quiet_hours_end(hours: QuietHours, now: str, ends: str | None) -> None:
    assert hours.until(utc(now)) == (utc(ends) if ends else None)


@given(
    st.times(),
    st.times(),
    st.integers(0, 2 * 366 * 86_400).map(lambda seconds: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)),
    st.sampled_from([None, ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("America/St_Johns")]),
)
def test_an_end_lies_ahead_and_less_than_a_day(begin: time, end: time, now: datetime, zone: ZoneInfo | None) -> None:
    hours = QuietHours(begin=begin, end=end, calendar=Calendar(zone=zone))
    ends = hours.until(now)
    assert ends is None or now < ends <= now + timedelta(hours=25)


def test_texts_wait_for_the_morning_and_say_so(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, clock=at(EVENING), routing=Routing(quiet=NIGHT), calendar=BERLIN) as box:
            await box.ready()
            quiet = (await box.send(text="newsletter")).message_ids[0]
            loud = (await box.send(text="alarm", priority=8)).message_ids[0]
            await box.becomes(loud, "sent")
            await box.idle()
            assert await box.statuses(quiet) == ["queued"]
            event = next(each for each in await box.events("message.status") if each["message_id"] == quiet)
            assert event["waits_until"] == "2026-03-02T06:00:00.000Z"
            said = "quiet hours until 2026-03-02T06:00:00.000Z"
            assert await waits(box, quiet) == [said, said], "once when it was accepted, and once as it is now"
            box.pass_time(7.5 * 3600 - 1)
            await box.idle()
            assert await box.statuses(quiet) == ["queued"]
            box.pass_time(1)
            await box.becomes(quiet, "sent")
            assert (await waits(box, quiet)) == [said]

    run(scenario())


def test_the_timer_knows_when_the_quiet_hours_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, clock=at(MORNING - timedelta(milliseconds=50)), routing=Routing(quiet=NIGHT)) as box:
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            await box.idle()
            box.clock.advance(0.1)  # nobody tells the senders
            await box.becomes(message_id, "sent")

    run(scenario())


def test_a_route_has_quiet_hours_of_its_own_or_none(tmp_path: Path) -> None:
    table = Routing(
        routes=(
            Route(name="de", prefixes=("+49",), quiet=NOON),
            Route(name="short", prefixes=("7",), always=True),
        ),
        quiet=NIGHT,
        quiet_up_to=4,
    )

    async def scenario() -> None:
        async with rig(tmp_path, clock=at(EVENING), routing=table) as box:
            await box.ready()
            rest = (await box.send(to=FRENCH, priority=4)).message_ids[0]
            for other in (
                await box.send(to=GERMAN, priority=4),
                await box.send(to="72211", priority=0),
                await box.send(to=FRENCH, priority=5),
            ):
                await box.becomes(other.message_ids[0], "sent")
            assert await box.statuses(rest) == ["queued"]
            box.pass_time(12.5 * 3600)  # noon
            await box.becomes(rest, "sent")
            german = (await box.send(to=GERMAN, priority=4)).message_ids[0]
            await box.idle()
            assert await box.statuses(german) == ["queued"]
            assert (await waits(box, german))[-1].startswith("quiet hours until")

    run(scenario())


def test_waiting_texts_can_be_cancelled_expire_and_are_counted(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, clock=at(EVENING), routing=Routing(quiet=NIGHT)) as box:
            await box.ready()
            canceled = (await box.send(text="canceled")).message_ids[0]
            expires = (await box.send(text="x", expires_at=EVENING + timedelta(hours=1))).message_ids[0]
            later = (await box.send(text="later", send_at=EVENING + timedelta(hours=2))).message_ids[0]
            early = (await box.send(text="early", send_at=MORNING + timedelta(hours=2))).message_ids[0]
            assert (await box.service.cancel(canceled)).status == "canceled"
            box.pass_time(2 * 3600)
            assert await box.becomes(expires, "failed") == ["queued", "failed"]
            await box.becomes(later, "queued")
            await box.idle()
            assert (await waits(box, later)) == ["quiet hours until 2026-03-02T06:00:00.000Z"]
            box.pass_time(7.5 * 3600)
            assert await box.becomes(later, "sent") == ["scheduled", "queued", "sent"]
            assert await box.becomes(early, "sent") == ["scheduled", "queued", "sent"]
            assert [text for _, text, _ in box.ports["one"].taken] == ["later", "early"]

    run(scenario())


def test_a_clock_that_is_set_is_followed_both_ways(tmp_path: Path) -> None:
    """A Pi starts in the past until network time comes: forward over the end, back into the night."""

    async def scenario() -> None:
        clock = at(EVENING)
        async with rig(tmp_path, clock=clock, routing=Routing(quiet=NIGHT)) as box:
            await box.ready()
            first = (await box.send(text="first")).message_ids[0]
            await box.idle()
            clock._now = MORNING + timedelta(days=300)
            box.service._timers.expect(clock.now())  # as when its minute is over
            box.pass_time(0)
            await box.becomes(first, "sent")
            clock._now = EVENING
            second = (await box.send(text="second")).message_ids[0]
            await box.idle()
            assert await box.statuses(second) == ["queued"]
            clock._now = MORNING
            box.pass_time(0)
            await box.becomes(second, "sent")

    run(scenario())


def test_what_has_begun_is_finished_at_night(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = at(utc("2026-03-01T20:59:59"))
        async with rig(tmp_path, clock=clock, routing=Routing(quiet=NIGHT)) as box:
            box.ports["one"].answers.extend([Answer(outcome="sent", mr=1), NOT_SENT])
            await box.ready()
            message_id = (await box.send(text=LONG)).message_ids[0]

            async def half_sent() -> bool:
                return [each.state for each in await box.segments(message_id)] == ["sent", "pending", "pending"]

            await until(half_sent, "the first segment")
            box.pass_time(2)
            await box.becomes(message_id, "sent")
            assert NIGHT.until(clock.now()) is not None

    run(scenario())


def test_a_recipient_of_a_sim_that_it_knows_has_quiet_hours_too(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = at(EVENING - timedelta(hours=2))
        table = Routing(quiet=NIGHT, sticky=timedelta(hours=24))
        async with rig(tmp_path, clock=clock, routing=table) as box:
            await box.ready()
            await box.becomes((await box.send()).message_ids[0], "sent")
            clock.advance(7200)
            message_id = (await box.send(text="again")).message_ids[0]
            loud = (await box.send(text="alarm", priority=9)).message_ids[0]
            await box.becomes(loud, "sent")
            await box.idle()
            assert (await box.service.message(message_id))[0].preferred == "iccid-one"
            assert await box.statuses(message_id) == ["queued"]
            box.pass_time(7.5 * 3600)
            await box.becomes(message_id, "sent")

    run(scenario())


def test_the_table_of_ends_is_empty_by_day() -> None:
    from gateway.messaging.routing import Router

    router = Router(Routing(quiet=NIGHT, routes=(Route(name="de", quiet=NOON),)), ("one",), None)
    assert router.quiet_ends(MORNING) == []
    assert router.quiet_ends(EVENING) == [MORNING]
    assert router.quiet_until("de", 7, EVENING) is None
    assert router.possible(Queue(n=1, modem="", route="de", client="")) == {"one"}
