"""What people see as one character (the rules of UAX #29 that matter to a cut between two parts)."""

from __future__ import annotations

import unicodedata

_ZWJ = "\u200d"
_MARKS = frozenset(("Mn", "Mc", "Me"))
_EXTENDING = (
    ("\u1160", "\u11ff"),  # Hangul vowels and finals, where syllables are spelt out
    ("\u0e33", "\u0e33"),  # the vowel am of Thai
    ("\u0eb3", "\u0eb3"),  # and of Lao
    ("\U0001f3fb", "\U0001f3ff"),  # skin tones
    ("\U000e0020", "\U000e007f"),  # tags of regional flags
)


def inside_cluster(text: str, index: int, floor: int) -> bool:
    """Whether a cut before `text[index]` would fall inside what people see as one character.

    Looked up from `floor` on.
    """
    before, char = text[index - 1], text[index]
    if before == _ZWJ or char == _ZWJ or (before == "\r" and char == "\n"):
        return True
    if unicodedata.category(char) in _MARKS or any(first <= char <= last for first, last in _EXTENDING):
        return True
    if not _regional(char):
        return False
    run = 0
    while index - run > floor and _regional(text[index - 1 - run]):
        run += 1
    return run % 2 == 1  # flags are pairs


def _regional(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"
