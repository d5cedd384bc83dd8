"""TP-DCS, the data coding scheme (23.038 4): all sixteen groups as one table of 256 meanings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

from gateway.errors import PduError

from .enums import Alphabet


class Indication(IntEnum):
    """What waits (23.038 4, message waiting groups)."""

    VOICEMAIL = 0
    FAX = 1
    EMAIL = 2
    OTHER = 3


class DcsGroup(Enum):
    """The coding groups, by bits 7 to 4."""

    GENERAL = "general"
    AUTOMATIC_DELETION = "automatic-deletion"
    RESERVED = "reserved"
    WAITING_DISCARD = "waiting-discard"
    WAITING_STORE = "waiting-store"
    WAITING_STORE_UCS2 = "waiting-store-ucs2"
    CODING_CLASS = "coding-class"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageWaiting:
    """A message-waiting indication: set or cleared, for what, and whether the text itself is to be kept."""

    active: bool
    indication: Indication
    store: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meaning:
    group: DcsGroup
    alphabet: Alphabet = Alphabet.GSM7
    message_class: int | None = None
    compressed: bool = False
    automatic_deletion: bool = False
    reserved: bool = False
    message_waiting: MessageWaiting | None = None


# Bits 3-2 of the general groups; 11 is reserved, and what is reserved is read as the default alphabet.
_ALPHABETS = (Alphabet.GSM7, Alphabet.DATA, Alphabet.UCS2, Alphabet.GSM7)


def _general(octet: int) -> _Meaning:
    return _Meaning(
        group=DcsGroup.AUTOMATIC_DELETION if octet & 0x40 else DcsGroup.GENERAL,
        alphabet=_ALPHABETS[octet >> 2 & 3],
        message_class=octet & 3 if octet & 0x10 else None,
        compressed=bool(octet & 0x20),
        automatic_deletion=bool(octet & 0x40),
        reserved=octet >> 2 & 3 == 3,
    )


def _reserved(octet: int) -> _Meaning:
    return _Meaning(group=DcsGroup.RESERVED, reserved=True)


_WAITING = {0xC: DcsGroup.WAITING_DISCARD, 0xD: DcsGroup.WAITING_STORE, 0xE: DcsGroup.WAITING_STORE_UCS2}


def _waiting(octet: int) -> _Meaning:
    group = _WAITING[octet >> 4]
    return _Meaning(
        group=group,
        alphabet=Alphabet.UCS2 if group is DcsGroup.WAITING_STORE_UCS2 else Alphabet.GSM7,
        message_waiting=MessageWaiting(
            active=bool(octet & 8), indication=Indication(octet & 3), store=group is not DcsGroup.WAITING_DISCARD
        ),
    )


def _class(octet: int) -> _Meaning:
    return _Meaning(
        group=DcsGroup.CODING_CLASS, alphabet=Alphabet.DATA if octet & 4 else Alphabet.GSM7, message_class=octet & 3
    )


_GROUPS = (*(_general,) * 8, *(_reserved,) * 4, *(_waiting,) * 3, _class)
_MEANINGS = tuple(_GROUPS[octet >> 4](octet) for octet in range(256))
_WAITING_GROUPS = {(False, Alphabet.GSM7): 0xC0, (True, Alphabet.GSM7): 0xD0, (True, Alphabet.UCS2): 0xE0}
_CODES = {Alphabet.GSM7: 0x00, Alphabet.DATA: 0x04, Alphabet.UCS2: 0x08}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dcs:
    """The octet as it came, with what it means."""

    octet: int

    def __post_init__(self) -> None:
        if not 0 <= self.octet <= 0xFF:
            raise PduError(f"TP-DCS is one octet, not {self.octet}")

    @classmethod
    def build(cls, alphabet: Alphabet, message_class: int | None = None) -> Dcs:
        """The general-group octet for an alphabet and a class (0 flash, 1 ME, 2 SIM, 3 TE). PduError for another class."""
        octet = _CODES[alphabet]
        if message_class is None:
            return cls(octet=octet)
        if not 0 <= message_class <= 3:
            raise PduError(f"a message class is 0 to 3, not {message_class}")
        return cls(octet=octet | 0x10 | message_class)

    @classmethod
    def waiting(cls, waiting: MessageWaiting, alphabet: Alphabet = Alphabet.GSM7) -> Dcs:
        """The octet for a message-waiting indication. PduError where no group has it: UCS2 text is always stored."""
        group = _WAITING_GROUPS.get((waiting.store, alphabet))
        if group is None:
            raise PduError(f"no message-waiting group is {alphabet.value}, {'kept' if waiting.store else 'discarded'}")
        return cls(octet=group | (8 if waiting.active else 0) | waiting.indication)

    @property
    def group(self) -> DcsGroup:
        """The coding group."""
        return _MEANINGS[self.octet].group

    @property
    def alphabet(self) -> Alphabet:
        """The alphabet of the text, before any compression."""
        return _MEANINGS[self.octet].alphabet

    @property
    def user_data_alphabet(self) -> Alphabet:
        """How TP-UD is counted and laid out: compressed text is octets that we keep as they are (23.040 9.2.3.16)."""
        meaning = _MEANINGS[self.octet]
        return Alphabet.DATA if meaning.compressed else meaning.alphabet

    @property
    def message_class(self) -> int | None:
        """0 flash, 1 ME, 2 SIM, 3 TE, None when there is none."""
        return _MEANINGS[self.octet].message_class

    @property
    def compressed(self) -> bool:
        """Compressed by 23.042; not undone here."""
        return _MEANINGS[self.octet].compressed

    @property
    def automatic_deletion(self) -> bool:
        """The message may be deleted once read."""
        return _MEANINGS[self.octet].automatic_deletion

    @property
    def reserved(self) -> bool:
        """A reserved coding, read as the default alphabet."""
        return _MEANINGS[self.octet].reserved

    @property
    def message_waiting(self) -> MessageWaiting | None:
        """The indication of groups C, D and E."""
        return _MEANINGS[self.octet].message_waiting
