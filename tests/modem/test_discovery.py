"""A modem is found by its IMEI or its SIM, wherever it is plugged in, and again when its tty has another name."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from gateway import app
from gateway.clock import SystemClock
from gateway.config import parse_config
from gateway.emulator import Emulator, EmulatorConfig, ModemConfig
from gateway.errors import ConfigError
from gateway.modem import Finder, Line, LineConfig, SubmitOutcome, probe
from gateway.modem.discovery import Wanted, same_iccid, same_imei
from gateway.modem.errors import PortLost
from tests.modem.bench import PATIENCE, Recorder
from tests.modem.fake_usb import FakeUsb
from tests.modem.peer import DELIVER, OK, Peer, length
from tests.modem.test_on_emulator import TO_PHONE, TO_PHONE_LENGTH
from tests.support.processes import smsgw

EC25 = "2c7c:0125"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ports that do not answer are given up soon."""
    monkeypatch.setattr(probe, "HAIL_S", 0.15)
    monkeypatch.setattr("gateway.modem.discovery.SILENT_S", (0.1,))
    return


def plug(usb: FakeUsb, emulator: Emulator, modem: str, where: str, first: int, vidpid: str = EC25) -> None:
    """The ttys of an emulated modem as the kernel would show them, from `ttyUSB<first>` on."""
    ports = emulator.modem(modem).ttys.describe()
    ttys = {
        int(str(port["name"]).removeprefix("if")): (f"ttyUSB{first + place}", str(port["path"]))
        for place, port in enumerate(ports)
    }
    usb.plug(where, vidpid, ttys, name=modem)


@contextlib.asynccontextmanager
async def bench(tmp_path: Path, *names: str) -> AsyncIterator[tuple[Emulator, FakeUsb]]:
    """Emulated EC25 with all their ttys, in this order of plugging."""
    modems = tuple(ModemConfig(name=name, personality="ec25", ttys="all") for name in names)
    async with Emulator(EmulatorConfig(modems=modems)) as emulator:
        usb = FakeUsb(tmp_path / "root")
        for place, name in enumerate(names):
            plug(usb, emulator, name, f"1-{place + 1}", 4 * place)
        yield emulator, usb


@contextlib.asynccontextmanager
async def line(finder: Finder, **config: str) -> AsyncIterator[tuple[Line, Recorder]]:
    listener = Recorder()
    one = Line(LineConfig(**{"name": "line1", **config}), listener, SystemClock(), finder=finder)  # type: ignore[arg-type]
    task = asyncio.create_task(one.run())
    try:
        async with asyncio.timeout(PATIENCE):
            yield one, listener
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def test_by_imei_and_by_sim_among_several(tmp_path: Path) -> None:
    async def main() -> None:
        async with bench(tmp_path, "a", "b", "c") as (emulator, usb):
            finder = Finder(SystemClock(), usb.roots)
            b, c = emulator.modem("b").config, emulator.modem("c").config
            async with (
                line(finder, name="by-imei", imei=c.imei) as (_, first),
                line(finder, name="by-sim", iccid=b.iccid) as (second_line, second),
            ):
                identity, _ = await first.hears("ready")
                assert identity.imei == c.imei
                identity, _ = await second.hears("ready")
                assert identity.iccid == b.iccid
                await second.shows("ready")
                assert (await second_line.submit(TO_PHONE, TO_PHONE_LENGTH)).outcome is SubmitOutcome.SENT
                # a third one takes neither of them
                with pytest.raises(PortLost, match=f"IMEI {c.imei}"):
                    await finder.locate("third", Wanted(imei=c.imei), 115200)

    asyncio.run(main())


def test_the_urcs_of_a_modem_on_usb_come_to_the_port_that_is_used(tmp_path: Path) -> None:
    async def main() -> None:
        async with bench(tmp_path, "a") as (emulator, usb):
            modem = emulator.modem("a")
            async with line(Finder(SystemClock(), usb.roots), imei=modem.config.imei) as (_, listener):
                await listener.hears("ready")
                assert modem.settings.options["+QURCCFG/urcport"] == "usbat"
                await emulator.deliver("a", text="Hello")
                await listener.until(lambda: len(listener.items("released")) == 1)

    asyncio.run(main())


FAMILIES = {
    "huawei-e173": ("12d1:1001", {0: 0x01, 1: 0x14, 2: 0x02}),
    "huawei-e3372": ("12d1:1506", {0: 0x12, 1: 0x10}),
    "sim7600": ("1e0e:9001", {}),
    "sim7070": ("1e0e:9205", {}),
    "a7670": ("1e0e:9011", {}),
    "ec25": (EC25, {}),
    "ec200": ("2c7c:0901", {}),
    "le910": ("1bc7:1201", {}),
    "sara-r4": ("05c6:90b2", {}),
    "sara-u2": ("1546:1102", {}),
    "zte-mf": ("19d2:0031", {}),
}
"""Personality → USB identity, and the protocols of its interfaces where the table goes by them."""


@pytest.mark.parametrize("personality", FAMILIES)
def test_the_at_port_of_each_family_is_found_among_its_ttys(personality: str, tmp_path: Path) -> None:
    """The emulator has its own table of what each tty is."""
    vidpid, protocols = FAMILIES[personality]

    async def main() -> None:
        modem = ModemConfig(name="a", personality=personality, ttys="all")
        async with Emulator(EmulatorConfig(modems=(modem,))) as emulator:
            usb = FakeUsb(tmp_path / "root")
            ports = emulator.modem("a").ttys.describe()
            numbers = [int(str(port["name"]).removeprefix("if")) for port in ports]
            ttys = {number: (f"ttyUSB{number}", str(port["path"])) for number, port in zip(numbers, ports, strict=True)}
            usb.plug("1-1", vidpid, ttys, protocols=protocols)
            wanted = Wanted(imei=emulator.modem("a").config.imei)
            found = await Finder(SystemClock(), usb.roots).locate("one", wanted, 115200)
            (right,) = (number for number, port in zip(numbers, ports, strict=True) if port["role"] == "at")
            assert found == str(usb.roots.dev / f"ttyUSB{right}")

    asyncio.run(main())


@pytest.mark.parametrize("named_by", ["imei", "port"])
def test_unplugged_and_returned_under_another_tty_name(tmp_path: Path, named_by: str) -> None:
    """While it is away, another modem takes the names that it had."""

    async def main() -> None:
        async with bench(tmp_path, "a", "b") as (emulator, usb):
            usb.unplug("1-2")
            port, imei = str(usb.roots.dev / "ttyUSB2"), emulator.modem("a").config.imei
            chosen = {"imei": imei} if named_by == "imei" else {"port": port}
            async with line(Finder(SystemClock(), usb.roots), **chosen) as (one, listener):
                await listener.hears("ready")
                emulator.fault("a", "unplug", duration_s=0.05, renumber=True)
                usb.unplug("1-1")
                await listener.hears("down")
                if named_by == "imei":
                    plug(usb, emulator, "b", "1-2", 0)
                modem = emulator.modem("a")
                while modem.port is None:  # noqa: ASYNC110 - the modem tells nobody
                    await asyncio.sleep(0.01)
                plug(usb, emulator, "a", "1-3", 8)
                identity, _ = await listener.hears("ready", 2)
                assert identity.imei == imei
                await listener.shows("ready")
                assert (await one.submit(TO_PHONE, TO_PHONE_LENGTH)).outcome is SubmitOutcome.SENT
                assert emulator.network.submitted[-1].modem == "a"

    asyncio.run(main())


def test_what_is_looked_for_is_not_there_yet(tmp_path: Path) -> None:
    async def main() -> None:
        async with bench(tmp_path, "a", "b") as (emulator, usb):
            usb.unplug("1-2")
            a, b = emulator.modem("a").config, emulator.modem("b").config
            async with line(Finder(SystemClock(), usb.roots), imei=b.imei) as (_, listener):
                await listener.until(lambda: bool(listener.states) and a.imei in listener.states[-1].error)
                assert f"no free modem with IMEI {b.imei} is plugged in" in listener.states[-1].error
                plug(usb, emulator, "b", "1-2", 4)
                identity, _ = await listener.hears("ready")
                assert identity.imei == b.imei

    asyncio.run(main())


def test_another_modem_behind_the_same_name_is_not_taken_for_the_one_that_was_there(tmp_path: Path) -> None:
    """The device node is the same, so it is opened at once; the IMEI tells."""

    async def main() -> None:
        async with bench(tmp_path, "a", "b") as (emulator, usb):
            usb.unplug("1-2")
            finder, imei = Finder(SystemClock(), usb.roots), emulator.modem("a").config.imei
            async with line(finder, imei=imei) as (_, listener):
                await listener.hears("ready")
                node = usb.roots.dev / "ttyUSB2"
                other = emulator.port("b")
                before = os.lstat(node)
                emulator.fault("a", "unplug", duration_s=0.05, renumber=True)
                await listener.hears("down")
                node.unlink()
                node.symlink_to(other)
                _pretend_same(finder, node, before)
                await listener.until(lambda: listener.states[-1].state == "failed")
                assert f"this is the modem {emulator.modem('b').config.imei}, not {imei}" in listener.states[-1].error
                await listener.until(lambda: "no free modem with IMEI" in listener.states[-1].error)

    asyncio.run(main())


def _pretend_same(finder: Finder, node: Path, before: os.stat_result) -> None:
    """What a kernel without udev would show: the node that was there, with another device behind it."""
    now = os.lstat(node)
    old = (str(node), before.st_ino, before.st_ctime_ns)
    new = (str(node), now.st_ino, now.st_ctime_ns)
    finder._known[new] = finder._known.pop(old)
    finder._found = {name: new if found == old else found for name, found in finder._found.items()}


@contextlib.contextmanager
def in_use(port: str) -> Iterator[None]:
    """As another program has it."""
    with open(port, "rb", buffering=0) as tty:
        fcntl.flock(tty, fcntl.LOCK_EX)
        yield


def test_what_answers_instead_and_what_is_in_use_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        async with bench(tmp_path, "a") as (emulator, usb):
            with in_use(emulator.port("a")), pytest.raises(PortLost, match="another process uses the port"):
                await Finder(SystemClock(), usb.roots).locate("one", Wanted(imei="1" * 15), 115200)

    asyncio.run(main())


@pytest.mark.parametrize("interface", [0, 1])
def test_a_configured_port_that_is_no_at_port_names_the_right_one(
    interface: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.modem.wake.PROBE_TIMEOUT_S", 0.1)
    monkeypatch.setattr("gateway.at.engine.FENCE_TIMEOUT", 0.1)
    monkeypatch.setattr("gateway.at.engine.ESCAPE_PAUSE", 0.05)

    async def main() -> None:
        async with bench(tmp_path, "a") as (_, usb):
            port = str(usb.roots.dev / f"ttyUSB{interface}")
            async with line(Finder(SystemClock(), usb.roots), port=port) as (_, listener):
                state = await listener.shows("failed")
                assert f"interface {interface} of {EC25}" in state.error
                assert "usb-a_1-1-if02-port0 (interface 2) instead" in state.error
                assert "next:" not in state.error  # no restart mends a wrong port

    asyncio.run(main())


def test_a_port_that_another_program_has_open_names_that_program(tmp_path: Path) -> None:
    async def main() -> None:
        async with bench(tmp_path, "a") as (emulator, usb):
            usb.process(77, "ModemManager", emulator.port("a"))
            port = str(usb.roots.dev / "ttyUSB2")
            with in_use(port):
                async with line(Finder(SystemClock(), usb.roots), port=port) as (_, listener):
                    state = await listener.shows("failed")
                    assert state.error == f"{port}: another process uses the port: ModemManager (process 77)"

    asyncio.run(main())


def test_a_locked_sim_that_is_named_gets_its_pin(tmp_path: Path) -> None:
    """An ICCID can be read before the PIN is given (TS 102 221 13.2)."""
    pin_file = tmp_path / "pin"
    pin_file.write_text("2468")

    async def main() -> None:
        modems = (
            ModemConfig(name="a", personality="ec25", pin="9999", ttys="all"),
            ModemConfig(name="b", personality="ec25", pin="2468", ttys="all"),
        )
        async with Emulator(EmulatorConfig(modems=modems)) as emulator:
            usb = FakeUsb(tmp_path / "root")
            plug(usb, emulator, "a", "1-1", 0)
            plug(usb, emulator, "b", "1-2", 4)
            listener = Recorder()
            config = LineConfig(name="line1", iccid=emulator.modem("b").config.iccid, pin_file=pin_file)
            finder = Finder(SystemClock(), usb.roots)
            task = asyncio.create_task(Line(config, listener, SystemClock(), finder=finder).run())
            async with asyncio.timeout(PATIENCE):
                identity, _ = await listener.hears("ready")
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert identity.imei == emulator.modem("b").config.imei
            assert [emulator.modem(name).sim.pin_tries for name in "ab"] == [3, 3]

    asyncio.run(main())


def test_another_sim_is_never_given_the_pin_of_the_one_that_is_named(tmp_path: Path) -> None:
    pin_file = tmp_path / "pin"
    pin_file.write_text("1111")

    async def main() -> None:
        modems = (ModemConfig(name="a", personality="ec25", ttys="all", pin="2468"),)
        async with Emulator(EmulatorConfig(modems=modems)) as emulator:
            port, other = emulator.port("a"), "8949200000000009999"
            listener = Recorder()
            config = LineConfig(name="line1", port=port, iccid=other, pin_file=pin_file)
            task = asyncio.create_task(Line(config, listener, SystemClock()).run())
            async with asyncio.timeout(PATIENCE):
                state = await listener.shows("failed")
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert f"this is the SIM {emulator.modem('a').config.iccid}, not {other}" in state.error
            assert emulator.modem("a").sim.pin_tries == 3

    asyncio.run(main())


@pytest.mark.parametrize("named_by", ["imei", "port"])
def test_what_a_modem_tells_once_is_not_lost_on_who_asks_it_for_its_number(tmp_path: Path, named_by: str) -> None:
    """The gateway was killed in a submit; a line that looks for another modem comes first."""

    async def main() -> None:
        peer = Peer()
        usb = FakeUsb(tmp_path / "root")
        usb.plug("1-1", EC25, {2: ("ttyUSB2", peer.path)})
        finder = Finder(SystemClock(), usb.roots)
        config = LineConfig(name="owing", port=str(usb.roots.dev / "ttyUSB2"), late_reply_s=10)
        if named_by == "imei":
            config = LineConfig(name="owing", imei="356938035640001", late_reply_s=10)
        listener = Recorder()
        owing = Line(config, listener, SystemClock(), expect_late=lambda: not listener.of("ready"), finder=finder)
        looking = asyncio.create_task(finder.locate("other", Wanted(imei="1" * 15), 115200))
        while not is_open(peer.path):  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert peer.heard == []
        peer.say(f"\r\n+CMT: ,{length(DELIVER)}\r\n{DELIVER}\r\n\r\n+CMGS: 9\r\n{OK}")
        with pytest.raises(PortLost):
            await looking
        task = asyncio.create_task(owing.run())
        async with asyncio.timeout(PATIENCE):
            _, late = await listener.hears("ready")
            assert late is not None
            assert late.mr == 9
            await listener.until(lambda: [item.pdu for item in listener.items()] == [DELIVER])
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        peer.unplug()

    asyncio.run(main())


def is_open(path: str) -> bool:
    """Whether this process has it open more than once: a peer has its own end of the port open itself."""
    files = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
    return files.count(path) > 1


def test_numbers_that_are_the_same() -> None:
    assert same_imei("356938035640001", "3569380356400002")  # the check digit, and the software version
    assert not same_imei("356938035640001", "356938035650001")
    assert not same_imei("", "")
    assert same_iccid("8949200000000000018F", "8949200000000000018")
    assert same_iccid("894920000000000001", "8949200000000000018")
    assert not same_iccid("8949200000000000018", "8949200000000000026")
    assert not same_iccid("8949200000000000018", "")


def test_the_configuration_names_a_modem_in_one_way(tmp_path: Path) -> None:
    base = '[gateway]\nid = "box"\n[[modem]]\nname = "one"\n'
    config = parse_config(base + 'imei = "356938035640001"\n', tmp_path / "smsgw.toml")
    assert (app.line_config(config, 0).port, app.line_config(config, 0).imei) == ("", "356938035640001")
    config = parse_config(base + 'iccid = "8949200000000000018F"\n', tmp_path / "smsgw.toml")
    assert app.line_config(config, 0).iccid == "8949200000000000018F"
    for more, mistake in (
        ("", "port: is missing; name the modem by port, imei or iccid"),
        ('port = "/dev/ttyUSB0"\nimei = "356938035640001"\n', "only one of port, imei and iccid"),
    ):
        with pytest.raises(ConfigError, match=mistake):
            parse_config(base + more, tmp_path / "smsgw.toml")


def test_a_profile_that_there_is_not_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "smsgw.toml"
    file.write_text('[gateway]\nid = "box"\n[[modem]]\nname = "one"\nport = "/dev/null"\nprofile = "sim7601"\n')
    checked = smsgw("config", "check", "-c", str(file))
    assert checked.returncode == 2
    (line,) = checked.stderr.splitlines()
    assert "modem[0].profile: 'sim7601' is not allowed; allowed: auto, huawei-e3372" in line
    assert "sim7600" in line


def test_the_gateway_finds_the_modem_of_its_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with bench(tmp_path, "a", "b") as (emulator, usb):
            monkeypatch.setattr(app, "Finder", partial(Finder, roots=usb.roots))
            wanted = emulator.modem("b").config.imei
            text = (
                f'[gateway]\nid = "box"\ndata_dir = "{tmp_path / "data"}"\n[mqtt]\nurl = ""\n'
                f'[web]\nlisten = ""\n[[modem]]\nname = "stick"\nimei = "{wanted}"\n'
            )
            started: asyncio.Future[app.Addresses] = asyncio.get_running_loop().create_future()
            config = parse_config(text, tmp_path / "smsgw.toml")
            gateway = asyncio.create_task(app.run(config, ready=started.set_result))
            transport = httpx.AsyncHTTPTransport(uds=(await started).socket)
            async with asyncio.timeout(PATIENCE), httpx.AsyncClient(transport=transport, base_url="http://box") as api:
                while not (modem := (await api.get("/api/v1/modems")).json()["modems"][0])["able"]:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            assert modem["imei"] == wanted
            gateway.cancel()
            await asyncio.gather(gateway, return_exceptions=True)

    asyncio.run(main())
