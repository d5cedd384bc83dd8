"""The SIM's phonebooks over the port."""

from __future__ import annotations

from gateway.emulator import Emulator, ModemConfig

from .bench import ONE, run
from .client import Client


def test_entries_are_written_read_found_and_cleared() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            assert await client.ok("AT+CPBS?") == ['+CPBS: "SM",0,250']
            assert await client.ok("AT+CPBR=?") == ["+CPBR: (1-250),40,14"]
            await client.ok('AT+CPBW=,"+491711111111",145,"Anna"')
            await client.ok('AT+CPBW=7,"0800123",129,"Hotline"')
            await client.ok('AT+CPBW=,"5555",129,"andrea"')
            anna, andrea = '1,"+491711111111",145,"Anna"', '2,"5555",129,"andrea"'
            assert await client.ok("AT+CPBR=1,250") == [
                f"+CPBR: {anna}",
                f"+CPBR: {andrea}",
                '+CPBR: 7,"0800123",129,"Hotline"',
            ]
            assert await client.ok('AT+CPBF="an"') == [f"+CPBF: {anna}", f"+CPBF: {andrea}"]
            await client.ok("AT+CPBW=1")
            assert await client.ok("AT+CPBR=1") == []
            assert await client.ok("AT+CPBS?") == ['+CPBS: "SM",2,250']

    run(scenario)


def test_what_does_not_fit_is_refused() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("AT+CMEE=1")
            for line, code in (
                ("AT+CPBR=251", 21),
                ('AT+CPBW=0,"1"', 20),
                ('AT+CPBW=251,"1"', 21),
                ('AT+CPBW=1,"call me"', 27),
                (f'AT+CPBW=1,"{"1" * 41}"', 26),
                ('AT+CPBW=1,"1",129,"A name that is long"', 24),
                ('AT+CPBF="nobody"', 22),
                ('AT+CPBS="XX"', 3),
            ):
                assert (await client.at(line))[-1] == f"+CME ERROR: {code}", line

    run(scenario)


def test_names_follow_the_charset() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            await client.ok('AT+CSCS="UCS2"')
            name = "Jürgen".encode("utf-16-be").hex().upper()
            await client.ok(f'AT+CPBW=1,"123",129,"{name}"')
            assert await client.ok("AT+CPBR=1") == [f'+CPBR: 1,"123",129,"{name}"']
            await client.ok('AT+CSCS="GSM"')
            assert await client.ok("AT+CPBR=1") == ['+CPBR: 1,"123",129,"J\x7ergen"']

    run(scenario)


def test_the_own_number_is_what_its_book_holds_and_stays_on_the_card() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            assert await client.ok("AT+CNUM") == [f'+CNUM: "","{ONE}",145']
            await client.ok('AT+CPBS="ON"')
            await client.ok('AT+CPBW=1,"01701234567",129,"Me"')
            emulator.fault("one", "power-cycle")
            await client.hang_up()
        emulator.modem("one").replug()
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            assert await client.ok("AT+CPBS?") == ['+CPBS: "SM",0,250']
            assert (await client.ok("AT+CNUM"))[-1:] == [
                '+CNUM: "Me","01701234567",129'
            ]  # a line of the boot may stand in front

    run(scenario)


def test_another_sim_has_another_number() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            await client.ok('AT+CPBW=1,"5",129,"x"')
            emulator.fault("one", "sim-swap", number="+491705555555", duration_s=0.01)
            await client.wait_for(rb"CPIN: READY")
            assert await client.ok("AT+CNUM") == ['+CNUM: "","+491705555555",145']
            assert await client.ok("AT+CPBR=1") == []
            await client.ok('AT+CPBW=1,"5",129,"x"')
            emulator.reset()
            assert await client.ok("AT+CPBR=1") == []

    run(scenario, ModemConfig(name="one", personality="generic", number=ONE))
