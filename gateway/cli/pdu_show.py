"""A PDU's fields as a table for a terminal: where each begins, its octets, what they say, and the clause."""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any

import click

from gateway.cli.client import shown
from gateway.pdu.walk import FLAG_CLAUSES, FLAG_MASKS, Field

MAIN_SPEC = "23.040 "
"""Left out of its clauses; the heading has it."""
HEADINGS = ("at", "field", "octets", "says", "23.040")
AT, NAME, CLAUSE, GAP = 3, 11, 14, 2
"""Characters of the columns that have one width on every terminal, and between two columns."""
ROWS_OF = ((110, 12), (96, 8), (0, 6))
"""Octets on a line, by the least width that has room for them."""
Said = Sequence[tuple[str, Callable[[str], str]]]
"""Texts, each with its style."""
NARROW, WIDE = 72, 130
"""Characters of a table at least, whatever the terminal, and at most: longer lines are hard to follow."""


def _style(**how: Any) -> Callable[[str], str]:
    return lambda text: text if "NO_COLOR" in os.environ or not text else click.style(text, **how)


bold, _dim, _wrong = _style(bold=True), _style(dim=True), _style(fg="red")
_name, _octets = _style(fg="cyan"), _style(fg="green")


def table(fields: Sequence[Field], rest: bytes = b"", mistake: str = "") -> str:
    """The fields in columns, as wide as the terminal. `mistake`: why the octets of `rest` are not among them."""
    width = min(max(shutil.get_terminal_size().columns, NARROW), WIDE)
    lines = [_dim(_line(HEADINGS, width, plain=True))]
    at = 0
    for field in fields:
        lines += _field(field, at, width)
        at += len(field.octets)
    if mistake:
        lines += _cells(at, "?", rest, [(mistake, _wrong)], "", width)
    return "\n".join(lines)


def _field(field: Field, at: int, width: int) -> list[str]:
    said: Said = [(shown(field.value), str), (shown(field.meaning), _dim)]
    lines = _cells(at, field.name, field.octets, said, field.clause, width)
    for name, value, meaning in field.bits:
        clause = FLAG_CLAUSES[name].removeprefix(MAIN_SPEC)
        said_lines = _said([(meaning, str)], _room(width))
        cells = [("", f" {name}", _pattern(FLAG_MASKS[name], value), said_lines[0], clause)]
        cells += [("", "", "", more, "") for more in said_lines[1:]]
        lines += [_line(each, width) for each in cells]
    return lines


def _pattern(mask: int, value: int) -> str:
    """The bits of a flag at their places, dots for the others: `...1 0...`."""
    bits = value * (mask & -mask)
    digits = "".join(str(bits >> place & 1) if mask >> place & 1 else "." for place in range(7, -1, -1))
    return f"{digits[:4]} {digits[4:]}"


def _cells(at: int, name: str, octets: bytes, said: Said, clause: str, width: int) -> list[str]:
    size = _octets_on_a_line(width)
    hexes = [octets[start : start + size].hex(" ").upper() for start in range(0, len(octets), size)]
    rows = zip_longest(
        [str(at)], [name], hexes, _said(said, _room(width)), [clause.removeprefix(MAIN_SPEC)], fillvalue=""
    )
    return [_line(row, width) for row in rows]


def _said(said: Said, room: int) -> list[str]:
    """Value and meaning on one line where there is room, else one below the other; each in its style."""
    parts = [(text, style) for text, style in said if text]
    if sum(columns(text) for text, _ in parts) + GAP * (len(parts) - 1) <= room:
        return [(" " * GAP).join(style(text) for text, style in parts)]
    return [style(line.rstrip(" ")) for text, style in parts for line in wrapped(text, room)]


def _line(cells: Sequence[str], width: int, *, plain: bool = False) -> str:
    at, name, octets, said, clause = cells
    if not plain:
        name, octets, clause = _name(name), _octets(octets), _dim(clause)
    room = 3 * _octets_on_a_line(width) - 1
    start = f"{at:>{AT}} {_filled(name, NAME)}{' ' * GAP}{_filled(octets, room)}{' ' * GAP}"
    return (start + (_filled(said, _room(width)) + " " * GAP + clause if clause else said)).rstrip()


def _octets_on_a_line(width: int) -> int:
    return next(octets for least, octets in ROWS_OF if width >= least)


def _room(width: int) -> int:
    """Characters for what a field says."""
    return width - AT - 1 - NAME - GAP - (3 * _octets_on_a_line(width) - 1) - GAP - GAP - CLAUSE


def _filled(text: str, width: int) -> str:
    return text + " " * (width - columns(click.unstyle(text)))


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: two for what is wide in East Asia, none for marks."""
    return sum(map(_columns, text))


def _columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def wrapped(text: str, room: int) -> list[str]:
    """Lines of so many columns at most, cut behind spaces where there are any. Together they are the text."""
    lines, used = [""], 0
    for word in re.findall(r"\S* *", text):
        if used and used + columns(word.rstrip(" ")) > room:
            lines.append("")
            used = 0
        for char in word:
            if used and used + _columns(char) > room and char != " ":
                lines.append("")
                used = 0
            lines[-1] += char
            used += _columns(char)
    return lines
