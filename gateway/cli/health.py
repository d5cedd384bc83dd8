"""`smsgw health`, `alerts`: how the gateway is, and what needs a person, from the running daemon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from gateway.cli.client import Api, find_socket, shown, socket_options, table
from gateway.cli.completion import alert_ids, modem_names
from gateway.cli.messages import json_option
from gateway.cli.moments import local

MIB = 1024 * 1024
EXIT = {"ok": 0, "degraded": 1, "down": 2}
"""As programs that watch machines expect it: all is well, a warning, critical."""


@click.command()
@json_option
@socket_options
@click.pass_context
def health(ctx: click.Context, as_json: bool, socket: Path | None, file: Path | None) -> None:
    """Show how the gateway is: database, disk, broker, modems, alerts.

    The exit status is 0 when all is well, 1 when something needs attention, 2 when no text can be stored or sent.
    """
    answer = Api(find_socket(socket, file)).get("/health")
    click.echo(json.dumps(answer, ensure_ascii=False) if as_json else table(_rows(answer), cut=False))
    ctx.exit(EXIT[answer["status"]])


def _rows(answer: dict[str, Any]) -> list[list[str]]:
    disk, box = answer["disk"], answer["box"]
    space = "" if disk["free"] is None else f"{disk['free'] // MIB} MiB free, database {disk['database'] // MIB} MiB"
    rows = [["gateway", answer["status"], f"version {answer['version']}, {answer['waiting']} texts wait"]]
    rows += [["database", *_state(answer["store"])], ["disk", _state(disk)[0], _state(disk)[1] or space]]
    rows += [[name, *_state(part)] for name, part in answer["parts"].items()]
    for modem in answer["modems"]:
        about = ", ".join(filter(None, (modem["operator"], modem.get("error"))))
        rows.append([modem["name"], "ok" if modem["able"] else "wrong", f"{modem['state']} {shown(about)}".rstrip()])
    if box["cpu_temperature_c"] is not None:
        rows.append(["processor", "ok", f"{box['cpu_temperature_c']:.0f} °C"])
    if box["undervoltage"] is not None:
        rows.append(
            ["supply", "wrong" if box["undervoltage"] else "ok", "voltage too low" if box["undervoltage"] else ""]
        )
    return rows + [["alert", "wrong", shown(f"{one['code']}: {one['message']}")] for one in answer["alerts"]]


def _state(part: dict[str, Any]) -> tuple[str, str]:
    return ("ok", "") if part["ok"] else ("wrong", shown(part["error"] or ""))


@click.group()
def alerts() -> None:
    """Show what needs a person, and take from the list what was seen."""


@alerts.command("list")
@click.option("--all", "everything", is_flag=True, help="What is over, too.")
@click.option("--modem", shell_complete=modem_names, help="Only of this modem.")
@click.option("--code", help="Only of this kind; `smsgw codes` shows them.")
@click.option("--before", type=click.IntRange(min=1), help="The page after an earlier one: its `next`.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, help="At most so many. [default: 20]")
@json_option
@socket_options
def list_alerts(
    everything: bool,
    modem: str | None,
    code: str | None,
    before: int | None,
    limit: int,
    as_json: bool,
    socket: Path | None,
    file: Path | None,
) -> None:
    """List what needs a person now, newest first."""
    active = None if everything else "true"
    page = Api(find_socket(socket, file)).get(
        "/alerts", active=active, modem=modem, code=code, before=before, limit=limit
    )
    if as_json:
        click.echo(json.dumps(page, ensure_ascii=False))
    elif page["alerts"]:
        click.echo(table([["ID", "SINCE", "UNTIL", "TIMES", "ALERT"], *map(_row, page["alerts"])]))
    else:
        click.echo("Nothing needs attention." if not everything else "There are none.")


def _row(alert: dict[str, Any]) -> list[str]:
    until = _moment(alert["until"]) if alert["until"] else "now"
    said = shown(f"{alert['code']}: {alert['message']}")
    return [str(alert["alert_id"]), _moment(alert["since"]), until, str(alert["count"]), said]


def _moment(text: str) -> str:
    return local(text)[:16]


@alerts.command("dismiss")
@click.argument("alert_id", metavar="ID", type=click.IntRange(min=1), shell_complete=alert_ids)
@socket_options
def dismiss(alert_id: int, socket: Path | None, file: Path | None) -> None:
    """Take the alert ID, which somebody has seen, from the list. One that lasts ends when its cause does."""
    alert = Api(find_socket(socket, file)).post(f"/alerts/{alert_id}/dismiss", {})
    click.echo(f"{alert['alert_id']} ({alert['code']}) is dismissed")
