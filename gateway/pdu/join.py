"""The user data of a message's parts to what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from gateway.errors import PduError

from .alphabet import BASIC, Tables, decode_gsm7, decode_ucs2
from .enums import Alphabet
from .udh import UserData


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a message says: `text`, or `data` where it is octets. The other one is None."""

    text: str | None
    data: bytes | None
    encoding: Alphabet


def join(parts: Sequence[UserData]) -> Content:
    """The content of parts given in order; PduError when there are none or a septet has eight bits.

    Neighbours of one alphabet (and national language) are put together before they are decoded, so that an escape or a
    surrogate pair cut by the sender survives. Octets among text are shown as Latin-1; all octets are `data`.
    """
    if not parts:
        raise PduError("there are no parts to join")
    if len(parts) == 1:
        return _of_one(*_writing(parts[0]), parts[0].payload)
    runs = [(key, b"".join(part.payload for part in run)) for key, run in groupby(parts, _writing)]
    if len(runs) == 1:
        return _of_one(*runs[0][0], runs[0][1])
    text = "".join(_decode(alphabet, tables, payload) for (alphabet, tables), payload in runs)
    # Where the parts differ, the text as a whole is of the alphabet that has all of it.
    first = runs[0][0][0]
    encoding = first if all(alphabet is first for (alphabet, _), _ in runs[1:]) else Alphabet.UCS2
    return Content(text=text, data=None, encoding=encoding)


def _of_one(alphabet: Alphabet, tables: Tables, payload: bytes) -> Content:
    if alphabet is Alphabet.DATA:
        return Content(text=None, data=payload, encoding=alphabet)
    return Content(text=_decode(alphabet, tables, payload), data=None, encoding=alphabet)


def _writing(part: UserData) -> tuple[Alphabet, Tables]:
    """What it takes to read a part."""
    if part.header and part.alphabet is Alphabet.GSM7:
        return Alphabet.GSM7, part.tables
    return part.alphabet, BASIC


def _decode(alphabet: Alphabet, tables: Tables, payload: bytes) -> str:
    if alphabet is Alphabet.GSM7:
        return decode_gsm7(payload, tables)
    return decode_ucs2(payload) if alphabet is Alphabet.UCS2 else payload.decode("latin-1")
