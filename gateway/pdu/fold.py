"""Transliteration that keeps a text in the GSM alphabet. Nothing is changed unasked, and every change is told."""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Mapping
from dataclasses import dataclass
from enum import Flag, auto


class Folding(Flag):
    """What may be replaced. Characters that the alphabet has are never touched."""

    NONE = 0
    TYPOGRAPHY = auto()  # quotation marks, dashes, ellipsis, special spaces; composed for decomposed letters
    ACCENTS = auto()  # a letter for the same letter with marks: changes words
    GREEK = auto()  # Latin capitals for the Greek ones that look the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """`by` stands where `char` stood, at `index` of the text as it was given."""

    index: int
    char: str
    by: str


_TYPOGRAPHY: Mapping[str, str] = {
    **dict.fromkeys("‘’‚‛′´`‹›", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys(
        "\t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "
    ),
    **dict.fromkeys("\u00ad\u200b\u2060\ufeff", ""),  # seen only where a line breaks
    **dict.fromkeys("\u2028\u2029", "\n"),
    "…": "...",
    "•": "*",
    "⁄": "/",
}
_ACCENTS: Mapping[str, str] = {  # letters that are not decomposed
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "Đ": "D",
    "ħ": "h",
    "Ħ": "H",
    "ı": "i",
    "ŋ": "n",
    "Ŋ": "N",
    "ŧ": "t",
    "Ŧ": "T",
    "œ": "oe",
    "Œ": "OE",
    "ð": "d",
    "Ð": "D",
    "þ": "th",
    "Þ": "Th",
    "ĳ": "ij",
    "Ĳ": "IJ",
    "ſ": "s",
}
_GREEK: Mapping[str, str] = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX", strict=True))
_TABLES = ((Folding.TYPOGRAPHY, _TYPOGRAPHY), (Folding.ACCENTS, _ACCENTS), (Folding.GREEK, _GREEK))


def fold(text: str, folding: Folding, alphabet: Container[int]) -> tuple[str, tuple[Replacement, ...]]:
    """The text with what `alphabet` (code points) lacks replaced as far as `folding` allows, and what was replaced."""
    table = {char: by for flag, rows in _TABLES if flag & folding for char, by in rows.items()}
    out: list[str] = []
    changes: list[Replacement] = []
    index = 0
    while index < len(text):
        size, by = _step(text, index, table, folding, alphabet)
        if (char := text[index : index + size]) != by:
            changes.append(Replacement(index=index, char=char, by=by))
        out.append(by)
        index += size
    return "".join(out), tuple(changes)


def _step(
    text: str, index: int, table: Mapping[str, str], folding: Folding, alphabet: Container[int]
) -> tuple[int, str]:
    """How many characters are next, and what stands for them."""
    char = text[index]
    following = text[index + 1 : index + 2]
    if following and unicodedata.combining(following) and Folding.TYPOGRAPHY & folding:
        composed = unicodedata.normalize("NFC", char + following)
        if len(composed) == 1 and ord(composed) in alphabet:
            return 2, composed
    if ord(char) in alphabet:
        return 1, char
    if char in table:
        return 1, table[char]
    if Folding.ACCENTS & folding:
        return 1, _without_marks(char, table, alphabet)
    return 1, char


def _without_marks(char: str, table: Mapping[str, str], alphabet: Container[int]) -> str:
    bare = "".join(mark for mark in unicodedata.normalize("NFD", char) if not unicodedata.combining(mark))
    plain = "".join(table.get(letter, letter) for letter in bare)
    return plain if all(ord(letter) in alphabet for letter in plain) else char
