"""Cell-broadcast pages (23.041 9.4): the 88 octets of GSM and, for decoding, the message of UMTS with all pages in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.errors import PduError

from .alphabet import encode_gsm7, encode_ucs2, is_gsm7
from .cbs_dcs import CbsDcs
from .enums import Alphabet
from .reader import OctetReader
from .septets import pack
from .ussd import DCS_GSM7, DCS_UCS2, CbsText, decode_ussd

PAGE_OCTETS = 88
CONTENT_OCTETS = 82
MAX_PAGES = 15
UMTS_CBS_MESSAGE = 1  # message type (9.4.2.2.1)
_CR_SEPTET, _CR_UNIT = b"\x0d", b"\x00\x0d"  # what fills a page


@dataclass(frozen=True, slots=True, kw_only=True)
class Serial:
    """The serial number (9.4.1.2.1): where the message holds, which one it is, and which edition of it."""

    scope: int = 0  # 0 cell (immediate display), 1 PLMN, 2 location area, 3 cell
    code: int
    update: int = 0

    @classmethod
    def of(cls, number: int) -> Serial:
        """Out of its 16 bits."""
        return cls(scope=number >> 14, code=number >> 4 & 0x3FF, update=number & 0x0F)

    @property
    def number(self) -> int:
        """Its 16 bits. PduError when a field does not fit."""
        if not (0 <= self.scope <= 3 and 0 <= self.code <= 0x3FF and 0 <= self.update <= 0x0F):
            raise PduError(f"no serial number: scope {self.scope}, code {self.code}, update {self.update}")
        return self.scope << 14 | self.code << 4 | self.update


@dataclass(frozen=True, slots=True, kw_only=True)
class CbsPage:
    """One page as it came. `content` has the filling still; `read` takes it off."""

    serial: Serial
    message_id: int
    dcs: CbsDcs
    content: bytes
    page: int = 1
    pages: int = 1

    def read(self) -> CbsText:
        """What the page says, without the carriage returns that fill it. PduError as for `decode_ussd`."""
        got = decode_ussd(self.content, self.dcs.octet)
        text = None if got.text is None else got.text.rstrip("\r")
        return CbsText(text=text, data=got.data, language=got.language, encoding=got.encoding, header=got.header)


def decode_page(octets: bytes) -> CbsPage:
    """A page of the GSM format (9.4.1.2); it may be shorter than 88 octets. PduError when the header is not whole."""
    reader = OctetReader(octets[:PAGE_OCTETS])
    serial = Serial.of(int.from_bytes(reader.take(2, "serial number"), "big"))
    message_id = int.from_bytes(reader.take(2, "message identifier"), "big")
    dcs = CbsDcs(octet=reader.octet("data coding scheme"))
    parameter = reader.octet("page parameter")
    page, pages = parameter >> 4, parameter & 0x0F
    if not 1 <= page <= pages:  # 9.4.1.2.4: anything else is read as one page of one
        page = pages = 1
    return CbsPage(serial=serial, message_id=message_id, dcs=dcs, page=page, pages=pages, content=reader.rest())


def decode_message(octets: bytes) -> tuple[CbsPage, ...]:
    """The pages of a message of the UMTS format (9.4.2.2). PduError for another type or when octets are missing."""
    reader = OctetReader(octets)
    if (kind := reader.octet("message type")) != UMTS_CBS_MESSAGE:
        raise PduError(f"no CBS message of type {kind} is read", offset=0)
    message_id = int.from_bytes(reader.take(2, "message identifier"), "big")
    serial = Serial.of(int.from_bytes(reader.take(2, "serial number"), "big"))
    dcs = CbsDcs(octet=reader.octet("data coding scheme"))
    start = reader.pos
    pages = reader.octet("number of pages")
    if not 1 <= pages <= MAX_PAGES:
        raise PduError(f"a message has 1 to {MAX_PAGES} pages, not {pages}", offset=start)
    found = []
    for page in range(1, pages + 1):
        content = reader.take(CONTENT_OCTETS, f"page {page}")
        length = min(reader.octet(f"length of page {page}"), CONTENT_OCTETS)
        found.append(
            CbsPage(serial=serial, message_id=message_id, dcs=dcs, page=page, pages=pages, content=content[:length])
        )
    return tuple(found)


def encode_page(page: CbsPage) -> bytes:
    """The octets of the GSM format. PduError when a field does not fit; content that is short is filled with zeros."""
    if not 1 <= page.page <= page.pages <= MAX_PAGES:
        raise PduError(f"no page {page.page} of {page.pages}, at most {MAX_PAGES} are possible")
    if not 0 <= page.message_id <= 0xFFFF:
        raise PduError(f"a message identifier has 16 bits, not {page.message_id}")
    if len(page.content) > CONTENT_OCTETS:
        raise PduError(f"a page of {len(page.content)} octets, at most {CONTENT_OCTETS} fit", offset=CONTENT_OCTETS)
    head = page.serial.number.to_bytes(2, "big") + page.message_id.to_bytes(2, "big")
    return head + bytes((page.dcs.octet, page.page << 4 | page.pages)) + page.content.ljust(CONTENT_OCTETS, b"\0")


def pages_of(text: str, *, serial: Serial, message_id: int, dcs: int | None = None) -> tuple[CbsPage, ...]:
    """The pages that carry a text, filled with carriage returns: in the default alphabet where that has all of it.

    `dcs`: a coding without language prefix or header, such as one of group 0000, which names the language. PduError for
    one that cannot carry a text, a text that needs more than 15 pages, or `not_encodable`.
    """
    coding = CbsDcs(octet=dcs if dcs is not None else DCS_GSM7 if is_gsm7(text) else DCS_UCS2)
    if coding.has_header or coding.prefix.value != "none" or coding.alphabet is Alphabet.DATA:
        raise PduError(f"no plain text is written under data coding scheme {coding.octet:#04x}")
    contents = _gsm7_contents(text) if coding.alphabet is Alphabet.GSM7 else _ucs2_contents(text)
    if len(contents) > MAX_PAGES:
        raise PduError(f"{len(contents)} pages, at most {MAX_PAGES} are possible", offset=MAX_PAGES)
    return tuple(
        CbsPage(serial=serial, message_id=message_id, dcs=coding, page=number, pages=len(contents), content=content)
        for number, content in enumerate(contents, 1)
    )


def _gsm7_contents(text: str) -> list[bytes]:
    room = CONTENT_OCTETS * 8 // 7
    return [pack(piece.ljust(room, _CR_SEPTET)) for piece in _pieces([encode_gsm7(char) for char in text], room)]


def _ucs2_contents(text: str) -> list[bytes]:
    pieces = _pieces([encode_ucs2(char) for char in text], CONTENT_OCTETS)
    return [piece + _CR_UNIT * ((CONTENT_OCTETS - len(piece)) // 2) for piece in pieces]


def _pieces(characters: Sequence[bytes], room: int) -> list[bytes]:
    """Whole characters, as many as there is room for; an empty text is one empty piece."""
    pieces = [b""]
    for character in characters:
        if len(pieces[-1]) + len(character) > room:
            pieces.append(b"")
        pieces[-1] += character
    return pieces
