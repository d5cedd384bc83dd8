"""ModemManager: its test interface takes a modem behind a Unix socket; mmcli does the rest. It wants polkit, and root."""

from __future__ import annotations

import os
import re
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.processes import wait_until

from .bench import GSM7, PHONE, UCS2, Bench, Foreign, bench, find, need
from .buses import Bridge, Bus, private_bus

SERVICE, MANAGER = "org.freedesktop.ModemManager1", "/org/freedesktop/ModemManager1"
PORT = "smsgw-modem"
POLKIT = ("/usr/lib/polkit-1/polkitd", "/usr/libexec/polkitd", "/usr/lib/policykit-1/polkitd")
PATIENCE_S = 40
NAMES = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.ListNames")


def test_modemmanager_registers_sends_with_a_report_and_receives(tmp_path: Path) -> None:
    program, _ = need("ModemManager", "modemmanager"), need("mmcli", "modemmanager")
    polkit = next((path for path in POLKIT if find(path)), None)
    if polkit is None or os.geteuid() != 0:
        pytest.skip("ModemManager refuses everything without polkitd, which has to be started by root")
    with ExitStack() as stack:
        world = stack.enter_context(bench(tmp_path, "generic"))
        bus = stack.enter_context(private_bus(tmp_path))
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(tmp_path / PORT))
        listener.listen()
        stack.enter_context(Bridge(listener, world.port))
        stack.enter_context(Foreign(tmp_path, "polkitd", polkit, "--no-debug", env=bus.env))
        wait_until(lambda: "PolicyKit1" in bus.call(*NAMES), "polkitd to be there")
        options = ("--debug", "--test-enable", "--test-no-udev", "--test-no-suspend-resume", "--test-no-qrtr")
        # the test interface opens the port by its name, as a path relative to where the program was started
        manager = stack.enter_context(
            Foreign(tmp_path, "modemmanager", program, *options, "--no-auto-scan", env=bus.env)
        )
        _enabled(bus, manager)
        _sent(world, bus)
        _received(world, bus)
        assert {"AT+CNMI=2,1,2,1,0", "AT+CMGF=0"} <= set(world.said())


def _mmcli(bus: Bus, *arguments: str) -> str:
    done = bus.run("mmcli", *arguments)
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


def _enabled(bus: Bus, manager: Foreign) -> None:
    profile = ("string:smsgw", "string:generic", f"array:string:{PORT}")

    def taken() -> bool:
        assert manager.running, manager.output()[-2000:]
        return bus.attempt(SERVICE, MANAGER, f"{SERVICE}.Test.SetProfile", *profile).returncode == 0

    wait_until(taken, "ModemManager to take the modem")
    wait_until(lambda: "disabled" in bus.run("mmcli", "-m", "0").stdout, "the modem to be there", PATIENCE_S)
    _mmcli(bus, "-m", "0", "--enable")
    wait_until(lambda: "registered" in _mmcli(bus, "-m", "0"), "the modem to be registered", PATIENCE_S)


def _messages(bus: Bus) -> dict[str, str]:
    """State and what is shown of each message."""
    listed = _mmcli(bus, "-m", "0", "--messaging-list-sms")
    return {number: _mmcli(bus, "-s", number) for number in re.findall(r"/SMS/(\d+)", listed)}


def _sent(world: Bench, bus: Bus) -> None:
    made = f"text='{UCS2}',number='{PHONE}',delivery-report-request=yes"
    _mmcli(bus, "-m", "0", f"--messaging-create-sms={made}")
    _mmcli(bus, "-s", "0", "--send")
    parts = world.wait_message(UCS2)
    assert parts[-1]["status_report_request"]
    wait_until(
        lambda: any("completed-received" in shown for shown in _messages(bus).values()), "the report", PATIENCE_S
    )


def _received(world: Bench, bus: Bus) -> None:
    for ref, text in enumerate((GSM7, UCS2), 7):
        known = len(_messages(bus))
        _deliver(world, text, ref, without=2)
        # of two +CMTI in one read it heeds the first, and one behind an answer may be lost: not before it is idle
        wait_until(lambda known=known: len(_messages(bus)) > known, "the first part to be taken", PATIENCE_S)
        _deliver(world, text, ref, without=1)

        def there(text: str = text) -> bool:
            return any(text in shown and "deliver" in shown for shown in _messages(bus).values())

        wait_until(there, "the text", PATIENCE_S)


def _deliver(world: Bench, text: str, ref: int, *, without: int) -> None:
    body = {"modem": "modem", "from": PHONE, "text": text, "ref": ref, "drop_parts": [without]}
    assert world.control("/deliver", body)["tpdus"] == 1
