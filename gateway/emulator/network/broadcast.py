"""Cell broadcast: pages of 88 octets to whoever listens to their channel (23.041 9.4.1, 27.005 3.3.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.emulator import gsm7

PAGE_OCTETS = 82
PAGE_SEPTETS = 93
PAGE_CHARACTERS = 40  # of UCS-2, behind the two octets of the language
MAX_PAGES = 15
PAGE_LENGTH = 88
DCS_UCS2_LANGUAGE = 0x11  # 23.038 5: UCS-2, with the language in front
UNSPECIFIED = 0x0F
LANGUAGES = {  # 23.038 5: coding groups 0000 and 0010
    "de": 0x00, "en": 0x01, "it": 0x02, "fr": 0x03, "es": 0x04, "nl": 0x05, "sv": 0x06, "da": 0x07, "pt": 0x08,
    "fi": 0x09, "no": 0x0A, "el": 0x0B, "tr": 0x0C, "hu": 0x0D, "pl": 0x0E, "": UNSPECIFIED,
    "cs": 0x20, "he": 0x21, "ar": 0x22, "ru": 0x23, "is": 0x24,
}  # fmt: skip
LAST_ID = 0xFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Broadcast:
    """A message of one channel."""

    channel: int
    serial: int
    text: str
    language: str = ""

    def pages(self) -> list[bytes]:
        """Its pages, 88 octets each. Raises ValueError for a text that is too long or a language that has no code."""
        if self.language not in LANGUAGES:
            raise ValueError(f"language: must be one of {', '.join(sorted(filter(None, LANGUAGES)))}")
        codes = gsm7.septets(self.text)
        dcs, contents = (
            (DCS_UCS2_LANGUAGE, self._wide()) if codes is None else (LANGUAGES[self.language], _packed(codes))
        )
        if not 1 <= len(contents) <= MAX_PAGES:
            raise ValueError(f"text: must be 1 to {MAX_PAGES} pages of {PAGE_SEPTETS} characters, or {PAGE_CHARACTERS}")
        head = self.serial.to_bytes(2, "big") + self.channel.to_bytes(2, "big") + bytes((dcs,))
        return [head + bytes((n << 4 | len(contents),)) + content for n, content in enumerate(contents, 1)]

    def _wide(self) -> list[bytes]:
        language = gsm7.packed(gsm7.septets(self.language or "en") or b"")
        units = self.text.encode("utf-16-be")
        size = 2 * PAGE_CHARACTERS
        filler = "\r".encode("utf-16-be")
        pages = [units[at : at + size] for at in range(0, len(units), size)]
        return [language + page + filler * ((size - len(page)) // 2) for page in pages]


def _packed(codes: bytes) -> list[bytes]:
    """Pages of 93 septets, filled up with CR; an escape is not separated from its character."""
    pages, at = [], 0
    while at < len(codes):
        size = PAGE_SEPTETS - (codes[at : at + PAGE_SEPTETS].endswith(bytes((gsm7.ESCAPE,))))
        pages.append(codes[at : at + size].ljust(PAGE_SEPTETS, bytes((gsm7.CR,))))
        at += size
    return [gsm7.packed(page).ljust(PAGE_OCTETS, b"\0") for page in pages]


Range = tuple[int, int]


def ranges(text: str) -> tuple[Range, ...]:
    """`0,1,5,320-478` as +CSCB takes it. Raises ValueError for anything else."""
    found = []
    for part in filter(None, text.split(",")):
        first, dash, last = part.partition("-")
        if not (first.isascii() and first.isdigit() and (not dash or (last.isascii() and last.isdigit()))):
            raise ValueError(part)
        found.append((int(first), int(last) if dash else int(first)))
    if any(not 0 <= first <= last <= LAST_ID for first, last in found):
        raise ValueError(text)
    return tuple(found)


def shown(chosen: Sequence[Range]) -> str:
    """The reverse of `ranges`."""
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in chosen)


@dataclass(slots=True)
class Listening:
    """What +CSCB has chosen: `refuse` turns the lists round. Empty coding schemes mean all of them."""

    refuse: bool = False
    channels: tuple[Range, ...] = ()
    schemes: tuple[Range, ...] = ()
    heard: set[bytes] = field(default_factory=set)  # serial, channel and page number: a repetition is not shown again

    def hears(self, page: bytes) -> bool:
        """Whether the page is shown; it counts as heard from then on."""
        channel, dcs = int.from_bytes(page[2:4], "big"), page[4]
        chosen = _within(channel, self.channels) and (not self.schemes or _within(dcs, self.schemes))
        mark = page[:4] + page[5:6]
        if chosen is self.refuse or mark in self.heard:
            return False
        self.heard.add(mark)
        return True


def _within(value: int, chosen: Sequence[Range]) -> bool:
    return any(first <= value <= last for first, last in chosen)
