"""The ladder of remedies, the deaf modem, the missing network, roaming, and a PIN that is remembered over restarts."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.modem import PinGuard, SubmitOutcome, SubmitResult, power, recovery, supervisor
from gateway.modem.errors import SimUnusable
from gateway.modem.health import REFUSALS, REFUSED_S, SubmitHealth
from gateway.modem.recovery import BUDGET, BUDGET_WINDOW_S, Ladder, Remedy, Trouble
from tests.modem.bench import running
from tests.modem.peer import OK, SUBMIT, SUBMIT_LENGTH, Peer, info

ALL = frozenset(Remedy)
HARDWARE = {Remedy.RESET, Remedy.REAUTHORISE, Remedy.POWER}


def test_the_ladder_is_climbed_by_time_and_its_last_step_is_repeated_ever_more_rarely() -> None:
    ladder = Ladder()
    taken = {
        now: remedy
        for now in range(0, 1200, 10)
        if (remedy := ladder.next(Trouble.BROKEN, now, ALL)) is not Remedy.REOPEN
    }
    assert taken == {
        20: Remedy.RESET,
        60: Remedy.REAUTHORISE,
        120: Remedy.POWER,
        240: Remedy.POWER,  # the fifth restart has to wait until the first one is an hour old
    }
    ladder.over(Trouble.BROKEN)
    assert ladder.next(Trouble.BROKEN, 1200, ALL) is Remedy.REOPEN


def test_what_cannot_be_done_is_left_out() -> None:
    ladder = Ladder()
    assert ladder.next(Trouble.SILENT, 0, {Remedy.RESET}) is Remedy.REOPEN
    assert ladder.next(Trouble.SILENT, 9999, {Remedy.RESET}) is Remedy.REOPEN
    assert not ladder.due(Trouble.ABSENT, 9999, {Remedy.RESET})
    assert ladder.next(Trouble.DEAF, 9999, {Remedy.RESET}) is Remedy.RESET


@given(
    st.lists(st.tuples(st.sampled_from(Trouble), st.floats(0.1, 4000), st.booleans()), max_size=80),
)
def test_no_hour_sees_more_restarts_than_the_budget(steps: list[tuple[Trouble, float, bool]]) -> None:
    ladder, now = Ladder(), 0.0
    restarts: list[float] = []
    for trouble, pause, over in steps:
        now += pause
        if ladder.next(trouble, now, ALL) in HARDWARE:
            restarts.append(now)
        if over:
            ladder.over(trouble)
    for first, last in zip(restarts, restarts[BUDGET:], strict=False):
        assert last - first >= BUDGET_WINDOW_S


def test_what_makes_a_modem_deaf() -> None:
    timeout = SubmitResult(outcome=SubmitOutcome.UNKNOWN, error="timeout")
    lost = SubmitResult(outcome=SubmitOutcome.UNKNOWN, error="port_lost")
    busy = SubmitResult(outcome=SubmitOutcome.REFUSED, error="cms:38")
    sent = SubmitResult(outcome=SubmitOutcome.SENT, mr=1)
    health = SubmitHealth()
    assert [bool(health.note(each, 0)) for each in (timeout, sent, timeout, lost, timeout)] == [False] * 4 + [True]
    health = SubmitHealth()
    for n in range(REFUSALS):
        assert not health.note(busy, n)
    assert "cms:38" in health.note(busy, REFUSED_S)
    assert not health.note(SubmitResult(outcome=SubmitOutcome.REFUSED, error="cms:1"), REFUSED_S)
    assert not health.note(busy, 2 * REFUSED_S)


def test_a_modem_that_answers_at_and_no_submit_is_restarted() -> None:
    async def main() -> None:
        peer = Peer()
        peer.submit_reply = None
        peer.replies["AT+CFUN=1,1"] = OK
        async with running(peer.path, submit_timeout_s=0.1) as (line, listener):
            await listener.hears("ready")
            for _ in range(2):
                assert (await line.submit(SUBMIT, SUBMIT_LENGTH)).outcome is SubmitOutcome.UNKNOWN
            again = await line.submit(SUBMIT, SUBMIT_LENGTH)
            assert again.outcome is SubmitOutcome.NOT_SENT  # nothing more is given to it
            await listener.hears("ready", 2)
            assert "AT+CFUN=1,1" in peer.heard
            assert peer.heard.count("CTRL-Z") == 2
            assert any("restart the modem" in state.error for state in listener.states)
            peer.submit_reply = "\r\n+CMGS: 9\r\n" + OK
            assert (await line.submit(SUBMIT, SUBMIT_LENGTH)).mr == 9
        peer.unplug()

    asyncio.run(main())


def test_a_modem_that_never_comes_to_its_prompt_is_restarted() -> None:
    async def main() -> None:
        peer = Peer()
        peer.replies |= {"AT+CFUN=1,1": OK, "AT+CMGS=": OK}
        async with running(peer.path) as (line, listener):
            await listener.hears("ready")
            for _ in range(2):
                assert (await line.submit(SUBMIT, SUBMIT_LENGTH)).error == "no_prompt"
            await listener.hears("ready", 2)
            assert "AT+CFUN=1,1" in peer.heard
            assert any("restart the modem" in state.error for state in listener.states)
        peer.unplug()

    asyncio.run(main())


def test_a_modem_that_takes_long_to_fail_is_restarted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "STEPS", {**recovery.STEPS, Trouble.BROKEN: ((0.1, Remedy.RESET),)})
    monkeypatch.setattr(supervisor, "STEADY_S", 0.0)  # each connection lasts longer, and none of them serves

    async def main() -> None:
        peer = Peer()
        peer.replies |= {"AT+CFUN=1,1": OK, "AT+CMGF=0": "\r\nERROR\r\n"}
        async with running(peer.path) as (_, listener):
            await peer.hears("AT+CFUN=1,1")
            assert not listener.of("ready")
        peer.unplug()

    asyncio.run(main())


def test_without_a_network_the_radio_is_switched_then_the_modem_restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = ((0.0, Remedy.RADIO), (0.0, Remedy.RESET))
    monkeypatch.setattr(recovery, "STEPS", {**recovery.STEPS, Trouble.NO_NETWORK: steps})

    async def main() -> None:
        peer = Peer()
        peer.replies |= {"AT+CREG?": info("+CREG: 2,2"), "AT+CGREG?": info("+CGREG: 2,0"), "AT+CFUN=": OK}
        async with running(peer.path) as (_, listener):
            await peer.hears("AT+CFUN=4")
            await peer.hears("AT+CFUN=1,1")
            assert peer.heard.index("AT+CFUN=4") < peer.heard.index("AT+CFUN=1,1")
            assert not listener.of("ready")
            peer.replies["AT+CREG?"] = info("+CREG: 2,1")
            await listener.hears("ready")
        peer.unplug()

    asyncio.run(main())


def test_abroad_nothing_is_sent_where_roaming_is_off() -> None:
    async def main() -> None:
        peer = Peer()
        peer.replies |= {"AT+CREG?": info("+CREG: 2,5"), "AT+CGREG?": info("+CGREG: 2,0")}
        async with running(peer.path, allow_roaming=False) as (line, listener):
            state = await listener.shows("roaming")
            assert state.registered
            assert state.roaming
            assert "allow_roaming" in state.error
            assert (await line.submit(SUBMIT, SUBMIT_LENGTH)).error == "not_ready"
            peer.replies["AT+CREG?"] = info("+CREG: 2,1")
            peer.say("\r\n+CREG: 1\r\n")
            await listener.hears("ready")
            peer.say("\r\n+CREG: 5\r\n")
            await listener.hears("down")
            assert (await listener.shows("roaming")).error
        peer.unplug()

    asyncio.run(main())


def test_an_absent_modem_gets_its_power_cut_by_the_configured_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(recovery, "STEPS", {**recovery.STEPS, Trouble.ABSENT: ((0.0, Remedy.POWER),)})
    link = tmp_path / "the modem"

    async def main() -> None:
        peer = Peer()
        command = f"ln -sfn {peer.path} '{link}'"  # a quoted space, and no shell
        async with running(str(link), power_cycle=command) as (_, listener):
            await listener.hears("ready")
            assert any("cut its power" in state.error for state in listener.states)
        peer.unplug()

    asyncio.run(main())


def test_a_power_command_that_fails_or_hangs_is_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(power, "COMMAND_TIMEOUT_S", 0.1)
    for command in ("/no/such/command", "", "'", "false", f"{sys.executable} -c 'import time; time.sleep(60)'"):
        assert asyncio.run(power.power_cycle(command)) is False
    assert asyncio.run(power.power_cycle("true")) is True


def test_the_usb_device_behind_a_port_is_detached_and_attached_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    device = tmp_path / "devices" / "usb1" / "1-1"
    interface = device / "1-1:1.2" / "ttyUSB7"
    interface.mkdir(parents=True)
    (device / "idVendor").write_text("12d1\n")
    os.mkfifo(device / "authorized")
    (tmp_path / "tty" / "ttyUSB7").mkdir(parents=True)
    (tmp_path / "tty" / "ttyUSB7" / "device").symlink_to(interface)
    monkeypatch.setattr(power, "SYSFS_TTYS", tmp_path / "tty")
    monkeypatch.setattr(power, "DETACHED_S", 0.01)
    switch = power.authorized_file("/dev/ttyUSB7")
    assert switch == device / "authorized"
    assert power.authorized_file("/dev/ttyS0") is None
    written: list[str] = []
    reader = threading.Thread(target=_read_switch, args=(switch, written))
    reader.start()
    assert asyncio.run(power.reauthorise(switch))
    reader.join(timeout=10)
    assert written == ["0", "1"]


def _read_switch(switch: Path, written: list[str]) -> None:
    """What is written, octet by octet until 1. One open end all along: with the last one what nobody read yet would go."""
    end = os.open(switch, os.O_RDWR)
    try:
        while "1" not in written:
            written.append(os.read(end, 1).decode())
    finally:
        os.close(end)


def test_a_device_is_attached_again_also_when_we_are_stopped_while_it_is_detached(tmp_path: Path) -> None:
    """The kernel takes a while to detach; a device that stays detached has no port by which anybody would find it."""
    switch = tmp_path / "authorized"
    os.mkfifo(switch)
    written: list[str] = []
    reader = threading.Thread(target=_read_switch, args=(switch, written))

    async def main() -> None:
        stopped = asyncio.create_task(power.reauthorise(switch))
        await asyncio.sleep(0.01)
        stopped.cancel()
        await asyncio.sleep(0.01)
        reader.start()
        with pytest.raises(asyncio.CancelledError):
            await stopped

    asyncio.run(main())
    reader.join(timeout=10)
    assert written == ["0", "1"]


def test_a_restart_in_the_middle_of_the_set_up_begins_it_anew() -> None:
    async def main() -> None:
        peer = Peer()
        restarted = False

        def cimi(peer: Peer, _line: str) -> str:
            nonlocal restarted
            if not restarted:
                restarted = True
                peer.cnmi = "0,0,0,0,0"
                return "\r\nRDY\r\n"
            return info("262010000000001")

        peer.replies["AT+CIMI"] = cimi
        async with running(peer.path) as (_, listener):
            await listener.hears("ready")
            assert restarted
            assert peer.heard.count("ATE0") == 2
            assert peer.cnmi != "0,0,0,0,0"
        peer.unplug()

    asyncio.run(main())


def test_a_pin_that_was_tried_is_remembered_over_restarts(tmp_path: Path) -> None:
    record = tmp_path / "pin.json"
    first = PinGuard(record)
    assert not first.refusal("8949", "1234", None)
    first.trying("8949", "1234", None)
    second = PinGuard(record)  # killed in between: whether it was wrong is not known
    assert str(record) in second.refusal("8949", "1234", None)
    assert not second.refusal("8949", "4321", None)
    second.refused("8949")
    assert PinGuard(record).refusal("8949", "4321", None)
    second.accepted("8949", "1234")
    assert not PinGuard(record).refusal("8949", "1234", None)
    assert record.stat().st_mode & 0o777 == 0o600
    assert "1234" not in record.read_text()
    record.write_text("damaged")
    assert not PinGuard(record).refusal("8949", "1234", 3)


def test_no_pin_is_tried_that_cannot_be_noted(tmp_path: Path) -> None:
    guard = PinGuard(tmp_path / "no such folder" / "pin.json")
    with pytest.raises(SimUnusable, match="no PIN is tried"):
        guard.trying("8949", "1234", 3)
