"""`smsgw modems`: how they are, and `modems history`: how one was, from the running daemon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from gateway.cli.client import Api, find_socket, shown, socket_options, table
from gateway.cli.completion import modem_names
from gateway.cli.messages import json_option
from gateway.cli.moments import EXAMPLES, MOMENT, local
from gateway.cli.ussd import modem_path

LINES = 24
"""Of a history, if nothing else is said: an hour each of the last day."""


@click.group(invoke_without_command=True, subcommand_metavar="[COMMAND] [ARGS]...")
@json_option
@socket_options
@click.pass_context
def modems(ctx: click.Context, as_json: bool, socket: Path | None, file: Path | None) -> None:
    """Show the modems as they are now."""
    if ctx.invoked_subcommand is not None:
        return
    answer = Api(find_socket(socket, file)).get("/modems")
    if as_json:
        click.echo(json.dumps(answer))
        return
    rows = [["MODEM", "STATE", "ABLE", "NUMBER", "OPERATOR", "BARS", "QUEUE", "ERROR"]]
    for modem in answer["modems"]:
        able = "yes" if modem["able"] else "no"
        cells = (modem["name"], modem["state"], able, modem["number"], modem["operator"], modem["bars"], modem["queue"])
        rows.append([shown(str(cell)) or "-" for cell in cells] + [shown(modem.get("error", ""))])
    click.echo(table(rows))


@modems.command("history")
@click.argument("name", shell_complete=modem_names)
@click.option("--since", **MOMENT, help=f"From then on: {EXAMPLES}. [default: 24h]")
@click.option("--until", **MOMENT, help="Until then.")
@click.option("--points", type=click.IntRange(1, 2000), default=LINES, help=f"Lines at most. [default: {LINES}]")
@json_option
@socket_options
@click.pass_context
def history(
    ctx: click.Context,
    name: str,
    since: str | None,
    until: str | None,
    points: int,
    as_json: bool,
    socket: Path | None,
    file: Path | None,
) -> None:
    """Show how the modem NAME was: signal and registration over time, and what changed.

    REGISTERED and ABLE are shares of the time.
    """
    before = ctx.parent.params if ctx.parent is not None else {}
    where = find_socket(socket or before.get("socket"), file or before.get("file"))
    answer = Api(where).get(f"{modem_path(name)}/history", since=since, until=until, points=points)
    if as_json or before.get("as_json"):
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    if not answer["samples"] and not answer["changes"]:
        click.echo("Nothing is known of that time.")
    if answer["samples"]:
        heads = ["FROM", "REGISTERED", "ABLE", "SIGNAL", "BARS", "TEMPERATURE", "VOLTAGE"]
        click.echo(table([heads, *map(_sample, answer["samples"])]))
    for change in answer["changes"]:
        error = f" ({shown(change['error'])})" if change["error"] else ""
        before_it, after = (shown(change[side]) or "none" for side in ("before", "after"))
        click.echo(f"{local(change['at'])}  {change['what']}: {before_it} → {after}{error}")


def _sample(sample: dict[str, Any]) -> list[str]:
    return [
        local(sample["at"])[:16],
        f"{sample['registered'] * 100:.0f} %",
        f"{sample['able'] * 100:.0f} %",
        _measured(sample["rssi_dbm"], "dBm"),
        f"{sample['bars']:.1f}",
        _measured(sample["temperature_c"], "°C"),
        _measured(sample["voltage_mv"], "mV"),
    ]


def _measured(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:.0f} {unit}"
