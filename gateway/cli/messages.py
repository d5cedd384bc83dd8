"""`smsgw send`, `messages`, `show`: through the running daemon."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.cli.bulk import MAX_KEY, send_all
from gateway.cli.client import Api, find_socket, shown, socket_options, table
from gateway.cli.completion import message_ids, modem_names
from gateway.cli.moments import EXAMPLES, MOMENT, local

POLL_SECONDS = 0.2
OVER = frozenset({"delivered", "undelivered", "failed", "canceled"})
GOOD = frozenset({"sent", "delivered"})

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@click.argument("to", required=False)
@click.argument("text", required=False)
@click.option("--modem", shell_complete=modem_names, help="Send through this modem only.")
@click.option("--id", "client_id", help="Your own id: the same id is sent once only.")
@click.option("--class", "message_class", type=click.IntRange(0, 3), help="Message class; 0 is a flash message.")
@click.option("--encoding", type=click.Choice(["auto", "gsm7", "ucs2"]), help="How the text travels. [default: auto]")
@click.option("--report/--no-report", "report", default=None, help="Ask for a delivery report, or not.")
@click.option("--wait", is_flag=True, help="Wait until it is sent; with --report until it is delivered.")
@click.option("--timeout", type=click.FloatRange(min=0), default=300.0, help="Seconds to wait. [default: 300]")
@click.option(
    "--bulk", type=click.Path(path_type=Path), metavar="FILE", help="Send all that is in FILE, instead of TO and TEXT."
)
@click.option("--key", help="With --bulk: what has this key is sent once only. [default: by the content of FILE]")
@json_option
@socket_options
def send(
    to: str | None,
    text: str | None,
    modem: str | None,
    client_id: str | None,
    message_class: int | None,
    encoding: str | None,
    report: bool | None,
    wait: bool,
    timeout: float,
    bulk: Path | None,
    key: str | None,
    as_json: bool,
    socket: Path | None,
    file: Path | None,
) -> None:
    """Send a text through the running gateway.

    TEXT "-" is read from standard input. Exit status 0 means that the message is stored and will not be lost; with
    --wait that it was sent.

    FILE of --bulk is CSV whose first line names the columns (to,text and others as in the API) or has a JSON object in each
    line; "-" is standard input. The same call can be repeated at any time: nothing is sent twice. To send the same file
    again give another --key.
    """
    options = {"modem": modem, "class": message_class, "encoding": encoding, "delivery_report": report}
    fields = {name: value for name, value in options.items() if value is not None}
    if bulk is not None:
        _check_bulk(to, client_id, key, wait=wait)
        send_all(Api(find_socket(socket, file)), bulk, key, fields, as_json)
        return
    if key is not None:
        raise click.UsageError("--key goes with --bulk; for one text it is --id")
    body = {"to": _wanted(to, "TO"), "text": _text(_wanted(text, "TEXT")), **fields}
    api = Api(find_socket(socket, file))
    result = api.post("/messages", body if client_id is None else {**body, "id": client_id})
    message_id = result["message_ids"][0]
    if not wait:
        click.echo(json.dumps(result) if as_json else f"{message_id} {result['status']}")
        return
    message = _wait(api, message_id, until_delivered=report is True, seconds=timeout)
    click.echo(json.dumps(message) if as_json else f"{message_id} {message['status']}")
    if message["status"] not in GOOD:
        error = message.get("error")
        raise click.ClickException(f"{error['code']}: {error['message']}" if error else f"it is {message['status']}")


def _wanted(value: str | None, name: str) -> str:
    if value is None:
        raise click.UsageError(f"Missing argument '{name}'.")
    return value


def _check_bulk(to: str | None, client_id: str | None, key: str | None, *, wait: bool) -> None:
    """Raises UsageError for what makes no sense for many texts."""
    if to is not None:
        raise click.UsageError("with --bulk the file says whom to send what: there is no TO and TEXT")
    if client_id is not None:
        raise click.UsageError("with --bulk it is --key, or a column id, in place of --id")
    if wait:
        raise click.UsageError("--wait goes with one text only; `smsgw messages` shows what became of many")
    if key is not None and not (0 < len(key) <= MAX_KEY and key.isprintable()):
        raise click.UsageError(f"--key has 1 to {MAX_KEY} printable characters")


def _text(text: str) -> str:
    try:
        if text == "-":
            return sys.stdin.buffer.read().decode()
        text.encode()
    except UnicodeError as exc:
        raise click.ClickException("the text is not UTF-8") from exc
    return text


def _wait(api: Api, message_id: str, *, until_delivered: bool, seconds: float) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while True:
        message = api.get(f"/messages/{message_id}")
        if message["status"] in OVER or (message["status"] == "sent" and not until_delivered):
            return message
        if time.monotonic() > deadline:
            raise click.ClickException(f"{message_id} is still {message['status']} after {seconds:g} s")
        time.sleep(POLL_SECONDS)


F = TypeVar("F", bound=Callable[..., Any])

FILTERS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("--direction", "direction", {"type": click.Choice(["outbound", "inbound"]), "help": "Only this direction."}),
    ("--status", "status", {"multiple": True, "help": "Only this status; several may be given."}),
    ("--peer", "peer", {"help": "Only with this number: all of it (+49…), or digits that it ends with."}),
    ("--modem", "modem", {"shell_complete": modem_names, "help": "Only of this modem."}),
    ("--number", "number", {"help": "Only of this number of ours."}),
    ("--since", "since", {**MOMENT, "help": f"Accepted or received then or later: {EXAMPLES}."}),
    ("--until", "until", {**MOMENT, "help": "Accepted or received before then."}),
    ("--tag", "tag", {"metavar": "NAME[=VALUE]", "help": "Only with this tag."}),
    ("--kind", "kind", {"type": click.Choice(["text", "data", "flash"]), "help": "Only of this kind."}),
    ("--error/--no-error", "has_error", {"default": None, "help": "Only with an error, or only without."}),
    ("--id", "id", {"help": "Only with this id of yours."}),
    (
        "--search",
        "q",
        {"metavar": "WORDS", "help": 'Only with these words; "a phrase" and begin* can be searched too.'},
    ),
    ("--blocked", "blocked", {"is_flag": True, "help": "Instead: what came in from blocked senders."}),
)
"""Options that choose messages, and the API's parameters for them."""


def filter_options(command: F) -> F:
    """Adds the options of `FILTERS`."""
    for option, name, how in reversed(FILTERS):
        command = click.option(option, name, **how)(command)
    return command


@click.command()
@filter_options
@click.option("--before", help="The page after an earlier one: its `next`.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, help="At most so many. [default: 20]")
@json_option
@socket_options
def messages(as_json: bool, socket: Path | None, file: Path | None, **wanted: Any) -> None:
    """List messages, newest first."""
    page = Api(find_socket(socket, file)).get("/messages", **given(wanted))
    if as_json:
        click.echo(json.dumps(page))
    elif page["messages"]:
        click.echo(table([_row(message) for message in page["messages"]]))


def given(wanted: dict[str, Any]) -> dict[str, Any]:
    """The parameters that were given."""
    return {name: value for name, value in wanted.items() if value not in (None, (), False) or name == "has_error"}


def _row(message: dict[str, Any]) -> list[str]:
    inbound = message["direction"] == "inbound"
    content = shown(message["text"] or "") if "text" in message else f"[{message['data_hex']}]"
    return [
        local(message["created_at"]),
        f"from {shown(message['from'])}" if inbound else f"to {message['to']}",
        message["status"],
        message["modem"] or "-",
        message["message_id"],
        content if len(content) <= 60 else f"{content[:59]}…",
    ]


@click.command()
@click.argument("message_id", metavar="ID", shell_complete=message_ids)
@json_option
@socket_options
def show(message_id: str, as_json: bool, socket: Path | None, file: Path | None) -> None:
    """Show one message and all that happened to it."""
    if not message_id.isascii() or not message_id.isalnum():
        raise click.ClickException(f"unknown_message: {shown(message_id)} is no message id")
    message = Api(find_socket(socket, file)).get(f"/messages/{message_id}")
    if as_json:
        click.echo(json.dumps(message))
        return
    lists = {name: message.pop(name) for name in ("segment_list", "timeline")}
    fields = [[name, _value(value)] for name, value in message.items() if value not in (None, "", [], {})]
    click.echo(table(fields))
    for segment in lists["segment_list"]:
        reference = "" if segment["mr"] is None else f", reference {segment['mr']}"
        error = f", {segment['error']}" if segment["error"] else ""
        click.echo(f"segment {segment['seq']}: {segment['state']}{reference}{error}")
    for entry in lists["timeline"]:
        where = f" on {entry['modem']}" if entry["modem"] else ""
        part = f" segment {entry['segment']}" if entry["segment"] is not None else ""
        detail = f": {shown(entry['detail'])}" if entry["detail"] else ""
        click.echo(f"{entry['at']}  {entry['what']}{part}{where}{detail}")


def _value(value: Any) -> str:
    if isinstance(value, str):
        return shown(value)
    return shown(json.dumps(value, ensure_ascii=False))
