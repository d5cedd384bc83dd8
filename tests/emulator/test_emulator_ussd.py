"""USSD over the port: codes, menus, sessions, codings, and what the network starts."""

from __future__ import annotations

import pytest

from gateway.emulator import Emulator, ModemConfig, NetworkConfig, gsm7
from gateway.emulator.network_config import check_network
from gateway.errors import ConfigError, RequestError

from .bench import PHONE, eventually, run
from .client import Client, silent, submit

MENU = {
    "*100#": "Balance: {balance} EUR",
    "*101#": {
        "text": "1 Balance\n2 Top up",
        "replies": {"1": "12.34", "2": {"text": "How much?", "replies": {"*": "{code} it is"}}},
    },
    "*102#": "Grüße für 5 €",
    "*103#": "Баланс",
    "*104#": {"m": 3},
    "*105#": {"raw": "+CUSD: 0,Balance {balance}"},
}


def network(**values: object) -> NetworkConfig:
    return NetworkConfig(ussd=MENU, **values)  # type: ignore[arg-type]


async def asked(client: Client, code: str) -> str:
    """The +CUSD line that answers `code`."""
    await client.ok(f'AT+CUSD=1,"{code}",15')
    line = await client.wait_for(rb'\+CUSD: \d(,"[^"]*",\d+)?\r\n')
    return line.decode().strip()


def test_a_code_is_answered_and_an_unknown_one_refused() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            assert await client.ok("AT+CUSD=?") == ["AT+CUSD=?", "+CUSD: (0-2)"]
            assert await asked(client, "*101#") == '+CUSD: 1,"1 Balance\n2 Top up",15'
            assert await asked(client, "1") == '+CUSD: 0,"12.34",15'
            assert await asked(client, "*999#") == "+CUSD: 4"
            assert await asked(client, "*104#") == "+CUSD: 3"
            await client.ok('AT+CUSD=1,"*105#",15')
            await client.wait_for(rb"\r\n\+CUSD: 0,Balance 0.00\r\n")
            await client.ok("ATD*104#;")
            await client.wait_for(rb"\+CUSD: 3\r\n")

    run(scenario, network=network())


def test_a_menu_goes_on_until_it_ends_or_is_cancelled() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            assert (await asked(client, "*101#")).startswith("+CUSD: 1,")
            assert await asked(client, "2") == '+CUSD: 1,"How much?",15'
            assert await asked(client, "20") == '+CUSD: 0,"20 it is",15'
            await asked(client, "*101#")
            assert await asked(client, "9") == "+CUSD: 2"
            await asked(client, "*101#")
            await client.ok("AT+CUSD=2")
            assert await asked(client, "1") == "+CUSD: 4"  # no longer a reply
            said = [(one.outgoing, one.text, one.m) for one in emulator.network.ussd.records][:4]
            assert said == [
                (True, "*101#", None),
                (False, "1 Balance\n2 Top up", 1),
                (True, "2", None),
                (False, "How much?", 1),
            ]

    run(scenario, network=network())


def test_a_reply_that_does_not_come_ends_the_session() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await asked(client, "*101#")
            await client.wait_for(rb"\+CUSD: 5\r\n")
            assert await asked(client, "1") == "+CUSD: 4"

    run(scenario, network=network(ussd_timeout_s=0.05))


def test_a_cancelled_question_is_not_answered_and_a_hidden_one_not_shown() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            client.write(b'AT+CUSD=1,"*101#",15;+CUSD=2\r')
            await client.wait_for(rb"OK\r\n")
            assert await silent(client)
            await client.ok('AT+CUSD=0,"*100#",15')
            await eventually(lambda: emulator.network.ussd.records[-1].m == 0)
            assert await silent(client)

    run(scenario, network=network())


def test_the_charset_decides_how_a_plain_family_shows_it() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            await client.ok('AT+CSCS="GSM"')
            await client.ok('AT+CUSD=1,"*102#",15')
            shown = await client.wait_for(rb'\+CUSD: 0,"([^"]*)",15\r\n')
            assert b'"Gr\x7e\x1ee f\x7er 5 \x1be"' in shown
            await client.ok('AT+CSCS="UCS2"')
            code = "*102#".encode("utf-16-be").hex()
            assert await asked(client, code) == f'+CUSD: 0,"{"Grüße für 5 €".encode("utf-16-be").hex().upper()}",15'
            await client.ok('AT+CSCS="IRA"')
            assert await asked(client, "*103#") == f'+CUSD: 0,"{"Баланс".encode("utf-16-be").hex().upper()}",72'

    run(scenario, network=network())


def test_huawei_packs_when_its_mode_says_so() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("stick")) as client:
            await client.ok("ATE0")
            await client.ok("AT^USSDMODE=1")
            assert gsm7.packed(b"*100#").hex().upper() == "AA180C3602"
            line = await asked(client, "AA180C3602")
            assert line == f'+CUSD: 0,"{gsm7.packed(b"Balance: 0.00 EUR").hex().upper()}",15'
            assert (await client.at('AT+CUSD=1,"*100#",15'))[-1] == "ERROR"
            await client.ok("AT^USSDMODE=0")
            assert await asked(client, "*100#") == '+CUSD: 0,"Balance: 0.00 EUR",15'

    run(scenario, ModemConfig(name="stick", personality="huawei-e3372"), network=network())


def test_an_old_huawei_knows_packed_strings_alone() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("stick")) as client:
            assert (
                await asked(client, "AA180C3602") == f'+CUSD: 0,"{gsm7.packed(b"Balance: 0.00 EUR").hex().upper()}",15'
            )

    run(scenario, ModemConfig(name="stick", personality="huawei-e173"), network=network())


@pytest.mark.parametrize("text", ["", "a", "1234567", "12345678", "abcdefg\r", "€[]~ß", "x" * 160])
def test_packing_is_undone_by_unpacking(text: str) -> None:
    codes = gsm7.septets(text)
    assert codes is not None
    assert gsm7.text(gsm7.unpacked(gsm7.packed(codes))).rstrip("\r") == text.rstrip("\r")


def test_the_network_may_begin() -> None:
    async def scenario(emulator: Emulator) -> None:
        ussd, one = emulator.network.ussd, emulator.modem("one")
        with Client(emulator.port("one")) as client:
            await client.ok("AT+CUSD=1")
            ussd.push(one, "You have no credit", reply_wanted=False)
            await client.wait_for(rb'\+CUSD: 0,"You have no credit",15\r\n')
            ussd.push(one, "Buy?", reply_wanted=True, replies={"1": "Thanks"})
            await client.wait_for(rb'\+CUSD: 1,"Buy\?",15\r\n')
            with pytest.raises(RequestError, match="one has a USSD session open"):
                ussd.push(one, "Again", reply_wanted=False)
            assert await asked(client, "1") == '+CUSD: 0,"Thanks",15'

    run(scenario, network=network())


def test_without_a_network_there_is_an_error() -> None:
    async def scenario(emulator: Emulator) -> None:
        emulator.fault("one", "registration-lost")
        with Client(emulator.port("one")) as client:
            await client.ok("AT+CMEE=1")
            assert (await client.at('AT+CUSD=1,"*100#",15'))[-1] == "+CME ERROR: 30"

    run(scenario, network=network())


def test_every_text_costs_until_the_account_is_empty() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            assert await asked(client, "*100#") == '+CUSD: 0,"Balance: 0.20 EUR",15'
            assert (await client.cmgs(submit(PHONE)))[-1] == "OK"
            assert await asked(client, "*100#") == '+CUSD: 0,"Balance: 0.10 EUR",15'
            assert (await client.cmgs(submit(PHONE)))[-1] == "OK"
            assert (await client.cmgs(submit(PHONE)))[-1] == "+CMS ERROR: 21"
            assert len(emulator.network.submitted) == 2

    run(scenario, network=network(balance=0.2, text_price=0.1))


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"*1#": 5}, "network: ussd: *1#: must be a text or a table of text, replies, m, delay_s, raw"),
        ({"*1#": {"text": "x", "replies": {"1": {"m": 6}}}}, "network: ussd: *1#: 1: m: must be 0 to 5"),
        ({"*1#": "x" * 183}, "network: ussd: *1#: text: must be at most 182 characters"),
        ({"*1#": {"replies": "1"}}, "network: ussd: *1#: replies: must be a table"),
        ({"*1#": {"raw": 1}}, "network: ussd: *1#: raw: must be a line"),
        ({"*1#": {"delay_s": -1}}, "network: ussd: *1#: delay_s: must be 0 to 3600 seconds"),
    ],
)
def test_a_tree_with_a_mistake_names_its_place(tree: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        check_network(NetworkConfig(ussd=tree))
    assert str(raised.value) == message
