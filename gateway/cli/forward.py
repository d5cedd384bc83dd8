"""`smsgw forward`: call forwarding in the network, through the running daemon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from gateway.cli.client import Api, find_socket, shown, socket_options, table
from gateway.cli.completion import modem_names
from gateway.cli.messages import json_option
from gateway.cli.ussd import NETWORK_TIMEOUT, modem_path

REASONS = ("unconditional", "busy", "no-reply", "unreachable")


@click.command()
@click.argument("modem", shell_complete=modem_names)
@click.argument("action", type=click.Choice(["show", "set", "clear"]), default="show")
@click.argument("reason", type=click.Choice(REASONS), required=False)
@click.argument("number", required=False)
@click.option("--after", type=click.IntRange(5, 30), help="Seconds that it rings first, for no-reply: 5, 10 … 30.")
@json_option
@socket_options
def forward(
    modem: str,
    action: str,
    reason: str | None,
    number: str | None,
    after: int | None,
    as_json: bool,
    socket: Path | None,
    file: Path | None,
) -> None:
    """Show, set or clear call forwarding.

    MODEM show [REASON], MODEM set REASON NUMBER, MODEM clear REASON. The network is asked, which may take a minute; texts
    of this modem wait meanwhile.
    """
    if action != "show" and reason is None:
        raise click.UsageError(f"{action} needs a REASON: {', '.join(REASONS)}")
    if (action == "set") != (number is not None):
        raise click.UsageError("set needs a NUMBER" if action == "set" else f"{action} takes no NUMBER")
    api = Api(find_socket(socket, file))
    path = f"{modem_path(modem)}/forwarding"
    if action == "show":
        _show(api.get(path, timeout=NETWORK_TIMEOUT, reason=reason), as_json)
    elif action == "set":
        body = {"number": number} | ({"after_s": after} if after is not None else {})
        answer = api.put(f"{path}/{reason}", body, timeout=NETWORK_TIMEOUT)
        click.echo(json.dumps(answer) if as_json else f"{reason}: forwarded to {number}")
    else:
        answer = api.delete(f"{path}/{reason}", timeout=NETWORK_TIMEOUT)
        click.echo(json.dumps(answer) if as_json else f"{reason}: not forwarded")


def _show(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(answer))
        return
    rows = []
    for each in answer["forwarding"]:
        after = f" after {each['after_s']} s" if each["after_s"] is not None else ""
        where = f"to {shown(each['number'] or 'an unknown number')}{after}" if each["active"] else "not forwarded"
        rows.append([each["reason"], where])
    click.echo(table(rows))
