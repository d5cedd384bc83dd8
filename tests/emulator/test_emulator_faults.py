"""Every kind of fault, as a client sees it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from gateway.emulator import Emulator, ModemConfig
from gateway.emulator.faults import KINDS, build
from gateway.emulator.reception import Item, Verdict
from gateway.errors import RequestError

from .bench import PHONE, eventually, run
from .client import FINAL, Client, silent, submit


async def opened(emulator: Emulator, name: str = "one") -> Client:
    client = Client(emulator.port(name))
    await client.ok("ATE0+CMEE=1")
    return client


def test_unplug_takes_the_port_and_replug_forgets_the_settings(tmp_path) -> None:
    async def scenario(emulator: Emulator) -> None:
        client = await opened(emulator)
        await client.ok("AT+CNMI=2,1")
        emulator.fault("one", "unplug", duration_s=0.05)
        await client.hang_up()
        client.close()
        assert not (tmp_path / "one").exists()
        with pytest.raises(RequestError):
            emulator.port("one")
        await eventually((tmp_path / "one").exists)
        with Client(str(tmp_path / "one")) as client:
            await client.wait_for(rb"\+CPIN: READY\r\n")  # it boots
            assert await client.at("AT+CNMI?") == ["AT+CNMI?", "+CNMI: 0,0,0,0,0", "OK"]

    run(scenario, links=tmp_path)


def test_unplug_between_the_submit_and_its_answer(tmp_path) -> None:
    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            emulator.fault("one", "unplug", match=r"\+CMGS", duration_s=0.05)
            await client.ok("AT")
            client.write(f"AT+CMGS={len(submit(PHONE)) // 2}\r".encode())
            await client.wait_for(rb"> ")
            client.write(b"00" + submit(PHONE).encode() + b"\x1a")
            await client.hang_up()
            assert FINAL.search(client.buffer) is None
        assert len(emulator.network.submitted) == 1
        await eventually(lambda: emulator.modem("one").port)
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            answer = await client.cmgs(submit(PHONE))  # a line of the boot may stand in front
            assert answer[-2:] == ["+CMGS: 1", "OK"]  # the SIM went on counting

    run(scenario, links=tmp_path)


def test_mute_neither_hears_nor_speaks_for_a_while() -> None:
    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            emulator.fault("one", "mute", duration_s=0.1)
            client.write(b"AT+CNMI=2,1\r")
            emulator.modem("one").urc("RING")
            assert await silent(client, 0.05)
            await eventually(lambda: not emulator.modem("one").faults.output("mute"))
            assert await client.ok("AT+CNMI?") == ["+CNMI: 0,0,0,0,0"]

    run(scenario)


def test_a_reply_is_dropped_though_the_network_took_the_message() -> None:
    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            emulator.fault("one", "drop-reply", match=r"\+CMGS", after=1)
            assert (await client.cmgs(submit(PHONE)))[-1] == "OK"
            client.write(f"AT+CMGS={len(submit(PHONE)) // 2}\r".encode())
            await client.wait_for(rb"> ")
            client.write(b"00" + submit(PHONE).encode() + b"\x1a")
            assert await silent(client)
            assert len(emulator.network.submitted) == 2
            assert await client.cmgs(submit(PHONE)) == ["+CMGS: 2", "OK"]

    run(scenario)


def test_a_reply_may_come_late_or_without_its_ok() -> None:
    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            emulator.fault("one", "delay-reply", match="CSQ", delay_s=0.1)
            started = time.monotonic()
            assert await client.ok("AT+CSQ") == ["+CSQ: 21,99"]
            assert time.monotonic() - started >= 0.1
            emulator.fault("one", "drop-ok")
            client.write(f"AT+CMGS={len(submit(PHONE)) // 2}\r".encode())
            await client.wait_for(rb"> ")
            client.write(b"00" + submit(PHONE).encode() + b"\x1a")
            assert await client.wait_for(rb"CMGS: 0\r\n") == b"\r\n+CMGS: 0\r\n"
            assert await silent(client)

    run(scenario)


@pytest.mark.parametrize(("takes", "sent"), [(False, 0), (True, 2)])
def test_cms_errors_with_and_without_the_message_leaving(takes: bool, sent: int) -> None:
    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            emulator.fault("one", "cms-error", code=38, count=2, network_takes=takes)
            answers = [(await client.cmgs(submit(PHONE)))[-1] for _ in range(3)]
            assert answers == ["+CMS ERROR: 38", "+CMS ERROR: 38", "OK"]
            assert len(emulator.network.submitted) == sent + 1

    run(scenario)


def test_no_prompt_waits_in_silence_or_swallows_the_command() -> None:
    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            emulator.fault("one", "no-prompt")
            client.write(b"AT+CMGS=30\r")
            assert await silent(client)
            assert emulator.modem("one").interpreter.prompting
            client.write(b"\x1b")
            await client.wait_for(rb"OK\r\n")
            emulator.fault("one", "no-prompt", swallow=True)
            client.write(b"AT+CMGS=30\r")
            assert await silent(client)
            await client.ok("AT")

    run(scenario)


def test_commands_are_ignored_or_refused_by_pattern_and_probability() -> None:
    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            emulator.fault("one", "ignore", match="CREG", count=1)
            emulator.fault("one", "error", match="CSQ", code=14, probability=0.5, count=0)
            client.write(b"AT+CREG=2\r")
            assert await silent(client)
            assert await client.ok("AT+CREG?") == ["+CREG: 0,1"]
            answers = {(await client.at("AT+CSQ"))[-1] for _ in range(40)}
            assert answers == {"OK", "+CME ERROR: 14"}
            emulator.modem("one").recover()
            emulator.fault("one", "error", match="CSQ", text="COMMAND NOT SUPPORT")
            assert await client.at("AT+CSQ") == ["COMMAND NOT SUPPORT"]

    run(scenario)


def test_output_drips_in_order() -> None:
    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            emulator.fault("one", "split", chunk=1, duration_s=0.05)
            client.reads.clear()
            assert await client.ok("AT+CSQ") == ["+CSQ: 21,99"]
            assert len(client.reads) > 5
            emulator.modem("one").urc("RING 1")
            await eventually(lambda: not emulator.modem("one").faults.output("split"))
            emulator.modem("one").urc("RING 2")
            assert (await client.wait_for(rb"RING 2\r\n")).strip() == b"RING 1\r\n\r\nRING 2"

    run(scenario)


@pytest.mark.parametrize(
    ("hard", "wanted"),
    [(False, b"\r\n+CSQ: 21,99\r\n\r\nOK\r\n\r\nRING\r\n"), (True, b"\r\n+CSQ: 21,99\r\n\r\nOKRING\r\n")],
)
def test_output_is_glued(hard: bool, wanted: bytes) -> None:
    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            emulator.fault("one", "glue", hard=hard, interval_s=0.05)
            client.reads.clear()
            client.write(b"AT+CSQ\r")
            await eventually(lambda: emulator.modem("one").output.holding)
            emulator.modem("one").urc("RING")
            assert await client.wait_for(rb"RING\r\n") == wanted
            assert len(client.reads) == 1

    run(scenario)


def test_garbage_and_uninvited_lines() -> None:
    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            emulator.fault("one", "garbage", hex="00ff80")
            assert await client.wait_for(rb"\x80") == b"\x00\xff\x80"
            emulator.fault("one", "urc", text="^BOOT:1", match="CSQ")
            client.write(b"AT+CSQ\r")
            assert await client.wait_for(rb"OK\r\n") == b"\r\n^BOOT:1\r\n\r\n+CSQ: 21,99\r\n\r\nOK\r\n"
            emulator.fault("one", "urc", text="^BOOT:2", match="CSQ", inside=True)
            client.write(b"AT+CSQ\r")
            assert await client.wait_for(rb"OK\r\n") == b"\r\n+CSQ: 21,99\r\n\r\n^BOOT:2\r\n\r\nOK\r\n"

    run(scenario)


def test_registration_and_sim_go_and_come_back() -> None:
    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            await client.ok("AT+CREG=1")
            emulator.fault("one", "registration-lost", duration_s=0.05)
            await client.wait_for(rb"\+CREG: 2\r\n")
            await client.wait_for(rb"\+CREG: 1\r\n")
            emulator.fault("one", "sim-missing", duration_s=0.05)
            assert await client.at("AT+CPIN?") == ["+CREG: 0", "+CME ERROR: 10"]
            assert await client.at("AT+CMGL=4") == ["+CMS ERROR: 310"]
            await client.wait_for(rb"\+CREG: 1\r\n")
            emulator.fault("one", "sim-locked")
            await client.wait_for(rb"\+CREG: 0\r\n")
            assert await client.ok("AT+CPIN?") == ["+CPIN: SIM PIN"]

    run(scenario)


def test_a_memory_is_full_for_a_while_and_cnmi_is_forgotten() -> None:
    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            await client.ok("AT+CNMI=2,1")
            emulator.fault("one", "storage-full", memory="SM", duration_s=0.05)
            assert await client.ok("AT+CPMS?") == ['+CPMS: "SM",50,50,"SM",50,50,"SM",50,50']
            await emulator.deliver("one", pdu="00" + DELIVER)
            await client.wait_for(rb'\+CMTI: "SM",1\r\n')
            emulator.fault("one", "forget-cnmi")
            assert await client.ok("AT+CNMI?") == ["+CNMI: 0,0,0,0,0"]

    run(scenario)


def test_a_message_may_land_elsewhere_or_without_a_word() -> None:
    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            await client.ok('AT+CPMS="ME","ME","ME";+CNMI=2,1')
            emulator.fault("one", "other-memory", memory="SM")
            await emulator.deliver("one", pdu="00" + DELIVER)
            await client.wait_for(rb'\+CMTI: "SM",1\r\n')
            emulator.fault("one", "no-indication")
            await emulator.deliver("one", pdu="00" + DELIVER)
            assert await silent(client)
            assert await client.ok("AT+CPMS?") == ['+CPMS: "ME",1,100,"ME",1,100,"ME",1,100']
            with pytest.raises(RequestError):
                emulator.fault("one", "other-memory", memory="XX")

    run(scenario)


def test_clear_ends_the_faults_and_leaves_the_messages() -> None:
    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            assert (await client.cmgs(submit(PHONE)))[-1] == "OK"
            emulator.fault("one", "mute")
            emulator.fault("one", "registration-lost")
            emulator.fault("one", "clear")
            assert await client.ok("AT+CREG?") == ["+CREG: 0,1"]
            assert len(emulator.network.submitted) == 1

    run(scenario)


def test_a_fault_may_strike_all_modems() -> None:
    async def scenario(emulator: Emulator) -> None:
        assert len(emulator.fault("*", "unplug")) == 2
        assert [one["port"] for one in emulator.describe()["modems"]] == [None, None]
        emulator.reset()
        assert all(one["port"] for one in emulator.describe()["modems"])

    run(scenario)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("explode", {}),
        ("mute", {"code": 1}),
        ("cms-error", {"code": "38"}),
        ("cms-error", {"code": True}),
        ("ignore", {"match": "("}),
        ("garbage", {"hex": "0"}),
        ("delay-reply", {"delay_s": -1}),
    ],
)
def test_a_fault_that_is_no_fault_is_refused(kind: str, values: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        build(kind, values)


def test_every_kind_is_known_to_the_modem() -> None:
    assert all(build(kind, {}).stage is spec.stage for kind, spec in KINDS.items())


DELIVER = "040C91947100000010" + "0008" + "62215141000080" + "02" + "00E4"


def test_realistic_timing_boots_in_order_and_takes_its_time() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0+CMEE=1")
            assert await client.at("AT+CPIN?") == ["+CME ERROR: 14"]
            await client.wait_for(rb"\+CPIN: READY\r\n")
            assert await client.at("AT+CMGS=20") == ["+CMS ERROR: 302"]
            assert emulator.modem("one").reception.take(Item(octets=b"", report=True)) is Verdict.LATER
            await client.ok("AT+CREG=1")
            await client.wait_for(rb"\+CREG: 1\r\n", timeout=10)
            started = time.monotonic()
            assert await client.cmgs(submit(PHONE)) == ["+CMGS: 0", "OK"]
            assert time.monotonic() - started >= 1

    run(scenario, ModemConfig(name="one"), timing="realistic")
