"""`smsgw phonebook`: the phonebook of a SIM and its own numbers, through the running daemon."""

from __future__ import annotations

import json
from pathlib import Path

import click

from gateway.cli.client import Api, find_socket, shown, socket_options, table
from gateway.cli.completion import modem_names
from gateway.cli.messages import json_option
from gateway.cli.ussd import NETWORK_TIMEOUT, modem_path

ACTIONS = ("list", "add", "delete", "own")
ARGUMENTS = {"list": 0, "add": 2, "delete": 1, "own": 0}
USAGE = {"add": "NUMBER NAME", "delete": "INDEX"}


@click.command()
@click.argument("modem", shell_complete=modem_names)
@click.argument("action", type=click.Choice(ACTIONS), default="list")
@click.argument("what", nargs=-1)
@click.option("--storage", type=click.Choice(["SM", "ME", "FD", "LD", "EN", "ON"]), default="SM", show_default=True)
@json_option
@socket_options
def phonebook(
    modem: str, action: str, what: tuple[str, ...], storage: str, as_json: bool, socket: Path | None, file: Path | None
) -> None:
    """Read and change the phonebook of a SIM.

    MODEM list, MODEM add NUMBER NAME, MODEM delete INDEX, MODEM own (the SIM's own numbers).
    """
    if len(what) != ARGUMENTS[action]:
        raise click.UsageError(f"{action} takes {USAGE.get(action, 'nothing more')}")
    api = Api(find_socket(socket, file))
    path = f"{modem_path(modem)}/phonebook"
    if action == "add":
        number, name = what
        answer = api.post(f"{path}?storage={storage}", {"number": number, "name": name}, timeout=NETWORK_TIMEOUT)
        text = f"added {shown(number)} {shown(name)}"
    elif action == "delete":
        if not what[0].isascii() or not what[0].isdecimal():
            raise click.UsageError("INDEX is a number; list shows it")
        answer = api.delete(f"{path}/{what[0]}?storage={storage}", timeout=NETWORK_TIMEOUT)
        text = f"deleted {what[0]}"
    elif action == "own":
        answer = api.get(f"{modem_path(modem)}/own-numbers", timeout=NETWORK_TIMEOUT)
        text = "\n".join(map(shown, answer["numbers"]))
    else:
        answer = api.get(path, timeout=NETWORK_TIMEOUT, storage=storage)
        rows = [[str(each["index"]), shown(each["number"]), shown(each["name"])] for each in answer["entries"]]
        text = table(rows) if rows else ""
    if as_json or text:
        click.echo(json.dumps(answer) if as_json else text)
