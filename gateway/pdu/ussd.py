"""What a USSD string or a cell-broadcast page says: octets and a data coding scheme to a text, and back (23.038 5, 6)."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import PduError

from .alphabet import decode_gsm7, decode_ucs2, encode_gsm7, encode_ucs2, is_gsm7
from .cbs_dcs import CbsDcs, LanguagePrefix
from .enums import Alphabet
from .septets import pack, pack_ussd, unpack, unpack_ussd
from .udh import InformationElement, header_septets, parse_header

DCS_GSM7 = 0x0F  # default alphabet, language unspecified
DCS_GSM7_LANGUAGE = 0x10
DCS_UCS2 = 0x48
DCS_UCS2_LANGUAGE = 0x11
MAX_USSD_OCTETS = 160  # 24.080 4.4.3.21


@dataclass(frozen=True, slots=True, kw_only=True)
class CbsText:
    """`text`, or `data` where the coding is octets. `language`: ISO 639, out of the coding or the text itself."""

    text: str | None
    data: bytes | None
    language: str | None
    encoding: Alphabet
    header: tuple[InformationElement, ...] = ()


def decode_ussd(octets: bytes, dcs: int) -> CbsText:
    """A USSD string or the content of a page. PduError when a header or a language runs past the end."""
    coding = CbsDcs(octet=dcs)
    header: tuple[InformationElement, ...] = ()
    used = 0
    if coding.has_header:
        used = octets[0] + 1 if octets else 1
        if used > len(octets):
            raise PduError("the user data header is longer than the content", offset=0)
        header = parse_header(octets[1:used]) or ()
    match coding.alphabet:
        case Alphabet.DATA:
            return CbsText(
                text=None, data=octets[used:], language=coding.language, encoding=Alphabet.DATA, header=header
            )
        case Alphabet.UCS2:
            text, language = _read_ucs2(octets[used:], coding)
        case Alphabet.GSM7:
            fill_bits = header_septets(used)[1]
            text, language = _read_gsm7(unpack_ussd(octets[used:], fill_bits), coding)
    return CbsText(text=text, data=None, language=language, encoding=coding.alphabet, header=header)


def encode_ussd(text: str, *, language: str | None = None) -> tuple[int, bytes]:
    """The data coding scheme and the octets for a text: the default alphabet where that has all of it, else UCS2.

    `language`: two letters that are put in front, as both codings allow. PduError `not_encodable` for a lone surrogate,
    `bad_pdu` for another language or a text that is longer than a USSD string.
    """
    if language is not None and not (len(language) == 2 and language.isascii() and language.isalpha()):
        raise PduError(f"a language is two letters, not {language!r}")
    if is_gsm7(text):
        dcs = DCS_GSM7 if language is None else DCS_GSM7_LANGUAGE
        octets = pack_ussd(encode_gsm7(text if language is None else f"{language}\r{text}"))
    else:
        dcs = DCS_UCS2 if language is None else DCS_UCS2_LANGUAGE
        octets = (b"" if language is None else pack(encode_gsm7(language))) + encode_ucs2(text)
    if len(octets) > MAX_USSD_OCTETS:
        raise PduError(f"a USSD string of {len(octets)} octets, at most {MAX_USSD_OCTETS} fit", offset=MAX_USSD_OCTETS)
    return dcs, octets


def _read_ucs2(octets: bytes, coding: CbsDcs) -> tuple[str, str | None]:
    if coding.prefix is not LanguagePrefix.UCS2:
        return decode_ucs2(octets), coding.language
    if len(octets) < 2:
        raise PduError("the language is missing", offset=0)
    return decode_ucs2(octets[2:]), decode_gsm7(unpack(octets[:2], 2))


def _read_gsm7(septets: bytes, coding: CbsDcs) -> tuple[str, str | None]:
    text = decode_gsm7(septets)
    if coding.prefix is LanguagePrefix.GSM7 and text[2:3] == "\r":
        return text[3:], text[:2]
    return text, coding.language
