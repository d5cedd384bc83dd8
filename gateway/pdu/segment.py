"""A text or octets to the user data of one or more TPDUs (23.040 9.2.3.24.1)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate, pairwise

from gateway.errors import PduError

from .alphabet import BASIC, Tables, encode_gsm7, encode_ucs2, is_gsm7
from .dcs import Dcs
from .enums import Alphabet, Iei, Language
from .fold import Folding, Replacement, fold
from .graphemes import inside_cluster
from .national import locking_table, tables_of
from .udh import MAX_OCTETS, Concat, InformationElement, Ports, UserData, build_header, header_septets

MAX_PARTS = 255
_CONCAT = (Iei.CONCAT_8, Iei.CONCAT_16)
ENCODED_LANGUAGES = frozenset({Language.TURKISH, Language.SPANISH, Language.PORTUGUESE})
"""Languages whose tables are good enough to send with; the others are only read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmentation:
    """The parts of a content, in order, and the TP-DCS that all of them carry.

    `text` is what the parts say: the text that was given, but for what is `replaced`. None where the content is octets.
    """

    encoding: Alphabet
    dcs: Dcs
    parts: tuple[UserData, ...]
    text: str | None = None
    replaced: tuple[Replacement, ...] = ()
    locking_shift: Language = Language.DEFAULT
    single_shift: Language = Language.DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class _Writing:
    """One way to write a text: its alphabet and shifts, and what had to be replaced."""

    text: str
    alphabet: Alphabet
    replaced: tuple[Replacement, ...] = ()
    locking: Language = Language.DEFAULT
    single: Language = Language.DEFAULT
    tables: Tables = BASIC
    header: tuple[InformationElement, ...] = ()


def segment(
    content: str | bytes,
    *,
    encoding: Alphabet | None = None,
    message_class: int | None = None,
    ports: Ports | None = None,
    ref: int = 0,
    wide: bool = False,
    languages: Sequence[Language] = (),
    locking: bool = False,
    folding: Folding = Folding.NONE,
) -> Segmentation:
    """The parts that carry `content`.

    A text goes as GSM7 where that has all of it, else as UCS2, unless `encoding` says which; octets go as 8-bit data. A
    single part has no concatenation element; more have one with the low 8 (`wide`: 16) bits of `ref`. Escapes and
    surrogate pairs are never cut, grapheme clusters only where keeping them whole would take another part.

    A text that the default alphabet lacks a character of may be kept in GSM7, first by the single shift (and with
    `locking` the locking shift) tables of one of `languages`, then by replacing what `folding` allows. Where that is not
    enough the text goes as it is.

    Raises PduError: `not_encodable` with the index of the character, `too_many_segments` above 255 parts, `bad_pdu` for
    an encoding that does not suit the content, ports that do not fit or a language that is only read.
    """
    fixed = (ports.element(),) if ports else ()
    if isinstance(content, bytes):
        if encoding not in (None, Alphabet.DATA):
            raise PduError("octets go as 8-bit data only")
        lone, room = _capacities(Alphabet.DATA, fixed, wide)
        pieces = [content] if len(content) <= lone else _split_octets(content, room)
        parts = _parts(Alphabet.DATA, pieces, fixed, ref, wide)
        return Segmentation(encoding=Alphabet.DATA, dcs=Dcs.build(Alphabet.DATA, message_class), parts=parts)
    if encoding is Alphabet.DATA:
        raise PduError("a text goes as gsm7 or ucs2")
    ways = _ways(content, encoding, languages, locking, folding)
    # Fewer replacements come before fewer parts. One way needs no comparison.
    writing = ways[0] if len(ways) == 1 else min(ways, key=lambda way: (len(way.replaced), _cost(way, fixed, wide)))
    parts = _parts(writing.alphabet, _split(writing, fixed, wide), (*writing.header, *fixed), ref, wide)
    return Segmentation(
        encoding=writing.alphabet,
        dcs=Dcs.build(writing.alphabet, message_class),
        parts=parts,
        text=writing.text,
        replaced=writing.replaced,
        locking_shift=writing.locking,
        single_shift=writing.single,
    )


def _parts(
    alphabet: Alphabet, pieces: list[bytes], header: tuple[InformationElement, ...], ref: int, wide: bool
) -> tuple[UserData, ...]:
    total = len(pieces)
    if total > MAX_PARTS:
        raise PduError(f"{total} parts, at most {MAX_PARTS} are possible", offset=MAX_PARTS, code="too_many_segments")
    if total == 1:
        return (UserData(alphabet=alphabet, payload=pieces[0], header=header),)
    return tuple(
        UserData(alphabet=alphabet, payload=piece, header=(_concat(ref, total, seq, wide), *header))
        for seq, piece in enumerate(pieces, 1)
    )


# the alphabet -------------------------------------------------------------------------------------------------------


def _ways(
    text: str, encoding: Alphabet | None, languages: Sequence[Language], locking: bool, folding: Folding
) -> list[_Writing]:
    """The first of: as it is in the default alphabet, with a language's tables, with replacements, UCS2."""
    if encoding is not Alphabet.UCS2 and not is_gsm7(text):
        tries = [_Writing(text=text, alphabet=Alphabet.GSM7), *_national(text, languages, locking)]
        exact = [way for way in tries[1:] if is_gsm7(text, way.tables)]
        if ways := exact or [way for each in tries if (way := _folded(each, folding))]:
            return ways
        encoding = encoding or Alphabet.UCS2
    return [_Writing(text=text, alphabet=encoding or Alphabet.GSM7)]


def _national(text: str, languages: Sequence[Language], locking: bool) -> list[_Writing]:
    ways = []
    for language in languages:
        if language not in ENCODED_LANGUAGES:
            raise PduError(f"texts are not written with the tables of language {language}")
        shifts = [(Language.DEFAULT, language)]
        if locking and locking_table(language):
            shifts += [(language, Language.DEFAULT), (language, language)]
        ways += [_shifted(text, *shift) for shift in shifts]
    return ways


def _shifted(text: str, locking: Language, single: Language) -> _Writing:
    elements = ((Iei.NATIONAL_SINGLE_SHIFT, single), (Iei.NATIONAL_LOCKING_SHIFT, locking))
    return _Writing(
        text=text,
        alphabet=Alphabet.GSM7,
        locking=locking,
        single=single,
        tables=tables_of(locking, single),
        header=tuple(InformationElement(iei=iei, data=bytes((language,))) for iei, language in elements if language),
    )


def _folded(way: _Writing, folding: Folding) -> _Writing | None:
    if not folding:
        return None
    text, replaced = fold(way.text, folding, way.tables.encoding)
    return replace(way, text=text, replaced=replaced) if is_gsm7(text, way.tables) else None


def _cost(way: _Writing, fixed: tuple[InformationElement, ...], wide: bool) -> tuple[int, int]:
    """Parts, and septets with those of the shifts' own header."""
    pieces = _split(way, fixed, wide)
    return len(pieces), sum(map(len, pieces)) + header_septets(len(build_header(way.header)))[0]


# the cuts -----------------------------------------------------------------------------------------------------------


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


def _capacity(encoding: Alphabet, header: tuple[InformationElement, ...]) -> int:
    """Units (septets, UTF-16 units, octets) that fit beside a header."""
    octets = len(build_header(header))
    if encoding is Alphabet.GSM7:
        return MAX_OCTETS * 8 // 7 - header_septets(octets)[0]
    return (MAX_OCTETS - octets) // (2 if encoding is Alphabet.UCS2 else 1)


@lru_cache(maxsize=256)
def _capacities(encoding: Alphabet, header: tuple[InformationElement, ...], wide: bool) -> tuple[int, int]:
    """Units in a lone part, and in one of several."""
    return _capacity(encoding, header), _capacity(encoding, (_concat(0, 1, 1, wide), *header))


def _split(writing: _Writing, fixed: tuple[InformationElement, ...], wide: bool) -> list[bytes]:
    """The payload of each part; an empty text is one empty part."""
    text, tables = writing.text, writing.tables
    lone, room = _capacities(writing.alphabet, (*writing.header, *fixed), wide)
    if writing.alphabet is Alphabet.GSM7:
        encoded, size = encode_gsm7(text, tables), 1
    else:
        encoded, size = encode_ucs2(text), 2
    if len(encoded) <= lone * size:
        return [encoded]
    # Unit at which each character starts. Cuts fall between characters, so no escape or pair is ever split.
    if writing.alphabet is Alphabet.GSM7:
        widths = [len(tables.encoding[ord(char)]) for char in text]
    else:
        widths = [2 if char > "\uffff" else 1 for char in text]
    starts = list(accumulate(widths, initial=0))
    cuts = _cuts(starts, room)
    if not text.isascii() or "\r\n" in text:
        kept = _cuts(starts, room, text)
        cuts = kept if len(kept) == len(cuts) else cuts
    bounds = [starts[cut] * size for cut in cuts]
    return [encoded[start:stop] for start, stop in pairwise(bounds)]


def _split_octets(content: bytes, room: int) -> list[bytes]:
    return [content[start : start + room] for start in range(0, len(content), room)]


def _cuts(starts: list[int], room: int, text: str | None = None) -> list[int]:
    """Characters at which parts begin, and the end. With `text`, cuts move back to the start of a grapheme cluster."""
    cuts = [0]
    last = len(starts) - 1
    while cuts[-1] < last:
        cut = bisect_right(starts, starts[cuts[-1]] + room) - 1
        if text is not None and cut < last:
            start = cut
            while start > cuts[-1] and inside_cluster(text, start, cuts[-1]):
                start -= 1
            cut = start if start > cuts[-1] else cut  # a cluster longer than a part is cut where the part ends
        cuts.append(cut)
    return cuts
