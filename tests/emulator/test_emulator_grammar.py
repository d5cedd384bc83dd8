"""The grammar of faults: what a modem as a whole, its answers and the network can do; scripts, records, the document."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.emulator import Emulator, EmulatorConfig, ModemConfig
from gateway.emulator.config import FaultConfig, load
from gateway.emulator.faults import COMMON, KINDS, Stage, build
from gateway.errors import ConfigError, RequestError
from tests.architecture.sources import ROOT

from .bench import ONE, PHONE, eventually, run
from .client import Client, silent, submit

DELIVER = "040C91947100000010" + "0008" + "62215141000080" + "02" + "00E4"


async def opened(emulator: Emulator, name: str = "one") -> Client:
    client = Client(emulator.port(name))
    await client.ok("ATE0+CMEE=1")
    return client


def test_a_port_comes_back_as_another_device_under_its_link(tmp_path: Path) -> None:
    async def scenario(emulator: Emulator) -> None:
        before = (tmp_path / "one").readlink()
        emulator.fault("one", "unplug", duration_s=0.02, renumber=True)
        await eventually(lambda: emulator.modem("one").port)
        assert (tmp_path / "one").readlink() != before
        with Client(str(tmp_path / "one")) as client:
            await client.ok("ATE0")

    run(scenario, links=tmp_path)


def test_a_link_may_be_renamed_or_left_behind(tmp_path: Path) -> None:
    async def scenario(emulator: Emulator) -> None:
        emulator.fault("one", "unplug", duration_s=0.02, rename="ttyUSB3")
        await eventually((tmp_path / "ttyUSB3").exists)
        assert not (tmp_path / "one").is_symlink()
        emulator.fault("two", "unplug", duration_s=0.02, renumber=True, relink=False)
        await eventually(lambda: emulator.modem("two").port)
        assert (tmp_path / "two").is_symlink()
        assert not (tmp_path / "two").exists()  # it leads nowhere
        with Client(emulator.port("two")) as client:
            await client.ok("ATE0")

    run(scenario, links=tmp_path)


def test_a_brown_out_says_last_words_where_the_family_has_any() -> None:
    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            emulator.fault("one", "brown-out")
            await client.wait_for(rb"UNDER-VOLTAGE POWER DOWN\r\n")
            await client.hang_up()
        await eventually(lambda: emulator.modem("one").port)

    run(scenario, ModemConfig(name="one", personality="sim800"))


def test_a_brown_out_on_a_uart_leaves_the_port_and_forgets_the_settings() -> None:
    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            await client.ok("AT+CNMI=2,1")
            client.write(b"AT+CMGS=30\r")
            await client.wait_for(rb"> ")
            emulator.fault("one", "brown-out", keep_port=True, duration_s=0.02)
            await client.wait_for(rb"\x00")
            client.write(b"AT\r")
            await client.wait_for(rb"CPIN: READY\r\n")
            assert not client.hung_up
            assert await client.at("AT+CNMI?") == ["AT+CNMI?", "+CNMI: 0,0,0,0,0", "OK"]

    run(scenario)


@pytest.mark.parametrize(
    ("kind", "stat", "able"),
    [("registration-lost", 2, False), ("registration-denied", 3, False), ("roaming", 5, True)],
)
def test_registration_is_what_the_network_says(kind: str, stat: int, able: bool) -> None:
    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            await client.ok("AT+CREG=1")
            emulator.fault("one", kind, duration_s=0.05)
            await client.wait_for(rb"\+CREG: %d\r\n" % stat)
            assert (await client.cmgs(submit(PHONE)))[-1] == ("OK" if able else "+CMS ERROR: 331")
            await client.wait_for(rb"\+CREG: 1\r\n")

    run(scenario)


def test_the_signal_is_low_for_a_while() -> None:
    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            emulator.fault("one", "low-signal", rssi=3)
            assert await client.ok("AT+CSQ") == ["+CSQ: 3,99"]
            emulator.fault("one", "clear")
            assert await client.ok("AT+CSQ") == ["+CSQ: 21,99"]

    run(scenario)


def test_a_deaf_modem_answers_and_nothing_gets_through() -> None:
    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            await client.ok("AT+CNMI=2,1;+CREG=1")
            emulator.fault("one", "deaf", duration_s=0.3)
            assert await client.ok("AT+CREG?") == ["+CREG: 1,1"]
            client.write(f"AT+CMGS={len(submit(PHONE)) // 2}\r".encode())
            await client.wait_for(rb"> ")
            client.write(b"00" + submit(PHONE).encode() + b"\x1a")
            await emulator.deliver("one", pdu="00" + DELIVER)
            assert await silent(client)
            assert not emulator.network.submitted
            await client.wait_for(rb'\+CMTI: "SM",1\r\n')  # it hears again
            emulator.fault("one", "deaf", code=332, network_takes=True)
            assert await client.cmgs(submit(PHONE)) == ["+CMS ERROR: 332"]
            assert len(emulator.network.submitted) == 1

    run(scenario)


def test_a_sim_wants_its_puk() -> None:
    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            emulator.fault("one", "sim-blocked")
            assert await client.ok("AT+CPIN?") == ["+CPIN: SIM PUK"]
            await client.ok('AT+CPIN="12345678","4321"')
            await client.wait_for(rb"\+CPIN: READY\r\n")

    run(scenario)


def test_another_sim_has_its_own_identity_memory_and_mail() -> None:
    async def scenario(emulator: Emulator) -> None:
        modem = emulator.modem("one")
        first = modem.config
        with await opened(emulator) as client:
            await client.ok("AT+CNMI=2,1")
            await emulator.deliver("one", pdu="00" + DELIVER)
            await client.wait_for(rb'\+CMTI: "SM",1\r\n')
            emulator.fault("one", "sim-swap", number="+491700000099", duration_s=0.01)
            await client.wait_for(rb"\+CPIN: READY\r\n")
            assert await client.ok("AT+CNUM") == ['+CNUM: "","+491700000099",145']
            assert (await client.ok("AT+CCID"))[0] != f"+CCID: {first.iccid}"
            assert await client.ok("AT+CIMI") != [first.imsi]
            assert (await client.ok("AT+CPMS?"))[0].startswith('+CPMS: "SM",0,')
            with await opened(emulator, "two") as other:
                assert (await other.cmgs(submit("+491700000099")))[-1] == "OK"
                await client.wait_for(rb'\+CMTI: "SM",1\r\n')
                assert (await other.cmgs(submit(ONE)))[-1] == "OK"  # nobody's now: a virtual phone
            emulator.fault("one", "sim-swap", iccid=first.iccid, duration_s=0.01)
            await client.wait_for(rb"\+CPIN: READY\r\n")
            assert modem.config == first
            assert (await client.ok("AT+CPMS?"))[0].startswith('+CPMS: "SM",1,')

    run(scenario)


def test_references_begin_anew() -> None:
    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            assert await client.cmgs(submit(PHONE)) == ["+CMGS: 0", "OK"]
            emulator.fault("one", "mr-reset", mr=255)
            assert await client.cmgs(submit(PHONE)) == ["+CMGS: 255", "OK"]
            assert await client.cmgs(submit(PHONE)) == ["+CMGS: 0", "OK"]

    run(scenario)


def test_data_mode_ends_with_the_escape_sequence_or_when_the_port_is_closed() -> None:
    async def scenario(emulator: Emulator) -> None:
        modem = emulator.modem("one")
        with await opened(emulator) as client:
            emulator.fault("one", "data-mode", leave="escape", guard_s=0.05)
            client.write(b"AT\r+++")  # no silence before it
            emulator.modem("one").urc("RING")
            assert await silent(client)
            client.write(b"+++")
            await client.wait_for(rb"OK\r\n")
            await client.ok("AT")
            emulator.fault("one", "data-mode", leave="close")
            client.write(b"AT\r")
            assert await silent(client, 0.02)
        await eventually(lambda: modem.data_mode is None)
        with Client(emulator.port("one")) as client:
            await client.ok("AT")

    run(scenario)


def test_a_prompt_may_lack_its_space_and_a_refusal_may_be_for_one_recipient() -> None:
    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            emulator.fault("one", "odd-prompt")
            client.write(b"AT+CMGS=30\r")
            assert await client.wait_for(rb">") == b"\r\n>"
            assert not client.buffer
            client.write(b"\x1b")
            await client.wait_for(rb"OK\r\n")
            emulator.fault("one", "cms-error", match=r"\+4917199", code=38, count=0)
            emulator.fault("one", "cms-error", match=r"\+1", text="+CME ERROR: 30")
            assert await client.cmgs(submit(PHONE)) == ["+CMS ERROR: 38"]
            assert (await client.cmgs(submit("+491720000000")))[-1] == "OK"
            assert await client.cmgs(submit("+12025550123")) == ["+CME ERROR: 30"]

    run(scenario)


def test_an_answer_may_be_cut_anywhere_or_glued_to_what_follows() -> None:
    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            whole = b"\r\n+CSQ: 21,99\r\n\r\nOK\r\n"
            for at in range(1, len(whole) + 1):
                emulator.fault("one", "cut-reply", match="CSQ", at=at, interval_s=0.01)
                client.reads.clear()
                client.write(b"AT+CSQ\r")
                assert await client.wait_for(rb"OK\r\n") == whole
                assert client.reads[0] == whole[:at]
            emulator.fault("one", "cut-reply", at=0)
            assert await client.ok("AT+CSQ") == ["+CSQ: 21,99"]
            emulator.fault("one", "urc", match="XYZ", glued=True, text='+CNUM: "","+49170",145')
            client.write(b"AT+XYZ\r")
            await client.wait_for(rb'\r\n\+CME ERROR: 100\+CNUM: "","\+49170",145\r\n')

    run(scenario)


def test_a_length_in_front_of_a_pdu_may_be_wrong() -> None:
    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            await client.ok("AT+CNMI=2,1")
            await emulator.deliver("one", pdu="00" + DELIVER)
            await client.wait_for(rb"\+CMTI: .*\r\n")
            right = (await client.ok("AT+CMGR=1"))[0]
            emulator.fault("one", "wrong-length", by=-2, count=2)
            wrong = (await client.ok("AT+CMGR=1"))[0]
            assert int(wrong.split(",")[-1]) == int(right.split(",")[-1]) - 2
            await client.ok("AT+CNMI=2,2")
            await emulator.deliver("one", pdu="00" + DELIVER)
            header = await client.wait_for(rb"\+CMT: ,\d+\r\n")
            assert int(header.split(b",")[1]) == int(right.split(",")[-1]) - 2

    run(scenario)


def test_the_network_repeats_delays_and_loses() -> None:
    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            await client.ok("AT+CNMI=2,1,0,1,0")
            emulator.fault("one", "message-repeat")
            await emulator.deliver("one", pdu="00" + DELIVER)
            await client.wait_for(rb'\+CMTI: "SM",1\r\n[^"]*\+CMTI: "SM",2\r\n')
            for kind, reports in (("report-repeat", 2), ("report-lost", 0), ("report-late", 1)):
                emulator.fault("one", kind, **({"delay_s": 0.05} if "delay_s" in KINDS[kind].fields else {}))
                await client.cmgs(submit(PHONE, report=True))
                for _ in range(reports):
                    await client.wait_for(rb"\+CDS: \d+\r\n.*\r\n")
                assert await silent(client, 0.08)

    run(scenario)


def test_what_struck_is_told_with_its_occasion_and_octet() -> None:
    async def scenario(emulator: Emulator) -> None:
        modem = emulator.modem("one")
        with await opened(emulator) as client:
            emulator.fault("one", "error", match="CSQ", code=14)
            heard, said = modem.recorder.octets()
            await client.at("AT+CSQ")
            emulator.fault("one", "mute")
            emulator.fault("one", "roaming")
            client.write(b"AT\r")
            await eventually(lambda: len(modem.faults.struck()) == 3)
        struck = modem.faults.struck()
        assert [(one.kind, one.occasion) for one in struck] == [("error", "AT+CSQ"), ("roaming", ""), ("mute", "")]
        assert (struck[0].heard, struck[0].said) == (heard + len("AT+CSQ\r"), said)
        assert modem.faults.struck(2) == struck[2:]

    run(scenario)


def _script(steps: Sequence[FaultConfig]) -> list[tuple[str, str, int, int]]:
    """What a script does to one dialogue."""
    found = []

    async def scenario(emulator: Emulator) -> None:
        with await opened(emulator) as client:
            await eventually(lambda: emulator.modem("one").faults.active)
            for _ in range(40):
                await client.at("AT+CSQ")
        found.extend((s.kind, s.occasion, s.heard, s.said) for s in emulator.modem("one").faults.struck())

    run(scenario, faults=tuple(steps))
    return found


def test_a_script_strikes_the_same_way_every_time() -> None:
    steps = [
        FaultConfig(kind="error", modem="one", fields={"match": "CSQ", "probability": 0.3, "count": 0, "code": 14}),
        FaultConfig(kind="cut-reply", fields={"match": "CSQ", "at": 0, "interval_s": 0.0, "after": 5, "count": 3}),
    ]
    first = _script(steps)
    assert {kind for kind, *_ in first} == {"error", "cut-reply"}
    assert _script(steps) == first


def test_a_script_comes_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "emulator.toml"
    path.write_text(
        '[[modem]]\nname = "one"\n[[fault]]\nmodem = "one"\nkind = "registration-lost"\nat_s = 0.05\nduration_s = 0.05\n'
    )
    config = load(path)
    assert config.faults == (
        FaultConfig(kind="registration-lost", modem="one", at_s=0.05, fields={"duration_s": 0.05}),
    )

    async def scenario() -> None:
        async with asyncio.timeout(5), Emulator(config) as emulator:
            with await opened(emulator) as client:
                await client.ok("AT+CREG=1")
                await client.wait_for(rb"\+CREG: 2\r\n")
                await client.wait_for(rb"\+CREG: 1\r\n")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "step",
    [
        'kind = "explode"',
        'kind = "mute"\ncode = 1',
        'kind = "mute"\nmodem = "three"',
        'kind = "mute"\nat_s = -1',
        "kind = 1",
        'kind = "data-mode"\nleave = "never"',
        'kind = "unplug"\nrename = "../one"',
        'kind = "sim-swap"\nnumber = "Bob"',
    ],
)
def test_a_script_that_cannot_be_is_refused_at_the_start(tmp_path: Path, step: str) -> None:
    path = tmp_path / "emulator.toml"
    path.write_text(f'[[modem]]\nname = "one"\n[[fault]]\n{step}\n')
    with pytest.raises(ConfigError, match="fault"):
        load(path)


def test_a_fault_for_later_is_checked_now() -> None:
    async def scenario(emulator: Emulator) -> None:
        for kind, modem in (("explode", "one"), ("mute", "three")):
            with pytest.raises(RequestError):
                emulator.schedule(60, modem, kind)
        emulator.schedule(0.01, "*", "roaming")
        await eventually(lambda: all(modem.registration == 5 for modem in emulator.modems.values()))

    run(scenario)


# the document

DOCUMENT = (ROOT / "docs/emulator.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([a-z-]+)` \| ([a-z]+) \| (.*?) \| (.*) \|$", re.MULTILINE)


def _shown(value: Any) -> str:
    return '""' if value == "" else "true" if value is True else "false" if value is False else str(value)


def shown_fields(fields: dict[str, Any]) -> str:
    shown = {name: _shown(value).replace("\r", "\\r").replace("\n", "\\n") for name, value in fields.items()}
    return ", ".join(f"`{name}` {value}" for name, value in shown.items())


def test_the_document_names_every_kind_with_its_fields_and_meaning() -> None:
    expected = {name: (kind.stage.value, shown_fields(dict(kind.fields)), kind.meaning) for name, kind in KINDS.items()}
    rows = {name: (stage, fields.strip(), meaning) for name, stage, fields, meaning in ROW.findall(DOCUMENT)}
    assert rows == expected


def test_the_document_names_every_stage_and_common_field() -> None:
    chapter = DOCUMENT.partition("\n## Faults\n")[2].partition("\n## ")[0]
    for name in (*COMMON, *(stage.value for stage in Stage)):
        assert f"`{name}`" in chapter, name


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_can_be_set_as_it_stands(kind: str) -> None:
    async def scenario(emulator: Emulator) -> None:
        emulator.fault("one", kind, **({"duration_s": 0.001} if kind != "clear" else {}))
        emulator.fault("one", kind, **{**KINDS[kind].fields, "match": "CSQ"})
        emulator.reset()
        await eventually(lambda: emulator.modem("one").port)
        with Client(emulator.port("one")) as client:
            await client.ok("AT")

    run(scenario, EmulatorConfig().modems or ModemConfig(name="one"))
    assert build(kind, {}).kind == kind
