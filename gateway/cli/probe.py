"""`smsgw probe PORT`: what is behind a port, without changing it."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import click

from gateway.cli.client import shown, table
from gateway.clock import SystemClock
from gateway.errors import ModemError
from gateway.modem.errors import PortBusy
from gateway.modem.holders import holders
from gateway.modem.probe import NoModem, Report, examine
from gateway.modem.usb import advice, better, siblings, stable_name, tty_of, ttys
from gateway.modem.usb_ids import MEANING


@click.command()
@click.argument("port", required=False)
@click.option("--list", "listing", is_flag=True, help="List the serial ports of USB devices instead; none is opened.")
@click.option("--baudrate", type=click.IntRange(300, 4_000_000), default=115200, help="Bits per second on a UART.")
@click.option("--json", "as_json", is_flag=True, help="For a program to read.")
def probe(port: str | None, listing: bool, baudrate: int, as_json: bool) -> None:
    """Identify the modem at PORT without changing it.

    Only questions are asked: no setting is made, no message is read, no PIN is given. The questions are shown at the
    end. Stop the gateway first if it uses the port. Exit status 1 when no modem answers.
    """
    if listing:
        _list(as_json)
        return
    if port is None:
        raise click.UsageError("name a PORT, or give --list")
    try:
        report = asyncio.run(examine(port, baudrate, SystemClock()))
    except NoModem as error:
        raise ModemError(f"{error}; {_elsewhere(port, error.heard)}") from error
    except PortBusy as error:
        who = ", ".join(str(one) for one in holders(port, but=os.getpid())) if "another process" in str(error) else ""
        raise ModemError(f"{error}{f': {who}' if who else ''}") from error
    if as_json:
        click.echo(json.dumps(as_object(report), ensure_ascii=False, indent=2))
        return
    click.echo(table([[name, shown(value)] for name, value in rows(report)]))
    if found := advice(port) or better(port):
        click.echo(f"note: {found}")
    click.echo(f"asked: {' '.join(report.commands)}")


def _list(as_json: bool) -> None:
    found = ttys()
    if as_json:
        listed = [
            {
                "port": stable_name(tty.path),
                "tty": tty.path,
                "usb": ":".join(tty.device.id),
                "interface": tty.interface,
                "role": tty.role.value,
            }
            for tty in found
        ]
        click.echo(json.dumps(listed, ensure_ascii=False, indent=2))
    elif found:
        click.echo(table([[stable_name(one.path), shown(str(one.device)), MEANING[one.role]] for one in found]))
    else:
        click.echo("no USB device has a serial port")


def _elsewhere(port: str, heard: str) -> str:
    """Where to try instead."""
    if found := advice(port):
        return found
    tty = tty_of(port)
    if tty is not None:
        others = [f"{stable_name(one.path)} ({MEANING[one.role]})" for one in siblings(tty) if one.path != tty.path]
        if others:
            return f"the other ports of {tty.device} are {', '.join(others)}"
    if heard in ("nmea", "binary"):
        return "try another port of the same modem (smsgw probe --list)"
    return "is it a modem, is it switched on, and is the baud rate right?"


def rows(report: Report) -> list[tuple[str, str]]:
    """The report for people, line by line."""
    setup, given, tty = report.setup, report.answers, tty_of(report.port)
    number = setup.number or "not told by the SIM"
    tries = "" if report.pin_attempts is None else f", {report.pin_attempts} PIN attempts left"
    found = [
        ("port", report.port),
        (
            "usb",
            f"{tty.device}, interface {tty.interface}: {MEANING[tty.role]}" if tty is not None else "not a USB tty",
        ),
        ("modem", f"{setup.manufacturer} {setup.model}, firmware {setup.revision}"),
        ("imei", setup.imei or "not told"),
        ("profile", f"{report.profile.name} (firmware-notes/{report.profile.notes})"),
        ("sim", f"{report.sim}{tries}"),
        ("iccid", setup.iccid or "not told"),
        ("imsi", setup.imsi or "not told"),
        ("number", number),
        ("network", _network(report)),
        ("signal", "unknown" if report.rssi_dbm is None else f"{report.rssi_dbm} dBm, {report.bars} of 5 bars"),
        ("smsc", given["CSCA"] or "not told"),
        ("storages", f"{given['CPMS'] or 'not told'}; offered: {given['CPMS_OFFER'] or 'not told'}"),
        ("indications", f"{given['CNMI'] or 'not told'}; offered: {given['CNMI_OFFER'] or 'not told'}"),
        ("service", f"CSMS {given['CSMS'] or 'not told'}, CMGF {given['CMGF'] or 'not told'}, CFUN {given['CFUN']}"),
    ]
    if report.temperature_c is not None:
        found.append(("temperature", f"{report.temperature_c:g} °C"))
    if report.voltage_mv is not None:
        found.append(("voltage", f"{report.voltage_mv / 1000:g} V"))
    return found


def _network(report: Report) -> str:
    if not report.registered:
        return "not registered"
    where = f" ({report.operator})" if report.operator else ""
    cell = f", cell {report.cell}" if report.cell else ""
    return f"{'roaming' if report.roaming else 'registered'}{where}, {report.access or 'access unknown'}{cell}"


def as_object(report: Report) -> dict[str, Any]:
    """The report for programs."""
    setup, tty = report.setup, tty_of(report.port)
    return {
        "port": report.port,
        "usb": None
        if tty is None
        else {"id": ":".join(tty.device.id), "interface": tty.interface, "role": tty.role.value},
        "manufacturer": setup.manufacturer,
        "model": setup.model,
        "revision": setup.revision,
        "imei": setup.imei,
        "iccid": setup.iccid,
        "imsi": setup.imsi,
        "number": setup.number,
        "profile": report.profile.name,
        "sim": report.sim,
        "pin_attempts": report.pin_attempts,
        "registered": report.registered,
        "roaming": report.roaming,
        "operator": report.operator,
        "access": report.access,
        "rssi_dbm": report.rssi_dbm,
        "bars": report.bars,
        "cell": report.cell,
        "temperature_c": report.temperature_c,
        "voltage_mv": report.voltage_mv,
        "answers": {name.lower(): value for name, value in report.answers.items()},
        "advice": advice(report.port) or better(report.port),
        "commands": list(report.commands),
    }
