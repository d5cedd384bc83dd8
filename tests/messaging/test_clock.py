"""A box that does not know what time it is: what waits for that, and what a clock that is set must not do."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.clock import SET_AFTER, SystemClock
from gateway.errors import CODES
from gateway.messaging import timekeeper
from gateway.messaging.calendar import QuietHours
from gateway.messaging.retention import Retention
from gateway.messaging.routing import Routing
from gateway.messaging.timekeeper import Timekeeper
from tests.messaging.rig import Rig, rig, run, until
from tests.messaging.test_reassembly import part
from tests.support.clock import ManualClock

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NEVER_SET = datetime(1970, 1, 1, 0, 5, tzinfo=UTC)


class Machine:
    """The clock of a machine, as the kernel has it."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.synchronised = False
        self.up_s = 0.0

    def clock(self) -> SystemClock:
        return SystemClock(
            system_time=lambda: self.now, synchronised=lambda: self.synchronised, monotonic=lambda: self.up_s
        )

    def go_on(self, time: timedelta) -> None:
        self.now += time
        self.up_s += time.total_seconds()


def test_a_clock_that_nobody_doubts_is_the_systems() -> None:
    machine = Machine(NOW + timedelta(microseconds=1999))
    clock = machine.clock()
    clock.begin(NOW - timedelta(days=1))
    clock.network_time(NOW + timedelta(days=400))
    assert clock.trusted
    assert clock.now() == NOW + timedelta(milliseconds=1)


@pytest.mark.parametrize(("shown", "known"), [(NEVER_SET, None), (NOW - timedelta(days=1), NOW)])
def test_a_clock_that_must_be_wrong_takes_a_networks_time_until_it_is_right(
    shown: datetime, known: datetime | None
) -> None:
    machine = Machine(shown)
    clock = machine.clock()
    clock.begin(known)
    assert not clock.trusted
    assert clock.now() == shown
    clock.network_time(datetime(2004, 1, 1, tzinfo=UTC))  # a modem's clock that was never set
    clock.network_time((known or SET_AFTER) - timedelta(seconds=1))
    assert not clock.trusted
    clock.network_time(NOW + timedelta(days=3))
    assert clock.trusted
    machine.now += timedelta(hours=5)  # set by somebody, and still wrong
    assert timedelta(0) <= clock.now() - (NOW + timedelta(days=3)) < timedelta(minutes=1)
    clock.network_time(NOW + timedelta(days=9))  # another modem, which shows something else
    assert clock.now() < NOW + timedelta(days=4)
    machine.now, machine.synchronised = NOW + timedelta(days=2), True
    assert clock.now() == NOW + timedelta(days=2)
    machine.now, machine.synchronised = NEVER_SET, False
    assert clock.trusted  # once right, it is the system's own


@pytest.mark.parametrize("told", [True, False])
def test_a_clock_that_must_be_wrong_does_not_become_right_by_going_on(told: bool) -> None:
    """Without a battery it begins a while before it stopped; an hour later it shows what was known, and is days behind."""
    machine = Machine(NOW - timedelta(minutes=40))
    clock = machine.clock()
    clock.begin(NOW)
    if told:
        clock.network_time(NOW + timedelta(days=3))
    for hours in range(1, 50):
        machine.go_on(timedelta(hours=1))
        assert clock.trusted is told
        assert clock.now() == NOW + (timedelta(days=3, hours=hours) if told else timedelta(hours=hours, minutes=-40))
    machine.now += timedelta(days=3)  # set by somebody
    assert clock.trusted
    assert clock.now() == machine.now


def test_a_synchronised_clock_is_right_whatever_was_stored() -> None:
    machine = Machine(NOW)
    machine.synchronised = True
    clock = machine.clock()
    clock.begin(NOW + timedelta(days=3650))
    assert clock.trusted
    machine.now = NEVER_SET  # synchronised with what?
    clock.begin(None)
    assert not clock.trusted


def test_the_kernel_is_asked() -> None:
    clock = SystemClock()
    clock.begin(None)
    assert clock.trusted
    clock.begin(clock.now() + timedelta(days=1))
    assert isinstance(clock.trusted, bool)


def test_what_depends_on_the_time_waits_until_it_is_known(tmp_path: Path) -> None:
    clock = ManualClock()
    clock.trusted = False

    async def scenario() -> None:
        async with rig(tmp_path, clock=clock) as box:
            later = (await box.send(send_at=clock.now() + timedelta(seconds=10))).message_ids[0]
            ends = (await box.send(expires_at=clock.now() + timedelta(seconds=10))).message_ids[0]
            box.pass_time(60)
            await box.ready()
            await box.send("+4915112345670", "plain")
            await _sent(box, "plain")
            assert await box.statuses(later) == ["scheduled"]
            assert await box.statuses(ends) == ["queued"]
            clock.trusted = True
            box.service.time_is_known()
            assert (await box.becomes(later, "sent"))[0] == "scheduled"
            await box.becomes(ends, "failed")

    run(scenario())


async def _sent(box: Rig, text: str) -> None:
    while text not in [each[1] for each in box.ports["one"].taken]:  # noqa: ASYNC110 - the port tells nobody
        await asyncio.sleep(0.002)
    await box.idle()


def test_quiet_hours_hold_until_it_is_known_that_there_are_none(tmp_path: Path) -> None:
    clock = ManualClock()
    clock.trusted = False
    noon = clock.now().astimezone().time()
    quiet = QuietHours(
        begin=noon.replace(hour=(noon.hour + 6) % 24), end=noon.replace(hour=(noon.hour + 7) % 24, minute=1)
    )

    async def scenario() -> None:
        async with rig(tmp_path, clock=clock, routing=Routing(quiet=quiet)) as box:
            await box.ready()
            held = (await box.send()).message_ids[0]
            await box.send("+4915112345670", "alarm", priority=9)
            await _sent(box, "alarm")
            assert (await box.service.message(held))[0].status == "queued"
            clock.trusted = True
            box.service.time_is_known()
            await box.becomes(held, "sent")

    run(scenario())


def test_retention_waits_for_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.messaging.retention.ROUND_S", 0.001)
    clock = ManualClock()
    clock.trusted = False
    rounds = asyncio.Event()

    async def scenario() -> None:
        async with rig(tmp_path, clock=clock) as box:
            retention = Retention(box.store, clock, 1)

            async def note() -> None:
                rounds.set()

            monkeypatch.setattr(retention, "delete_old", note)
            task = asyncio.create_task(retention.run())
            await asyncio.sleep(0.05)
            assert not rounds.is_set()
            clock.trusted = True
            await rounds.wait()
            task.cancel()

    run(scenario())


def test_a_clock_that_is_set_forward_delivers_no_text_with_a_gap(tmp_path: Path) -> None:
    clock = ManualClock()

    async def scenario() -> None:
        async with rig(tmp_path, clock=clock, reassembly_timeout_s=60) as box:
            await box.receive(part("first ".encode("utf-16-be"), 1, 2, at=NOW))
            clock._now += timedelta(days=400)
            box.pass_time(30)
            await _looked(box)
            assert await box.texts() == []
            await box.receive(part("second".encode("utf-16-be"), 2, 2, at=NOW))
            (message,) = await box.events("inbox")
            assert (message["revision"], message["parts_missing"]) == (1, [])
            await box.receive(part("alone".encode("utf-16-be"), 1, 2, at=NOW, ref=10, index=3))
            box.pass_time(61)
            await until(lambda: _shown(box, 2), "the text to be shown with its gap")

    run(scenario())


async def _shown(box: Rig, count: int) -> bool:
    return len(await box.texts()) == count


async def _looked(box: Rig) -> None:
    """The timers have looked at the clock as it is now."""
    timers = box.service._timers
    while timers._looked_at[0] != box.clock.now():  # noqa: ASYNC110 - nobody is told
        await asyncio.sleep(0.002)
    for _ in range(3):
        await box.store.write(lambda tx: None)
        await box.store.read(lambda tx: None)


def test_a_box_without_a_time_says_so_and_says_when_it_has_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timekeeper, "PATIENCE_S", 0.0)
    monkeypatch.setattr(timekeeper, "LOOK_S", 0.001)
    machine = Machine(NEVER_SET)
    known = asyncio.Event()

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            clock = machine.clock()
            keeper = Timekeeper(box.store, clock, box.service.alert, known.set)
            await keeper.begin()
            task = asyncio.create_task(keeper.run())
            await box.service.wait_for_events(0)
            assert not known.is_set()
            clock.network_time(NOW)
            await known.wait()
            await box.service.wait_for_events(1)
            assert [(each["code"], each["over"]) for each in await box.events("alert")] == [
                ("clock_not_set", False),
                ("clock_not_set", True),
            ]
            assert "clock_not_set" in CODES
            await until(lambda: box.service.get_value(timekeeper.KEY), "the time to be stored")
            task.cancel()
            again = machine.clock()  # the power was cut: its clock stands where it was
            await Timekeeper(box.store, again, box.service.alert, known.set).begin()
            machine.now = NOW - timedelta(seconds=1)
            assert not again.trusted
            machine.now = NOW + timedelta(minutes=1)
            assert again.trusted

    run(scenario())
