"""Voice calls over the port: incoming, outgoing, between modems, by family; DTMF; forwarding."""

from __future__ import annotations

import re

import pytest

from gateway.emulator import Emulator, ModemConfig, NetworkConfig
from gateway.emulator.network.legs import Stat
from gateway.emulator.network.phones import ANSWERS
from gateway.errors import RequestError

from .bench import ONE, PHONE, TWO, eventually, run
from .client import Client, silent, submit

QUICK = NetworkConfig(ring_interval_s=0.02)
RING = rb"\r\nRING\r\n"


def family(personality: str) -> ModemConfig:
    return ModemConfig(name="one", personality=personality, number=ONE)


def causes(emulator: Emulator) -> list[str | None]:
    return [None if leg.cause is None else leg.cause.word for leg in emulator.network.calls.legs]


def test_a_call_rings_shows_its_number_is_answered_and_ends() -> None:
    async def scenario(emulator: Emulator) -> None:
        calls, one = emulator.network.calls, emulator.modem("one")
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            assert await client.ok("AT+CPAS") == ["+CPAS: 0"]
            assert (await client.at("ATA"))[-1] == "NO CARRIER"
            calls.call(one, PHONE)
            await client.wait_for(RING)
            await client.ok("AT+CRC=1")
            await client.ok("AT+CLIP=1")
            await client.wait_for(rb'\r\n\+CRING: VOICE\r\n\r\n\+CLIP: "\+491719999999",145,,,,0\r\n')
            assert "+CPAS: 3" in await client.ok("AT+CPAS")
            listed = await client.ok("AT+CLCC")
            assert f'+CLCC: 1,1,4,0,0,"{PHONE}",145,""' in listed
            await client.ok("ATA")
            await client.wait_for(b"")
            client.buffer = b""
            assert await client.ok("AT+CPAS") == ["+CPAS: 4"]
            assert await client.ok("AT+CLCC") == [f'+CLCC: 1,1,0,0,0,"{PHONE}",145,""']
            calls.hang_up_other(one)
            await client.wait_for(rb"\r\nNO CARRIER\r\n")
            assert await client.ok("AT+CLCC") == []
            assert causes(emulator) == ["normal"]

    run(scenario, network=QUICK)


def test_a_hidden_call_has_no_number_and_gives_up_after_its_rings() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("AT+CLIP=1")
            emulator.network.calls.call(emulator.modem("one"), PHONE, rings=2, hidden=True)
            heard = await client.wait_for(rb"NO CARRIER\r\n")
            assert heard.count(b"RING") == 2
            assert heard.count(b'+CLIP: "",128,,,,1\r\n') == 2
            assert await silent(client)

    run(scenario, network=QUICK)


@pytest.mark.parametrize("command", ["ATH", "AT+CHUP"])
def test_a_refused_call_says_nothing_more(command: str) -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            emulator.network.calls.call(emulator.modem("one"), PHONE)
            await client.wait_for(RING)
            await client.ok(command)
            client.buffer = b""
            assert await silent(client)
            assert causes(emulator) == ["rejected"]

    run(scenario, network=QUICK)


def test_a_second_call_waits_where_that_is_wanted_and_is_busy_otherwise() -> None:
    async def scenario(emulator: Emulator) -> None:
        calls, one = emulator.network.calls, emulator.modem("one")
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            calls.call(one, PHONE)
            await client.ok("ATA")
            client.buffer = b""
            assert calls.call(one, "+491718888888") is None
            await client.ok("AT+CCWA=1,1,1")
            assert await client.ok("AT+CCWA=1,2") == ["+CCWA: 1,1"]
            assert calls.call(one, "+491718888888") is not None
            await client.wait_for(rb'\+CCWA: "\+491718888888",145,1\r\n')
            await client.ok("AT+CHLD=2")
            assert [leg.stat for leg in calls.of(one)] == [Stat.HELD, Stat.ACTIVE]
            await client.ok("AT+CHLD=2")
            assert [leg.stat for leg in calls.of(one)] == [Stat.ACTIVE, Stat.HELD]
            await client.ok("AT+CHLD=1")
            assert [(leg.number, leg.stat) for leg in calls.of(one)] == [("+491718888888", Stat.ACTIVE)]
            await client.ok("ATH")
            assert (await client.at("AT+CHLD=1"))[-1] == "ERROR"

    run(scenario, network=QUICK)


OUTCOMES = {"answer": None, "busy": "BUSY", "no-answer": "NO ANSWER", "reject": "NO CARRIER"}


@pytest.mark.parametrize("behaviour", ANSWERS)
def test_a_phone_does_with_a_call_what_it_is_set_to(behaviour: str) -> None:
    async def scenario(emulator: Emulator) -> None:
        emulator.network.phones.get(PHONE).call = behaviour
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            await client.ok(f"ATD{PHONE};")
            final = OUTCOMES[behaviour]
            if final is not None:
                assert (await client.wait_for(rb"(BUSY|NO ANSWER|NO CARRIER)\r\n")).strip().decode() == final
                return
            await eventually(lambda: emulator.network.calls.of(emulator.modem("one"))[0].stat is Stat.ACTIVE)
            assert await client.ok("AT+CLCC") == [f'+CLCC: 1,0,0,0,0,"{PHONE}",145,""']
            await client.ok("ATH")
            assert await silent(client)

    patience = NetworkConfig(no_answer_s=0.1) if behaviour == "no-answer" else QUICK
    run(scenario, network=patience)


def test_what_cannot_be_dialled() -> None:
    async def scenario(emulator: Emulator) -> None:
        emulator.network.phones.get(PHONE).on = False
        with Client(emulator.port("one")) as client:
            await client.ok("AT+CMEE=1")
            assert (await client.at(f"ATD{PHONE}"))[-1] == "NO CARRIER"  # a data call
            await client.ok(f"ATD{PHONE};")
            await client.wait_for(rb"\r\nNO CARRIER\r\n")
            assert (await client.ok("AT+CEER"))[-1] == "+CEER: 20,not-reachable"
            emulator.fault("one", "registration-lost")
            assert (await client.at(f"ATD{PHONE};"))[-1] == "+CME ERROR: 30"

    run(scenario, network=QUICK)


def test_one_modem_calls_the_other() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as caller, Client(emulator.port("two")) as called:
            await called.ok("AT+CLIP=1")
            await caller.ok(f"ATD{TWO};")
            await called.wait_for(rb'RING\r\n\r\n\+CLIP: "\+491700000001",145,,,,0\r\n')
            await called.ok("ATA")
            await caller.ok("AT+VTS=1")
            await caller.ok('AT+VTS="#"')
            await caller.ok("AT+VTS={2,3},A")
            legs = list(emulator.network.calls.legs)
            assert [leg.sent for leg in legs] == ["1#2A", ""]
            assert [leg.received for leg in legs] == ["", "1#2A"]
            await called.ok("ATH")
            await caller.wait_for(rb"\r\nNO CARRIER\r\n")
            assert (await caller.at("AT+VTS=1"))[-1] == "ERROR"

    run(scenario, network=QUICK)


@pytest.mark.parametrize(
    ("prepare", "dialled", "shown"),
    [
        ("AT+CLIR=1", f"{TWO};", False),
        ("AT", f"{TWO}I;", False),
        ("AT+CLIR=1", f"{TWO}i;", True),
        ("AT+CLIR=2", f"{TWO};", True),
    ],
)
def test_the_own_number_is_hidden_when_it_is_wanted(prepare: str, dialled: str, shown: bool) -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as caller, Client(emulator.port("two")) as called:
            await called.ok("AT+CLIP=1")
            await caller.ok(prepare)
            await caller.ok(f"ATD{dialled}")
            heard = await called.wait_for(rb"\+CLIP: [^\r]*\r\n")
            assert (ONE.encode() in heard) is shown

    run(scenario, network=QUICK)


@pytest.mark.parametrize(
    ("personality", "switch_on", "lines"),
    [
        ("huawei-e3372", "AT", [r"\^ORIG:1,0", r"\^CONF:1", r"\^CONN:1,0", r"\^CEND:1,\d+,29,16"]),
        (
            "sim7600",
            "AT+CLCC=1",
            [
                r"\+CLCC: 1,0,2,",
                r"\+CLCC: 1,0,3,",
                r"\+CLCC: 1,0,0,",
                "VOICE CALL: BEGIN",
                r"\+CLCC: 1,0,6,",
                r"VOICE CALL: END: \d{6}",
            ],
        ),
        ("sim800", "AT+MORING=1", ["MO RING", "MO CONNECTED"]),
        ("ec25", "AT^DSCI=1", [rf'\^DSCI: 1,0,{state},0,"\+491719999999",145' for state in (2, 7, 3, 6)]),
        ("ec25", 'AT+QINDCFG="ccinfo",1', [rf'\+QIND: "ccinfo",1,0,{stat},0,0,' for stat in (2, 3, 0, -1)]),
        ("sara-u2", "AT+UCALLSTAT=1", [rf"\+UCALLSTAT: 1,{stat}" for stat in (2, 3, 0, 6)]),
    ],
)
def test_each_family_tells_of_an_outgoing_call_in_its_own_words(
    personality: str, switch_on: str, lines: list[str]
) -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            await client.ok(switch_on)
            await client.ok(f"ATD{PHONE};")
            await eventually(lambda: emulator.network.calls.of(emulator.modem("one"))[0].stat is Stat.ACTIVE)
            client.write(b"AT+CHUP\r")
            heard = (await client.wait_for(rb"\r\nOK\r\n")).decode()
            assert re.search(".*".join(lines), heard, re.DOTALL), heard

    run(scenario, family(personality), network=QUICK)


def test_simcom_tells_of_a_missed_call() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            emulator.network.calls.call(emulator.modem("one"), PHONE, rings=1)
            heard = await client.wait_for(rb"MISSED_CALL: \d\d:\d\d[AP]M \+491719999999\r\n")
            assert heard.index(b"NO CARRIER") < heard.index(b"MISSED_CALL")

    run(scenario, family("sim7600"), network=QUICK)


def test_sim800_refuses_a_call_while_it_sends() -> None:
    async def scenario(emulator: Emulator) -> None:
        calls, one = emulator.network.calls, emulator.modem("one")
        with Client(emulator.port("one")) as client:
            client.write(b"AT+CMGS=20\r")
            await client.wait_for(rb"> ")
            assert calls.call(one, PHONE) is None
            client.write(b"\x1b")
            await client.wait_for(rb"OK\r\n")
            assert calls.call(one, PHONE) is not None
            await client.wait_for(RING)

    run(scenario, family("sim800"), network=QUICK)


def test_other_families_ring_while_they_send_and_send_all_the_same() -> None:
    async def scenario(emulator: Emulator) -> None:
        pdu = submit(PHONE, "on its way")
        with Client(emulator.port("one")) as client:
            client.write(f"AT+CMGS={len(pdu) // 2}\r".encode())
            await client.wait_for(rb"> ")
            assert emulator.network.calls.call(emulator.modem("one"), PHONE, rings=1) is not None
            await client.wait_for(RING)
            client.write(b"00" + pdu.encode() + b"\x1a")
            await client.wait_for(rb"\+CMGS: \d+\r\n\r\nOK\r\n")
            assert [one.to for one in emulator.network.submitted] == [PHONE]

    run(scenario, family("sim7600"), network=QUICK)


@pytest.mark.parametrize(
    ("personality", "switch_on", "line"),
    [
        ("huawei-e3372", "AT^DDTMFCFG=0,1", b"^DDTMF: 5"),
        ("sim7600", "AT+DDET=1", b"+RXDTMF: 5"),
        ("sim800", "AT+DDET=1", b"+DTMF: 5"),
        ("ec25", "AT+QTONEDET=1", b"+QTONEDET: 53"),
        ("sara-u2", "AT+UDTMFD=1,2", b"+UUDTMFD: 5"),
    ],
)
def test_tones_are_heard_where_that_is_switched_on(personality: str, switch_on: str, line: bytes) -> None:
    async def scenario(emulator: Emulator) -> None:
        calls, one = emulator.network.calls, emulator.modem("one")
        with pytest.raises(RequestError, match="one has no active call"):
            calls.play_to(one, "5")
        with Client(emulator.port("one")) as client:
            calls.call(one, PHONE)
            await client.ok("ATA")
            calls.play_to(one, "4")
            await client.ok(switch_on)
            calls.play_to(one, "5")
            heard = await client.wait_for(re.escape(line) + rb"\r\n")
            assert b": 4\r\n" not in heard
            assert calls.of(one)[0].received == "45"

    run(scenario, family(personality), network=QUICK)


def test_a_call_ends_when_the_power_or_the_network_goes() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as caller, Client(emulator.port("two")) as called:
            await caller.ok(f"ATD{TWO};")
            await called.wait_for(RING)
            await called.ok("ATA")
            emulator.fault("two", "power-cycle")
            await caller.wait_for(rb"\r\nNO CARRIER\r\n")
            await called.hang_up()
            await caller.ok(f"ATD{PHONE};")
            emulator.fault("one", "registration-lost", duration_s=0.01)
            await caller.wait_for(rb"\r\nNO CARRIER\r\n")
            assert causes(emulator) == ["lost", "lost", "lost"]

    run(scenario, network=QUICK)


@pytest.mark.parametrize("command", ["ATD123;", "ATA", "AT+CLCC", "AT+CUSD=1", "AT+CCFC=0,2"])
def test_a_family_without_voice_does_not_know_its_commands(command: str) -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            assert (await client.at(command))[-1] == "ERROR"

    run(scenario, family("sim7070"))


# forwarding


def test_forwarding_is_set_asked_switched_off_and_erased() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            assert await client.ok("AT+CCFC=0,2") == ["+CCFC: 0,7"]
            await client.ok(f'AT+CCFC=0,3,"{PHONE}",145,1')
            assert await client.ok("AT+CCFC=0,2") == [f'+CCFC: 1,1,"{PHONE}",145']
            assert await client.ok("AT+CCFC=0,2,,,2") == ["+CCFC: 0,2"]
            await client.ok("AT+CCFC=0,0")
            assert await client.ok("AT+CCFC=0,2") == [f'+CCFC: 0,1,"{PHONE}",145']
            await client.ok("AT+CCFC=0,1")
            await client.ok(f'AT+CCFC=2,3,"{PHONE}",145,1,,,15')
            assert await client.ok("AT+CCFC=2,2") == [f'+CCFC: 1,1,"{PHONE}",145,,,15']
            await client.ok("AT+CCFC=4,4")
            assert await client.ok("AT+CCFC=2,2") == ["+CCFC: 0,7"]
            await client.ok("AT+CMEE=1")
            assert (await client.at("AT+CCFC=1,1"))[-1] == "+CME ERROR: 3"
            assert (await client.at("AT+CCFC=4,2"))[-1] == "+CME ERROR: 50"
            assert (await client.at('AT+CCFC=0,3,"x"'))[-1] == "+CME ERROR: 50"
            assert (await client.at(f'AT+CCFC=2,3,"{PHONE}",145,1,,,60'))[-1] == "+CME ERROR: 50"

    run(scenario, network=QUICK)


@pytest.mark.parametrize("reason", [0, 1, 2, 3])
def test_a_forwarded_call_rings_at_the_target(reason: int) -> None:
    async def scenario(emulator: Emulator) -> None:
        calls, one = emulator.network.calls, emulator.modem("one")
        with Client(emulator.port("one")) as client, Client(emulator.port("two")) as target:
            await target.ok("AT+CLIP=1")
            await client.ok(f'AT+CCFC={reason},3,"{TWO}",145,1,,,5')
            if reason == 1:
                calls.call(one, "+491718888888")
                await client.ok("ATA")
            elif reason == 3:
                emulator.fault("one", "registration-lost")
            calls.call(one, PHONE)
            await target.wait_for(rb'RING\r\n\r\n\+CLIP: "\+491719999999",145,,,,0\r\n')
            if reason == 2:
                await client.wait_for(rb"NO CARRIER\r\n")

    run(scenario, network=QUICK)


def test_forwarding_in_a_circle_ends() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as one, Client(emulator.port("two")) as two:
            await one.ok(f'AT+CCFC=0,3,"{TWO}",145')
            await two.ok(f'AT+CCFC=0,3,"{ONE}",145')
            assert emulator.network.calls.call(emulator.modem("one"), PHONE) is None
            await one.ok(f"ATD{TWO};")
            await one.wait_for(rb"NO CARRIER\r\n")
            assert causes(emulator) == ["no-route"]

    run(scenario, network=QUICK)
