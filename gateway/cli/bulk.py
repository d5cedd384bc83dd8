"""`smsgw send --bulk`: many texts from one file. Reads all of it before anything is sent; each line has an id of its own, so
that the same call can be repeated."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from gateway.cli.client import Api, shown

MAX_FILE = 64 * 1024 * 1024
"""Octets."""
MAX_KEY = 56
"""Characters: an id has 64, and `/` and the number of a text come behind the key."""
CHUNK = 200
CHUNK_OCTETS = 1024 * 1024
"""A request has at most so many commands and, but for the last of them, octets; the API takes five and two times that."""
TIMEOUT = 120.0
TOLD = 20
"""Rejected lines that are told one by one."""

CLIENT = {"client": "bulk"}
"""Texts of a file take turns with those of other clients: a single `smsgw send` does not wait behind them."""

WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
COLUMNS: Mapping[str, Callable[[str], Any]] = {
    "to": str,
    "text": str,
    "data_hex": str,
    "id": str,
    "modem": str,
    "from": str,
    "encoding": str,
    "send_at": str,
    "expires_at": str,
    "class": int,
    "priority": int,
    "validity_s": int,
    "delivery_report": lambda cell: WORDS[cell.lower()],
    "at_most_once": lambda cell: WORDS[cell.lower()],
    "ordered": lambda cell: WORDS[cell.lower()],
}
"""Of a CSV file, and how a cell becomes the field of a command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A command, and the line of the file on which it begins."""

    line: int
    command: dict[str, Any]


def send_all(api: Api, file: Path, key: str | None, defaults: Mapping[str, Any], as_json: bool) -> None:
    """Sends what is in `file` (`-`: standard input) and tells what became of it. Raises ClickException when a text was rejected.

    `key`: what the ids begin with, made of the file's content if None; `defaults`: fields of commands that lack them.
    """
    octets = _octets(file)
    items = commands_of(octets)
    if not items:
        raise click.ClickException(f"{_name(file)}: there are no texts in it")
    prefix = key or f"bulk-{hashlib.sha256(octets).hexdigest()[:24]}"
    for number, item in enumerate(items, 1):
        _complete(item.command, {"id": f"{prefix}/{number}", **defaults})
    results = _post(api, items, f"repeat the same call with --key {prefix}: what was taken is not sent again")
    _tell(items, results, prefix, as_json)


def _complete(command: dict[str, Any], defaults: Mapping[str, Any]) -> None:
    command |= {name: value for name, value in defaults.items() if command.get(name) is None}
    tags = command.get("tags") or {}
    if isinstance(tags, dict):  # the gateway says what is wrong with others
        command["tags"] = CLIENT | tags


def _name(file: Path) -> str:
    return "standard input" if str(file) == "-" else str(file)


def _octets(file: Path) -> bytes:
    try:
        if str(file) == "-":
            octets = sys.stdin.buffer.read(MAX_FILE + 1)
        else:
            with file.open("rb") as stream:
                octets = stream.read(MAX_FILE + 1)
    except OSError as exc:
        raise click.ClickException(f"{file}: {exc.strerror}") from exc
    if len(octets) > MAX_FILE:
        raise click.ClickException(f"{_name(file)}: at most {MAX_FILE // 1024 // 1024} MiB are read")
    return octets


def commands_of(octets: bytes) -> list[Item]:
    """The commands of a file: JSON lines where it begins with `{`, else CSV with a header. Raises ClickException for the first mistake."""
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = octets.count(b"\n", 0, exc.start) + 1
        raise _mistake(line, "this is not UTF-8") from exc
    if not text.strip():
        return []
    return list(_json_lines(text) if text.lstrip().startswith("{") else _csv(text))


def _mistake(line: int, what: str) -> click.ClickException:
    return click.ClickException(f"line {line}: {what}; nothing was sent")


def _json_lines(text: str) -> Iterator[Item]:
    for line, row in enumerate(text.split("\n"), 1):
        if not row.strip():
            continue
        try:
            command = json.loads(row)
            json.dumps(command, ensure_ascii=False, allow_nan=False).encode()  # half a character, NaN
        except (ValueError, RecursionError) as exc:
            raise _mistake(line, f"this is no JSON: {exc}") from exc
        if not isinstance(command, dict):
            raise _mistake(line, "a command is a JSON object")
        yield Item(line=line, command=command)


def _csv(text: str) -> Iterator[Item]:
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)  # spreadsheets write what is usual in their country
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        names = [name.strip().lower() for name in next(rows, [])]
        _check_header(names)
        line = rows.line_num + 1
        for row in rows:
            if any(cell.strip() for cell in row):
                yield Item(line=line, command=_command(line, names, row))
            line = rows.line_num + 1
    except csv.Error as exc:
        raise _mistake(line, f"this is no CSV: {exc}") from exc


def _check_header(names: Sequence[str]) -> None:
    if unknown := [name for name in names if name not in COLUMNS]:
        raise _mistake(1, f"there is no column {shown(unknown[0])!r:.60}; there are: {', '.join(COLUMNS)}")
    if "to" not in names or not {"text", "data_hex"} & set(names):
        raise _mistake(1, "the header has to name the columns to and text")
    if len(set(names)) < len(names):
        raise _mistake(1, "the header names a column twice")


def _command(line: int, names: Sequence[str], row: Sequence[str]) -> dict[str, Any]:
    if len(row) != len(names):
        raise _mistake(
            line, f"there are {len(row)} cells under {len(names)} columns; a text with the separator in it needs quotes"
        )
    command = {}
    for name, cell in zip(names, row, strict=True):
        if name != "text":
            cell = cell.strip()
        if cell:
            try:
                command[name] = COLUMNS[name](cell)
            except (ValueError, KeyError) as exc:
                raise _mistake(line, f"{name}: {shown(cell)!r:.40} is not allowed") from exc
    return command


def _post(api: Api, items: Sequence[Item], hint: str) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    shows = sys.stderr.isatty()
    for chunk in _chunks(items):
        body = {"messages": [item.command for item in chunk]}
        try:
            results += api.post("/messages/bulk", body, timeout=TIMEOUT)["results"]
        except click.ClickException as exc:
            raise click.ClickException(f"{exc.message}\nafter {len(results)} of {len(items)}; {hint}") from exc
        if shows:
            click.echo(f"\r{len(results)} of {len(items)}", err=True, nl=False)
    if shows:
        click.echo(err=True)
    return results


def _chunks(items: Sequence[Item]) -> Iterator[list[Item]]:
    chunk: list[Item] = []
    octets = 0
    for item in items:
        size = len(json.dumps(item.command))
        if chunk and (len(chunk) >= CHUNK or octets + size > CHUNK_OCTETS):
            yield chunk
            chunk, octets = [], 0
        chunk.append(item)
        octets += size
    yield chunk


def _tell(items: Sequence[Item], results: Sequence[dict[str, Any]], key: str, as_json: bool) -> None:
    counts = {
        word: sum(result["status"] == word for result in results) for word in ("accepted", "duplicate", "rejected")
    }
    if as_json:
        told = [{"line": item.line, **result} for item, result in zip(items, results, strict=True)]
        click.echo(json.dumps({"key": key, **counts, "results": told}, ensure_ascii=False))
    else:
        click.echo(", ".join(f"{count} {word}" for word, count in counts.items()))
    bad = [(item, result) for item, result in zip(items, results, strict=True) if result["status"] == "rejected"]
    if not bad:
        return
    lines = [
        f"line {item.line}: {result['error']['code']}: {shown(result['error']['message'])}"
        for item, result in bad[:TOLD]
    ]
    if len(bad) > TOLD:
        lines.append(f"and {len(bad) - TOLD} more; --json tells all")
    lines.append(f"put them right in the file and repeat with --key {key}: what was accepted is not sent again")
    raise click.ClickException("\n".join(lines))
