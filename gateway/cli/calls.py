"""`smsgw calls`: the log of calls, from the running daemon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from gateway.cli.client import Api, find_socket, shown, socket_options, table
from gateway.cli.completion import modem_names
from gateway.cli.messages import json_option
from gateway.cli.moments import local


@click.command()
@click.option("--modem", shell_complete=modem_names, help="Only of this modem.")
@click.option("--number", help="Only from this number.")
@click.option("--before", type=click.IntRange(min=1), help="The page after an earlier one: its `next`.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, help="At most so many. [default: 20]")
@json_option
@socket_options
def calls(
    modem: str | None,
    number: str | None,
    before: int | None,
    limit: int,
    as_json: bool,
    socket: Path | None,
    file: Path | None,
) -> None:
    """List calls, newest first."""
    api = Api(find_socket(socket, file))
    page = api.get("/calls", modem=modem, number=number, before=before, limit=limit)
    if as_json:
        click.echo(json.dumps(page))
    elif page["calls"]:
        click.echo(table([_row(call) for call in page["calls"]]))


def _row(call: dict[str, Any]) -> list[str]:
    caller = shown(call["from"]) if call["from"] else "unknown"
    return [local(call["started_at"]), f"from {caller}", call["state"], call["modem"], call["call_id"]]
