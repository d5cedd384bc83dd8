"""Talks to the running daemon over its Unix socket."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.errors import ConfigError
from gateway.places import socket_of

TIMEOUT = 30.0
NO_CONTENT = 204


F = TypeVar("F", bound=Callable[..., Any])


def socket_options(command: F) -> F:
    """The options that say which daemon is meant."""
    command = click.option("--socket", type=click.Path(path_type=Path), help="The daemon's socket.")(command)
    return click.option("-c", "--config", "file", type=click.Path(path_type=Path), help="The daemon's configuration.")(
        command
    )


def find_socket(socket: Path | None, file: Path | None) -> Path:
    """Raises ConfigError when neither a socket is named nor a configuration found."""
    if socket is not None:
        return socket
    try:
        return socket_of(file)
    except ConfigError as exc:
        raise ConfigError(f"{exc}; or give --socket") from exc


class Api:
    """The daemon's API. Every failure is a ClickException of one line."""

    def __init__(self, socket: Path) -> None:
        import httpx

        self._socket = socket
        self._errors = httpx.HTTPError
        self._client = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://smsgw/api/v1", timeout=TIMEOUT
        )

    def get(self, path: str, *, timeout: float = TIMEOUT, **parameters: Any) -> dict[str, Any]:
        wanted = {name: value for name, value in parameters.items() if value is not None}
        return self._call("GET", path, params=wanted, timeout=timeout)

    def delete(self, path: str, *, timeout: float = TIMEOUT) -> dict[str, Any]:
        return self._call("DELETE", path, timeout=timeout)

    def put(self, path: str, body: dict[str, Any], *, timeout: float = TIMEOUT) -> dict[str, Any]:
        return self._call("PUT", path, json=body, timeout=timeout)

    def post(self, path: str, body: dict[str, Any], *, timeout: float = TIMEOUT) -> dict[str, Any]:
        """`timeout`: seconds; more for what a modem or a network has to answer."""
        return self._call("POST", path, json=body, timeout=timeout)

    def text(self, path: str) -> str:
        """An answer that is no JSON."""
        try:
            response = self._client.get(path)
            failed = response.is_error
        except self._errors as exc:
            raise self._unreachable(exc) from exc
        if failed:
            self._call("GET", path)
        return str(response.text)

    def pieces(self, path: str, **parameters: Any) -> Iterator[str]:
        """A long answer that is no JSON, as it comes."""
        wanted = {name: value for name, value in parameters.items() if value is not None}
        try:
            with self._client.stream("GET", path, params=wanted) as response:
                if not response.is_error:
                    yield from response.iter_text()
                    return
        except self._errors as exc:
            raise self._unreachable(exc) from exc
        self._call("GET", path, params=wanted)

    def _unreachable(self, exc: Exception) -> click.ClickException:
        return click.ClickException(f"the gateway does not answer on {self._socket}: {exc}; is `smsgw run` running?")

    def _call(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        try:
            response = self._client.request(method, path, **arguments)
            answer = {} if response.status_code == NO_CONTENT else response.json()
        except self._errors as exc:
            raise self._unreachable(exc) from exc
        except ValueError as exc:
            raise click.ClickException(f"the gateway's answer on {self._socket} is not understood") from exc
        if response.is_error:
            error = answer["error"]
            raise click.ClickException(f"{error['code']}: {error['message']}")
        assert isinstance(answer, dict)
        return answer


def shown(text: str) -> str:
    """Text from elsewhere for a terminal, which must not obey it: control characters become escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def table(rows: list[list[str]], *, cut: bool = True) -> str:
    """Rows in columns; the last column is not filled up. On a terminal a line that is too long for it is cut, if wanted."""
    widths = [max(_width(cell) for cell in column) for column in zip(*rows, strict=True)]
    room = shutil.get_terminal_size().columns if cut and sys.stdout.isatty() else None
    return "\n".join(_fitted(_line(row, widths), room) for row in rows)


def _line(row: list[str], widths: list[int]) -> str:
    cells = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
    return "  ".join(cells).rstrip()


def _fitted(line: str, room: int | None) -> str:
    if room is None or _width(line) <= room:
        return line
    while line and _width(line) > room - 1:
        line = line[:-1]
    return f"{line}…"


def _width(text: str) -> int:
    """Columns of a terminal: marks above letters take none, ideographs and emoji two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else not unicodedata.combining(char) for char in text)
