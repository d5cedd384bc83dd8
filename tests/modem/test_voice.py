"""Calls that come in: what each family says of one becomes the same few states, told once each, and texts go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.modem import CallChange, CallState, Line, SubmitOutcome, voice
from tests.modem.bench import Recorder, running
from tests.modem.peer import OK, SUBMIT, SUBMIT_LENGTH, Peer, Reply, info

CALLER = "+491701234567"
CLIP = f'\r\n+CLIP: "{CALLER}",145,,,,0\r\n'
RING = "\r\nRING\r\n"
ERROR = "\r\nERROR\r\n"
OVER = "\r\nNO CARRIER\r\n"


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


@asynccontextmanager
async def at_work(replies: dict[str, Reply] | None = None, **config: Any) -> AsyncIterator[tuple[Peer, Line, Recorder]]:
    peer = Peer()
    peer.replies |= {"AT+CLIP=": OK, "AT+CRC=": OK} | (replies or {})
    async with running(peer.path, **config) as (line, listener):
        await listener.hears("ready")
        yield peer, line, listener
    peer.unplug()


def told(listener: Recorder) -> list[tuple[str, str | None]]:
    return [(change.state.value, change.number) for change in listener.of("call")]


FAMILIES = [
    ("plain", [RING, CLIP, RING, OVER], ["ringing", "missed"]),
    ("extended", ["\r\n+CRING: VOICE\r\n", CLIP, OVER], ["ringing", "missed"]),
    ("sim7600 missed", [RING, CLIP, f"\r\nMISSED_CALL: 11:01AM {CALLER}\r\n", OVER], ["ringing", "missed"]),
    ("sim7600 answered", [RING, CLIP, "\r\nVOICE CALL: BEGIN\r\n", "\r\nVOICE CALL: END: 000041\r\n"], None),
    ("huawei", [RING, CLIP, "\r\n^CONN:1,0\r\n", "\r\n^CEND:1,12,67,16\r\n"], None),
    ("clcc pushed", [f'\r\n+CLCC: 1,1,{stat},0,0,"{CALLER}",145\r\n' for stat in (4, 0, 6)], None),
    ("dsci", [f'\r\n^DSCI: 1,1,{state},0,"{CALLER}",145\r\n' for state in (4, 3, 6)], None),
    ("ccinfo", [f'\r\n+QIND: "ccinfo",1,1,{state},0,0,"{CALLER}",145\r\n' for state in (4, 0, -1)], None),
    ("u-blox", [RING, "\r\n+UCALLSTAT: 1,4\r\n", CLIP, "\r\n+UCALLSTAT: 1,0\r\n", "\r\n+UCALLSTAT: 1,6\r\n"], None),
]


@pytest.mark.parametrize(("lines", "states"), [row[1:] for row in FAMILIES], ids=[row[0] for row in FAMILIES])
def test_every_family_tells_of_one_call(lines: Sequence[str], states: list[str] | None) -> None:
    async def scenario() -> None:
        wanted = states or ["ringing", "answered", "ended"]
        async with at_work() as (peer, _, listener):
            for line in lines:
                peer.say(line)
            await listener.hears("call", len(wanted))
            assert told(listener) == [(state, CALLER) for state in wanted]
            assert len({change.call for change in listener.of("call")}) == 1
            peer.say(RING + CLIP)  # the next one is another call
            again: CallChange = await listener.hears("call", len(wanted) + 1)
            assert again.call > listener.of("call")[0].call

    run(scenario())


def test_a_call_without_a_caller_is_told_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice, "CALLER_S", 0.05)

    async def scenario() -> None:
        async with at_work() as (peer, _, listener):
            peer.say(RING)
            assert (await listener.hears("call")).number is None
            peer.say(CLIP + OVER)
            assert (await listener.hears("call", 2)) == CallChange(
                call=listener.of("call")[0].call, number=CALLER, state=CallState.MISSED
            )

    run(scenario())


def test_a_withheld_caller_is_told_at_once() -> None:
    async def scenario() -> None:
        async with at_work() as (peer, _, listener):
            peer.say(RING + '\r\n+CLIP: "",128,,,,1\r\n')
            assert (await listener.hears("call")).number is None

    run(scenario())


def test_a_call_that_ends_before_its_caller_is_known_is_told_whole() -> None:
    async def scenario() -> None:
        async with at_work(reject_calls="always") as (peer, _, listener):
            peer.say(RING + OVER)
            await listener.hears("call", 2)
            assert told(listener) == [("ringing", None), ("missed", None)]
            assert "AT+CHUP" not in peer.heard

    run(scenario())


def test_a_call_that_stops_ringing_without_a_word_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice, "SILENT_S", 0.05)

    async def scenario() -> None:
        listed: list[str] = [info(f'+CLCC: 1,1,4,0,0,"{CALLER}",145')]
        async with at_work({"AT+CLCC": lambda _peer, _line: listed.pop() if listed else OK}) as (peer, _, listener):
            peer.say(RING + CLIP)
            await listener.hears("call", 2)
            assert told(listener) == [("ringing", CALLER), ("missed", CALLER)]
            assert peer.heard.count("AT+CLCC") == 2  # the first time it was there still

    run(scenario())


def test_a_call_that_was_missed_while_the_modem_was_busy() -> None:
    async def scenario() -> None:
        async with at_work() as (peer, _, listener):
            peer.say("\r\nMISSED_CALL: 11:01AM 07712345678\r\n")
            assert (await listener.hears("call")).number == "07712345678"
            assert told(listener) == [("missed", "07712345678")]

    run(scenario())


def test_data_calls_and_what_we_dial_are_no_calls() -> None:
    async def scenario() -> None:
        async with at_work() as (peer, _, listener):
            peer.say("\r\n+CRING: REL ASYNC\r\n" + '\r\n+CLCC: 1,0,2,0,0,"123",129\r\n' + "\r\n^ORIG:1,0\r\n" + OVER)
            peer.say('\r\n+CUSD: 0,"afterwards",15\r\n')
            await listener.hears("ussd")
            assert told(listener) == []

    run(scenario())


@pytest.mark.parametrize(
    ("refused", "commands"),
    [((), ["AT+CHUP"]), (("AT+CHUP",), ["AT+CHUP", "ATH"])],
)
def test_a_call_is_rejected(refused: Sequence[str], commands: list[str]) -> None:
    async def scenario() -> None:
        replies: dict[str, Reply] = {"AT+CHUP": OK, "ATH": OK} | dict.fromkeys(refused, ERROR)
        async with at_work(replies, reject_calls="always") as (peer, _, listener):
            peer.say(RING + CLIP)
            await listener.hears("call", 2)
            peer.say(RING + OVER + RING + CLIP)  # a late RING of the same, its end, and the next call
            await listener.hears("call", 4)
            states = [("ringing", CALLER), ("rejected", CALLER)]
            assert told(listener) == states * 2
            assert [each for each in peer.heard if each in ("AT+CHUP", "ATH")] == commands * 2

    run(scenario())


def test_only_withheld_callers_are_rejected_where_that_is_wanted() -> None:
    async def scenario() -> None:
        async with at_work({"AT+CHUP": OK}, reject_calls="withheld") as (peer, _, listener):
            peer.say(RING + CLIP + OVER)
            await listener.hears("call", 2)
            peer.say(RING + '\r\n+CLIP: "",128,,,,1\r\n')
            await listener.hears("call", 4)
            assert told(listener) == [("ringing", CALLER), ("missed", CALLER), ("ringing", None), ("rejected", None)]

    run(scenario())


def test_a_call_that_cannot_be_rejected_rings_on() -> None:
    async def scenario() -> None:
        async with at_work({"ATH": ERROR, "AT+CHUP": ERROR}, reject_calls="always") as (peer, line, listener):
            peer.say(RING + CLIP)
            await peer.hears("ATH")
            await line.submit(SUBMIT, SUBMIT_LENGTH)  # behind what is said about the ATH
            peer.say(OVER)
            await listener.hears("call", 2)
            assert told(listener) == [("ringing", CALLER), ("missed", CALLER)]

    run(scenario())


def test_texts_go_out_while_it_rings_and_the_answer_is_no_end_of_a_submit() -> None:
    async def scenario() -> None:
        async with at_work() as (peer, line, listener):
            peer.submit_reply = RING + CLIP + OVER + "\r\n+CMGS: 7\r\n" + OK
            peer.say(RING)
            sent = await line.submit(SUBMIT, SUBMIT_LENGTH)
            assert (sent.outcome, sent.mr) == (SubmitOutcome.SENT, 7)
            await listener.hears("call", 2)
            assert told(listener) == [("ringing", CALLER), ("missed", CALLER)]

    run(scenario())


def test_a_lost_modem_ends_the_call() -> None:
    async def scenario() -> None:
        async with at_work() as (peer, _, listener):
            peer.say(RING + CLIP)
            await listener.hears("call")
            peer.unplug()
            assert (await listener.hears("call", 2)).state is CallState.MISSED

    run(scenario())
