"""What single families do differently from the rest: refusals, busy codes, boot noise, lines that nobody asked for."""

from __future__ import annotations

import pytest

from gateway.emulator import Emulator, ModemConfig, NetworkConfig
from gateway.emulator.personalities import PERSONALITIES
from tests.emulator.bench import PHONE, eventually, run
from tests.emulator.client import Client, silent, submit


@pytest.mark.parametrize("name", list(PERSONALITIES))
def test_before_the_memories_are_loaded_messages_are_refused_with_the_code_of_the_family(name: str) -> None:
    async def scenario(emulator: Emulator) -> None:
        modem = emulator.modem("one")
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0+CMEE=1")
            modem.sms_ready = False
            code = f"+CMS ERROR: {modem.personality.sms_busy}"
            for line in ("AT+CPMS?", 'AT+CPMS="SM"', "AT+CMGS=20", "AT+CMGL=4", "AT+CSCA?"):
                assert await client.at(line) == [code], line
            modem.sms_ready = True
            await client.ok("AT+CPMS?")

    run(scenario, ModemConfig(name="one", personality=name))


@pytest.mark.parametrize(
    ("name", "line", "answer"),
    [
        ("generic", "AT+NONSENSE", "+CME ERROR: 100"),
        ("generic", "AT^NONSENSE", "ERROR"),
        ("huawei-e3372", "AT^NONSENSE", "COMMAND NOT SUPPORT"),
        ("huawei-e173", "AT+NONSENSE", "ERROR"),
        ("sim800", "AT^RESET", "ERROR"),
        ("sim800", "AT+CPOWD=7", "+CME ERROR: 50"),
        ("ec25", 'AT+QENG="nonsense"', "+CME ERROR: 50"),
        ("ec25", 'AT+QCFG="nonsense"', "+CME ERROR: 50"),
        ("sara-r4", 'AT+CUSD=1,"*100#",15', "+CME ERROR: 100"),
        ("sara-u2", "AT+QTEMP", "+CME ERROR: 100"),
        ("sim7070", "ATD+491719999999;", "ERROR"),
        ("huawei-e3372", "AT+CNMA=1", "+CMS ERROR: 304"),
    ],
)
def test_what_a_family_does_not_know_it_refuses_in_its_own_way(name: str, line: str, answer: str) -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0+CMEE=1")
            assert await client.at(line) == [answer]

    run(scenario, ModemConfig(name="one", personality=name))


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("generic", 515, "515"),
        ("sim800", 521, "SMSAL not ready"),
        ("ec25", 512, "SIM not ready"),
        ("huawei-e3372", 515, "please wait"),
        ("le910", 38, "network out of order"),
    ],
)
def test_the_errors_of_a_maker_have_its_words(name: str, code: int, words: str) -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0+CMEE=2")
            assert (await client.cmgs(submit(PHONE)))[-1] == f"+CMS ERROR: {words}"
            await client.ok("AT+CMEE=1")
            assert (await client.cmgs(submit(PHONE)))[-1] == f"+CMS ERROR: {code}"

    run(scenario, ModemConfig(name="one", personality=name), network=NetworkConfig(refuse={PHONE: code}))


def test_a_newer_stick_refuses_to_be_loud_and_u_blox_tells_its_firmware() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as stick, Client(emulator.port("two")) as module:
            assert (await stick.at("ATQ0"))[-1] == "ERROR"
            assert (await stick.ok("ATE0+CGMI")) == ["ATE0+CGMI", "Huawei Technologies Co.,Ltd."]
            assert (await module.ok("ATI9"))[-1].startswith("L0.0.00.00.05.08")
            assert "Model: SARA-R410M-02B" in await module.ok("ATI")

    run(
        scenario,
        ModemConfig(name="one", personality="huawei-e3372h-320"),
        ModemConfig(name="two", personality="sara-r4"),
    )


@pytest.mark.parametrize("name", list(PERSONALITIES))
def test_whatever_a_family_says_by_itself_can_be_said(name: str) -> None:
    family = PERSONALITIES[name]
    texts = [text for _, text in (*family.boot, *family.idle_urcs, *family.radio_urcs)]

    async def scenario(emulator: Emulator) -> None:
        modem = emulator.modem("one")
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            for access in family.accesses:
                modem.surround(access=access)
                for text in texts:
                    modem.tell(text)
                    shown = await client.wait_for(rb"\r\n[^\r]+\r\n")
                    assert b"{" not in shown
            await client.ok("AT+CPMS?")

    run(scenario, ModemConfig(name="one", personality=name))


@pytest.mark.parametrize("name", ["huawei-e173", "zte-mf"])
def test_some_offer_mode_2_and_refuse_it(name: str) -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0+CMEE=1")
            assert (await client.ok("AT+CNMI=?"))[0].startswith("+CNMI: (0,1,2),")
            assert await client.at("AT+CNMI=2,1,0,0,0") == ["+CMS ERROR: 303"]
            await client.ok("AT+CNMI=1,1,0,0,0")

    run(scenario, ModemConfig(name="one", personality=name))


def test_zte_repeats_a_line_until_it_is_asked_for_its_memories() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            for _ in range(3):
                await client.wait_for(rb"\+ZUSIMR:2\r\n")
            await client.ok("AT+CPMS=?")
            await client.wait_for(rb"\+ZUSIMR:2\r\n")
            await client.ok("AT+CPMS?")
            client.buffer = b""
            assert await silent(client, 0.1)

    run(scenario, ModemConfig(name="one", personality="zte-mf"))


@pytest.mark.parametrize(("count", "refused"), [(1, 'AT+CPMS="SM","SM"'), (2, 'AT+CPMS="SM","SM","SM"')])
def test_some_firmware_takes_fewer_memories(count: int, refused: str) -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            assert (await client.at(refused))[-1] == "+CMS ERROR: 302"
            await client.ok('AT+CPMS="SM"')

    run(scenario, ModemConfig(name="one", cpms_arguments=count))


def test_a_gsm_module_stands_behind_its_port_while_it_restarts() -> None:
    async def scenario(emulator: Emulator) -> None:
        modem = emulator.modem("one")
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0+CNMI=2,1")
            await client.ok("AT+CFUN=1,1")
            await eventually(lambda: not modem.powered)
            client.write(b"AT+CSQ\r")
            shown = await client.wait_for(rb"SMS Ready\r\n")
            assert b"+CSQ" not in shown
            assert shown.startswith(b"\0\0\xff\r\nRDY\r\n")
            assert b"\r\nCall Ready\r\n" in shown
            assert not client.hung_up
            assert await client.ok("AT+CNMI?") == ["AT+CNMI?", "+CNMI: 0,0,0,0,0"]

    run(scenario, ModemConfig(name="one", personality="sim800"))


def test_what_is_said_to_an_a7670_before_it_is_ready_is_lost() -> None:
    async def scenario(emulator: Emulator) -> None:
        modem = emulator.modem("one")
        modem.unplug(0.01)
        await eventually(lambda: modem.powered)
        with Client(emulator.port("one")) as client:
            assert modem.deaf
            client.write(b"AT\r")
            shown = await client.wait_for(rb"\*ATREADY: 1\r\n")
            assert b"OK" not in shown
            await client.ok("AT")

    run(scenario, ModemConfig(name="one", personality="a7670"))


def test_quectel_saves_its_settings_over_a_restart() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0+CNMI=2,1,0,2,0")
            await client.ok('AT+CPMS="SM","SM","SM"')
            await client.ok('AT+QCFG="ims",1')
            await client.ok("AT+CFUN=1,1")
            await client.hang_up()
        await eventually(lambda: emulator.modem("one").port)
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            await client.wait_for(rb"PB DONE\r\n")
            assert await client.ok("AT+CNMI?") == ["+CNMI: 2,1,0,2,0"]
            assert (await client.ok("AT+CPMS?"))[0].startswith('+CPMS: "SM",')
            assert await client.ok('AT+QCFG="ims"') == ['+QCFG: "ims",1']

    run(scenario, ModemConfig(name="one", personality="ec25"))


def test_a_locked_sim_is_told_at_the_start_in_place_of_ready() -> None:
    async def scenario(emulator: Emulator) -> None:
        emulator.fault("one", "power-cycle")
        await eventually(lambda: emulator.modem("one").port)
        with Client(emulator.port("one")) as client:
            await client.wait_for(rb"\+CPIN: SIM PIN\r\n")

    run(scenario, ModemConfig(name="one", personality="ec25", pin="2468"))


def test_a_lost_acknowledgement_ends_direct_delivery_on_quectel() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0+CSMS=1")
            await client.ok("AT+CNMI=1,2,0,1,0")
            await emulator.deliver("one", sender=PHONE, text="x→")
            await client.wait_for(rb"\+CMT: .*\r\n")
            await eventually(lambda: emulator.modem("one").settings.cnmi == [1, 0, 0, 0, 0])
            assert (await client.cmgs(submit(PHONE)))[-1] == "OK"

    run(scenario, ModemConfig(name="one", personality="ec25", cnma_timeout_s=0.05))
