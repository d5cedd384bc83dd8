"""`smsgw doctor`: looks at everything that the gateway needs, and says what to do about what is wrong."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from gateway.cli import checks, checks_modems
from gateway.cli.checks import Finding, Level, Surroundings
from gateway.cli.client import shown
from gateway.config import Config, load_config

CHECKS: tuple[checks_modems.Check, ...] = (
    checks.files,
    checks.disk,
    checks.database,
    checks.clock,
    checks.voltage,
    checks.broker,
    checks_modems.usb,
    checks_modems.manager,
    checks_modems.asleep,
    checks_modems.console,
    checks_modems.modems,
)
_COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "red"}


@click.command()
@click.option("-c", "--config", "file", type=click.Path(path_type=Path), help="The file, if not in the usual place.")
@click.option("--json", "as_json", is_flag=True, help="For a program to read.")
def doctor(file: Path | None, as_json: bool) -> None:
    """Examine ports, modems, broker, disk, clock and supply.

    Changes nothing. Run it as the user that the gateway runs as. Modems are asked only while no gateway is running;
    else it tells what the gateway knows. Exit status 1 when there is a problem.
    """
    config = load_config(file)
    findings = examine(config, Surroundings())
    if as_json:
        click.echo(json.dumps([_object(one) for one in findings], ensure_ascii=False, indent=2))
    else:
        for one in findings:
            _print(one)
    if any(one.level is Level.PROBLEM for one in findings):
        sys.exit(1)


def examine(config: Config, around: Surroundings) -> list[Finding]:
    """All checks, in the order of the table."""
    found = [checks.ok("config", f"{config.path}: no mistakes")]
    for check in CHECKS:
        found += check(config, around)
    return found


def _print(one: Finding) -> None:
    mark = click.style(one.level.value.ljust(8), fg=_COLOURS[one.level])
    remedy = f" → {one.remedy}" if one.remedy else ""
    click.echo(f"{mark} {one.subject}: {shown(one.message)}{shown(remedy)}")


def _object(one: Finding) -> dict[str, str]:
    return {"level": one.level.value, "subject": one.subject, "message": one.message, "remedy": one.remedy}
