"""oFono: the daemon with its atmodem drivers, driven over D-Bus; its phonesim plugin takes a modem behind TCP."""

from __future__ import annotations

import random
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.processes import wait_until

from .bench import GSM7, PHONE, UCS2, Bench, Foreign, bench, need
from .buses import Bridge, Bus, private_bus

STATE = Path("/var/lib/ofono")
CONFIG = "[phonesim]\nAddress=127.0.0.1\nPort={port}\n"
SERVICE, MODEM = "org.ofono", "/phonesim"
SET = "org.ofono.{}.SetProperty"


@contextmanager
def own_subscriber(directory: Path) -> Iterator[str]:
    """A line of the emulator's file with an IMSI that no other run has: oFono keeps its state under it."""
    imsi = f"00101{random.SystemRandom().randrange(10**10):010d}"
    try:
        yield f'imsi = "{imsi}"\n'
    finally:
        for path in STATE.glob(f"{imsi}*"):
            shutil.rmtree(path, ignore_errors=True)


def test_ofono_registers_sends_with_a_report_and_receives(tmp_path: Path) -> None:
    program = need("ofonod", "ofono")
    with ExitStack() as stack:
        subscriber = stack.enter_context(own_subscriber(tmp_path))
        world = stack.enter_context(bench(tmp_path, "generic", subscriber))
        bus = stack.enter_context(private_bus(tmp_path))
        listener = socket.create_server(("127.0.0.1", 0))
        # the simulator that the plugin is for has no echo, so nobody turns it off
        stack.enter_context(Bridge(listener, world.port, prelude=b"ATE0\r"))
        config = tmp_path / "phonesim.conf"
        config.write_text(CONFIG.format(port=listener.getsockname()[1]))
        env = {**bus.env, "OFONO_PHONESIM_CONFIG": str(config), "OFONO_AT_DEBUG": "1"}
        arguments = ("-n", "-d", "-P", "udevng,bluez4,bluez5,hfp_hf_bluez5,hfp_ag_bluez5,ril")
        stack.enter_context(Foreign(tmp_path, "ofonod", program, *arguments, env=env))
        signals = stack.enter_context(
            Foreign(tmp_path, "monitor", need("dbus-monitor", "dbus"), "--system", env=bus.env)
        )
        _online(bus)
        _sent(world, bus)
        _received(world, signals)
        assert {"AT+CSMS=1", "AT+CNMI=2,2,2,1,0", "AT+CNMA=1,2"} <= set(world.said())


def _online(bus: Bus) -> None:
    def ready() -> bool:
        return bus.attempt(SERVICE, MODEM, "org.ofono.Modem.GetProperties").returncode == 0

    wait_until(ready, "ofonod to have the modem")
    for name in ("Powered", "Online"):
        bus.call(SERVICE, MODEM, SET.format("Modem"), f"string:{name}", "variant:boolean:true")

    def registered() -> bool:
        shown = bus.attempt(SERVICE, MODEM, "org.ofono.NetworkRegistration.GetProperties").stdout
        return re.search(r'"Status"\s+variant\s+string "registered"', shown) is not None

    wait_until(registered, "the modem to be registered")
    on = ("string:UseDeliveryReports", "variant:boolean:true")
    wait_until(
        lambda: bus.attempt(SERVICE, MODEM, SET.format("MessageManager"), *on).returncode == 0,
        "messages to be possible",
    )


def _sent(world: Bench, bus: Bus) -> None:
    bus.call(SERVICE, MODEM, "org.ofono.MessageManager.SendMessage", f"string:{PHONE}", f"string:{UCS2}")
    parts = world.wait_message(UCS2)
    assert all(part["status_report_request"] for part in parts)


def _received(world: Bench, signals: Foreign) -> None:
    for count, text in enumerate((GSM7, UCS2), 1):
        world.deliver(text, ref=6 + count)
        wait_until(lambda count=count: len(_texts(signals)) == count, "the signal of a text")
        assert _texts(signals)[-1] == text
    world.wait_empty()


def _texts(signals: Foreign) -> list[str]:
    """What the signals of messages that came in have said."""
    return re.findall(r'member=IncomingMessage\n +string "(.*)"\n', signals.output())
