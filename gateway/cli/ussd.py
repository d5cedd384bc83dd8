"""`smsgw ussd`, `reset`: a modem is asked or told something, through the running daemon."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from gateway.cli.client import Api, find_socket, shown, socket_options
from gateway.cli.completion import modem_names
from gateway.cli.messages import json_option

NETWORK_TIMEOUT = 360.0
"""Seconds. The daemon knows better when the network will not answer any more."""


def modem_path(modem: str) -> str:
    """The API's path for a modem of that name."""
    return f"/modems/{quote(modem, safe='')}"


@click.command()
@click.argument("modem", shell_complete=modem_names)
@click.argument("code")
@click.option("--reply", "replies", multiple=True, help="Answer to the next menu; may be given more than once.")
@json_option
@socket_options
def ussd(
    modem: str, code: str, replies: tuple[str, ...], as_json: bool, socket: Path | None, file: Path | None
) -> None:
    """Ask the network by a code like *100#.

    On a terminal a menu asks for your reply until the dialogue is over; an empty one ends it. In a script give --reply.
    """
    api = Api(find_socket(socket, file))
    path = f"{modem_path(modem)}/ussd"
    given = list(replies)
    asks = sys.stdin.isatty() and not as_json
    answer = _said(api, path, {"code": code}, as_json)
    while answer["state"] == "reply_wanted":
        reply = given.pop(0) if given else _asked() if asks else ""
        if not reply:
            api.post(path, {"cancel": True}, timeout=NETWORK_TIMEOUT)
            break
        answer = _said(api, path, {"reply": reply}, as_json)
    if given:
        raise click.ClickException(f"the dialogue was over before --reply {shown(given[0])}")


def _asked() -> str:
    with contextlib.suppress(click.Abort):
        return str(click.prompt("reply", default="", show_default=False))
    return ""


def _said(api: Api, path: str, body: dict[str, Any], as_json: bool) -> dict[str, Any]:
    answer = api.post(path, body, timeout=NETWORK_TIMEOUT)
    lines = answer["text"].replace("\r\n", "\n").replace("\r", "\n").split("\n")
    click.echo(json.dumps(answer) if as_json else "\n".join(map(shown, lines)))
    return answer


@click.command()
@click.argument("modem", shell_complete=modem_names)
@json_option
@socket_options
def reset(modem: str, as_json: bool, socket: Path | None, file: Path | None) -> None:
    """Restart a modem.

    What waits to be sent stays, and goes on when the modem is back.
    """
    answer = Api(find_socket(socket, file)).post(f"{modem_path(modem)}/reset", {}, timeout=NETWORK_TIMEOUT)
    click.echo(json.dumps(answer) if as_json else f"{modem} is restarting")
