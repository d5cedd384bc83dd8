"""What a submit writes, in which order, and what it says of the outcome. Against the scripted peer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest

from gateway.modem import Line, SubmitOutcome
from tests.modem.bench import Recorder, running
from tests.modem.peer import DELIVER, SUBMIT, SUBMIT_LENGTH, Peer, info

Script = Callable[[Peer, Line, Recorder], Awaitable[None]]


def play(script: Script, prepare: Callable[[Peer], object] = lambda peer: None, **config: object) -> None:
    """Run `script` on a line that is ready."""

    async def main() -> None:
        peer = Peer()
        prepare(peer)
        async with running(peer.path, **config) as (line, listener):
            await listener.hears("ready")
            await listener.shows("ready")
            await script(peer, line, listener)
        peer.unplug()

    asyncio.run(main())


def test_a_submit_writes_command_then_pdu_then_ctrl_z() -> None:
    async def script(peer: Peer, line: Line, _: Recorder) -> None:
        mark = len(peer.heard)
        result = await line.submit(SUBMIT, SUBMIT_LENGTH)
        assert (result.outcome, result.mr) == (SubmitOutcome.SENT, 7)
        assert peer.heard_since(mark) == [f"AT+CMGS={SUBMIT_LENGTH}", f"PDU {SUBMIT}", "CTRL-Z"]

    play(script)


def test_nothing_of_the_pdu_leaves_before_the_gate_opens() -> None:
    async def script(peer: Peer, line: Line, _: Recorder) -> None:
        mark = len(peer.heard)
        gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(line.submit(SUBMIT, SUBMIT_LENGTH, gate=gate))
        await peer.hears(f"AT+CMGS={SUBMIT_LENGTH}", since=mark)  # the command leaves at once
        await peer.until(lambda: peer.in_prompt)
        for _ in range(50):
            await asyncio.sleep(0)
        assert peer.heard_since(mark) == [f"AT+CMGS={SUBMIT_LENGTH}"]
        gate.set_result(None)
        assert (await task).outcome is SubmitOutcome.SENT

    play(script)


def test_a_gate_that_fails_leaves_the_prompt_by_escape_and_the_line_goes_on() -> None:
    async def refuse() -> None:
        raise OSError("disk full")

    async def script(peer: Peer, line: Line, _: Recorder) -> None:
        mark = len(peer.heard)
        with pytest.raises(OSError, match="disk full"):
            await line.submit(SUBMIT, SUBMIT_LENGTH, gate=refuse())
        result = await line.submit(SUBMIT, SUBMIT_LENGTH)
        assert result.outcome is SubmitOutcome.SENT
        heard = peer.heard_since(mark)
        assert heard[:2] == [f"AT+CMGS={SUBMIT_LENGTH}", "ESC"]
        assert heard.count("CTRL-Z") == 1

    def prepare(peer: Peer) -> None:
        peer.escape_reply = "\r\nOK\r\n"

    play(script, prepare)


def test_a_cancelled_submit_at_the_prompt_escapes() -> None:
    async def script(peer: Peer, line: Line, _: Recorder) -> None:
        mark = len(peer.heard)
        gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(line.submit(SUBMIT, SUBMIT_LENGTH, gate=gate))
        await peer.until(lambda: peer.in_prompt)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await peer.hears("ESC", since=mark)
        assert "CTRL-Z" not in peer.heard_since(mark)
        assert (await line.submit(SUBMIT, SUBMIT_LENGTH)).outcome is SubmitOutcome.SENT

    play(script)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ("\r\n+CMS ERROR: 38\r\n", "cms:38"),
        ("\r\n+CME ERROR: 14\r\n", "cme:14"),
        ("\r\nERROR\r\n", "error"),
    ],
)
def test_an_error_answer_is_refused(reply: str, error: str) -> None:
    async def script(peer: Peer, line: Line, _: Recorder) -> None:
        peer.submit_reply = reply
        result = await line.submit(SUBMIT, SUBMIT_LENGTH)
        assert (result.outcome, result.error, result.mr) == (SubmitOutcome.REFUSED, error, None)
        assert result.detail

    play(script)


@pytest.mark.parametrize(
    ("maker", "model", "vendor", "detail"),
    [
        ("ACME", "M1", "", "vendor specific error"),
        ("SIMCOM_Ltd", "SIMCOM_SIM800C", "simcom", "SMS service not ready"),
        ("u-blox", "SARA-U270", "ublox", "no validity period"),
    ],
)
def test_an_error_is_told_in_the_words_of_its_vendor(maker: str, model: str, vendor: str, detail: str) -> None:
    async def script(peer: Peer, line: Line, listener: Recorder) -> None:
        for number, words in ((38, "network out of order"), (521, detail)):
            peer.submit_reply = f"\r\n+CMS ERROR: {number}\r\n"
            result = await line.submit(SUBMIT, SUBMIT_LENGTH)
            assert (result.error, result.detail, result.vendor) == (f"cms:{number}", words, vendor)
        peer.say("\r\n+CMS ERROR: 521\r\n")
        late = await listener.hears("late_submit")
        assert (late.error, late.vendor) == ("cms:521", vendor)

    play(script, lambda peer: peer.replies.update({"AT+CGMI": info(maker), "AT+CGMM": info(model)}))


def test_an_error_instead_of_the_prompt_is_refused_and_no_pdu_leaves() -> None:
    async def script(peer: Peer, line: Line, _: Recorder) -> None:
        peer.replies["AT+CMGS="] = "\r\n+CMS ERROR: 304\r\n"
        mark = len(peer.heard)
        result = await line.submit(SUBMIT, SUBMIT_LENGTH)
        assert (result.outcome, result.error) == (SubmitOutcome.REFUSED, "cms:304")
        assert not any(line.startswith("PDU") for line in peer.heard_since(mark))

    play(script)


def test_no_answer_after_ctrl_z_is_unknown_and_a_late_one_is_told() -> None:
    async def script(peer: Peer, line: Line, listener: Recorder) -> None:
        peer.submit_reply = None
        mark = len(peer.heard)
        result = await line.submit(SUBMIT, SUBMIT_LENGTH)
        assert (result.outcome, result.error) == (SubmitOutcome.UNKNOWN, "timeout")
        # after the time-out comes a fence, so that the late answer is not taken for another command's
        await peer.until(lambda: len(peer.heard_since(mark)) > 3)
        peer.say("\r\n+CMGS: 9\r\n\r\nOK\r\n")
        late = await listener.hears("late_submit")
        assert (late.mr, late.error) == (9, "")
        peer.submit_reply = "\r\n+CMGS: 10\r\n\r\nOK\r\n"
        assert (await line.submit(SUBMIT, SUBMIT_LENGTH)).mr == 10

    play(script, submit_timeout_s=0.3)


def test_a_port_lost_at_the_prompt_is_not_sent() -> None:
    async def script(peer: Peer, line: Line, listener: Recorder) -> None:
        gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(line.submit(SUBMIT, SUBMIT_LENGTH, gate=gate))
        await peer.until(lambda: peer.in_prompt)
        peer.unplug()
        await listener.hears("down")
        gate.set_result(None)
        result = await task
        assert (result.outcome, result.error) == (SubmitOutcome.NOT_SENT, "port_lost")
        assert (await line.submit(SUBMIT, SUBMIT_LENGTH)).outcome is SubmitOutcome.NOT_SENT

    play(script)


def test_a_port_lost_after_ctrl_z_is_unknown() -> None:
    async def script(peer: Peer, line: Line, listener: Recorder) -> None:
        peer.submit_reply = None
        task = asyncio.create_task(line.submit(SUBMIT, SUBMIT_LENGTH))
        await peer.hears("CTRL-Z")
        peer.unplug()
        result = await task
        assert (result.outcome, result.error) == (SubmitOutcome.UNKNOWN, "port_lost")

    play(script)


def test_a_missing_ok_after_the_reference_still_counts_as_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.at.engine.OK_GRACE", 0.2)

    async def script(peer: Peer, line: Line, _: Recorder) -> None:
        peer.submit_reply = "\r\n+CMGS: 21\r\n"
        result = await line.submit(SUBMIT, SUBMIT_LENGTH)
        assert (result.outcome, result.mr) == (SubmitOutcome.SENT, 21)

    play(script)


def test_echo_and_urcs_between_prompt_and_answer_do_no_harm() -> None:
    async def script(peer: Peer, line: Line, listener: Recorder) -> None:
        peer.echo = True
        peer.storages["ME"][4] = DELIVER
        peer.submit_reply = f'{SUBMIT}\r\n\r\n+CMTI: "ME",4\r\n\r\n+CMGS: 8\r\n\r\nOK\r\n'
        assert (await line.submit(SUBMIT, SUBMIT_LENGTH)).mr == 8
        await listener.hears("released")
        assert [item.index for item in listener.items()] == [4]

    play(script)


def test_inbound_goes_before_the_next_send() -> None:
    async def script(peer: Peer, line: Line, listener: Recorder) -> None:
        peer.storages["ME"][4] = DELIVER
        peer.submit_reply = '\r\n+CMGS: 8\r\n\r\nOK\r\n\r\n+CMTI: "ME",4\r\n'
        mark = len(peer.heard)
        for _ in range(2):
            assert (await line.submit(SUBMIT, SUBMIT_LENGTH)).outcome is SubmitOutcome.SENT
        heard = peer.heard_since(mark)
        second = heard.index(f"AT+CMGS={SUBMIT_LENGTH}", 1)
        assert heard.index("AT+CMGD=4") < second

    play(script)


def test_a_line_that_is_not_ready_answers_at_once_and_closes_the_gate() -> None:
    async def main() -> None:
        async with running("/nonexistent/modem") as (line, listener):
            await listener.hears("state")

            async def gate() -> None:
                raise AssertionError("never awaited")

            result = await line.submit(SUBMIT, SUBMIT_LENGTH, gate=gate())
            assert (result.outcome, result.error) == (SubmitOutcome.NOT_SENT, "not_ready")

    asyncio.run(main())
