"""Signal, access, operator, heat and supply are one state: whatever is asked, and however, tells the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.emulator import Emulator, ModemConfig
from gateway.emulator.commands import facts
from gateway.emulator.conditions import TECHNOLOGIES
from gateway.emulator.personalities import PERSONALITIES
from gateway.errors import ConfigError, RequestError
from tests.emulator.bench import PHONE, eventually, run
from tests.emulator.client import Client, silent, submit

HOT_AND_WEAK: Mapping[str, Any] = {
    "rssi_dbm": -95,
    "operator": "Test Cell",
    "plmn": "23410",
    "temperature_c": 61.5,
    "voltage_mv": 3710,
}


def questions(name: str) -> list[str]:
    """Every question of the family's own, as a command line."""
    family = PERSONALITIES[name]
    lines = []
    for command in (*family.fixed, *family.by_access, *family.of_sim):
        head, equals, argument = command.partition("=")
        quoted = f'{head}="{argument}"' if argument.isalpha() else command
        lines.append(f"AT{quoted if equals else command}")
    return lines


@pytest.mark.parametrize("name", list(PERSONALITIES))
def test_every_question_of_a_family_is_answered_whatever_the_network_is(name: str) -> None:
    async def scenario(emulator: Emulator) -> None:
        modem = emulator.modem("one")
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            for access in modem.personality.accesses:
                modem.surround(access=access, **HOT_AND_WEAK)
                for line in questions(name):
                    answer = await client.ok(line)
                    assert not re.search(r"[{}]", "".join(answer)), (line, answer)
            emulator.fault("one", "registration-lost")
            for line in questions(name):
                await client.ok(line)
            assert await client.ok("AT+CSQ") == ["+CSQ: 99,99"]

    run(scenario, ModemConfig(name="one", personality=name))


@pytest.mark.parametrize("name", list(PERSONALITIES))
def test_a_family_has_an_answer_for_each_access_technology_it_has(name: str) -> None:
    family = PERSONALITIES[name]
    assert set(family.accesses) <= set(TECHNOLOGIES)
    for command, texts in family.by_access.items():
        assert set(texts) == {*family.accesses, ""} or set(texts) > {*family.accesses, ""}, command
    assert all(facts.operation(command)[0] for command in family.fixed)


@pytest.mark.parametrize(
    ("name", "access", "answers"),
    [
        ("generic", "lte", {"AT+CSQ": "9,99", "AT+CESQ": "99,99,255,255,18,31", "AT+COPS?": '"Test Cell",7'}),
        ("generic", "umts", {"AT+CSQ": "9,99", "AT+CESQ": "99,99,16,29,255,255", "AT+COPS?": '"Test Cell",2'}),
        ("generic", "gsm", {"AT+CESQ": "15,0,255,255,255,255", "AT+COPS?": '"Test Cell",0', "AT+CBC": "0,100,3710"}),
        ("huawei-e3372", "lte", {"AT^HCSQ?": '"LTE",26,31,101,18', "AT^CHIPTEMP?": "615,", "AT^SYSINFOEX": '"LTE"'}),
        ("huawei-e173", "umts", {"AT^SYSINFO": "2,3,0,5,1,,4", "AT^CSQ": "9,99"}),
        ("sim800", "gsm", {"AT+CMTE?": "0,62", "AT+CBC": "0,100,3710", "AT+CENG?": "0055,15,00,234,10"}),
        ("sim7600", "lte", {"AT+CPSI?": "234-10,0x1A2B,27440068", "AT+CBC": "3.71V", "AT+CPMUTEMP": "62"}),
        ("sim7600", "gsm", {"AT+CPSI?": "GSM,Online,234-10", "AT+CNSMOD?": "0,1"}),
        ("ec25", "lte", {"AT+QCSQ": '"LTE",-95,-110,100,-11', "AT+QNWINFO": '"23410"', "AT+QTEMP": "62,255,255"}),
        ("ec25", "umts", {'AT+QENG="servingcell"': '"WCDMA",234,10,1A2B,01A2B3C4', "AT+QSPN": '"Test Cell"'}),
        ("le910", "lte", {"AT#RFSTS": '"234 10",1300,-110,-95,-11', "AT#PSNT?": "0,4", "AT#CBC": "0,371"}),
        ("sara-u2", "umts", {"AT+UTEMP?": "615", "AT+CIND?": "3,1,"}),
        ("zte-mf", "gsm", {"AT+ZPAS?": '"EDGE","CS_PS"'}),
    ],
)
def test_one_state_in_all_dialects(name: str, access: str, answers: dict[str, str]) -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0+COPS=3,0")
            for line, wanted in answers.items():
                assert wanted in "\n".join(await client.ok(line)), line

    run(scenario, ModemConfig(name="one", personality=name, access=access, **HOT_AND_WEAK))


def test_a_change_of_access_is_told_to_whoever_asked_for_it() -> None:
    async def scenario(emulator: Emulator) -> None:
        modem = emulator.modem("one")
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0+CREG=2;+CEREG=1")
            modem.surround(access="umts")
            shown = await client.wait_for(rb"\+CEREG: 0\r\n")
            assert b'+CREG: 1,"1A2B","01A2B3C4",2\r\n' in shown
            modem.surround(access="gsm")
            assert await client.wait_for(rb"\+CREG: .*\r\n") == b'\r\n+CREG: 1,"1A2B","B3C4",0\r\n'
            assert await silent(client, 0.02)
            assert await client.ok("AT+CEREG?") == ["+CEREG: 1,0"]
            assert (await client.cmgs(submit(PHONE)))[-1] == "OK"

    run(scenario)


@pytest.mark.parametrize(
    ("name", "ask", "told"),
    [
        ("huawei-e3372", "AT^CURC=1", "^RSSI:9"),
        ("sim7600", "AT+AUTOCSQ=1", "+CSQ: 9,99"),
        ("ec25", 'AT+QINDCFG="csq",1', '+QIND: "csq",9,99'),
    ],
)
def test_a_change_of_signal_is_told_in_the_words_of_the_family(name: str, ask: str, told: str) -> None:
    async def scenario(emulator: Emulator) -> None:
        modem = emulator.modem("one")
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            await client.ok(ask)
            modem.surround(rssi_dbm=-95)
            assert (await client.wait_for(re.escape(told.encode()) + rb"\r\n")).strip() == told.encode()
            modem.surround(rssi_dbm=-95)
            assert await silent(client, 0.02)

    run(scenario, ModemConfig(name="one", personality=name))


def test_low_signal_by_fault_is_seen_in_every_answer() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            emulator.fault("one", "low-signal", rssi=2)
            assert (await client.ok("ATE0+CSQ"))[-1] == "+CSQ: 2,99"
            assert "-109," in (await client.ok("AT+QCSQ"))[0]

    run(scenario, ModemConfig(name="one", personality="ec25"))


def test_a_sim800_warns_of_low_voltage_and_switches_itself_off() -> None:
    async def scenario(emulator: Emulator) -> None:
        modem = emulator.modem("one")
        with Client(emulator.port("one")) as client:
            modem.surround(voltage_mv=3250)
            await client.wait_for(rb"UNDER-VOLTAGE WARNNING\r\n")
            modem.surround(voltage_mv=3150)
            await client.wait_for(rb"UNDER-VOLTAGE POWER DOWN\r\n")
            await eventually(lambda: not modem.powered)
            client.write(b"AT\r")
            assert await silent(client, 0.02)
            modem.surround(voltage_mv=3900)
            modem.replug()
            await client.wait_for(rb"SMS Ready\r\n")
            assert (await client.ok("AT+CBC"))[-1] == "+CBC: 0,100,3900"

    run(scenario, ModemConfig(name="one", personality="sim800"))


@pytest.mark.parametrize(
    ("name", "values", "field"),
    [
        ("sim800", {"access": "lte"}, "access"),
        ("generic", {"rssi_dbm": -30}, "rssi_dbm"),
        ("generic", {"plmn": "Home"}, "plmn"),
        ("generic", {"operator": 'a"b'}, "operator"),
        ("generic", {"temperature_c": 900}, "temperature_c"),
        ("generic", {"voltage_mv": -1}, "voltage_mv"),
    ],
)
def test_what_cannot_be_is_refused(name: str, values: dict[str, Any], field: str) -> None:
    async def scenario(emulator: Emulator) -> None:
        with pytest.raises(RequestError) as caught:
            emulator.modem("one").surround(**values)
        assert caught.value.field == field

    run(scenario, ModemConfig(name="one", personality=name))
    with pytest.raises(ConfigError, match=field):
        run(scenario, ModemConfig(name="one", personality=name, **values))
