"""`smsgw leftovers`: what came in and belongs to nothing, from the running daemon."""

from __future__ import annotations

import json
from pathlib import Path

import click

from gateway.cli.client import Api, find_socket, shown, socket_options, table
from gateway.cli.messages import json_option
from gateway.cli.moments import local


@click.command()
@click.option("--limit", type=click.IntRange(1, 200), default=20, help="At most so many of each. [default: 20]")
@json_option
@socket_options
def leftovers(limit: int, as_json: bool, socket: Path | None, file: Path | None) -> None:
    """Show reports and PDUs that belong to no text.

    Status reports that fit nothing that was sent, and PDUs that could not be read and are kept raw; newest first.
    `smsgw pdu decode` tells more about a PDU.
    """
    page = Api(find_socket(socket, file)).get("/leftovers", limit=limit)
    if as_json:
        click.echo(json.dumps(page))
        return
    rows = [
        [_time(each), "report", f"to {shown(each['to'])}", f"reference {each['mr']}", f"TP-Status 0x{each['st']:02X}"]
        for each in page["reports"]
    ]
    rows += [
        [_time(each), "PDU", each["modem"], each["memory"] or "direct", shown(each["pdu"])] for each in page["parts"]
    ]
    if rows:
        click.echo(table(rows))


def _time(entry: dict[str, str]) -> str:
    return local(entry["received_at"])
