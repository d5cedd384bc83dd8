"""Probing every family: what is learned, that nothing is changed, and what is said of ports that are no AT port."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.probe import probe as command
from gateway.clock import SystemClock
from gateway.emulator import Emulator, EmulatorConfig, ModemConfig
from gateway.emulator.personalities import PERSONALITIES
from gateway.errors import ModemError
from gateway.modem import probe
from gateway.modem.probe import NoModem, Report, examine, hears, identify, is_question
from gateway.modem.usb import ttys
from tests.modem.fake_usb import FakeUsb
from tests.modem.peer import Peer
from tests.support.processes import EmulatorProcess, smsgw

PROFILES = {
    "huawei-e173": "huawei-stick",
    "huawei-e3372h-320": "huawei-e3372",
    "ec25": "quectel-ec25",
    "eg25": "quectel-ec25",
    "ec200": "quectel-ec200",
    "m66": "quectel-m66",
    "le910": "telit-le910",
    "sara-r4": "ublox-sara-r4",
    "sara-u2": "ublox-sara-u2",
}
"""Personality → profile, where they are not called the same."""


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_every_family_is_recognised_and_left_as_it_was(personality: str) -> None:
    async def main() -> None:
        bench = EmulatorConfig(modems=(ModemConfig(name="one", personality=personality),))
        async with Emulator(bench) as emulator:
            modem = emulator.modem("one")
            before = repr(modem.settings)
            report = await examine(emulator.port("one"), 115200, SystemClock())
            assert repr(modem.settings) == before
            assert report.profile.name == PROFILES.get(personality, personality)
            assert (report.setup.imei, report.setup.iccid) == (modem.config.imei, modem.config.iccid)
            assert report.setup.imsi == modem.config.imsi
            assert (report.sim, report.registered, report.rssi_dbm) == ("ready", True, -71)
            assert report.access in ("gsm", "umts", "lte")
            assert report.voltage_mv in (None, 3900)
            assert report.temperature_c in (None, 34.0)
            assert report.answers["CNMI"] == "0,0,0,0,0"
            assert report.answers["CPMS_OFFER"]
            asked = [text for text in report.commands if text not in ("AT", "<ESC>", "ATI")]
            assert asked
            assert all(is_question(text) for text in asked)
            assert not any("CMGR" in text or "CMGL" in text or "CPIN=" in text for text in asked)

    asyncio.run(main())


def test_a_locked_sim_is_seen_and_not_tried() -> None:
    async def main() -> None:
        bench = EmulatorConfig(modems=(ModemConfig(name="one", personality="sim7600", pin="2468"),))
        async with Emulator(bench) as emulator:
            report: Report = await examine(emulator.port("one"), 115200, SystemClock())
            assert (report.sim, report.pin_attempts) == ("pin", 3)
            assert emulator.modem("one").sim.pin_tries == 3

    asyncio.run(main())


@pytest.mark.parametrize(("role", "heard"), [("diag", "binary"), ("nmea", "nmea")])
def test_ttys_that_speak_no_at(role: str, heard: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "HAIL_S", 0.2)

    async def main() -> None:
        bench = EmulatorConfig(modems=(ModemConfig(name="one", personality="ec25", ttys="all"),))
        async with Emulator(bench) as emulator:
            ports = {str(one["role"]): str(one["path"]) for one in emulator.modem("one").ttys.describe()}
            with pytest.raises(NoModem) as caught:
                await identify(ports[role], 115200, SystemClock())
            assert caught.value.heard == heard
            imei, iccid = await identify(ports["modem"], 115200, SystemClock())
            assert (imei, iccid) == (emulator.modem("one").config.imei, emulator.modem("one").config.iccid)

    asyncio.run(main())


def test_a_deaf_port_and_a_prompt_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "HAIL_S", 0.1)

    async def main() -> None:
        peer = Peer()
        peer.deaf = True
        with pytest.raises(NoModem) as caught:
            await identify(peer.path, 115200, SystemClock())
        assert caught.value.heard == "nothing"
        peer.deaf = False
        peer.in_prompt = True
        assert (await identify(peer.path, 115200, SystemClock()))[0] == "356938035640001"
        assert "CTRL-Z" not in peer.heard
        assert not peer.in_prompt
        peer.unplug()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        (b"", "nothing"),
        (b"$GPGGA,,,,,,0,,,,,,,,*66\r\n", "nmea"),
        (bytes(range(256)), "binary"),
        (b"login: \r\n", "text"),
    ],
)
def test_what_a_port_says(octets: bytes, kind: str) -> None:
    assert hears(octets) == kind


@pytest.mark.parametrize(
    ("command", "asks"),
    [
        ("AT+CREG?", True),
        ("AT+CNMI=?", True),
        ("AT+CRSM=176,12258,0,0,10", True),
        ("AT+QCCID", True),
        ('AT+CSIM=10,"0020000100"', False),
        ("AT#TEMPMON=1", False),
        ("AT+CRSM=214,12258,0,0,10", False),
    ],
)
def test_questions_and_settings(command: str, asks: bool) -> None:
    assert is_question(command) is asks


def test_ports_are_listed_without_being_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usb = FakeUsb(tmp_path)
    monkeypatch.setattr("gateway.cli.probe.ttys", partial(ttys, usb.roots))
    assert "no USB device" in CliRunner().invoke(command, ["--list"]).output
    usb.plug("1-1", "2c7c:0125", {n: (f"ttyUSB{n}", "/dev/null") for n in range(4)}, name="EC25")
    lines = CliRunner().invoke(command, ["--list"]).output.splitlines()
    assert [line.split()[0].rpartition("/")[2] for line in lines] == ["ttyUSB2", "ttyUSB3", "ttyUSB0", "ttyUSB1"]
    assert "the AT port" in lines[0]
    listed = json.loads(CliRunner().invoke(command, ["--list", "--json"]).output)
    assert [one["role"] for one in listed] == ["at", "modem", "diag", "nmea"]
    assert CliRunner().invoke(command, []).exit_code == 2


def test_the_command_line(tmp_path: Path) -> None:
    with EmulatorProcess(tmp_path / "ports") as emulator:
        (modem,) = emulator.ready["modems"]
        told = smsgw("probe", modem["port"])
        assert told.returncode == 0, told.stderr
        assert modem["imei"] in told.stdout
        assert "sim7600" in told.stdout
        assert "asked: AT " in told.stdout
        found = json.loads(CliRunner().invoke(command, [modem["port"], "--json"]).output)
        assert (found["imei"], found["iccid"], found["profile"]) == (modem["imei"], modem["iccid"], "sim7600")
        assert found["answers"]["cnmi"] == "0,0,0,0,0"
        with open(modem["port"], "rb", buffering=0) as port:
            fcntl.flock(port, fcntl.LOCK_EX)
            busy = smsgw("probe", modem["port"])
        assert busy.returncode == 1
        assert f"(process {os.getpid()})" in busy.stderr
        assert len(busy.stderr.splitlines()) == 1
        gone = CliRunner().invoke(command, [str(tmp_path / "ports" / "nowhere")])
        assert isinstance(gone.exception, ModemError)
