"""What a modem tells of its registration by itself, in forms that 27.007 does not have: texts do not stop over one."""

from __future__ import annotations

import asyncio

import pytest

from tests.modem.bench import running
from tests.modem.peer import Peer, info


@pytest.mark.parametrize(
    ("told", "cell"),
    [
        ('+CREG: 2,5,"0502","0404736D"', "0502/404736D"),  # with the mode, as when it is asked
        ("+CREG: 2,1, 81ED, 1A9CEB", "81ED/1A9CEB"),
        ("+CEREG: 1, 1F00, 20 ,79D903 ,7", "1F00/79D903"),  # with a routing area between area and cell
        ('+CREG: 6,"8B37","0A265185",7', "8B37/A265185"),
    ],
)
def test_a_registration_that_is_told_in_another_form(told: str, cell: str) -> None:
    async def scenario() -> None:
        peer = Peer()
        peer.replies["AT+CREG?"] = peer.replies["AT+CGREG?"] = peer.replies["AT+CEREG?"] = "\r\nERROR\r\n"
        async with running(peer.path) as (_, listener):
            await listener.hears("ready")
            peer.say(f"\r\n{told}\r\n")
            peer.say('\r\n+CMTI: "ME",1\r\n')
            await listener.until(lambda: any(state.cell == cell for state in listener.states))
            assert listener.states[-1].registered
            assert listener.of("down") == []
        peer.unplug()

    asyncio.run(scenario())


def test_a_modem_that_is_busy_now_and_then_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the line would not see that it has a network again."""
    monkeypatch.setattr("gateway.modem.telemetry.PERIOD_S", 0.02)
    monkeypatch.setattr("gateway.modem.telemetry.SEARCH_PERIOD_S", 0.02)

    async def scenario() -> None:
        peer = Peer()
        asked, stat = 0, 2

        def creg(_peer: Peer, _line: str) -> str:
            nonlocal asked
            asked += 1
            return "\r\n+CME ERROR: 14\r\n" if asked % 2 else info(f"+CREG: 2,{stat}")

        peer.replies |= {"AT+CREG?": creg, "AT+CGREG?": "\r\nERROR\r\n", "AT+CEREG?": "\r\nERROR\r\n"}
        async with running(peer.path) as (_, listener):
            await listener.shows("searching")
            await peer.until(lambda: asked > 6)
            stat = 1
            await listener.shows("ready")
        peer.unplug()

    asyncio.run(scenario())


def test_a_modem_that_is_busy_yet_is_not_taken_for_one_that_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each text would use up its attempts on it."""
    monkeypatch.setattr("gateway.modem.telemetry.SEARCH_PERIOD_S", 0.02)

    async def scenario() -> None:
        peer = Peer()
        busy = "\r\n+CME ERROR: 14\r\n"
        peer.replies |= {"AT+CREG?": busy, "AT+CGREG?": busy, "AT+CEREG?": busy}
        async with running(peer.path) as (_, listener):
            await listener.shows("searching")
            await peer.until(lambda: peer.heard.count("AT+CREG?") > 4)
            assert listener.of("ready") == []
            peer.replies["AT+CREG?"] = info("+CREG: 2,1")
            await listener.shows("ready")
        peer.unplug()

    asyncio.run(scenario())
