"""What `smsgw doctor` looks at in front of the modems: ports, permissions, who is in the way, SIM and network."""

from __future__ import annotations

import asyncio
import grp
import os
from collections.abc import Callable, Iterator

import click

from gateway.cli.checks import Finding, Surroundings, gateway_runs, me, ok, problem, warning
from gateway.cli.client import Api
from gateway.clock import SystemClock
from gateway.config import Config, ModemSection
from gateway.errors import ModemError
from gateway.modem.discovery import Finder, Wanted
from gateway.modem.holders import holders, running
from gateway.modem.probe import Report, examine
from gateway.modem.usb import Roots, advice, better, devices, stable_name, trouble, ttys
from gateway.modem.usb_ids import MODEM_VENDORS, Role

Check = Callable[[Config, Surroundings], Iterator[Finding]]

MANAGER = "ModemManager"
IGNORE = "let udev tell it to leave them alone (systemd/60-smsgw.rules), or: sudo systemctl disable --now ModemManager"
_SIM = {
    "pin": "the SIM wants its PIN",
    "puk": "the SIM is locked and wants its PUK",
    "missing": "there is no SIM",
    "unknown": "the modem does not tell what the SIM wants",
}


def usb(_: Config, around: Surroundings) -> Iterator[Finding]:
    """USB devices that could be modems and are none at this moment."""
    for device in devices(around.roots):
        if why := trouble(device):
            what, _semicolon, remedy = why.partition("; ")
            yield warning("usb", what, remedy)


def manager(_: Config, around: Surroundings) -> Iterator[Finding]:
    """ModemManager asks every tty that appears, in the middle of our dialogue too."""
    for one in running(MANAGER, around.roots):
        yield warning("usb", f"{one} is running and asks every modem that appears", IGNORE)


def asleep(_: Config, around: Surroundings) -> Iterator[Finding]:
    """A USB modem that is put to sleep does not tell of texts."""
    for device in devices(around.roots):
        control = device.folder / "power/control"
        if (
            device.vendor in MODEM_VENDORS
            and control.is_file()
            and control.read_text(encoding="ascii").strip() == "auto"
        ):
            remedy = f"echo on | sudo tee {control}, and for ever: systemd/60-smsgw.rules"
            yield warning("usb", f"the kernel may put {device} to sleep", remedy)


def console(config: Config, around: Surroundings) -> Iterator[Finding]:
    """On a Raspberry Pi the kernel talks over the UART unless it is told not to."""
    try:
        words = (around.roots.proc / "cmdline").read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return
    consoles = {word.removeprefix("console=").partition(",")[0] for word in words if word.startswith("console=")}
    for modem in config.modems:
        names = {os.path.basename(modem.port), os.path.basename(os.path.realpath(modem.port))}
        if modem.port and names & consoles:
            remedy = (
                f"take console={min(names & consoles)} out of the kernel's command line (raspi-config: serial port)"
            )
            yield problem(f"modem {modem.name}", f"the kernel prints its messages to {modem.port}", remedy)


def modems(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Each configured modem: by the running gateway's own word, or by asking it."""
    if not config.modems:
        yield warning(
            "modem", "none is configured: nothing can be sent or received", "add a [[modem]] to the configuration"
        )
    told = _told(config) if config.modems and gateway_runs(config) else None
    for modem in config.modems:
        if told is not None:
            yield from _by_gateway(modem, told.get(modem.name, {}))
        else:
            yield from _by_asking(modem, around)


def _told(config: Config) -> dict[str, dict[str, object]]:
    """What the running gateway says of its modems."""
    try:
        listed = Api(config.socket).get("/modems")["modems"]
    except click.ClickException:
        return {}
    return {one["name"]: one for one in listed}


def _by_gateway(modem: ModemSection, told: dict[str, object]) -> Iterator[Finding]:
    subject, state = f"modem {modem.name}", str(told.get("state", ""))
    if not told:
        yield warning(
            subject, "the gateway runs but does not tell of it", "was the configuration changed? restart the gateway"
        )
    elif told.get("able"):
        yield ok(subject, f"ready, {told.get('operator') or 'registered'}, {told.get('bars')} of 5 bars")
    else:
        why = str(told.get("error") or state)
        yield problem(subject, f"{state}: {why}" if why != state else state, "smsgw recorder, and the gateway's log")


def _by_asking(modem: ModemSection, around: Surroundings) -> Iterator[Finding]:
    subject = f"modem {modem.name}"
    port = modem.port
    if not port:
        wanted = Wanted(imei=modem.imei, iccid=modem.iccid)
        try:
            port = asyncio.run(Finder(SystemClock(), around.roots).locate(modem.name, wanted, modem.baudrate))
        except ModemError as exc:
            yield problem(subject, str(exc), f"plug it in; there are {_available(around.roots)}")
            return
    found = _port(subject, port, around)
    if found is not None:
        yield found
        return
    try:
        report = asyncio.run(examine(port, modem.baudrate, SystemClock()))
    except ModemError as exc:
        yield problem(subject, str(exc), advice(port, around.roots) or f"smsgw probe {port}")
        return
    yield from _report(subject, modem, report)
    if hint := better(port, around.roots):
        yield warning(subject, f"{port}: {hint.partition('; ')[0]}", hint.partition("; ")[2])


def _port(subject: str, port: str, around: Surroundings) -> Finding | None:
    """What keeps the port from being opened; None when nothing does."""
    if not os.path.exists(port):
        return problem(subject, f"{port} is not there", f"plug it in; there are {_available(around.roots)}")
    if not os.access(port, os.R_OK | os.W_OK):
        group = _group(os.stat(port).st_gid)
        return problem(subject, f"{me()} may not open {port}", f"sudo usermod -aG {group} {me()}, then log in again")
    others = holders(port, around.roots, but=os.getpid())
    if others:
        who = ", ".join(str(one) for one in others)
        remedy = IGNORE if any(one.name == MANAGER for one in others) else f"stop {who}"
        return problem(subject, f"{port} is in use by {who}", remedy)
    if wrong := advice(port, around.roots):
        return problem(subject, f"{port}: {wrong}", "change port in the configuration")
    return None


def _report(subject: str, modem: ModemSection, report: Report) -> Iterator[Finding]:
    who = f"{report.setup.manufacturer} {report.setup.model}, profile {report.profile.name}"
    if report.sim == "pin" and modem.pin_file is not None and report.pin_attempts != 1:
        yield ok(subject, f"{who}; the SIM wants its PIN, which is configured")
        return
    if report.sim != "ready":
        left = "" if report.pin_attempts is None else f" ({report.pin_attempts} attempts left)"
        remedy = (
            "put the PIN into a file and name it as pin_file"
            if report.sim == "pin"
            else "look at the SIM in a telephone"
        )
        yield problem(subject, f"{who}; {_SIM.get(report.sim, report.sim)}{left}", remedy)
        return
    if not report.registered:
        yield warning(
            subject, f"{who}; not registered in a network", "antenna, contract, and a network that the modem knows?"
        )
        return
    yield ok(subject, f"{who}; {report.operator or 'registered'}, {report.access or '?'}, {report.bars} of 5 bars")


def _available(roots: Roots) -> str:
    """The ports that one could name instead."""
    found = [stable_name(tty.path, roots) for tty in ttys(roots) if tty.role in (Role.AT, Role.UNKNOWN)]
    return ", ".join(found) or "no USB serial ports at all"


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return "dialout"
