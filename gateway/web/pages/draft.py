"""What a text that is being written will become on the air: by the codec itself, so that the page never tells another story."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import PduError
from gateway.pdu import Alphabet, Folding, is_gsm7, segment

MAX_TEXT = 10_000
_ROOM = {Alphabet.GSM7: (160, 153), Alphabet.UCS2: (70, 67)}
"""23.040 9.2.3.24.1: characters of a text that is alone, and of each of several segments."""
_ALL = Folding.TYPOGRAPHY | Folding.ACCENTS | Folding.GREEK


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """`left`: characters until the next segment. `runs`: the text, cut where characters begin or end that the GSM alphabet lacks.

    `plain`: the same text with look-alikes that the alphabet has; None where that does not suffice or nothing needs it.
    """

    encoding: str
    segments: int
    left: int
    foreign: tuple[str, ...] = ()
    runs: tuple[tuple[str, bool], ...] = ()
    plain: str | None = None
    plain_segments: int = 0
    error: str = ""


def draft_of(text: str) -> Draft:
    """What would be sent of `text`. Never raises: a text that cannot be sent says why in `error`."""
    if not text:
        return Draft(encoding="GSM-7", segments=0, left=_ROOM[Alphabet.GSM7][0])
    if len(text) > MAX_TEXT:
        return Draft(encoding="", segments=0, left=0, error=f"At most {MAX_TEXT} characters can be counted.")
    try:
        cut = segment(text)
        folded = segment(text, folding=_ALL)
    except PduError as exc:
        return Draft(encoding="", segments=0, left=0, error=str(exc))
    ucs2 = cut.encoding is Alphabet.UCS2
    alone, each = _ROOM[cut.encoding]
    used = len(cut.parts[-1].payload) // (2 if ucs2 else 1)
    better = ucs2 and folded.encoding is Alphabet.GSM7
    return Draft(
        encoding="UCS-2" if ucs2 else "GSM-7",
        segments=len(cut.parts),
        left=(alone if len(cut.parts) == 1 else each) - used,
        foreign=tuple(dict.fromkeys(char for char in text if not is_gsm7(char))) if ucs2 else (),
        runs=_runs(text) if ucs2 else (),
        plain=folded.text if better else None,
        plain_segments=len(folded.parts) if better else 0,
    )


def _runs(text: str) -> tuple[tuple[str, bool], ...]:
    """The text in pieces, each with whether the GSM alphabet lacks it."""
    runs: list[tuple[str, bool]] = []
    for char in text:
        foreign = not is_gsm7(char)
        if runs and runs[-1][1] is foreign:
            runs[-1] = (runs[-1][0] + char, foreign)
        else:
            runs.append((char, foreign))
    return tuple(runs)
