"""The data coding scheme of USSD and cell broadcast (23.038 5), which is not the one of short messages."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gateway.errors import PduError

from .enums import Alphabet


class LanguagePrefix(Enum):
    """How the text itself starts with its language."""

    NONE = "none"
    GSM7 = "gsm7"  # two letters and a carriage return, as septets
    UCS2 = "ucs2"  # two letters as septets packed in two octets


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meaning:
    alphabet: Alphabet = Alphabet.GSM7
    language: str | None = None
    prefix: LanguagePrefix = LanguagePrefix.NONE
    message_class: int | None = None
    compressed: bool = False
    has_header: bool = False
    reserved: bool = False


# ISO 639 by the low bits of groups 0000 and 0010; the last of the first group is "unspecified".
_LANGUAGES = ("de", "en", "it", "fr", "es", "nl", "sv", "da", "pt", "fi", "no", "el", "tr", "hu", "pl", None)
_MORE_LANGUAGES = ("cs", "he", "ar", "ru", "is")
_ALPHABETS = (Alphabet.GSM7, Alphabet.DATA, Alphabet.UCS2, Alphabet.GSM7)


def _meaning(octet: int) -> _Meaning:
    group, low = octet >> 4, octet & 0x0F
    alphabet = _ALPHABETS[low >> 2]
    match group:
        case 0x0:
            return _Meaning(language=_LANGUAGES[low])
        case 0x1 if low == 0:
            return _Meaning(prefix=LanguagePrefix.GSM7)
        case 0x1 if low == 1:
            return _Meaning(alphabet=Alphabet.UCS2, prefix=LanguagePrefix.UCS2)
        case 0x2 if low < len(_MORE_LANGUAGES):
            return _Meaning(language=_MORE_LANGUAGES[low])
        case 0x4 | 0x5 | 0x6 | 0x7:
            return _Meaning(
                alphabet=alphabet,
                message_class=low & 3 if group & 1 else None,
                compressed=bool(group & 2),
                reserved=low >> 2 == 3,
            )
        case 0x9:
            return _Meaning(alphabet=alphabet, message_class=low & 3, has_header=True, reserved=low >> 2 == 3)
        case 0xF:
            return _Meaning(alphabet=Alphabet.DATA if low & 4 else Alphabet.GSM7, message_class=low & 3)
        case 0xD | 0xE:  # I1 protocol (24.294), WAP Forum: not text of ours
            return _Meaning(alphabet=Alphabet.DATA, reserved=True)
        case _:
            return _Meaning(reserved=True)  # read as the default alphabet


_MEANINGS = tuple(map(_meaning, range(256)))


@dataclass(frozen=True, slots=True, kw_only=True)
class CbsDcs:
    """The octet as it came, with what it means."""

    octet: int

    def __post_init__(self) -> None:
        if not 0 <= self.octet <= 0xFF:
            raise PduError(f"a data coding scheme is one octet, not {self.octet}")

    @property
    def alphabet(self) -> Alphabet:
        """The alphabet of the text; octets where it is compressed."""
        meaning = _MEANINGS[self.octet]
        return Alphabet.DATA if meaning.compressed else meaning.alphabet

    @property
    def language(self) -> str | None:
        """ISO 639 code of the language that the octet itself names."""
        return _MEANINGS[self.octet].language

    @property
    def prefix(self) -> LanguagePrefix:
        """How the text starts with its language, if it does."""
        return _MEANINGS[self.octet].prefix

    @property
    def message_class(self) -> int | None:
        """0 flash, 1 ME, 2 SIM, 3 TE (for USSD user-defined: 1, 2), None when there is none."""
        return _MEANINGS[self.octet].message_class

    @property
    def compressed(self) -> bool:
        """Compressed by 23.042; not undone here."""
        return _MEANINGS[self.octet].compressed

    @property
    def has_header(self) -> bool:
        """A user data header comes first (group 1001)."""
        return _MEANINGS[self.octet].has_header

    @property
    def reserved(self) -> bool:
        """A reserved coding, read as the default alphabet, or one of other bodies, read as octets."""
        return _MEANINGS[self.octet].reserved
