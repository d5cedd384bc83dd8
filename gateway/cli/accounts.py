"""`smsgw users`, `tokens`, `sessions`, `audit`: who may do what, and who did, through the running daemon."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from gateway.cli.client import Api, find_socket, shown, socket_options, table
from gateway.cli.completion import modem_names, session_ids, token_ids, user_names
from gateway.cli.messages import json_option
from gateway.cli.moments import local

ROLES = ("admin", "operator", "read-only", "send-only")
role_option = click.option(
    "--role",
    type=click.Choice(ROLES),
    required=True,
    help="admin: everything; operator: all but users, tokens and backups; read-only: look; send-only: send.",
)
password_option = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")


def moment(text: str | None) -> str:
    """A time of the API, for people."""
    return local(text)[:16] if text else "-"


@click.group()
def users() -> None:
    """Add, change, list and delete people who may log in."""


@users.command("list")
@json_option
@socket_options
def list_users(as_json: bool, socket: Path | None, file: Path | None) -> None:
    """List the people who may log in."""
    answer = Api(find_socket(socket, file)).get("/users")
    if as_json:
        click.echo(json.dumps(answer))
        return
    rows = [
        [one["name"], one["role"], "no" if one["disabled"] else "yes", moment(one["created_at"])]
        for one in answer["users"]
    ]
    click.echo(table([["NAME", "ROLE", "MAY LOG IN", "SINCE"], *rows]))


@users.command("add")
@click.argument("name")
@role_option
@password_option
@socket_options
def add_user(name: str, role: str, password_stdin: bool, socket: Path | None, file: Path | None) -> None:
    """Add the user NAME; the password is asked for."""
    api = Api(find_socket(socket, file))
    if any(one["name"] == name for one in api.get("/users")["users"]):
        raise click.ClickException(f"there is a user {shown(name)} already; `smsgw users change` changes one")
    api.put(_path("users", name), {"role": role, "password": _password(password_stdin)})
    click.echo(f"{shown(name)} may log in as {role}")


@users.command("change")
@click.argument("name", shell_complete=user_names)
@click.option("--role", type=click.Choice(ROLES), help="The new role.")
@click.option("--password", "ask", is_flag=True, help="Ask for a new password.")
@password_option
@click.option("--disable/--enable", "disabled", default=None, help="Whether it may log in.")
@socket_options
def change_user(
    name: str,
    role: str | None,
    ask: bool,
    password_stdin: bool,
    disabled: bool | None,
    socket: Path | None,
    file: Path | None,
) -> None:
    """Change role or password of the user NAME, or keep it out for a while. Its sessions end."""
    if role is None and disabled is None and not (ask or password_stdin):
        raise click.UsageError("say what to change: --role, --password, --disable or --enable")
    api = Api(find_socket(socket, file))
    before = next((one for one in api.get("/users")["users"] if one["name"] == name), None)
    if before is None:
        raise click.ClickException(f"unknown_user: there is no user {shown(name)}; `smsgw users list` shows them")
    wanted: dict[str, Any] = {
        "role": role or before["role"],
        "disabled": before["disabled"] if disabled is None else disabled,
    }
    if ask or password_stdin:
        wanted["password"] = _password(password_stdin)
    after = api.put(_path("users", name), wanted)
    click.echo(f"{shown(name)} is {after['role']} and may {'not ' if after['disabled'] else ''}log in")


@users.command("delete")
@click.argument("name", shell_complete=user_names)
@socket_options
def delete_user(name: str, socket: Path | None, file: Path | None) -> None:
    """Delete the user NAME and end its sessions."""
    Api(find_socket(socket, file)).delete(_path("users", name))
    click.echo(f"{shown(name)} is deleted")


@click.group()
def tokens() -> None:
    """Make, list and delete tokens: the keys of programs."""


@tokens.command("list")
@json_option
@socket_options
def list_tokens(as_json: bool, socket: Path | None, file: Path | None) -> None:
    """List the tokens; their texts were told when they were made."""
    answer = Api(find_socket(socket, file)).get("/tokens")
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    rows = [
        [
            one["token_id"],
            shown(one["name"]),
            one["role"],
            _limits(one),
            moment(one["expires_at"]),
            moment(one["last_used"]),
        ]
        for one in answer["tokens"]
    ]
    click.echo(table([["ID", "NAME", "ROLE", "ONLY", "EXPIRES", "LAST USED"], *rows]))


@tokens.command("make")
@click.argument("name")
@role_option
@click.option(
    "--modem",
    "modems",
    multiple=True,
    shell_complete=modem_names,
    help="Send through this modem only; may be given again.",
)
@click.option("--to", "recipients", multiple=True, help="Send to numbers that begin so only; may be given again.")
@click.option("--expires-at", help="When it ends, for example 2027-01-31T00:00:00Z. [default: never]")
@json_option
@socket_options
def make_token(
    name: str,
    role: str,
    modems: Sequence[str],
    recipients: Sequence[str],
    expires_at: str | None,
    as_json: bool,
    socket: Path | None,
    file: Path | None,
) -> None:
    """Make a token for the program NAME and print it: it is told this once only."""
    wanted = {"name": name, "role": role, "modems": list(modems), "recipients": list(recipients)}
    made = Api(find_socket(socket, file)).post("/tokens", wanted | ({"expires_at": expires_at} if expires_at else {}))
    click.echo(json.dumps(made, ensure_ascii=False) if as_json else made["token"])


@tokens.command("delete")
@click.argument("token_id", metavar="ID", shell_complete=token_ids)
@socket_options
def delete_token(token_id: str, socket: Path | None, file: Path | None) -> None:
    """Delete the token ID: whoever uses it is refused from now on."""
    Api(find_socket(socket, file)).delete(_path("tokens", token_id))
    click.echo(f"{shown(token_id)} is deleted")


@click.group()
def sessions() -> None:
    """List and end what people are logged in with."""


@sessions.command("list")
@json_option
@socket_options
def list_sessions(as_json: bool, socket: Path | None, file: Path | None) -> None:
    """List the sessions that are not over."""
    answer = Api(find_socket(socket, file)).get("/sessions")
    if as_json:
        click.echo(json.dumps(answer))
        return
    rows = [
        [one["session_id"], one["user"], moment(one["created_at"]), moment(one["expires_at"])]
        for one in answer["sessions"]
    ]
    click.echo(table([["ID", "USER", "SINCE", "UNTIL"], *rows]))


@sessions.command("end")
@click.argument("session_id", metavar="ID", shell_complete=session_ids)
@socket_options
def end_session(session_id: str, socket: Path | None, file: Path | None) -> None:
    """End the session ID: its browser has to log in anew."""
    Api(find_socket(socket, file)).delete(_path("sessions", session_id))
    click.echo(f"{shown(session_id)} is over")


@click.command()
@click.option("--before", type=click.IntRange(min=1), help="The page after an earlier one: its `next`.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, help="At most so many. [default: 20]")
@json_option
@socket_options
def audit(before: int | None, limit: int, as_json: bool, socket: Path | None, file: Path | None) -> None:
    """Show who logged in and who changed what, newest first."""
    page = Api(find_socket(socket, file)).get("/audit", before=before, limit=limit)
    if as_json:
        click.echo(json.dumps(page, ensure_ascii=False))
    elif page["entries"]:
        rows = [
            [
                local(one["at"]),
                shown(one["who"]),
                one["source"] or "-",
                "done" if one["ok"] else "refused",
                f"{one['action']} {shown(one['target'])}".rstrip(),
            ]
            for one in page["entries"]
        ]
        click.echo(table(rows))


def _limits(token: dict[str, Any]) -> str:
    return ", ".join([*token["modems"], *(f"{number}…" for number in token["recipients"])]) or "-"


def _path(kind: str, name: str) -> str:
    return f"/{kind}/{quote(name, safe='')}"


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return password
