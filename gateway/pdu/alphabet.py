"""Characters and septets: the GSM 7-bit default alphabet with its extension table, and UCS-2 (23.038 6.2).

Septets are handled one per byte. A `Tables` pairs what the septets mean; those of the national languages are made in
`national.py`.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.errors import PduError

from .enums import Alphabet

ESCAPE = 0x1B
_ESCAPE = bytes((ESCAPE,))
GAP = "\uffff"  # in a locking table: nothing is defined for the septet; it shows as a space

# 23.038 6.2.1, sixteen a row. The escape has no character of its own: where nothing follows it, it shows as a space.
DEFAULT = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ ÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)

# 23.038 6.2.1.1. The second escape is reserved for yet another table and shows as a space.
EXTENSION: Mapping[int, str] = {
    0x0A: "\f",
    0x14: "^",
    ESCAPE: " ",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """A locking shift and a single shift table, made ready for both ways."""

    locking: str  # 128 characters
    shifted: str  # what a septet means after the escape; the locking table's character where nothing is defined
    encoding: Mapping[int, bytes]  # code point → one septet or escape + septet
    characters: frozenset[str]  # what can be encoded

    @classmethod
    def of(cls, locking: str, single: Mapping[int, str]) -> Tables:
        """Tables out of 128 characters (`GAP` where there is none) and the septets that mean something after an escape."""
        # A character of both tables takes the shorter way, a repeated one its first place.
        encoding = {ord(char): bytes((ESCAPE, septet)) for septet, char in single.items() if septet != ESCAPE}
        for septet in range(127, -1, -1):
            if septet != ESCAPE and locking[septet] != GAP:
                encoding[ord(locking[septet])] = bytes((septet,))
        locking = locking.replace(GAP, " ")
        # 23.038 6.2.1.1: an undefined code after the escape shows the character of the main table.
        shifted = "".join(single.get(septet, char) for septet, char in enumerate(locking))
        return cls(locking=locking, shifted=shifted, encoding=encoding, characters=frozenset(map(chr, encoding)))


BASIC = Tables.of(DEFAULT, EXTENSION)


def encode_gsm7(text: str, tables: Tables = BASIC) -> bytes:
    """Text to septets. PduError `not_encodable` with the index of the first character that the tables lack."""
    try:
        return codecs.charmap_encode(text, "strict", tables.encoding)[0]
    except UnicodeEncodeError as error:
        raise _not_encodable(text, error.start, Alphabet.GSM7) from error


def decode_gsm7(septets: bytes, tables: Tables = BASIC) -> str:
    """Septets to text; every sequence of septets has one. PduError on a byte that is no septet."""
    try:
        if ESCAPE not in septets:
            return _lookup(septets, tables.locking)
        plain, *rest = septets.split(_ESCAPE)
        text = [_lookup(plain, tables.locking)]
        pending = False  # the escape before this one stands right in front of it
        for piece in rest:
            if pending:
                text += (tables.shifted[ESCAPE], _lookup(piece, tables.locking))
                pending = False
            elif piece:
                text += (_lookup(piece[:1], tables.shifted), _lookup(piece[1:], tables.locking))
            else:
                pending = True
        if pending:
            text.append(tables.locking[ESCAPE])
        return "".join(text)
    except UnicodeDecodeError as error:
        raise PduError("a septet has seven bits", offset=error.start) from error


def _lookup(septets: bytes, table: str) -> str:
    return codecs.charmap_decode(septets, "strict", table)[0]


def encode_ucs2(text: str) -> bytes:
    """Text to UTF-16BE. PduError `not_encodable` with the index of the first lone surrogate."""
    try:
        return text.encode("utf-16-be")
    except UnicodeEncodeError as error:
        raise _not_encodable(text, error.start, Alphabet.UCS2) from error


def decode_ucs2(octets: bytes) -> str:
    """UTF-16BE to text; a lone surrogate or a left-over octet becomes U+FFFD."""
    return octets.decode("utf-16-be", "replace")


def is_gsm7(text: str, tables: Tables = BASIC) -> bool:
    """Whether the tables, those of the default alphabet unless others are given, have all the characters."""
    return tables.characters.issuperset(text)


def _not_encodable(text: str, index: int, alphabet: Alphabet) -> PduError:
    return PduError(f"{alphabet.value} has no U+{ord(text[index]):04X}", offset=index, code="not_encodable")
