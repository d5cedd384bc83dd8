"""`smsgw block`, `allow`, `unblock`, `unallow`, `lists`, `consent`: who may be written to, through the running daemon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from gateway.cli.client import Api, find_socket, shown, socket_options, table
from gateway.cli.messages import json_option
from gateway.cli.moments import local

direction_option = click.option(
    "--in", "direction", flag_value="in", help="Texts that come in from there; without it those that go there."
)


@click.command()
@json_option
@socket_options
def lists(as_json: bool, socket: Path | None, file: Path | None) -> None:
    """Show the block and allow lists."""
    answer = Api(find_socket(socket, file)).get("/lists")
    if as_json:
        click.echo(json.dumps(answer))
    elif answer["entries"]:
        click.echo(table([_row(entry) for entry in answer["entries"]]))


def _row(entry: dict[str, Any]) -> list[str]:
    made = f"{entry['created_at'][:10]} {entry['created_by']}" if entry["entry_id"] else "configuration"
    return [entry["list"], entry["direction"], shown(entry["pattern"]), made, shown(entry["note"])]


def _adding(name: str, meaning: str) -> click.Command:
    @click.command(name, help=meaning)
    @click.argument("pattern")
    @direction_option
    @click.option("--note", default="", help="Why.")
    @json_option
    @socket_options
    def add(
        pattern: str, direction: str | None, note: str, as_json: bool, socket: Path | None, file: Path | None
    ) -> None:
        body = {"pattern": pattern, "direction": direction or "out", "note": note}
        entry = Api(find_socket(socket, file)).post(f"/lists/{name}", body)
        click.echo(json.dumps(entry) if as_json else "  ".join(cell for cell in _row(entry) if cell))

    return add


def _removing(name: str, meaning: str) -> click.Command:
    @click.command(f"un{name}", help=meaning)
    @click.argument("pattern")
    @direction_option
    @socket_options
    def remove(pattern: str, direction: str | None, socket: Path | None, file: Path | None) -> None:
        api = Api(find_socket(socket, file))
        page = api.get("/lists", pattern=pattern, direction=direction or "out")
        found = [entry for entry in page["entries"] if entry["list"] == name]
        if not found:
            raise click.ClickException(f"{shown(pattern)} is not there; `smsgw lists` shows what is")
        numbers = [entry["entry_id"] for entry in found if entry["entry_id"]]
        if not numbers:
            raise click.ClickException(f"{shown(pattern)} stands in the configuration; change it there")
        api.delete(f"/lists/{name}/{numbers[0]}")

    return remove


_PATTERN = 'PATTERN is a number, the beginning of numbers with "*" ("+4990*"), or with --in a sender\'s name.'

block = _adding("block", f"Block a number, or numbers that begin so.\n\n{_PATTERN}")
allow = _adding("allow", f"Allow a number, or numbers that begin so.\n\n{_PATTERN}")
unblock = _removing("block", "Take an entry off the block list.")
unallow = _removing("allow", "Take an entry off the allow list.")


@click.command()
@click.option("--number", help="Only who asked.")
@click.option("--own-number", help="Only what was asked of this number of ours.")
@click.option("--before", type=click.IntRange(min=1), help="The page after an earlier one: its `next`.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, help="At most so many. [default: 20]")
@json_option
@socket_options
def consent(
    number: str | None,
    own_number: str | None,
    before: int | None,
    limit: int,
    as_json: bool,
    socket: Path | None,
    file: Path | None,
) -> None:
    """Show who opted out of texts, and in again."""
    api = Api(find_socket(socket, file))
    page = api.get("/consent", number=number, own_number=own_number, before=before, limit=limit)
    if as_json:
        click.echo(json.dumps(page))
    elif page["consent"]:
        click.echo(table([_consent_row(one) for one in page["consent"]]))


def _consent_row(one: dict[str, Any]) -> list[str]:
    when = local(one["at"])
    own = one["own_number"] or one["iccid"]
    return [when, one["number"], one["change"], shown(one["word"]), f"to {own}", one["message_id"]]
