"""`smsgw conversations` and `smsgw export`: what was said with whom, and all of it as a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from gateway.cli.client import Api, find_socket, shown, socket_options, table
from gateway.cli.messages import filter_options, given, json_option
from gateway.cli.moments import local

PAGE = 200


@click.group(invoke_without_command=True)
@click.option("--limit", type=click.IntRange(1, 200), default=20, help="At most so many. [default: 20]")
@json_option
@socket_options
@click.pass_context
def conversations(ctx: click.Context, limit: int, as_json: bool, socket: Path | None, file: Path | None) -> None:
    """List conversations, and mark them as read.

    The one in which something was said last comes first.
    """
    if ctx.invoked_subcommand is not None:
        return
    page = Api(find_socket(socket, file)).get("/conversations", limit=limit)
    if as_json:
        click.echo(json.dumps(page))
    elif page["conversations"]:
        click.echo(table([_row(each) for each in page["conversations"]]))
    else:
        click.echo("Nothing was said yet.")


def _row(conversation: dict[str, Any]) -> list[str]:
    last = conversation["last"]
    said = shown(last["text"] or "") if "text" in last else f"[{last['data_hex']}]"
    unread = f"{conversation['unread']} unread" if conversation["unread"] else ""
    arrow = "<" if last["direction"] == "inbound" else ">"
    when = local(last["created_at"])
    return [when, shown(conversation["peer"]), unread, arrow, said if len(said) <= 60 else f"{said[:59]}…"]


@conversations.command()
@click.argument("number")
@socket_options
def read(number: str, socket: Path | None, file: Path | None) -> None:
    """Mark the conversation with NUMBER as read."""
    Api(find_socket(socket, file)).post("/conversations/read", {"peer": number})


@click.command()
@click.argument("output", type=click.File("w", encoding="utf-8", lazy=True), default="-")
@filter_options
@click.option("--format", "form", type=click.Choice(["csv", "ndjson"]), default="csv", help="[default: csv]")
@socket_options
def export(output: Any, form: str, socket: Path | None, file: Path | None, **wanted: Any) -> None:
    """Write messages to a CSV or JSON lines file.

    Those that the options choose, newest first; without OUTPUT to standard output.
    """
    api = Api(find_socket(socket, file))
    for piece in api.pieces("/messages/export", format=form, **given(wanted)):
        output.write(piece)
