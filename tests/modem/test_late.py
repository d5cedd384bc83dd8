"""Evidence that must not get lost on the way to the listener, and a SIM that is slow to say who it is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.modem import Identity, LateSubmit, SubmitOutcome
from gateway.modem import driver as driver_module
from tests.modem.bench import Recorder, running
from tests.modem.peer import DELIVER, OK, SUBMIT, SUBMIT_LENGTH, Peer, info


def test_a_late_answer_outlives_the_connection_that_brought_it(tmp_path: Path) -> None:
    """The port goes away before the modem is set up; a modem does not say its answer twice."""

    async def main() -> None:
        link = tmp_path / "modem"
        peer = Peer()
        peer.deaf = True
        link.symlink_to(peer.path)
        async with running(str(link), expect_late=True) as (_, listener):
            await listener.shows("initialising")
            peer.say("\r\n+CMGS: 42\r\n\r\nOK\r\n")
            await peer.hears("AT")
            link.unlink()
            peer.unplug()
            await listener.shows("lost")
            other = Peer()
            link.symlink_to(other.path)
            _, late = await listener.hears("ready")
            assert late == LateSubmit(mr=42)
            await listener.shows("ready")
            assert not listener.of("late_submit")
            other.unplug()

    asyncio.run(main())


def test_a_late_answer_that_cannot_be_noted_is_told_again_and_the_line_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_module, "RETELL_S", 0.05)
    refusals = [OSError("disk full"), OSError("disk full")]
    real = Recorder.ready

    async def ready(self: Recorder, line: str, identity: Identity, late: LateSubmit | None) -> None:
        if refusals:
            raise refusals.pop()
        await real(self, line, identity, late)

    monkeypatch.setattr(Recorder, "ready", ready)

    async def main() -> None:
        peer = Peer()
        peer.say("\r\n+CMGS: 43\r\n\r\nOK\r\n")
        async with running(peer.path, expect_late=True) as (_, listener):
            _, late = await listener.hears("ready")
            assert late == LateSubmit(mr=43)
            await listener.shows("ready")
            assert not refusals
            assert peer.heard.count("AT+CGMI") == 1  # the connection was kept
        peer.unplug()

    asyncio.run(main())


def test_a_sim_that_is_busy_is_asked_again_who_it_is() -> None:
    """Without its ICCID no report and no answer would be known as belonging to this SIM."""
    answers = ["\r\n+CME ERROR: 14\r\n", "\r\n+CME ERROR: 14\r\n"]

    async def main() -> None:
        peer = Peer()
        peer.replies["AT+CCID"] = lambda _peer, _line: answers.pop() if answers else info("+CCID: 89492000000000000018")
        peer.replies["AT+CRSM"] = "\r\n+CME ERROR: 14\r\n"
        async with running(peer.path) as (_, listener):
            identity, _ = await listener.hears("ready")
            assert identity.iccid == "89492000000000000018"
        peer.unplug()

    asyncio.run(main())


def test_a_sim_that_never_tells_its_iccid_does_not_hold_up_the_line() -> None:
    async def main() -> None:
        peer = Peer()
        peer.replies["AT+CCID"] = "\r\nERROR\r\n"
        peer.replies["AT+CRSM"] = OK
        async with running(peer.path) as (_, listener):
            identity, _ = await listener.hears("ready")
            assert identity.iccid == "imsi-262010000000001"
        peer.unplug()

    asyncio.run(main())


def test_noise_is_logged_without_the_text_that_may_be_in_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")

    async def main() -> None:
        peer = Peer()
        async with running(peer.path) as (line, listener):
            await listener.hears("ready")
            peer.say(f"\r\n{DELIVER}\r\n")  # its header was lost on the way
            assert (await line.submit(SUBMIT, SUBMIT_LENGTH)).outcome is SubmitOutcome.SENT
        peer.unplug()

    asyncio.run(main())
    assert "noise" in caplog.text
    assert DELIVER[:60] not in caplog.text
