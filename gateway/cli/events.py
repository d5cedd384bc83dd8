"""`smsgw events`: what happens, as it happens, from the running daemon."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import click

from gateway.cli.client import Api, find_socket, shown, socket_options
from gateway.cli.messages import json_option
from gateway.cli.moments import local

KINDS = ("message.status", "inbox", "call", "ussd", "cell-broadcast", "alert")
WAIT_S = 25.0
PAGE = 200


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens from now on, until Ctrl-C.")
@click.option("--after", type=click.IntRange(min=0), help="Only what came after this `seq`. [default: the last few]")
@click.option("--event", "kinds", multiple=True, type=click.Choice(KINDS), help="Only this kind; may be given again.")
@click.option("--limit", type=click.IntRange(1, PAGE), default=20, help="At most so many at first. [default: 20]")
@json_option
@socket_options
def events(
    follow: bool,
    after: int | None,
    kinds: tuple[str, ...],
    limit: int,
    as_json: bool,
    socket: Path | None,
    file: Path | None,
) -> None:
    """Show what happened last, or what happens now.

    With --json a line an event, as webhooks and WebSocket have it; `seq` tells where to go on with --after.
    """
    api = Api(find_socket(socket, file))
    page = api.get("/events", after=after, limit=limit)
    _show(page, kinds, as_json)
    while follow:
        page = api.get("/events", after=page["next"], limit=PAGE, wait_s=WAIT_S, timeout=2 * WAIT_S)
        _show(page, kinds, as_json)


def _show(page: dict[str, Any], kinds: Collection[str], as_json: bool) -> None:
    for event in page["events"]:
        if not kinds or event["event"] in kinds:
            click.echo(json.dumps(event, ensure_ascii=False) if as_json else line(event))


def line(event: dict[str, Any]) -> str:
    """An event for people."""
    data = event["data"]
    when = next((data[name] for name in ("ts", "received_at", "since") if data.get(name)), "")
    said = SAID[event["event"]](data) if event["event"] in SAID else json.dumps(data, ensure_ascii=False)
    return f"{event['seq']}  {local(when) if when else ''}  {event['event']}  {shown(said)}"


def _status(data: dict[str, Any]) -> str:
    error = f": {data['error']['code']}" if data.get("error") else ""
    where = f" on {data['modem']}" if data.get("modem") else ""
    return f"{data['message_id']} to {data['to']}{where} {data['status']}{error}"


def _inbox(data: dict[str, Any]) -> str:
    return f"{data['message_id']} from {data['from']} on {data['modem']}: {data.get('text', data.get('data_hex'))}"


def _call(data: dict[str, Any]) -> str:
    return f"from {data['from'] or 'unknown'} on {data['modem']} {data['state']}"


def _alert(data: dict[str, Any]) -> str:
    return f"{data['code']}{' is over' if data.get('over') else ''}: {data['message']}"


SAID: dict[str, Callable[[dict[str, Any]], str]] = {
    "message.status": _status,
    "inbox": _inbox,
    "call": _call,
    "ussd": lambda data: f"{data['modem']}: {data['text']}",
    "cell-broadcast": lambda data: (
        f"{data['modem']}, channel {data['channel']}: {data.get('text', data.get('data_hex'))}"
    ),
    "alert": _alert,
}
