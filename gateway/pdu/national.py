"""National language tables made ready for use (23.038 annex A): which septet means what under which shifts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from .alphabet import BASIC, DEFAULT, ESCAPE, EXTENSION, GAP, Tables
from .enums import Language
from .national_tables import (
    DANDA,
    LATIN_LOCKING,
    LATIN_SINGLE,
    SCRIPT_LOCKING,
    SCRIPT_SINGLE,
    SCRIPTS,
    SHARED_LOCKING,
    SHARED_LOCKING_RANGES,
    SHARED_SINGLE,
    SHARED_SINGLE_RANGES,
    WITHOUT_DANDA,
)


@lru_cache(maxsize=256)
def tables_of(locking: int = 0, single: int = 0) -> Tables:
    """The tables under a locking and a single shift, by language identifier.

    A reserved identifier, and a locking shift to a language that has no such table (Spanish), change nothing.
    """
    if locking not in _LOCKING and single not in _SINGLE:
        return BASIC
    return Tables.of(_LOCKING.get(locking, DEFAULT), _SINGLE.get(single, EXTENSION))


def locking_table(language: int) -> str | None:
    """The 128 characters of a locking shift table, `GAP` where there is none; None if the language has no such table."""
    return _LOCKING.get(language)


def single_table(language: int) -> Mapping[int, str] | None:
    """What the septets mean after an escape; None if the language has no such table."""
    return _SINGLE.get(language)


def _read(row: str) -> dict[int, str]:
    """Entries of two hex digits and a character, a space between them."""
    return {int(row[at : at + 2], 16): row[at + 2] for at in range(0, len(row), 4)}


def _in_place(ranges: Iterable[range]) -> dict[int, str]:
    """The septets whose characters stand where ASCII has them."""
    return {septet: chr(septet) for each in ranges for septet in each}


def _in_block(row: str, septets: Iterable[int], block: int) -> dict[int, str]:
    """Characters of a block by the low octet of their code points."""
    codes = (row[at : at + 2] for at in range(0, len(row), 2))
    return {septet: chr(block + int(code, 16)) for septet, code in zip(septets, codes, strict=False) if code != "--"}


def _filled(table: Mapping[int, str], around: str) -> str:
    return "".join(table.get(septet, char) for septet, char in enumerate(around))


def _script_locking(language: Language) -> str:
    script = SCRIPTS[language]
    table = _read(SHARED_LOCKING) | _in_place(SHARED_LOCKING_RANGES) | {0x20: " ", ESCAPE: " "}
    return _filled(table | _in_block(script.locking, SCRIPT_LOCKING, script.block), GAP * len(DEFAULT))


def _script_single(language: Language) -> dict[int, str]:
    script = SCRIPTS[language]
    shared = dict(EXTENSION) | _read(SHARED_SINGLE) | _in_place(SHARED_SINGLE_RANGES)
    danda = {} if language in WITHOUT_DANDA else _read(DANDA)
    return shared | danda | _in_block(script.single, SCRIPT_SINGLE, script.block)


_LOCKING: Mapping[int, str] = {
    **{language: _filled(_read(row), DEFAULT) for language, row in LATIN_LOCKING.items()},
    **{language: _script_locking(language) for language in SCRIPTS},
}
_SINGLE: Mapping[int, Mapping[int, str]] = {
    **{language: {**EXTENSION, **_read(row)} for language, row in LATIN_SINGLE.items()},
    **{language: _script_single(language) for language in SCRIPTS},
}
