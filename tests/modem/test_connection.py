"""Opening, waking, losing and finding a modem again; the SIM and its PIN. Against the scripted peer."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.modem import Line, LineConfig, SubmitOutcome, serial_port
from gateway.modem import sim as sim_module
from gateway.modem import supervisor as supervisor_module
from gateway.modem.errors import PortLost
from gateway.modem.recorder import redact
from tests.modem.bench import Recorder, running
from tests.modem.peer import DELIVER, OK, SUBMIT, SUBMIT_LENGTH, Peer, info


def test_a_prompt_left_open_is_left_by_escape_never_by_ctrl_z() -> None:
    async def main() -> None:
        peer = Peer()
        peer.in_prompt = True
        peer.escape_reply = OK
        async with running(peer.path) as (line, listener):
            await listener.hears("ready")
            assert peer.heard[:2] == ["ESC", "AT"]
            assert "CTRL-Z" not in peer.heard
            assert (await line.submit(SUBMIT, SUBMIT_LENGTH)).outcome is SubmitOutcome.SENT
        peer.unplug()

    asyncio.run(main())


def test_a_late_answer_of_a_predecessor_is_waited_for_in_silence() -> None:
    async def main() -> None:
        peer = Peer()
        async with running(peer.path, expect_late=True) as (_, listener):
            await listener.shows("initialising")
            for _ in range(20):
                await asyncio.sleep(0.005)
            assert peer.heard == []  # silent
            peer.say("\r\n+CMGS: 42\r\n\r\nOK\r\n")
            identity, late = await listener.hears("ready")
            assert (late.mr, late.error) == (42, "")
            assert identity.imei == "356938035640001"
            assert identity.iccid == "89492000000000000018"
            assert not listener.of("late_submit")
        peer.unplug()

    asyncio.run(main())


def test_the_silence_ends_and_a_refusal_counts_as_a_late_answer_too() -> None:
    async def main() -> None:
        peer = Peer()
        async with running(peer.path, expect_late=True, late_reply_s=0.05) as (_, listener):
            _, late = await listener.hears("ready")
            assert late is None
        peer.unplug()
        peer = Peer()
        async with running(peer.path, expect_late=True) as (_, listener):
            await listener.shows("initialising")
            peer.say("\r\n+CMS ERROR: 38\r\n")
            _, late = await listener.hears("ready")
            assert (late.mr, late.error) == (None, "cms:38")
        peer.unplug()

    asyncio.run(main())


def test_what_waited_in_the_input_is_not_thrown_away_at_the_open() -> None:
    async def main() -> None:
        peer = Peer()
        peer.say("\r\n+CMGS: 43\r\n\r\nOK\r\n")
        async with running(peer.path, expect_late=True) as (_, listener):
            _, late = await listener.hears("ready")
            assert late.mr == 43
        peer.unplug()

    asyncio.run(main())


def test_a_port_that_vanishes_and_comes_back_elsewhere_under_the_same_link(tmp_path: Path) -> None:
    async def main() -> None:
        peer = Peer()
        link = tmp_path / "modem"
        link.symlink_to(peer.path)
        async with running(str(link)) as (line, listener):
            await listener.hears("ready")
            await listener.shows("ready")
            link.unlink()
            peer.unplug()
            await listener.hears("down")
            assert (await listener.shows("lost")).error
            other = Peer()
            other.storages["SM"][1] = DELIVER
            link.symlink_to(other.path)
            await listener.hears("ready", 2)
            assert [item.memory for item in listener.items()] == ["SM"]
            await listener.shows("ready")
            assert listener.states[-1].error == ""
            assert (await line.submit(SUBMIT, SUBMIT_LENGTH)).outcome is SubmitOutcome.SENT
            other.unplug()

    asyncio.run(main())


def test_the_port_is_held_exclusively() -> None:
    async def main() -> None:
        peer = Peer()
        async with running(peer.path) as (_, listener):
            await listener.hears("ready")
            second = Recorder()
            other = Line(LineConfig(name="line2", port=peer.path), second, SystemClock())
            task = asyncio.create_task(other.run())
            state = await second.shows("failed")
            assert "another process" in state.error
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        peer.unplug()

    asyncio.run(main())


def test_a_port_that_is_absent_shows_why_once() -> None:
    async def main() -> None:
        async with running("/nonexistent/modem") as (_, listener):
            await listener.until(lambda: any(state.error for state in listener.states))
            shown = len(listener.states)
            for _ in range(60):
                await asyncio.sleep(0.01)  # several tries
            assert len(listener.states) == shown
            assert listener.states[-1].state == "connecting"
            assert "No such file" in listener.states[-1].error

    asyncio.run(main())


def test_a_reset_restarts_the_modem_and_the_line_comes_back() -> None:
    async def main() -> None:
        peer = Peer()
        async with running(peer.path) as (line, listener):
            await listener.hears("ready")
            mark = len(peer.heard)
            await line.reset()
            await listener.hears("down")
            await listener.hears("ready", 2)
            assert "AT+CFUN=1,1" in peer.heard_since(mark)
        peer.unplug()

    asyncio.run(main())


def test_a_modem_that_restarts_by_itself_is_set_up_again() -> None:
    async def main() -> None:
        peer = Peer()
        async with running(peer.path) as (_, listener):
            await listener.hears("ready")
            await listener.shows("ready")
            mark = len(peer.heard)
            peer.cnmi = "0,0,0,0,0"
            peer.say("\r\nRDY\r\n")
            await listener.hears("ready", 2)
            assert "AT+CMGF=0" in peer.heard_since(mark)
            assert peer.cnmi == "2,1,0,2,0"
        peer.unplug()

    asyncio.run(main())


def test_registration_in_any_domain_counts_and_its_loss_takes_the_line_down() -> None:
    async def main() -> None:
        peer = Peer()
        for name in ("AT+CREG?", "AT+CGREG?", "AT+CEREG?"):
            peer.replies[name] = info(f"{name[2:-1]}: 2,2")
        async with running(peer.path) as (line, listener):
            assert not (await listener.shows("searching")).registered
            assert (await line.submit(SUBMIT, SUBMIT_LENGTH)).error == "not_ready"
            peer.replies["AT+CEREG?"] = info('+CEREG: 2,5,"1A2B","01A2B3C4",7')
            peer.say('\r\n+CEREG: 5,"1A2B","01A2B3C4",7\r\n')
            await listener.hears("ready")
            state = await listener.shows("ready")
            assert (state.registered, state.roaming, state.access) == (True, True, "lte")
            peer.replies["AT+CEREG?"] = info("+CEREG: 2,2")
            peer.say("\r\n+CEREG: 2\r\n")
            await listener.hears("down")
            await listener.shows("searching")
            peer.storages["ME"][1] = DELIVER
            peer.say('\r\n+CMTI: "ME",1\r\n')  # it still receives
            await listener.hears("released")
        peer.unplug()

    asyncio.run(main())


def test_state_is_told_only_when_something_changed() -> None:
    async def main() -> None:
        peer = Peer()
        async with running(peer.path) as (_, listener):
            await listener.hears("ready")
            state = await listener.shows("ready")
            shown = len(listener.states)
            assert (state.rssi_dbm, state.bars, state.operator, state.number) == (-73, 5, "Testnetz", "+491700000001")
            peer.say("\r\n^RSSI:20\r\n\r\n+CSQ: 20,99\r\n")
            peer.say("\r\n+CSQ: 10,99\r\n")
            await listener.until(lambda: listener.states[-1].rssi_dbm == -93)
            assert len(listener.states) == shown + 1
        peer.unplug()

    asyncio.run(main())


def _locked(peer: Peer, pin: str, attempts: int | None) -> None:
    """The peer's SIM wants `pin`; it tells how many attempts are left unless that is None."""
    left = {"n": attempts if attempts is not None else 3, "open": 0}

    def enter(_: Peer, line: str) -> str:
        if line == f'AT+CPIN="{pin}"':
            left["open"] = 1
            return OK
        left["n"] -= 1
        return "\r\n+CME ERROR: 16\r\n"

    peer.replies["AT+CPIN?"] = lambda *_: info("+CPIN: READY" if left["open"] else "+CPIN: SIM PIN")
    peer.replies["AT+CPIN="] = enter
    if attempts is not None:
        peer.replies["AT+CPINR"] = lambda *_: info(f"+CPINR: SIM PIN,{left['n']},3")


def _pins(peer: Peer) -> list[str]:
    return [line for line in peer.heard if line.startswith("AT+CPIN=")]


def test_the_pin_is_given_and_never_logged(tmp_path: Path) -> None:
    async def main() -> None:
        peer = Peer()
        _locked(peer, "4711", 3)
        pin_file = tmp_path / "pin"
        pin_file.write_text("4711\n")
        async with running(peer.path, pin_file=pin_file) as (line, listener):
            await listener.hears("ready")
            assert _pins(peer) == ['AT+CPIN="4711"']
            entries = [entry.text for entry in line.recorder.entries()]
            assert "AT+CPIN=<redacted>" in entries
            assert not any("4711" in text for text in entries)
        peer.unplug()

    asyncio.run(main())


def test_a_wrong_pin_is_tried_once_and_a_new_one_in_the_file_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        peer = Peer()
        _locked(peer, "4711", None)  # the modem does not tell how many attempts are left
        pin_file = tmp_path / "pin"
        pin_file.write_text("0000")
        async with running(peer.path, pin_file=pin_file) as (_, listener):
            state = await listener.shows("sim_pin")
            assert state.sim == "pin"
            tries = peer.heard.count("AT+CPIN?")
            await peer.until(lambda: peer.heard.count("AT+CPIN?") > tries + 2)
            assert _pins(peer) == ['AT+CPIN="0000"']
        peer.unplug()

    _patient(monkeypatch)
    asyncio.run(main())


def test_the_last_attempt_is_never_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        peer = Peer()
        _locked(peer, "4711", 1)
        pin_file = tmp_path / "pin"
        pin_file.write_text("4711")
        async with running(peer.path, pin_file=pin_file) as (_, listener):
            state = await listener.shows("sim_pin")
            assert "1 PIN attempt" in state.error
            await peer.until(lambda: peer.heard.count("AT+CPIN?") > 2)
            assert _pins(peer) == []
        peer.unplug()

    _patient(monkeypatch)
    asyncio.run(main())


def test_a_restart_with_a_wrong_pin_stops_before_the_last_attempt(tmp_path: Path) -> None:
    """Each new process tries once at most, and the modem's count is asked first."""

    async def main() -> None:
        peer = Peer()
        _locked(peer, "4711", 3)
        pin_file = tmp_path / "pin"
        pin_file.write_text("0000")
        for _ in range(4):
            async with running(peer.path, pin_file=pin_file) as (_, listener):
                await listener.shows("sim_pin")
        assert len(_pins(peer)) == 2
        peer.unplug()

    asyncio.run(main())


def test_a_puk_and_a_missing_sim_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        peer = Peer()
        peer.replies["AT+CPIN?"] = info("+CPIN: SIM PUK")
        async with running(peer.path) as (_, listener):
            assert (await listener.shows("sim_puk")).sim == "puk"
            peer.replies["AT+CPIN?"] = "\r\n+CME ERROR: 10\r\n"
            assert (await listener.shows("sim_missing")).sim == "missing"
            peer.replies["AT+CPIN?"] = info("+CPIN: READY")
            await listener.hears("ready")
        peer.unplug()

    _patient(monkeypatch)
    asyncio.run(main())


def test_the_recorder_keeps_the_traffic_redacted() -> None:
    async def main() -> None:
        peer = Peer()
        async with running(peer.path) as (line, listener):
            await listener.hears("ready")
            await line.submit(SUBMIT, SUBMIT_LENGTH)
            entries = [(entry.mark, entry.text) for entry in line.recorder.entries()]
            assert (">", f"AT+CMGS={SUBMIT_LENGTH}") in entries
            assert (">", f"<pdu {len(SUBMIT) // 2} octets><Ctrl-Z>") in entries
            assert ("<", "+CMGS: 7") in entries
            assert not any(SUBMIT in text for _, text in entries)
        peer.unplug()

    asyncio.run(main())
    assert redact('AT+CPIN="1234","5678"') == "AT+CPIN=<redacted>"
    assert redact('AT+CUSD=1,"*101*123456789#",15') == 'AT+CUSD=1,"<redacted>'
    assert redact("+CCID: 89492000000000000018") == "+CCID: 89492000000000000018"


def test_a_line_that_was_stopped_gives_its_descriptors_back() -> None:
    async def main() -> None:
        peer = Peer()
        before = len(os.listdir("/proc/self/fd"))
        async with running(peer.path) as (_, listener):
            await listener.hears("ready")
        assert len(os.listdir("/proc/self/fd")) == before
        peer.unplug()

    asyncio.run(main())


def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the SIM often, so that a test of what is not done again does not take long."""
    monkeypatch.setattr(supervisor_module, "PAUSE_SIM", 0.01)
    monkeypatch.setattr(sim_module, "BUSY_S", 1.0)


@pytest.mark.parametrize("path", ["/dev/null", __file__])
def test_what_is_no_serial_port_is_said_to_be_none(path: str) -> None:
    async def main() -> None:
        listener = Recorder()
        line = Line(LineConfig(name="line1", port=path), listener, SystemClock())
        task = asyncio.create_task(line.run())
        async with asyncio.timeout(10):
            assert (await listener.shows("failed")).error.startswith(f"{path} is no serial port")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())


def test_a_port_that_hangs_when_it_is_opened_leaves_the_others_their_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A USB device that dies can hold open() for ever, and it is tried again and again."""
    released = threading.Event()

    def hang(path: str, _baudrate: int) -> None:
        released.wait(20)
        raise PortLost(path)

    monkeypatch.setattr(serial_port, "_open", hang)
    monkeypatch.setattr(serial_port, "OPEN_TIMEOUT", 0.01)

    async def main() -> None:
        try:
            for _ in range(50):
                with pytest.raises(PortLost):
                    await serial_port.SerialPort.open("/dev/hangs", 115200)
            async with asyncio.timeout(5):
                assert await asyncio.to_thread(os.path.exists, "/dev")
        finally:
            released.set()
        why = "an earlier try"
        while "an earlier try" in why:  # until the kernel is done with it
            await asyncio.sleep(0.001)
            with pytest.raises(PortLost) as caught:
                await serial_port.SerialPort.open("/dev/hangs", 115200)
            why = str(caught.value)
        assert why == "/dev/hangs"

    asyncio.run(main())
