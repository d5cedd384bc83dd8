"""A text or octets to the user data of one or more TPDUs, and back (23.040 9.2.3.24.1)."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby, pairwise

from gateway.errors import PduError

from .alphabet import BASIC, decode_gsm7, decode_ucs2, encode_gsm7, encode_ucs2, is_gsm7
from .dcs import Dcs
from .enums import Alphabet, Iei
from .udh import MAX_OCTETS, Concat, InformationElement, Ports, UserData, build_header, header_septets

MAX_PARTS = 255
_CONCAT = (Iei.CONCAT_8, Iei.CONCAT_16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a message says: `text`, or `data` where it is octets. The other one is None."""

    text: str | None
    data: bytes | None
    encoding: Alphabet


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmentation:
    """The parts of a content, in order, and the TP-DCS that all of them carry."""

    encoding: Alphabet
    dcs: Dcs
    parts: tuple[UserData, ...]


# join ---------------------------------------------------------------------------------------------------------------

_DECODERS: Mapping[Alphabet, Callable[[bytes], str]] = {
    Alphabet.GSM7: decode_gsm7,
    Alphabet.UCS2: decode_ucs2,
    Alphabet.DATA: lambda octets: octets.decode("latin-1"),
}


def join(parts: Sequence[UserData]) -> Content:
    """The content of parts given in order; PduError when there are none or a septet has eight bits.

    Neighbours of one alphabet are put together before they are decoded, so that an escape or a surrogate pair cut by
    the sender survives. Octets among text are shown as Latin-1; all octets are `data`.
    """
    if not parts:
        raise PduError("there are no parts to join")
    runs = [(key, b"".join(part.payload for part in run)) for key, run in groupby(parts, lambda part: part.alphabet)]
    if len(runs) == 1 and runs[0][0] is Alphabet.DATA:
        return Content(text=None, data=runs[0][1], encoding=Alphabet.DATA)
    text = "".join(_DECODERS[alphabet](payload) for alphabet, payload in runs)
    # Where the parts differ, the text as a whole is of the alphabet that has all of it.
    encoding = runs[0][0] if len(runs) == 1 else Alphabet.UCS2
    return Content(text=text, data=None, encoding=encoding)


# segment ------------------------------------------------------------------------------------------------------------


def segment(
    content: str | bytes,
    *,
    encoding: Alphabet | None = None,
    message_class: int | None = None,
    ports: Ports | None = None,
    ref: int = 0,
    wide: bool = False,
) -> Segmentation:
    """The parts that carry `content`.

    A text goes as GSM7 where that has all of it, else as UCS2, unless `encoding` says which; octets go as 8-bit data. A
    single part has no concatenation element; more have one with the low 8 (`wide`: 16) bits of `ref`. Escapes and
    surrogate pairs are never cut, grapheme clusters only where keeping them whole would take another part.

    Raises PduError: `not_encodable` with the index of the character, `too_many_segments` above 255 parts, `bad_pdu` for
    an encoding that does not suit the content or ports that do not fit.
    """
    encoding = _choose(content, encoding)
    header = (ports.element(),) if ports else ()
    pieces = _split(content, encoding, header, wide)
    if len(pieces) > MAX_PARTS:
        raise PduError(
            f"{len(pieces)} parts, at most {MAX_PARTS} are possible", offset=MAX_PARTS, code="too_many_segments"
        )
    parts: tuple[UserData, ...] = tuple(UserData(alphabet=encoding, payload=piece, header=header) for piece in pieces)
    if len(parts) > 1:
        parts = tuple(
            replace(part, header=(_concat(ref, len(parts), seq, wide), *header)) for seq, part in enumerate(parts, 1)
        )
    return Segmentation(encoding=encoding, dcs=Dcs.build(encoding, message_class), parts=parts)


def with_reference(parts: tuple[UserData, ...], ref: int) -> tuple[UserData, ...]:
    """The same parts under another concatenation reference (its low bits, as many as the parts have room for)."""
    return tuple(
        replace(part, header=tuple(_referenced(element, ref) for element in part.header)) if part.concat else part
        for part in parts
    )


def _referenced(element: InformationElement, ref: int) -> InformationElement:
    if element.iei not in _CONCAT or len(element.data) < 3:
        return element
    size = len(element.data) - 2
    return replace(element, data=(ref & (1 << 8 * size) - 1).to_bytes(size, "big") + element.data[size:])


def _concat(ref: int, total: int, seq: int, wide: bool) -> InformationElement:
    return Concat(ref=ref & (0xFFFF if wide else 0xFF), total=total, seq=seq, wide=wide).element()


def _choose(content: str | bytes, encoding: Alphabet | None) -> Alphabet:
    if isinstance(content, bytes):
        if encoding in (None, Alphabet.DATA):
            return Alphabet.DATA
        raise PduError("octets go as 8-bit data only")
    if encoding is Alphabet.DATA:
        raise PduError("a text goes as gsm7 or ucs2")
    return encoding or (Alphabet.GSM7 if is_gsm7(content) else Alphabet.UCS2)


def _capacity(encoding: Alphabet, header: tuple[InformationElement, ...]) -> int:
    """Units (septets, UTF-16 units, octets) that fit beside a header."""
    octets = len(build_header(header))
    if encoding is Alphabet.GSM7:
        return MAX_OCTETS * 8 // 7 - header_septets(octets)[0]
    return (MAX_OCTETS - octets) // (2 if encoding is Alphabet.UCS2 else 1)


def _capacities(encoding: Alphabet, header: tuple[InformationElement, ...], wide: bool) -> tuple[int, int]:
    """Units in a lone part, and in one of several."""
    return _capacity(encoding, header), _capacity(encoding, (_concat(0, 1, 1, wide), *header))


def _split(content: str | bytes, encoding: Alphabet, header: tuple[InformationElement, ...], wide: bool) -> list[bytes]:
    """The payload of each part; empty content is one empty part."""
    lone, room = _capacities(encoding, header, wide)
    if isinstance(content, bytes):
        return [content] if len(content) <= lone else _split_octets(content, room)
    encoded = encode_gsm7(content) if encoding is Alphabet.GSM7 else encode_ucs2(content)
    size = 1 if encoding is Alphabet.GSM7 else 2
    return [encoded] if len(encoded) <= lone * size else _split_text(content, encoding, encoded, room)


def _split_octets(content: bytes, room: int) -> list[bytes]:
    return [content[start : start + room] for start in range(0, len(content), room)]


def _split_text(text: str, encoding: Alphabet, encoded: bytes, room: int) -> list[bytes]:
    # Unit at which each character starts. Cuts fall between characters, so no escape or pair is ever split.
    if encoding is Alphabet.GSM7:
        size, widths = 1, (len(BASIC.encoding[ord(char)]) for char in text)
    else:
        size, widths = 2, (2 if char > "\uffff" else 1 for char in text)
    starts = list(accumulate(widths, initial=0))
    cuts = _cuts(starts, room)
    if not text.isascii() or "\r\n" in text:
        kept = _cuts(starts, room, text)
        cuts = kept if len(kept) == len(cuts) else cuts
    bounds = [starts[cut] * size for cut in cuts]
    return [encoded[start:stop] for start, stop in pairwise(bounds)]


def _cuts(starts: list[int], room: int, text: str | None = None) -> list[int]:
    """Characters at which parts begin, and the end. With `text`, cuts move back to the start of a grapheme cluster."""
    cuts = [0]
    last = len(starts) - 1
    while cuts[-1] < last:
        cut = bisect_right(starts, starts[cuts[-1]] + room) - 1
        if text is not None and cut < last:
            start = cut
            while start > cuts[-1] and _inside_cluster(text, start, cuts[-1]):
                start -= 1
            cut = start if start > cuts[-1] else cut  # a cluster longer than a part is cut where the part ends
        cuts.append(cut)
    return cuts


_ZWJ = "\u200d"
_MARKS = frozenset(("Mn", "Mc", "Me"))
_EXTENDING = (
    ("\u1160", "\u11ff"),  # Hangul vowels and finals, where syllables are spelt out
    ("\U0001f3fb", "\U0001f3ff"),  # skin tones
    ("\U000e0020", "\U000e007f"),  # tags of regional flags
)


def _inside_cluster(text: str, index: int, floor: int) -> bool:
    """Whether a cut before `text[index]` would fall inside what people see as one character.

    The rules of UAX #29 that matter, looked up from `floor` on.
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
