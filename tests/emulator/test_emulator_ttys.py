"""Several ttys of one modem: who answers, who prints, who hears of messages, and that they come and go together."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.emulator import Emulator, ModemConfig
from gateway.emulator.personalities import PERSONALITIES
from tests.emulator.bench import PHONE, eventually, run
from tests.emulator.client import Client, silent

ANSWERING = ("at", "at2", "modem")


def ports(emulator: Emulator) -> dict[str, tuple[str, str]]:
    """Name of each tty -> role and path."""
    return {str(one["name"]): (str(one["role"]), str(one["path"])) for one in emulator.modem("one").ttys.describe()}


@pytest.mark.parametrize("name", list(PERSONALITIES))
def test_each_tty_does_what_its_role_is(name: str) -> None:
    async def scenario(emulator: Emulator) -> None:
        found = ports(emulator)
        family = PERSONALITIES[name]
        assert [role for role, _ in found.values()] == [one.role for one in family.ttys]
        assert [role for role, _ in found.values()].count("at") == 1
        assert emulator.port("one") in {path for role, path in found.values() if role == "at"}
        for role, path in found.values():
            with Client(path) as client:
                if role in ANSWERING:
                    assert (await client.ok("ATE0+CGMM"))[-1] == family.model
                    continue
                client.write(b"AT\r")
                if role == "nmea":
                    assert b"$GPGGA" in await client.wait_for(rb"\$GPGSA.*\r\n")
                elif role == "audio":
                    assert await silent(client, 0.02)
                else:
                    assert b"\x7e" in await client.wait_for(rb"\x7e")
                assert b"OK" not in client.buffer

    run(scenario, ModemConfig(name="one", personality=name, ttys="all"))


def test_one_tty_is_there_unless_more_are_asked_for(tmp_path: Path) -> None:
    async def scenario(emulator: Emulator) -> None:
        assert list(ports(emulator)) == ["if2"]
        assert os.listdir(tmp_path) == ["one"]

    run(scenario, ModemConfig(name="one", personality="sim7600"), links=tmp_path)


def test_unplugging_takes_all_of_them_and_replugging_brings_them_back(tmp_path: Path) -> None:
    async def scenario(emulator: Emulator) -> None:
        names = {"one", *(f"one-if{n}" for n in range(5))}
        assert set(os.listdir(tmp_path)) == names
        assert os.readlink(tmp_path / "one") == os.readlink(tmp_path / "one-if2")
        with Client(str(tmp_path / "one-if3")) as second:
            emulator.fault("one", "unplug", duration_s=0.05)
            await second.hang_up()
            assert os.listdir(tmp_path) == []
        await eventually(lambda: set(os.listdir(tmp_path)) == names)
        with Client(str(tmp_path / "one-if3")) as second:
            await second.ok("AT")

    run(scenario, ModemConfig(name="one", personality="sim7600", ttys="all"), links=tmp_path)


def test_ttys_may_come_back_under_other_numbers(tmp_path: Path) -> None:
    async def scenario(emulator: Emulator) -> None:
        before = {one.port.path for one in emulator.modem("one").ttys.terminals}
        emulator.fault("one", "unplug", duration_s=0.01, renumber=True, relink=False)
        await eventually(lambda: emulator.modem("one").port)
        after = {path for _, path in ports(emulator).values()}
        assert len(after) == len(before) == 4
        assert not before & after
        with Client(emulator.port("one")) as client:
            await client.ok("AT")

    run(scenario, ModemConfig(name="one", personality="ec25", ttys="all"), links=tmp_path)


@pytest.mark.parametrize(
    ("name", "told"),
    [("sim7600", {"if2", "if3"}), ("huawei-e3372", {"if0"}), ("ec25", {"if2"}), ("le910", {"if4"})],
)
def test_indications_leave_on_the_ttys_of_the_family(name: str, told: set[str]) -> None:
    async def scenario(emulator: Emulator) -> None:
        clients = {key: Client(path) for key, (role, path) in ports(emulator).items() if role in ANSWERING}
        main = next(key for key, (role, _) in ports(emulator).items() if role == "at")
        await clients[main].ok("ATE0+CNMI=2,1")
        await emulator.deliver("one", sender=PHONE, text="x→")
        await clients[main].wait_for(rb"\+CMTI: .*\r\n")
        for key in told - {main}:
            await clients[key].wait_for(rb"\+CMTI: .*\r\n")
        for key in clients.keys() - told:
            assert await silent(clients[key], 0.02)
        for client in clients.values():
            client.close()

    run(scenario, ModemConfig(name="one", personality=name, ttys="all"))


def test_quectel_sends_indications_where_it_is_told_to() -> None:
    async def scenario(emulator: Emulator) -> None:
        found = ports(emulator)
        with Client(found["if2"][1]) as at, Client(found["if3"][1]) as modem:
            assert await at.ok("ATE0") == ["ATE0"]
            assert await at.ok('AT+QURCCFG="urcport"') == ['+QURCCFG: "urcport","usbat"']
            await at.ok('AT+CNMI=2,1;+QURCCFG="urcport","usbmodem"')
            await emulator.deliver("one", sender=PHONE, text="to the modem port →")
            await modem.wait_for(rb"\+CMTI: .*\r\n")
            assert await silent(at, 0.02)
            await at.ok('AT+QURCCFG="urcport","uart1"')
            await emulator.deliver("one", sender=PHONE, text="to nobody →")
            await eventually(lambda: len(emulator.modem("one").memories["ME"].slots) == 2)
            assert await silent(at, 0.02)
            assert await silent(modem, 0.02)
            assert (await at.at('AT+QURCCFG="urcport","lan"'))[-1] == "ERROR"

    run(scenario, ModemConfig(name="one", personality="ec25", ttys="all"))


def test_how_a_tty_talks_is_its_own_and_what_the_modem_does_is_everybodys() -> None:
    async def scenario(emulator: Emulator) -> None:
        found = ports(emulator)
        with Client(found["if2"][1]) as first, Client(found["if3"][1]) as second:
            await first.ok("ATE0+CMEE=1")
            assert await second.at("AT+CNMI=9") == ["AT+CNMI=9", "+CMS ERROR: 303"]
            assert await second.at("AT+NONSENSE") == ["AT+NONSENSE", "ERROR"]
            await second.ok("ATE0+CMEE=2;+CNMI=2,1")
            assert await first.ok("AT+CMEE?;+CNMI?") == ["+CMEE: 1", "+CNMI: 2,1,0,0,0"]
            first.write(b"AT+CMGS=20\r")
            await first.wait_for(rb"> ")
            assert await second.ok("AT+CMEE?") == ["+CMEE: 2"]
            await first.at("\x1b")
            await second.ok("ATZ")
            assert await second.ok("AT+CNMI?") == ["AT+CNMI?", "+CNMI: 0,0,0,0,0"]
            assert await first.ok("AT+CMEE?") == ["+CMEE: 1"]

    run(scenario, ModemConfig(name="one", personality="sim7600", ttys="all"))
