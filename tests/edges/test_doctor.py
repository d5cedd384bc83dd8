"""`smsgw doctor`: every check on a box of our own making, and the whole on emulated modems and a real broker."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.app import DATABASE
from gateway.cli import checks, checks_modems
from gateway.cli.checks import Finding, Level, Surroundings
from gateway.cli.doctor import doctor
from gateway.config import Config, load_config, parse_config
from gateway.modem.usb import Roots
from gateway.mqtt.check import refusal
from gateway.secret_files import SECRETS
from gateway.store import SqliteStore
from tests.modem.fake_usb import FakeUsb
from tests.support.broker import Broker, free_port
from tests.support.processes import DaemonProcess, EmulatorProcess, wait_until, write_config

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def nothing(_: Sequence[str]) -> str:
    return ""


def config_of(tmp_path: Path, modems: str = "") -> Config:
    text = f'[gateway]\nid = "box"\ndata_dir = "{tmp_path / "data"}"\n[mqtt]\nurl = ""\n{modems}'
    return parse_config(text, tmp_path / "smsgw.toml")


def around(tmp_path: Path, **changes: object) -> Surroundings:
    usb = tmp_path / "box"
    roots = FakeUsb(usb).roots if not usb.exists() else Roots(sys=usb / "sys", dev=usb / "dev", proc=usb / "proc")
    fields = {"roots": roots, "run": tmp_path / "run", "output_of": nothing, "now": lambda: NOW}
    return Surroundings(**{**fields, **changes})  # type: ignore[arg-type]


def told(findings: Iterator[Finding]) -> list[tuple[str, str]]:
    return [(one.level.value, one.subject) for one in findings]


def only(findings: Iterator[Finding]) -> Finding:
    (one,) = findings
    return one


def test_files_that_others_can_read_are_a_problem(tmp_path: Path) -> None:
    pin = tmp_path / "pin"
    pin.write_text("2468\n")
    pin.chmod(0o644)
    config = config_of(tmp_path, f'[[modem]]\nname = "one"\nport = "/dev/null"\npin_file = "{pin}"\n')
    assert told(checks.files(config, around(tmp_path))) == [("ok", "data"), ("problem", "pin")]
    pin.chmod(0o640)  # root's, and readable to the service's group
    (tmp_path / "data").mkdir()
    secrets = tmp_path / "data" / SECRETS
    secrets.write_text("x")
    secrets.chmod(0o600)
    assert told(checks.files(config, around(tmp_path))) == [("ok", "data"), ("ok", "secrets"), ("ok", "pin")]
    secrets.chmod(0o640)
    pin.write_text("12")
    found = list(checks.files(config, around(tmp_path)))
    assert told(iter(found)) == [("ok", "data"), ("problem", "secrets"), ("problem", "pin")]
    assert "4 to 8 digits" in found[-1].message
    assert "chmod 600" in found[1].remedy
    pin.unlink()
    assert "cannot be read" in list(checks.files(config, around(tmp_path)))[-1].message


def test_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of(tmp_path)
    for free, level in ((10, "problem"), (100, "warning"), (5000, "ok")):
        usage = type("usage", (), {"free": free * checks.MIB})
        monkeypatch.setattr("gateway.cli.checks.shutil.disk_usage", lambda _path, usage=usage: usage)
        assert told(checks.disk(config, around(tmp_path))) == [(level, "disk")]


def test_the_database(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    path = config.gateway.data_dir / DATABASE
    assert "will be made" in only(checks.database(config, around(tmp_path))).message

    async def make() -> None:
        store = SqliteStore(path)
        await store.open()
        await store.close()

    asyncio.run(make())
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE filler (text)")
        db.executemany("INSERT INTO filler VALUES (?)", [("x" * 2000,) for _ in range(50)])
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert only(checks.database(config, around(tmp_path))).level is Level.OK
    octets = bytearray(path.read_bytes())
    octets[-20_000:-10_000] = b"\xa5" * 10_000
    path.write_bytes(octets)
    path.with_suffix(".damaged-1").write_bytes(b"")
    found = list(checks.database(config, around(tmp_path)))
    assert told(iter(found)) == [("problem", "database"), ("warning", "database")]
    assert "smsgw.damaged-1" in found[1].message
    assert path.read_bytes() == bytes(octets)  # looked at, not touched


def test_the_clock(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    box = around(tmp_path)
    past = Surroundings(roots=box.roots, run=box.run, output_of=nothing, now=lambda: datetime(1970, 1, 1, tzinfo=UTC))
    assert only(checks.clock(config, past)).level is Level.PROBLEM
    assert only(checks.clock(config, box)).level is Level.OK
    (tmp_path / "run/systemd/timesync").mkdir(parents=True)
    assert only(checks.clock(config, box)).level is Level.WARNING
    (tmp_path / "run/systemd/timesync/synchronized").touch()
    assert only(checks.clock(config, box)).level is Level.OK
    config.gateway.data_dir.mkdir()
    path = config.gateway.data_dir / DATABASE
    path.touch()
    later = (NOW + timedelta(days=3)).timestamp()
    os.utime(path, (later, later))
    assert "went back" in only(checks.clock(config, box)).remedy


@pytest.mark.parametrize(
    ("flags", "level"), [("0x0", "ok"), ("0x50000", "warning"), ("0x50005", "problem"), ("1", "problem")]
)
def test_the_supply_voltage_of_a_pi(tmp_path: Path, flags: str, level: str) -> None:
    box = around(tmp_path, output_of=lambda arguments: f"throttled={flags}\n" if arguments[0] == "vcgencmd" else "")
    assert told(checks.voltage(config_of(tmp_path), box)) == [(level, "power")]
    file = box.roots.sys / checks.THROTTLED
    file.parent.mkdir(parents=True)
    file.write_text(f"{flags}\n")
    quiet = Surroundings(roots=box.roots, run=box.run, output_of=nothing, now=box.now)
    assert told(checks.voltage(config_of(tmp_path), quiet)) == [(level, "power")]


def test_other_places_that_tell_of_the_voltage(tmp_path: Path) -> None:
    box = around(tmp_path)
    assert told(checks.voltage(config_of(tmp_path), box)) == []  # not a Raspberry Pi
    sensor = box.roots.sys / "class/hwmon/hwmon0"
    sensor.mkdir(parents=True)
    (sensor / "name").write_text("rpi_volt\n")
    (sensor / "in0_lcrit_alarm").write_text("1\n")
    assert told(checks.voltage(config_of(tmp_path), box)) == [("problem", "power")]
    (sensor / "in0_lcrit_alarm").write_text("0\n")
    assert told(checks.voltage(config_of(tmp_path), box)) == [("ok", "power")]
    (box.roots.dev / "kmsg").write_text("4,1,2,-;hwmon hwmon1: Under-voltage detected!\n")
    assert told(checks.voltage(config_of(tmp_path), box)) == [("warning", "power")]


def test_what_is_plugged_in_and_who_is_in_the_way(tmp_path: Path) -> None:
    usb = FakeUsb(tmp_path / "box")
    box = Surroundings(roots=usb.roots, run=tmp_path / "run", output_of=nothing, now=lambda: NOW)
    config = config_of(tmp_path, f'[[modem]]\nname = "one"\nport = "{usb.roots.dev}/ttyUSB2"\n')
    assert told(checks_modems.usb(config, box)) == []
    usb.plug("1-1", "12d1:14db", {}, name="HiLink stick")
    usb.plug("1-2", "19d2:2000", {})
    found = list(checks_modems.usb(config, box))
    assert told(iter(found)) == [("warning", "usb")] * 2
    assert "stick firmware" in found[0].remedy
    assert "usb-modeswitch" in found[1].remedy
    absent = only(checks_modems.modems(config, box))
    assert "no USB serial ports at all" in absent.remedy
    usb.plug("1-3", "2c7c:0125", {n: (f"ttyUSB{n + 2}", os.devnull) for n in range(4)}, name="EC25")
    wrong = only(checks_modems.modems(config, box))
    assert wrong.level is Level.PROBLEM
    assert "diagnosis" in wrong.message
    assert "usb-EC25_1-3-if02-port0" in wrong.message
    usb.process(77, "ModemManager", os.devnull)
    assert told(checks_modems.manager(config, box)) == [("warning", "usb")]
    held = only(checks_modems.modems(config, box))
    assert "in use by ModemManager (process 77)" in held.message
    assert "systemctl disable --now ModemManager" in held.remedy
    assert told(checks_modems.modems(config_of(tmp_path), box)) == [("warning", "modem")]


def test_the_kernel_in_the_way(tmp_path: Path) -> None:
    usb = FakeUsb(tmp_path / "box")
    box = Surroundings(roots=usb.roots, run=tmp_path / "run", output_of=nothing, now=lambda: NOW)
    config = config_of(tmp_path, '[[modem]]\nname = "one"\nport = "/dev/ttyAMA0"\n')
    usb.plug("1-1", "2c7c:0125", {}, name="EC25")
    control = usb.roots.sys / "devices/1-1/power/control"
    control.parent.mkdir()
    control.write_text("on\n")
    assert told(checks_modems.asleep(config, box)) == []
    assert told(checks_modems.console(config, box)) == []
    control.write_text("auto\n")
    (usb.roots.proc / "cmdline").write_text("console=tty1 console=ttyAMA0,115200 root=/dev/mmcblk0p2\n")
    assert told(checks_modems.asleep(config, box)) == [("warning", "usb")]
    assert told(checks_modems.console(config, box)) == [("problem", "modem one")]
    (usb.roots.proc / "cmdline").write_text("console=tty1 root=/dev/mmcblk0p2\n")
    assert told(checks_modems.console(config, box)) == []


def test_a_modem_that_is_not_found_by_its_imei(tmp_path: Path) -> None:
    config = config_of(tmp_path, '[[modem]]\nname = "one"\nimei = "356938035640001"\n')
    found = only(checks_modems.modems(config, around(tmp_path)))
    assert found.level is Level.PROBLEM
    assert "356938035640001" in found.message


def test_the_broker(broker: Broker, tmp_path: Path) -> None:
    def mqtt(url: str) -> Config:
        return parse_config(f'[gateway]\nid = "box"\n[mqtt]\nurl = "{url}"\n', tmp_path / "smsgw.toml")

    assert refusal(mqtt(broker.url).mqtt) == ""
    assert only(checks.broker(mqtt(broker.url), around(tmp_path))).level is Level.OK
    assert "refused" in refusal(mqtt(f"mqtt://127.0.0.1:{free_port()}").mqtt)
    assert only(checks.broker(config_of(tmp_path), around(tmp_path))).message == "MQTT is off"


def test_a_broker_that_wants_a_password(tmp_path: Path) -> None:
    with Broker(tmp_path / "mosquitto", extra="allow_anonymous false") as broker:
        text = f'[gateway]\nid = "box"\n[mqtt]\nurl = "{broker.url}"\n'
        found = only(checks.broker(parse_config(text, tmp_path / "smsgw.toml"), around(tmp_path)))
        assert found.level is Level.PROBLEM
        assert "authorized" in found.message.lower()


def test_the_whole_with_and_without_a_running_gateway(broker: Broker, tmp_path: Path) -> None:
    with EmulatorProcess(tmp_path / "ports", modems=2) as emulator:
        ports = {one["name"]: one["port"] for one in emulator.ready["modems"]}
        config = write_config(tmp_path, broker=broker.url, ports=ports)
        asked = CliRunner().invoke(doctor, ["-c", str(config), "--json"])
        found = {one["subject"]: one for one in json.loads(asked.stdout)}
        for name in ports:
            assert found[f"modem {name}"]["level"] == "ok", found
            assert "profile" in found[f"modem {name}"]["message"]
        assert found["broker"]["level"] == "ok"
        assert asked.exit_code == (1 if any(one["level"] == "problem" for one in found.values()) else 0)
        loaded = load_config(config)
        with DaemonProcess(config) as daemon:
            daemon.wait_error("ready;")

            def all_ready() -> bool:
                found = list(checks_modems.modems(loaded, Surroundings()))
                return all(one.level is Level.OK and one.message.startswith("ready, ") for one in found)

            wait_until(all_ready, "the modems to be ready in the doctor's words")
        emulator.stop()
        gone = CliRunner().invoke(doctor, ["-c", str(config)])
        assert gone.exit_code == 1
        assert sum(line.startswith("problem") and "is not there" in line for line in gone.stdout.splitlines()) == 2
