"""What the emulated modems answer, line by line, on the raw pty."""

from __future__ import annotations

import re

import pytest

from gateway.emulator import Emulator, ModemConfig
from gateway.emulator.personalities import PERSONALITIES

from .bench import PHONE, eventually, run
from .client import Client, silent, submit

# What gammu-smsd, smstools, kannel and python-gsmmodem send before and around their first message, in their order.
FOREIGN = {
    "gammu": (
        'AT;ATE1;AT+MODE=2!;AT+CMEE=1;AT+CSCS?;AT+CSCS=?;AT+CSCS="GSM";AT+CSCS?;AT+CGMM;AT+CGMI;AT+CPROT=?!;'
        'AT+SYNCML=?!;AT$TSSPCSW=?!;AT+CHUP=?;AT+CGMR;AT+CFUN=1;AT+CPMS=?;AT+CPMS="ME";AT+CNMI=?;AT+CUSD=1;'
        'AT+CGSN;AT+CIMI;AT+CMMS=2;AT+CPMS="SM","SM";AT+CPMS="ME","ME";AT+CSCA?;AT+CMGF=0;AT+CMGL=4;'
        "AT+CREG?;AT+CGREG?;AT+CGATT?;AT+COPS?;AT+CBC;AT+CSQ;AT+CUSD=2;AT+CUSD=0;AT+CMMS=0"
    ),
    "smstools": (
        "AT;ATE0;AT+CMEE=1;AT+CPIN?;AT+CSQ;AT+CMGF=0;AT+CGSN;AT+CIMI;AT+CPMS?;AT+CREG?;AT+CNMI=?;AT+CNMI?;AT+CPAS;"
        "AT+CMGD=?;AT+CMGL=?"
    ),
    "kannel": "ATZ;AT;AT&F;ATE0;AT+IFC=2,2;AT+CPIN?;AT+CMGF=0;AT+CSMS=?;AT+CSMS=1;AT+CNMI=1,2,0,1,0;AT+CPMS?;ATI;ATH0",
    "gsmmodem": (
        "ATZ;ATE0;AT+CFUN?;AT+CMEE=1;AT+CPIN?;AT+CLAC;AT;AT+WIND=?!;AT+ZPAS=?!;AT+CSCS=?;AT+CNUM=?;AT+CGMI;AT+ZPAS?!;"
        'AT+COPS=3,0;AT+CMGF=0;AT+CSCA?;AT+CSMP=17,167,0,0;AT+CPMS=?;AT+CPMS="ME","ME","ME";AT+CLIP=1;AT+CRC=1'
    ),
}


# where a family answers otherwise than the rest: some have no calls and no USSD, and ZTE knows its own command
OTHERWISE = {"sim7070": r"\+CUSD|\+CHUP", "sara-r4": r"\+CUSD|\+CHUP", "zte-mf": r"\+ZPAS\?"}


@pytest.mark.parametrize("family", list(PERSONALITIES))
@pytest.mark.parametrize("who", list(FOREIGN))
def test_every_line_of_the_foreign_clients_is_answered(family: str, who: str) -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            for line in FOREIGN[who].split(";"):
                refused = line.endswith("!") is not bool(re.search(OTHERWISE.get(family, "-"), line))
                answer = await client.at(line.removesuffix("!"))
                assert (answer[-1] == "OK") is not refused, (line, answer)

    run(scenario, ModemConfig(name="one", personality=family))


def test_echo_is_on_at_first_and_exact() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            client.write(b"AT+CS")
            assert await client.wait_for(rb"CS") == b"AT+CS"
            client.write(b"Q\r")
            assert await client.wait_for(rb"OK\r\n") == b"Q\r\r\n+CSQ: 21,99\r\n\r\nOK\r\n"
            assert await client.at("ATE0") == ["ATE0", "OK"]
            assert await client.at("AT") == ["OK"]

    run(scenario)


def test_lines_of_several_commands() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            assert await client.at("ATE0+CMEE=1") == ["ATE0+CMEE=1", "OK"]
            assert await client.at("ATE0 +CMEE=2") == ["OK"]
            assert await client.at("AT+CMEE?;+CSQ") == ["+CMEE: 2", "+CSQ: 21,99", "OK"]
            assert await client.at("ATE0V1Q0") == ["OK"]
            # the first error ends the line (V.250 5.3.1): nothing after it happens
            assert await client.at("AT+CMEE?;+NONSENSE;+CMEE=0") == ["+CMEE: 2", "+CME ERROR: unknown"]
            assert await client.at("AT+CMEE?") == ["+CMEE: 2", "OK"]
            client.write(b"at+cmee?\r\nAT\r\n")
            assert b"+CMEE: 2" in await client.wait_for(rb"OK\r\n\r\nOK\r\n")

    run(scenario)


@pytest.mark.parametrize(
    ("level", "cme", "cms"),
    [(0, "ERROR", "+CMS ERROR: 304"), (1, "+CME ERROR: 100", "+CMS ERROR: 304"), (2, "unknown", "invalid PDU mode")],
)
def test_errors_as_cmee_wants_them(level: int, cme: str, cms: str) -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok(f"ATE0+CMEE={level}")
            assert cme in (await client.at("AT+NONSENSE"))[-1]
            assert cms in (await client.at("AT+CMGS=1"))[-1]

    run(scenario)


@pytest.mark.parametrize(
    ("family", "values", "fits"),
    [
        ("sim7600", "2,1,0,2,0", True),
        ("sim7600", "2,1,0,1,0", False),
        ("sim7600", "1,1,0,1,0", True),
        ("sim7600", "2,3,0,0,0", False),
        ("sim7600", "2,1,0,2", True),
        ("sim800", "2,1,0,2,0", False),
        ("sim800", "2,1,0,1,0", True),
        ("generic", "2,1,2,1,0", True),
        ("generic", "3,1", False),
        ("generic", "2,1,0,0,0,0", False),
        ("generic", "x", False),
    ],
)
def test_cnmi_takes_what_the_family_takes(family: str, values: str, fits: bool) -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            assert ((await client.at(f"AT+CNMI={values}"))[-1] == "OK") is fits
            shown = (await client.ok("AT+CNMI?"))[0]
            wanted = ",".join((values.split(",") + ["0"] * 5)[:5]) if fits else "0,0,0,0,0"
            assert shown == f"+CNMI: {wanted}"

    run(scenario, ModemConfig(name="one", personality=family))


def test_memories_are_chosen_one_to_three_at_a_time() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            assert await client.ok("AT+CPMS?") == ['+CPMS: "SM",0,50,"SM",0,50,"SM",0,50']
            assert await client.ok('AT+CPMS="ME"') == ["+CPMS: 0,100,0,50,0,50"]
            assert await client.ok('AT+CPMS="ME","ME"') == ["+CPMS: 0,100,0,100,0,50"]
            assert await client.ok('AT+CPMS="SR","SM","ME"') == ["+CPMS: 0,50,0,50,0,100"]
            assert (await client.at('AT+CPMS="XX"'))[-1] == "+CMS ERROR: 302"
            assert (await client.at('AT+CPMS="SM","SR"'))[-1] == "+CMS ERROR: 302"
            assert await client.ok("AT+CPMS?") == ['+CPMS: "SR",0,50,"SM",0,50,"ME",0,100']

    run(scenario)


@pytest.mark.parametrize(
    ("family", "command", "turned"),
    [
        ("generic", "AT+CCID", False),
        ("sim7600", "AT+CICCID", False),
        ("huawei", "AT^ICCID?", True),
        ("huawei", "AT+CRSM=176,12258,0,0,10", True),
        ("sim7600", "AT+CRSM=176,12258,0,0,10", True),
    ],
)
def test_iccid_in_every_dialect(family: str, command: str, turned: bool) -> None:
    async def scenario(emulator: Emulator) -> None:
        iccid = emulator.describe()["modems"][0]["iccid"]
        digits = iccid + "F" * (len(iccid) % 2)
        wanted = "".join(digits[n + 1] + digits[n] for n in range(0, len(digits), 2)) if turned else iccid
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            assert wanted in (await client.ok(command))[0]

    run(scenario, ModemConfig(name="one", personality=family))


def test_pin_attempts_are_counted_and_kept() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0+CMEE=1")
            assert await client.ok("AT+CPIN?") == ["+CPIN: SIM PIN"]
            assert await client.at("AT+CIMI") == ["+CME ERROR: 11"]
            assert await client.at("AT+CMGS=20") == ["+CMS ERROR: 311"]
            assert await client.ok("AT+CREG?") == ["+CREG: 0,0"]
            assert await client.at('AT+CPIN="0000"') == ["+CME ERROR: 16"]
            assert await client.ok("AT^CPIN?") == ["^CPIN: SIM PIN,2,10,2,10,3"]
            assert await client.ok('AT+CSIM=10,"0020000100"') == ['+CSIM: 4,"63C2"']
        emulator.modem("one").unplug(0.01)
        await eventually(lambda: emulator.modem("one").port)
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0+CREG=1")
            assert "+CPINR: SIM PIN,2,3" in await client.ok("AT+CPINR")
            client.write(b'AT+CPIN="1234"\r')
            await client.wait_for(rb"\+CPIN: READY\r\n")
            assert await client.ok("AT+CREG?") == ["+CREG: 1,1"]
            assert "+CPINR: SIM PIN,3,3" in await client.ok("AT+CPINR")

    run(scenario, ModemConfig(name="one", pin="1234"))


def test_wrong_pins_lead_to_the_puk() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0+CMEE=1")
            answers = [await client.at('AT+CPIN="0000"') for _ in range(3)]
            assert answers == [["+CME ERROR: 16"], ["+CME ERROR: 16"], ["+CME ERROR: 12"]]
            assert await client.ok("AT+CPIN?") == ["+CPIN: SIM PUK"]
            assert await client.at('AT+CPIN="11111111","4321"') == ["+CME ERROR: 16"]
            client.write(b'AT+CPIN="12345678","4321"\r')
            await client.wait_for(rb"\+CPIN: READY\r\n")

    run(scenario, ModemConfig(name="one", pin="1234"))


def test_registration_is_told_when_it_changes() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0+CMEE=1;+CREG=1;+CEREG=2")
            assert await client.ok("AT+CREG?;+CEREG?;+CGREG?") == [
                "+CREG: 1,1",
                '+CEREG: 2,1,"1A2B","01A2B3C4",7',
                "+CGREG: 0,1",
            ]
            client.write(b"AT+CFUN=4\r")
            assert b"+CREG: 0" in await client.wait_for(rb"OK\r\n")
            assert await client.ok("AT+CSQ") == ["+CSQ: 99,99"]
            assert await client.cmgs(submit(PHONE)) == ["+CMS ERROR: 331"]
            client.write(b"AT+CFUN=1\r")
            assert b'+CEREG: 1,"1A2B"' in await client.wait_for(rb"OK\r\n")
            assert await client.ok("AT+COPS?") == ['+COPS: 0,0,"Emulated Network",7']
            await client.ok('AT+COPS=3,2;+CSCS="UCS2"')
            assert await client.ok("AT+COPS?") == ['+COPS: 0,2,"00320036003200300031",7']

    run(scenario)


def test_text_mode_is_refused_clearly() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            assert await client.at("AT+CMGF=1") == ["+CMS ERROR: 303"]
            assert await client.ok("AT+CMGF?;+CMGF=?") == ["+CMGF: 0", "+CMGF: (0)"]

    run(scenario)


def test_service_centre_can_be_set_and_stays_on_the_sim() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            assert await client.ok("AT+CSCA?") == ['+CSCA: "+491710760000",145']
            await client.ok('AT+CSCA="+491722270000",145')
            emulator.fault("one", "power-cycle")
            await client.hang_up()
        await eventually(lambda: emulator.modem("one").port)
        with Client(emulator.port("one")) as client:
            assert (await client.ok("AT+CSCA?"))[-1] == '+CSCA: "+491722270000",145'

    run(scenario)


def test_ussd_is_answered_by_the_network() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            client.write(b'AT+CUSD=1,"*100#",15\r')
            assert await client.wait_for(rb",15\r\n") == b'\r\nOK\r\n\r\n+CUSD: 0,"Answer to *100#",15\r\n'

    run(scenario)


def test_a_reboot_answers_ok_and_takes_the_port_away_for_a_while(tmp_path) -> None:
    async def scenario(emulator: Emulator) -> None:
        link = tmp_path / "ports" / "one"
        assert emulator.port("one") == str(link)
        with Client(str(link)) as client:
            await client.ok("ATE0+CNMI=2,1")
            await client.ok("AT+CFUN=1,1")
            await client.hang_up()
        assert not link.is_symlink()
        await eventually(link.is_symlink)
        with Client(str(link)) as client:
            assert await client.ok("AT+CNMI?") == ["AT+CNMI?", "+CNMI: 0,0,0,0,0"]

    run(scenario, links=tmp_path / "ports")


def test_nothing_is_kept_for_a_client_that_is_not_there() -> None:
    async def scenario(emulator: Emulator) -> None:
        modem = emulator.modem("one")
        modem.urc("RING 1")
        client = Client(emulator.port("one"))
        await client.ok("ATE0")
        client.close()
        modem.urc("RING 2")
        with Client(emulator.port("one")) as client:
            modem.urc("RING 3")
            assert await client.wait_for(rb"RING \d\r\n") == b"\r\nRING 3\r\n"
            assert await silent(client)
            # a second open and close of the same port, in one turn of the loop, changes nothing for the first
            Client(emulator.port("one")).close()
            modem.urc("RING 4")
            assert await client.wait_for(rb"RING \d\r\n") == b"\r\nRING 4\r\n"
            others = [Client(emulator.port("one")) for _ in range(2)]
            others[0].close()
            others[1].close()
            assert await client.ok("AT") == []

    run(scenario)


def test_a_client_that_does_not_read_holds_nobody_up() -> None:
    async def scenario(emulator: Emulator) -> None:
        deaf = Client(emulator.port("one"))
        # the reader is taken away: what is sent piles up in the pty and then in the emulator, up to a bound
        emulator.modem("one").loop.remove_reader(deaf.fd)
        for _ in range(2000):
            emulator.modem("one").urc("X" * 100)
        with Client(emulator.port("two")) as client:
            await client.ok("AT")
        deaf.close()
        assert not emulator.modem("one").port.has_client
        with Client(emulator.port("one")) as client:
            assert await client.at("AT") == ["AT", "OK"]

    run(scenario)


def test_a_command_while_another_is_carried_out_waits_its_turn() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            client.write(b"AT+CSQ\rAT+CREG?\r")
            answer = await client.wait_for(rb"\+CREG: 0,\d\r\n\r\nOK\r\n")
            assert answer.startswith(b"\r\n+CSQ: ")

    run(scenario, timing="realistic")
