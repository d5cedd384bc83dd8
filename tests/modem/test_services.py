"""Whatever a modem or the network says, it costs a service at most, never the line that texts go over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.at import Urc
from gateway.at.replies import Cusd
from gateway.modem import LineConfig, SubmitOutcome, Unstored, services, voice
from gateway.modem.services import Services
from gateway.modem.ussd import read_text
from tests.modem.bench import Recorder, running
from tests.modem.peer import DELIVER, SUBMIT, SUBMIT_LENGTH, Peer, length

NAMES = sorted({"+CUSD", "+CBM", *voice._READERS})
NASTY = st.one_of(
    st.text(max_size=80),
    st.text("0123456789ABCDEF", max_size=200),
    st.text('0123456789,"-: \n', max_size=60),
    st.from_regex(r'[0-9]{1,2},"[0-9A-F]{0,40}",[0-9]{1,4}', fullmatch=True),
)


@given(NASTY, st.one_of(st.none(), st.integers(-1, 999)), st.sampled_from(["GSM", "IRA", "UCS2", "HEX"]))
def test_any_answer_has_a_text(text: str, dcs: int | None, charset: str) -> None:
    assert isinstance(read_text(Cusd(m=0, text=text, dcs=dcs), charset), str)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NAMES), NASTY, NASTY), max_size=30))
def test_any_line_is_taken_in(lines: list[tuple[str, str, str]]) -> None:
    async def scenario() -> None:
        parts = Services(LineConfig(name="line1", port=""), Recorder())
        for name, text, pdu in lines:
            for each in (parts.ussd, parts._calls, parts._broadcasts):  # without the net that catches our defects
                each.note(Urc(name=name, text=f"{name}: {text}", pdu=pdu))
        parts.detach()

    asyncio.run(scenario())


@pytest.mark.parametrize("part", ["note", "job"])
def test_a_defect_costs_no_text(part: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def defect(*_: object) -> bool:
        raise ZeroDivisionError("nobody foresaw this")

    async def failing(*_: object) -> None:
        defect()

    async def scenario() -> None:
        peer = Peer()
        async with running(peer.path) as (line, listener):
            await listener.hears("ready")
            if part == "note":
                monkeypatch.setattr(voice.Calls, "note", defect)
                peer.say("\r\nRING\r\n")
            else:
                line.services._add(failing)
            peer.storages["ME"][5] = DELIVER
            peer.say('\r\n+CMTI: "ME",5\r\n')
            assert (await listener.hears("received"))[0].pdu == DELIVER
            assert (await line.submit(SUBMIT, SUBMIT_LENGTH)).outcome is SubmitOutcome.SENT
            await _logged(caplog, "met a defect")
            assert listener.of("down") == []
        peer.unplug()

    asyncio.run(scenario())


def test_a_defect_at_the_end_of_a_connection_costs_nothing_that_was_delivered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What came in before the modem was set up is kept for the next connection by what is done after it."""

    def defect(*_: object) -> None:
        raise ZeroDivisionError("nobody foresaw this")

    monkeypatch.setattr(voice.Calls, "detach", defect)

    async def scenario() -> None:
        peer = Peer()
        unstored = Unstored()
        peer.replies["AT+CGMI"] = f"\r\n+CMT: ,{length(DELIVER)}\r\n{DELIVER}\r\n"  # and no answer
        async with running(peer.path, unstored=unstored) as (line, _):
            while line._driver is None or not line._driver._early:  # noqa: ASYNC110 - nobody is told of it yet
                await asyncio.sleep(0.01)
        assert [item.pdu for item in unstored.kept] == [DELIVER]
        peer.unplug()

    asyncio.run(scenario())


async def _logged(caplog: pytest.LogCaptureFixture, text: str) -> None:
    while text not in caplog.text:  # noqa: ASYNC110 - the log tells nobody
        await asyncio.sleep(0.01)


def test_jobs_wait_for_texts_and_not_the_other_way_round() -> None:
    """A job that is due while texts queue up is done between two of them, and none of them waits for more than one command."""

    async def scenario() -> None:
        peer = Peer()
        done = asyncio.Event()

        async def job(_session: object) -> None:
            done.set()

        async with running(peer.path) as (line, listener):
            await listener.hears("ready")
            texts = [asyncio.create_task(line.submit(SUBMIT, SUBMIT_LENGTH)) for _ in range(5)]
            line.services._add(job)
            results = await asyncio.gather(*texts)
            assert {result.outcome for result in results} == {SubmitOutcome.SENT}
            await done.wait()
            assert not line.services.waiting
        peer.unplug()

    asyncio.run(scenario())


def test_a_setting_that_is_not_answered_costs_time_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "PREPARE_TIMEOUT_S", 0.05)

    async def scenario() -> None:
        peer = Peer()
        silent: Callable[[Peer, str], None] = lambda _peer, _line: None  # noqa: E731
        peer.replies |= {"AT+CLIP=1": silent, "AT+CVHU=0": silent}
        async with running(peer.path) as (line, listener):
            await listener.hears("ready")
            assert (await line.submit(SUBMIT, SUBMIT_LENGTH)).outcome is SubmitOutcome.SENT
        peer.unplug()

    asyncio.run(scenario())
