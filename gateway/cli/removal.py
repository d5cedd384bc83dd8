"""`smsgw cancel`, `delete`, `redact`: what is taken back or taken away of messages, through the running daemon."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.client import Api, find_socket, shown, socket_options
from gateway.cli.completion import message_ids

ids_argument = click.argument("message_ids", metavar="ID...", nargs=-1, required=True, shell_complete=message_ids)


def _path(message_id: str) -> str:
    if not message_id.isascii() or not message_id.isalnum():
        raise click.ClickException(f"unknown_message: {shown(message_id)} is no message id")
    return f"/messages/{message_id}"


@click.command()
@ids_argument
@socket_options
def cancel(message_ids: tuple[str, ...], socket: Path | None, file: Path | None) -> None:
    """Cancel messages of which nothing has left yet."""
    api = Api(find_socket(socket, file))
    for message_id in message_ids:
        click.echo(f"{message_id} {api.post(f'{_path(message_id)}/cancel', {})['status']}")


@click.command()
@ids_argument
@socket_options
def delete(message_ids: tuple[str, ...], socket: Path | None, file: Path | None) -> None:
    """Delete finished messages."""
    api = Api(find_socket(socket, file))
    for message_id in message_ids:
        api.delete(_path(message_id))
        click.echo(f"{message_id} deleted")


@click.command()
@ids_argument
@socket_options
def redact(message_ids: tuple[str, ...], socket: Path | None, file: Path | None) -> None:
    """Blank what finished messages said."""
    api = Api(find_socket(socket, file))
    for message_id in message_ids:
        api.post(f"{_path(message_id)}/redact", {})
        click.echo(f"{message_id} redacted")
