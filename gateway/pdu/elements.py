"""Information elements by name, and what is in them (23.040 9.2.3.24.2 to 9.2.3.24.16)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from gateway.errors import PduError

from .address import Address, read_address
from .enums import Iei, Language
from .reader import OctetReader
from .udh import InformationElement

_NAMES: Mapping[int, str] = {
    **{iei: iei.name.lower().replace("_", " ") for iei in Iei},
    **dict.fromkeys(range(0x70, 0x80), "(U)SIM toolkit security header"),
    **dict.fromkeys(range(0x80, 0xA0), "SME to SME specific"),
    **dict.fromkeys(range(0xC0, 0xE0), "service centre specific"),
}


def element_name(iei: int) -> str:
    """What the element is called; `reserved` for the rest."""
    return _NAMES.get(iei, "reserved")


class WaitingKind(IntEnum):
    """What a special message tells of, by its five bits."""

    VOICEMAIL = 0
    FAX = 1
    EMAIL = 2
    OTHER = 3
    VIDEO = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialMessage:
    """So many messages of a kind wait (9.2.3.24.2). `kind` is an int where it is reserved; `profile` 0 to 3."""

    kind: WaitingKind | int
    count: int
    store: bool
    profile: int = 0

    def element(self) -> InformationElement:
        """The element that says so. PduError when a number does not fit."""
        if not (0 <= self.kind <= 0x1F and 0 <= self.count <= 0xFF and 0 <= self.profile <= 3):
            raise PduError(f"no special message: {self}")
        first = (0x80 if self.store else 0) | self.profile << 5 | self.kind
        return InformationElement(iei=Iei.SPECIAL_MESSAGE, data=bytes((first, self.count)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SmscControl:
    """When the service centre is to send a status report (9.2.3.24.5)."""

    completed: bool
    permanent_error: bool
    temporary_error_given_up: bool
    temporary_error_trying: bool
    cancel_other_requests: bool
    include_header: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UdhSource:
    """Who put the elements after this one (9.2.3.24.6): `sender`, `receiver` or `smsc`; `reserved`."""

    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFormatting:
    """How `length` characters from `start` look (9.2.3.24.10.1.1); a length of 0 is the default for the whole text."""

    start: int
    length: int
    alignment: str  # left, center, right, language
    size: str  # normal, large, small, reserved
    bold: bool
    italic: bool
    underlined: bool
    struck_through: bool
    foreground: int | None = None
    background: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmsObject:
    """A sound, an animation or a picture at a character: by `number` where it is predefined, else its `data`.

    `width` and `height` in pixels for pictures and animations of a known size.
    """

    position: int
    number: int | None = None
    data: bytes = b""
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPrompt:
    """The next so many objects belong together (9.2.3.24.10.1.10)."""

    objects: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectDistribution:
    """Whether the next so many objects (0: all) may be passed on (9.2.3.24.10.1.14)."""

    objects: int
    forwardable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MailHeader:
    """How much of the part is an RFC 822 header (9.2.3.24.11)."""

    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperlink:
    """A title and then a URL in the text (9.2.3.24.12), counted in characters from the start of all parts."""

    position: int
    title_length: int
    url_length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyAddress:
    """Where an answer is to go (9.2.3.24.14)."""

    address: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class NationalShift:
    """The national language of this part (9.2.3.24.15, 9.2.3.24.16); an int where it is reserved."""

    language: Language | int


Interpreted = (
    SpecialMessage
    | SmscControl
    | UdhSource
    | TextFormatting
    | EmsObject
    | UserPrompt
    | ObjectDistribution
    | MailHeader
    | Hyperlink
    | ReplyAddress
    | NationalShift
)


def interpret_element(element: InformationElement) -> Interpreted | None:
    """What an element says; None for one that is not known here or that has the wrong length.

    Concatenation and ports are properties of `UserData`.
    """
    row = _READERS.get(element.iei)
    if row is None or len(element.data) not in row.sizes:
        return None
    return row.read(element.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    sizes: range
    read: Callable[[bytes], Interpreted | None]


def _special(data: bytes) -> SpecialMessage:
    kind = data[0] & 0x1F
    known = WaitingKind(kind) if kind in WaitingKind._value2member_map_ else kind
    return SpecialMessage(kind=known, count=data[1], store=bool(data[0] & 0x80), profile=data[0] >> 5 & 3)


def _smsc_control(data: bytes) -> SmscControl:
    bits = [bool(data[0] & 1 << place) for place in range(8)]
    return SmscControl(
        completed=bits[0],
        permanent_error=bits[1],
        temporary_error_given_up=bits[2],
        temporary_error_trying=bits[3],
        cancel_other_requests=bits[6],
        include_header=bits[7],
    )


def _udh_source(data: bytes) -> UdhSource:
    return UdhSource(source={1: "sender", 2: "receiver", 3: "smsc"}.get(data[0], "reserved"))


def _formatting(data: bytes) -> TextFormatting:
    start, length, mode = data[:3]
    colour = data[3] if len(data) > 3 else None
    return TextFormatting(
        start=start,
        length=length,
        alignment=("left", "center", "right", "language")[mode & 3],
        size=("normal", "large", "small", "reserved")[mode >> 2 & 3],
        bold=bool(mode & 0x10),
        italic=bool(mode & 0x20),
        underlined=bool(mode & 0x40),
        struck_through=bool(mode & 0x80),
        foreground=None if colour is None else colour & 0x0F,
        background=None if colour is None else colour >> 4,
    )


def _predefined(data: bytes) -> EmsObject:
    return EmsObject(position=data[0], number=data[1])


def _sound(data: bytes) -> EmsObject:
    return EmsObject(position=data[0], data=data[1:])


def _drawn(width: int, height: int) -> Callable[[bytes], EmsObject]:
    return lambda data: EmsObject(position=data[0], data=data[1:], width=width, height=height)


def _variable_picture(data: bytes) -> EmsObject:
    return EmsObject(position=data[0], data=data[3:], width=8 * data[1], height=data[2])


def _hyperlink(data: bytes) -> Hyperlink:
    return Hyperlink(position=data[0] << 8 | data[1], title_length=data[2], url_length=data[3])


def _reply_address(data: bytes) -> ReplyAddress | None:
    try:
        return ReplyAddress(address=read_address(OctetReader(data), "reply address"))
    except PduError:
        return None  # as any element of the wrong length


def _national(data: bytes) -> NationalShift:
    language = data[0]
    return NationalShift(language=Language(language) if language <= Language.URDU else language)


def _exactly(octets: int) -> range:
    return range(octets, octets + 1)


_READERS: Mapping[int, _Row] = {
    Iei.SPECIAL_MESSAGE: _Row(sizes=_exactly(2), read=_special),
    Iei.SMSC_CONTROL: _Row(sizes=_exactly(1), read=_smsc_control),
    Iei.UDH_SOURCE: _Row(sizes=_exactly(1), read=_udh_source),
    Iei.TEXT_FORMATTING: _Row(sizes=range(3, 5), read=_formatting),
    Iei.PREDEFINED_SOUND: _Row(sizes=_exactly(2), read=_predefined),
    Iei.USER_SOUND: _Row(sizes=range(2, 130), read=_sound),
    Iei.PREDEFINED_ANIMATION: _Row(sizes=_exactly(2), read=_predefined),
    Iei.LARGE_ANIMATION: _Row(sizes=_exactly(129), read=_drawn(16, 16)),  # four pictures, one after another
    Iei.SMALL_ANIMATION: _Row(sizes=_exactly(33), read=_drawn(8, 8)),
    Iei.LARGE_PICTURE: _Row(sizes=_exactly(129), read=_drawn(32, 32)),
    Iei.SMALL_PICTURE: _Row(sizes=_exactly(33), read=_drawn(16, 16)),
    Iei.VARIABLE_PICTURE: _Row(sizes=range(4, 140), read=_variable_picture),
    Iei.USER_PROMPT: _Row(sizes=_exactly(1), read=lambda data: UserPrompt(objects=data[0])),
    Iei.OBJECT_DISTRIBUTION: _Row(
        sizes=_exactly(2), read=lambda data: ObjectDistribution(objects=data[0], forwardable=not data[1] & 1)
    ),
    Iei.EMAIL_HEADER: _Row(sizes=_exactly(1), read=lambda data: MailHeader(length=data[0])),
    Iei.HYPERLINK: _Row(sizes=_exactly(4), read=_hyperlink),
    Iei.REPLY_ADDRESS: _Row(sizes=range(2, 13), read=_reply_address),
    Iei.NATIONAL_SINGLE_SHIFT: _Row(sizes=_exactly(1), read=_national),
    Iei.NATIONAL_LOCKING_SHIFT: _Row(sizes=_exactly(1), read=_national),
}
