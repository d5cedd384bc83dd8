"""Who asked for no more texts, and who may be written to at all: the values, and what is needed to keep them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from gateway.errors import RequestError
from gateway.messaging.numbers import normalise
from gateway.messaging.words import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One line of the log, which is only ever added to. `peer` asked it of the SIM `iccid` with the number `own_number`.

    `word`: as it came in, folded. `message_id`: the text; `reply_id`: the one that answers it, if any does.
    """

    at: datetime
    peer: str
    own_number: str
    iccid: str
    line: str
    change: Change
    word: str
    message_id: str
    reply_id: str | None = None
    n: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentFilter:
    """Which lines of the log to list. Every given field must match; newest first; `before` is an `n` (cursor)."""

    peer: str | None = None
    own_number: str | None = None
    before: int | None = None
    limit: int = 50


class ListName(StrEnum):
    """Which list."""

    BLOCK = "block"
    ALLOW = "allow"


class Way(StrEnum):
    """Texts that go out, or that come in."""

    OUT = "out"
    IN = "in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a list. `pattern`: see `pattern_of`. `n`: 0 for what stands in the configuration."""

    name: ListName
    way: Way
    pattern: str
    note: str = ""
    created_at: datetime | None = None
    created_by: str = ""
    n: int = 0


_PREFIX = re.compile(r"(\+?[0-9]{1,15})?\*")
_SENDER = re.compile(r"[^\x00-\x1f*]{1,11}")


def pattern_of(written: str, way: Way, region: str | None) -> str:
    """An entry as it is compared: a number, the beginning of numbers (`+4990*`), `*` for all, or (inwards) a sender's name.

    Raises RequestError(invalid_number).
    """
    text = written.strip()
    if _PREFIX.fullmatch(text):
        return text
    try:
        return normalise(text, region)
    except RequestError as exc:
        if way is Way.IN and _SENDER.fullmatch(text) and not text.startswith("+"):
            return text.casefold()
        raise RequestError(str(exc), code=exc.code, field="pattern") from exc


def subscriber(peer: str, region: str | None) -> str | None:
    """A sender as recipients are written (E.164 or short code); None for one that nothing can be sent to."""
    try:
        return normalise(peer, region)
    except RequestError:
        return None


def candidates(number: str) -> tuple[str, ...]:
    """The patterns that match a number, the closest first."""
    plain = number.casefold()
    return (plain, *(f"{plain[:length]}*" for length in range(len(plain), -1, -1)))


def passes(number: str, found: Iterable[Entry], *, restricted: bool) -> bool:
    """Whether a number may pass, by the entries that match it: the closest decides, and blocking goes first where two are as close.

    `restricted`: there are entries that allow something, so that what no entry matches may not pass.
    """
    by_pattern: dict[str, set[ListName]] = {}
    for entry in found:
        by_pattern.setdefault(entry.pattern, set()).add(entry.name)
    for pattern in candidates(number):
        if pattern in by_pattern:
            return ListName.BLOCK not in by_pattern[pattern]
    return not restricted


class ConsentTable(Protocol):
    """The log of who asked for what."""

    def add(self, consent: Consent) -> None: ...
    def opted_out(self, peer: str, own_number: str, iccid: str) -> bool: ...
    def replies_since(self, peer: str, moment: datetime) -> int: ...
    def find(self, wanted: ConsentFilter) -> list[Consent]: ...


class ListTable(Protocol):
    """The entries that were made while running."""

    def any(self, way: Way) -> bool: ...
    def allows(self, way: Way) -> bool: ...
    def matching(self, way: Way, patterns: Sequence[str]) -> list[Entry]: ...
    def all(self) -> list[Entry]: ...
    def add(self, entry: Entry) -> Entry: ...
    def remove(self, name: ListName, n: int) -> bool: ...
    def count(self) -> int: ...
