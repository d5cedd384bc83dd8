"""USSD dialogues: every coding and every end that modems give, and a port that stays free for texts meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.at.replies import cusd
from gateway.errors import PduError
from gateway.modem import Line, SubmitOutcome, ussd
from gateway.modem.ussd import UssdError, read_text
from tests.modem.bench import Recorder, running
from tests.modem.peer import OK, SUBMIT, SUBMIT_LENGTH, Peer, Reply

CODE = 'AT+CUSD=1,"*100#",15'


@pytest.fixture(autouse=True)
def _short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ussd, "RELEASE_GRACE_S", 0.2)


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


@asynccontextmanager
async def at_work(replies: dict[str, Reply] | None = None, **config: Any) -> AsyncIterator[tuple[Peer, Line, Recorder]]:
    """A modem that is ready and has done what its services want at first."""
    peer = Peer()
    peer.replies |= {"AT+CUSD=": OK, "AT+CSCS": OK} | (replies or {})
    async with running(peer.path, **config) as (line, listener):
        await listener.hears("ready")
        await peer.until(lambda: "AT+CUSD=1" in peer.heard)
        yield peer, line, listener
    peer.unplug()


async def asked(peer: Peer, line: Line, code: str = "*100#") -> asyncio.Task[Any]:
    """A dialogue that the network is to answer now."""
    mark = len(peer.heard)
    task = asyncio.create_task(line.services.ussd.start(code))
    await peer.until(lambda: any(each.startswith("AT+CUSD=1,") for each in peer.heard[mark:]))
    return task


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('+CUSD: 0,"Balance: 12.34 EUR",15', "Balance: 12.34 EUR"),
        ('+CUSD: 0,"C2303BEC1E9775A098CC35A301",15', "Balance: 12.34"),
        ('+CUSD: 0,"042E0440",72', "Юр"),
        ('+CUSD: 0,"00420061006C0061006E00630065",15', "Balance"),
        ('+CUSD: 0,"653700480069",17', "Hi"),
        ('+CUSD: 0,"48656C6C6F",68', "Hello"),
        ('+CUSD: 0,"0800123456",15', "0800123456"),
        ('+CUSD: 0,"no coding"', "no coding"),
        ('+CUSD: 0,"3037373935353033333035",0', "07795503305"),
        ("+CUSD: 0,no quotes", "no quotes"),
        ('+CUSD: 0,"two\nlines",15', "two\nlines"),
        ('+CUSD: 0,"Gr\\xfc\\xdfe",15', "Grüße"),
        ('+CUSD: 0,"Gr~\x1ee",15', "Grüße"),
        ('+CUSD: 0,"12 \x1be",15', "12 €"),
    ],
)
def test_texts_in_every_coding(line: str, text: str) -> None:
    got = cusd(line)
    assert got is not None
    assert read_text(got, "GSM").rstrip() == text.rstrip()


def test_damaged_hex_is_shown_as_it_is() -> None:
    got = cusd('+CUSD: 0,"65",17')
    assert got is not None
    assert read_text(got, "GSM") == "65"


def test_a_code_is_answered_and_texts_go_on_while_the_network_thinks() -> None:
    async def scenario() -> None:
        async with at_work() as (peer, line, _):
            task = await asked(peer, line)
            sent = await line.submit(SUBMIT, SUBMIT_LENGTH)
            assert sent.outcome is SubmitOutcome.SENT
            assert not task.done()
            peer.say('\r\n+CUSD: 0,"Balance:\r\n12.34 EUR",15\r\n')
            answer = await task
            assert (answer.text, answer.reply_wanted) == ("Balance:\n12.34 EUR", False)
            assert CODE in peer.heard

    run(scenario())


def test_a_menu_is_answered_until_the_network_is_done() -> None:
    async def scenario() -> None:
        async with at_work() as (peer, line, _):
            task = await asked(peer, line)
            peer.say('\r\n+CUSD: 1,"1 Balance\r\n2 Top up",15\r\n')
            menu = await task
            assert (menu.text, menu.reply_wanted) == ("1 Balance\n2 Top up", True)
            with pytest.raises(UssdError) as busy:
                await line.services.ussd.start("*101#")
            assert busy.value.code == "ussd_busy"
            reply = asyncio.create_task(line.services.ussd.reply("1"))
            await peer.hears('AT+CUSD=1,"1",15')
            peer.say('\r\n+CUSD: 0,"12.34",15\r\n')
            assert (await reply).text == "12.34"
            with pytest.raises(UssdError) as over:
                await line.services.ussd.reply("1")
            assert over.value.code == "ussd_no_dialogue"

    run(scenario())


def test_an_answer_before_the_ok_counts() -> None:
    async def scenario() -> None:
        replies: dict[str, Reply] = {"AT+CUSD=1,": '\r\n+CUSD: 0,"early",15\r\n\r\nOK\r\n'}
        async with at_work(replies) as (_, line, __):
            assert (await line.services.ussd.start("*100#")).text == "early"
            assert (await line.services.ussd.start("*100#")).text == "early"

    run(scenario())


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("\r\n+CUSD: 2\r\n", "ussd_terminated"),
        ('\r\n+CUSD: 3,"Other local client responded",15\r\n', "ussd_busy"),
        ("\r\n+CUSD: 4\r\n", "ussd_unsupported"),
        ("\r\n+CUSD: 5\r\n", "ussd_timeout"),
    ],
)
def test_every_end_has_its_code(said: str, code: str) -> None:
    async def scenario() -> None:
        async with at_work() as (peer, line, _):
            task = await asked(peer, line)
            peer.say(said)
            with pytest.raises(UssdError) as error:
                await task
            assert error.value.code == code
            again = await asked(peer, line)
            peer.say('\r\n+CUSD: 0,"well again",15\r\n')
            assert (await again).text == "well again"

    run(scenario())


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("\r\n+CME ERROR: 4\r\n", "ussd_unsupported"),
        ("\r\n+CME ERROR: 30\r\n", "ussd_failed"),
        ("\r\n+CME ERROR: 31\r\n", "ussd_timeout"),
        ("\r\nERROR\r\n", "ussd_failed"),
    ],
)
def test_a_refused_request_has_its_code(reply: str, code: str) -> None:
    async def scenario() -> None:
        async with at_work({"AT+CUSD=1,": reply}) as (_, line, __):
            with pytest.raises(UssdError) as error:
                await line.services.ussd.start("*100#")
            assert error.value.code == code

    run(scenario())


def test_a_release_is_not_the_answer_when_one_comes_behind_it() -> None:
    async def scenario() -> None:
        async with at_work() as (peer, line, _):
            task = await asked(peer, line)
            peer.say('\r\n+CUSD: 2,"Initiating Release",15\r\n')
            peer.say('\r\n+CUSD: 0,"the answer",15\r\n')
            assert (await task).text == "the answer"
            task = await asked(peer, line)
            peer.say('\r\n+CUSD: 2,"Your balance is 3",15\r\n')  # some networks end so, with the text
            assert (await task).text == "Your balance is 3"

    run(scenario())


def test_a_silent_network_is_given_up_and_the_dialogue_cancelled() -> None:
    async def scenario() -> None:
        async with at_work(ussd_timeout_s=0.05) as (peer, line, _):
            task = await asked(peer, line)
            with pytest.raises(UssdError) as error:
                await task
            assert error.value.code == "ussd_timeout"
            await peer.hears("AT+CUSD=2")

    run(scenario())


def test_a_menu_that_nobody_answers_is_cancelled() -> None:
    async def scenario() -> None:
        async with at_work(ussd_timeout_s=0.1) as (peer, line, _):
            task = await asked(peer, line)
            peer.say('\r\n+CUSD: 1,"1 or 2?",15\r\n')
            assert (await task).reply_wanted
            await peer.hears("AT+CUSD=2")
            with pytest.raises(UssdError):
                await line.services.ussd.reply("1")

    run(scenario())


def test_a_dialogue_can_be_cancelled_at_any_time() -> None:
    async def scenario() -> None:
        async with at_work() as (peer, line, _):
            task = await asked(peer, line)
            await line.services.ussd.cancel()
            with pytest.raises(UssdError) as error:
                await task
            assert error.value.code == "ussd_terminated"
            assert peer.heard[-1] == "AT+CUSD=2"
            peer.say("\r\n+CUSD: 2\r\n")  # what the modem says to that is nobody's answer
            task = await asked(peer, line)
            peer.say('\r\n+CUSD: 0,"next",15\r\n')
            assert (await task).text == "next"

    run(scenario())


def test_what_the_network_says_by_itself_is_told() -> None:
    async def scenario() -> None:
        async with at_work(ussd_timeout_s=0.1) as (peer, _, listener):
            peer.say('\r\n+CUSD: 0,"Welcome abroad",15\r\n')
            assert (await listener.hears("ussd")).text == "Welcome abroad"
            peer.say('\r\n+CUSD: 1,"Accept?",15\r\n')
            assert (await listener.hears("ussd", 2)).reply_wanted
            await peer.hears("AT+CUSD=2")  # nobody replied

    run(scenario())


def test_the_release_of_a_dialogue_is_no_news_and_another_one_is() -> None:
    async def scenario() -> None:
        async with at_work() as (peer, line, listener):
            peer.say('\r\n+CUSD: 2,"This text cost 9 ct",15\r\n')
            assert (await listener.hears("ussd")).text == "This text cost 9 ct"
            task = await asked(peer, line)
            peer.say('\r\n+CUSD: 0,"12.34",15\r\n+CUSD: 2,"Initiating Release",15\r\n+CUSD: 0,"later",15\r\n')
            assert (await task).text == "12.34"
            assert (await listener.hears("ussd", 2)).text == "later"

    run(scenario())


def test_an_answer_that_nobody_waits_for_any_more_is_told() -> None:
    async def scenario() -> None:
        async with at_work() as (peer, line, listener):
            task = await asked(peer, line)
            task.cancel()
            await asyncio.wait([task])
            peer.say('\r\n+CUSD: 0,"12.34 EUR",15\r\n')
            assert (await listener.hears("ussd")).text == "12.34 EUR"

    run(scenario())


def test_a_lost_modem_ends_the_dialogue() -> None:
    async def scenario() -> None:
        async with at_work() as (peer, line, listener):
            task = await asked(peer, line)
            peer.unplug()
            with pytest.raises(UssdError) as error:
                await task
            assert error.value.code == "modem_not_ready"
            with pytest.raises(UssdError):
                await line.services.ussd.start("*100#")
            assert listener.of("ussd") == []

    run(scenario())


def test_a_reply_beyond_ascii_goes_in_ucs2_and_the_character_set_comes_back() -> None:
    async def scenario() -> None:
        async with at_work() as (peer, line, _):
            task = asyncio.create_task(line.services.ussd.start("Müller@x"))
            await peer.until(lambda: any(each.startswith('AT+CUSD=1,"') for each in peer.heard))
            peer.say('\r\n+CUSD: 0,"ok",15\r\n')
            await task
            at = next(n for n, each in enumerate(peer.heard) if each.startswith('AT+CUSD=1,"'))
            assert peer.heard[at - 1 : at + 2] == [
                'AT+CSCS="UCS2"',
                f'AT+CUSD=1,"{"Müller@x".encode("utf-16-be").hex().upper()}",15',
                'AT+CSCS="GSM"',
            ]

    run(scenario())


def test_a_huawei_stick_that_wants_septets_gets_them() -> None:
    async def scenario() -> None:
        replies: dict[str, Reply] = {"AT+CGMI": "\r\nhuawei\r\n\r\nOK\r\n", CODE: "\r\n+CME ERROR: 50\r\n"}
        async with at_work(replies) as (peer, line, _):
            task = asyncio.create_task(line.services.ussd.start("*100#"))
            await peer.hears('AT+CUSD=1,"AA180C3602",15')
            assert CODE not in peer.heard
            peer.say('\r\n+CUSD: 1,"D9775D0E1287D961F7B80C",15\r\n')
            assert (await task).text == "Your balance"
            mark = len(peer.heard)
            reply = asyncio.create_task(line.services.ussd.reply("1"))
            await peer.until(lambda: 'AT+CUSD=1,"31",15' in peer.heard[mark:])
            peer.say("\r\n+CUSD: 4\r\n")
            with pytest.raises(UssdError):
                await reply

    run(scenario())


def test_what_no_dialogue_can_carry_is_refused() -> None:
    async def scenario() -> None:
        async with at_work() as (peer, line, _):
            mark = len(peer.heard)
            with pytest.raises(PduError):
                await line.services.ussd.start("x" * 200)
            assert not [each for each in peer.heard[mark:] if each.startswith("AT+CUSD")]

    run(scenario())


def test_a_stick_that_wants_characters_after_all_gets_them() -> None:
    async def scenario() -> None:
        replies: dict[str, Reply] = {"AT+CGMI": "\r\nhuawei\r\n\r\nOK\r\n", 'AT+CUSD=1,"AA': "\r\nERROR\r\n"}
        async with at_work(replies) as (peer, line, _):
            task = asyncio.create_task(line.services.ussd.start("*100#"))
            await peer.hears(CODE)
            peer.say('\r\n+CUSD: 0,"12.34",15\r\n')
            assert (await task).text == "12.34"

    run(scenario())


def test_a_family_without_ussd_is_not_asked() -> None:
    async def scenario() -> None:
        async with at_work(profile="sim7070") as (peer, line, _):
            with pytest.raises(UssdError) as error:
                await line.services.ussd.start("*100#")
            assert error.value.code == "ussd_unsupported"
            assert CODE not in peer.heard

    run(scenario())
