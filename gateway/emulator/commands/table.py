"""Command lines into calls, calls into handlers. Handlers register themselves with `@on(name, operation)`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar, Union

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem


class Op(Enum):
    """The four forms of an extended command (27.007 4); basic commands are RUN, with their number as argument."""

    RUN = ""
    READ = "?"
    TEST = "=?"
    SET = "="


class AtError(Exception):
    """Ends the command line with an error: +CME ERROR, +CMS ERROR or another final result code."""

    def __init__(self, kind: str, code: int = 0) -> None:
        super().__init__(f"{kind} {code}")
        self.kind = kind  # "CME", "CMS", or the final result itself
        self.code = code


def cme(code: int) -> AtError:
    return AtError("CME", code)


def cms(code: int) -> AtError:
    return AtError("CMS", code)


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a handler returns to get the text up to Ctrl-Z; `done` is called with it and answers like a handler."""

    command: str
    done: Callable[[bytes], str]


Handler = Callable[["Modem", tuple[str, ...]], Union[str, "Prompt"]]  # information text, "" for just OK
BASE: dict[tuple[str, Op], Handler] = {}
_Registered = TypeVar("_Registered", bound=Handler)


def on(name: str, *operations: Op) -> Callable[[_Registered], _Registered]:
    """Registers the decorated handler for `name` in each of `operations`."""

    def register(handler: _Registered) -> _Registered:
        for operation in operations:
            if (name, operation) in BASE:
                raise ValueError(f"{name}{operation.value} has two handlers")
            BASE[name, operation] = handler
        return handler

    return register


@dataclass(frozen=True, slots=True)
class Call:
    """One command of a line."""

    name: str
    op: Op
    arguments: tuple[str, ...]


_EXTENDED = re.compile(r"([+^$*#%][A-Z0-9]+)(=\?|\?|=)?", re.IGNORECASE)
_DIAL = re.compile(r"(D)(.*)", re.IGNORECASE)
_S_REGISTER = re.compile(r"S(\d+)(?:(\?)|=(\d*))?", re.IGNORECASE)
_BASIC = re.compile(r"([&\\]?[A-Z])(\d*)", re.IGNORECASE)
_OUTSIDE_QUOTES = re.compile(r'"[^"]*"?|[^"]+')


@lru_cache(maxsize=2048)
def parse(line: str) -> tuple[Call, ...] | None:
    """The calls of one command line without its CR; None when it does not begin with AT (27.007 4, V.250 5.2)."""
    if line[:2].upper() != "AT":
        return None
    body = "".join(
        part if part.startswith('"') else part.replace(" ", "") for part in _OUTSIDE_QUOTES.findall(line[2:].strip())
    )
    calls: list[Call] = []
    at = 0
    while at < len(body):
        if body[at] == ";":
            at += 1
            continue
        call, at = _next_call(body, at)
        calls.append(call)
    return tuple(calls)


def _next_call(body: str, at: int) -> tuple[Call, int]:
    extended = _EXTENDED.match(body, at)
    if extended is not None:
        op = Op(extended[2] or "")
        end = _separator(body, extended.end())
        arguments = split_arguments(body[extended.end() : end]) if op is Op.SET else ()
        return Call(extended[1].upper(), op, arguments), end
    register = _S_REGISTER.match(body, at)
    if register is not None:
        op = Op.READ if register[2] else Op.SET if register[3] is not None else Op.RUN
        return Call("S", op, (register[1], register[3] or "")), register.end()
    dial = _DIAL.match(body, at)
    if dial is not None:
        return Call("D", Op.RUN, (dial[2],)), dial.end()
    basic = _BASIC.match(body, at)
    if basic is not None:
        return Call(basic[1].upper(), Op.RUN, (basic[2],)), basic.end()
    return Call(body[at:], Op.RUN, ()), len(body)


def _separator(body: str, at: int) -> int:
    quoted = False
    for place in range(at, len(body)):
        if body[place] == '"':
            quoted = not quoted
        elif body[place] == ";" and not quoted:
            return place
    return len(body)


def split_arguments(text: str) -> tuple[str, ...]:
    """Arguments at the commas outside quotes, quotes removed; an omitted one is ""."""
    arguments, quoted, start = [], False, 0
    for place, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            arguments.append(text[start:place])
            start = place + 1
    arguments.append(text[start:])
    return tuple(argument.strip().strip('"') for argument in arguments)


def integer(arguments: tuple[str, ...], place: int, default: int | None = None, *, error: AtError | None = None) -> int:
    """The argument at `place` as a number; `default` where it is omitted. Raises `error` (CME 50) for anything else."""
    text = arguments[place] if place < len(arguments) else ""
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    if not text and default is not None:
        return default
    raise error or cme(50)


def text_list(values: tuple[object, ...]) -> str:
    """`(0,1,2)` or `("SM","ME")`, as test commands answer."""
    return "(" + ",".join(f'"{value}"' if isinstance(value, str) else str(value) for value in values) + ")"
