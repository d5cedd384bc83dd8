"""`smsgw recorder`: the flight recorder of a modem, through the running daemon."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.client import Api, find_socket, socket_options
from gateway.cli.completion import modem_names


@click.group()
def recorder() -> None:
    """Hand out what the flight recorder of a modem has."""


@recorder.command()
@click.argument("modem", shell_complete=modem_names)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file. [default: print]"
)
@socket_options
def export(modem: str, output: Path | None, socket: Path | None, file: Path | None) -> None:
    """Export the last AT traffic of MODEM, as JSON lines that `smsgw emulate --replay` plays."""
    if not modem.isascii() or not modem.replace("-", "").isalnum():
        raise click.ClickException(f"unknown_modem: {modem!r} is no name of a modem")
    text = Api(find_socket(socket, file)).text(f"/modems/{modem}/recorder")
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="ascii")
    except OSError as exc:
        raise click.ClickException(f"{output}: {exc.strerror}") from exc
