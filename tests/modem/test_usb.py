"""Which tty is which: sysfs as the kernel writes it, the table of identities, and what is told of a wrong port."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.modem.holders import holders, running
from gateway.modem.usb import advice, better, devices, is_at_interface, siblings, stable_name, trouble, tty_of, ttys
from gateway.modem.usb_ids import BRIDGES, HILINK, LAYOUTS, RECEIVERS, STORAGE_MODE, Role
from tests.modem.fake_usb import FakeUsb


@pytest.fixture
def usb(tmp_path: Path) -> FakeUsb:
    return FakeUsb(tmp_path)


def names(numbers: range, first: int = 0) -> dict[int, tuple[str, str]]:
    return {interface: (f"ttyUSB{first + place}", "/dev/null") for place, interface in enumerate(numbers)}


def test_the_interface_tells_the_role_not_the_number_of_the_tty(usb: FakeUsb) -> None:
    usb.plug("1-1", "1e0e:9001", names(range(5), first=3), name="SimTech")
    found = {tty.path.rpartition("/")[2]: tty.role for tty in ttys(usb.roots)}
    assert found == {
        "ttyUSB3": Role.DIAG,
        "ttyUSB4": Role.NMEA,
        "ttyUSB5": Role.AT,
        "ttyUSB6": Role.MODEM,
        "ttyUSB7": Role.AUDIO,
    }
    assert [tty.role for tty in ttys(usb.roots)][:2] == [Role.AT, Role.MODEM]  # the better ones first


def test_a_wrong_port_names_the_right_one(usb: FakeUsb) -> None:
    usb.plug("1-1", "2c7c:0125", names(range(4)), name="EC25")
    dev = usb.roots.dev
    said = advice(str(dev / "ttyUSB0"), usb.roots)
    right = str(dev / "serial/by-id/usb-EC25_1-1-if02-port0")
    assert "interface 0 of 2c7c:0125 (EC25)" in said
    assert "diagnosis" in said
    assert right in said
    assert "NMEA" in advice(str(dev / "ttyUSB1"), usb.roots)
    assert advice(str(dev / "ttyUSB2"), usb.roots) == ""
    assert advice(right, usb.roots) == ""
    assert advice(str(dev / "serial/by-id/usb-EC25_1-1-if00-port0"), usb.roots) == said
    assert advice("/dev/ttyS0", usb.roots) == ""
    assert stable_name("/dev/ttyS0", usb.roots) == "/dev/ttyS0"


def test_huawei_by_the_protocol_of_its_interfaces(usb: FakeUsb) -> None:
    usb.plug("1-1", "12d1:1001", names(range(3)), protocols={0: 1, 1: 0x14, 2: 2})
    assert [tty.role for tty in ttys(usb.roots)] == [Role.AT, Role.MODEM, Role.NMEA]


def test_cdc_acm_and_a_bridge(usb: FakeUsb) -> None:
    usb.plug("1-1", "1546:110a", {0: ("ttyACM0", "/dev/null"), 6: ("ttyACM1", "/dev/null")}, acm=True)
    usb.plug("1-2", "1a86:7523", {0: ("ttyUSB0", "/dev/null")})
    usb.plug("1-3", "1546:01a8", {0: ("ttyACM2", "/dev/null")}, acm=True)
    roles = {tty.path.rpartition("/")[2]: tty.role for tty in ttys(usb.roots)}
    assert roles == {"ttyACM0": Role.AT, "ttyACM1": Role.NMEA, "ttyUSB0": Role.UNKNOWN, "ttyACM2": Role.NMEA}
    assert is_at_interface(str(usb.roots.dev / "ttyACM0"), usb.roots)
    assert not is_at_interface(str(usb.roots.dev / "ttyUSB0"), usb.roots)
    assert not is_at_interface("/dev/ttyAMA0", usb.roots)


def test_a_port_that_answers_but_is_not_the_best(usb: FakeUsb) -> None:
    usb.plug("1-1", "2c7c:0125", names(range(4)), name="EC25")
    hints = {n: better(str(usb.roots.dev / f"ttyUSB{n}"), usb.roots) for n in range(4)}
    assert [n for n, hint in hints.items() if hint] == [3]
    assert "data calls" in hints[3]
    assert "usb-EC25_1-1-if02-port0" in hints[3]
    assert better("/dev/ttyS0", usb.roots) == ""


def test_devices_without_an_at_port(usb: FakeUsb) -> None:
    usb.plug("1-1", "12d1:1446", {}, name="Mass Storage")
    usb.plug("1-2", "12d1:14db", {})
    usb.plug("1-3", "2c7c:0125", names(range(4)))
    said = {device.product: trouble(device) for device in devices(usb.roots)}
    assert "usb-modeswitch" in said["1446"]
    assert "HiLink" in said["14db"]
    assert said["0125"] == ""


def test_siblings_and_a_port_that_is_gone(usb: FakeUsb) -> None:
    usb.plug("1-1", "2c7c:0125", names(range(4)))
    usb.plug("1-2", "2c7c:0125", names(range(4), first=4))
    port = str(usb.roots.dev / "ttyUSB6")
    tty = tty_of(port, usb.roots)
    assert tty is not None
    assert {one.path.rpartition("/")[2] for one in siblings(tty, usb.roots)} == {f"ttyUSB{n}" for n in range(4, 8)}
    usb.unplug("1-2")
    assert tty_of(port, usb.roots) is None
    assert len(ttys(usb.roots)) == 4


def test_nothing_is_there(tmp_path: Path) -> None:
    from gateway.modem.usb import Roots

    nowhere = Roots(sys=tmp_path / "no", dev=tmp_path / "no", proc=tmp_path / "no")
    assert ttys(nowhere) == []
    assert devices(nowhere) == []
    assert holders("/dev/null", nowhere) == []


def test_who_holds_a_port(usb: FakeUsb) -> None:
    usb.process(12, "ModemManager", "/dev/null", "/dev/zero")
    usb.process(7, "minicom", "/dev/null")
    usb.process(9, "cron")
    assert [str(one) for one in holders("/dev/null", usb.roots)] == ["minicom (process 7)", "ModemManager (process 12)"]
    assert [one.pid for one in holders("/dev/null", usb.roots, but=7)] == [12]
    assert [one.pid for one in running("cron", usb.roots)] == [9]


def test_the_tables_are_in_order() -> None:
    ids = [*LAYOUTS, *STORAGE_MODE, *HILINK, *BRIDGES, *RECEIVERS]
    assert len(ids) == len(set(ids))  # a device is one thing
    assert all(len(part) == 4 and int(part, 16) >= 0 and part == part.lower() for one in ids for part in one)
    assert all(list(layout.values()).count(Role.AT) == 1 for layout in LAYOUTS.values())
