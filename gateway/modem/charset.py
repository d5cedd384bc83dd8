"""Texts of a modem in the character set that it was told to use (27.007 5.5), and what firmware makes of that."""

from __future__ import annotations

import re

from gateway.errors import PduError
from gateway.pdu.alphabet import decode_gsm7, decode_ucs2

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_HIGH_OCTETS = re.compile(r"(?:\\x[89a-f][0-9a-f])+")
MAX_SCRIPTS = 3
"""High octets that the characters of one text have: more of them is no text that was taken for UCS-2 by mistake."""
_NO_CHARACTER = "\uffff"


def octets_of(text: str) -> bytes | None:
    """The octets of a text that is hex digits in pairs and nothing else, None for any other."""
    return bytes.fromhex(text) if _HEX.fullmatch(text) else None


def ucs2_text(text: str) -> str | None:
    """A text that is given as UCS-2 hex, None when it can hardly be that: `ABCD` is a word, `00410042` is not."""
    octets = octets_of(text)
    if octets is None or len(octets) % 2 or len(octets) < 4:
        return None
    try:
        found = decode_ucs2(octets)
    except PduError:
        return None
    found = found.partition(_NO_CHARACTER)[0]  # what stands behind is what was in the buffer before
    scripts = {ord(char) >> 8 for char in found if ord(char) < 0x10000}
    if text.isdecimal() and scripts != {0}:  # a number whose digits could be of another script
        return None
    shown = bool(found) and all(char.isprintable() or char in "\r\n" for char in found)
    return found if shown and len(scripts) <= MAX_SCRIPTS and min(scripts) < 0x30 else None


def plain_text(text: str, charset: str) -> str:
    """What stands in quotes, as the character set says: with "GSM" each octet is a septet of the default alphabet.

    Octets from 80 on, which no such set has, are UTF-8 or Latin-1.
    """
    return "".join(
        _of_high(piece) if piece.startswith("\\x") and _HIGH_OCTETS.fullmatch(piece) else _of_low(piece, charset)
        for piece in re.split(r"((?:\\x[89a-f][0-9a-f])+)", text)
    )


def decode(text: str, charset: str) -> str:
    """A name or number as the modem gives it. UCS-2 hex is seen whatever the set: some ignore what they were told."""
    found = ucs2_text(text)
    if found is None and charset == "UCS2" and (octets := octets_of(text)) is not None and len(octets) % 2 == 0:
        found = decode_ucs2(octets)
    return found if found is not None else plain_text(text, charset)


def _of_high(piece: str) -> str:
    octets = bytes.fromhex(piece.replace("\\x", ""))
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def _of_low(piece: str, charset: str) -> str:
    if charset != "GSM" or not piece.isascii():
        return piece
    return decode_gsm7(piece.encode("ascii"))
