"""What the flight recorder hands out: a recording that shows and replays a dialogue without giving away what was said.

A recording is a text of JSON lines. The first one says what it is; every other is a piece of traffic:
`{"n": 7, "t": 12.345678, "at": "2026-02-03T04:05:06.789Z", "who": "client", "octets": "AT\\r"}`. `who` is `client` (we),
`modem` or `note` (a remark between the traffic), `t` monotonic seconds, `octets` one character per octet.

Redaction keeps every length, so that what is left can be replayed. A PDU stays one: its user data become asterisks, its
header stays. Of numbers the last four digits become zeros, of PINs all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from gateway.clock import rfc3339
from gateway.pdu import Alphabet, Dcs

VERSION = 1
HELD = 4096  # octets of an unfinished line that are kept back; more is taken for a line
FILLER = 0x2A  # "*" in GSM 7-bit, UCS-2 and ASCII alike
HIDDEN_DIGITS = 4

WHO = {">": "client", "<": "modem", "#": "note"}

_ENDS = (b"\r", b"\n", b"\x1a", b"\x1b", b"> ")  # a prompt has no line end
_LINE = re.compile(rb"[^\r\n\x1a\x1b]+")
_PDU = re.compile(rb"[0-9A-Fa-f]{22,}")  # ICCIDs have 20 digits at most; the shortest TPDU with an address is longer
_SECRET = re.compile(rb"\+(?:CPIN|CPWD|CLCK|CSIM)\s*=", re.IGNORECASE)
_USSD = re.compile(rb"\+CUSD[:=][^\"]*\"", re.IGNORECASE)
_TEXT_HEADER = re.compile(rb"\+(?:CMGR|CMGL|CMT|CDS|CBM): (?:\d+,)?\"")  # quotes: it was shown in text mode
_NO_TEXT = re.compile(rb"(?:OK|ERROR|\+C[MD][A-Z ]+: .*)$")
_NUMBER = re.compile(rb"\d{7,}")
_PIN = re.compile(rb"\d{3,}")


class Piece(NamedTuple):  # made for every read and write: a frozen dataclass takes several times as long
    """Octets that passed at one moment. `n` rises by one; `t`: monotonic seconds; `mark`: `>` written, `<` read, `#`."""

    n: int
    t: float
    at: datetime
    mark: str
    octets: bytes


def head(modem: str, *, redacted: bool, run: int) -> str:
    """The first line of a recording. `run`: rises with every start of the program."""
    return _json({"recording": VERSION, "modem": modem, "redacted": redacted, "run": run})


def line(piece: Piece) -> str:
    """A piece as a line of a recording."""
    return _json(
        {
            "n": piece.n,
            "t": round(piece.t, 6),
            "at": rfc3339(piece.at),
            "who": WHO[piece.mark],
            "octets": piece.octets.decode("latin-1"),
        }
    )


def _json(value: dict[str, object]) -> str:
    return json.dumps(value, separators=(",", ":")) + "\n"


def whole(pieces: Sequence[Piece], modem: str, *, redact: bool) -> str:
    """All of `pieces` as one recording."""
    shown = pieces
    if redact:
        redactor = Redactor()
        passed = [one for piece in pieces for one in redactor.feed(piece)]
        shown = sorted([*passed, *redactor.flush()], key=lambda piece: piece.n)
    return "".join((head(modem, redacted=redact, run=1), *map(line, shown)))


class Redactor:
    """Hides what is private in a stream of pieces. Pieces of a line that is not complete are kept back."""

    def __init__(self) -> None:
        self._held: dict[str, list[Piece]] = {"<": [], ">": []}
        self._streams = {"<": _Lines(sent=False), ">": _Lines(sent=True)}

    def feed(self, piece: Piece) -> list[Piece]:
        """The pieces that can be shown now; those of the other direction may have lower numbers."""
        held = self._held.get(piece.mark)
        if held is None:
            return [piece]
        held.append(piece)
        if piece.octets.endswith(_ENDS) or sum(len(one.octets) for one in held) > HELD:
            return self._release(piece.mark)
        return []

    def flush(self) -> list[Piece]:
        """What is kept back, taken for complete."""
        return [piece for mark in self._held for piece in self._release(mark)]

    def _release(self, mark: str) -> list[Piece]:
        held, self._held[mark] = self._held[mark], []
        data = self._streams[mark].redact(b"".join(piece.octets for piece in held))
        return list(_cut(data, held))


def _cut(data: bytes, like: Sequence[Piece]) -> Iterator[Piece]:
    start = 0
    for piece in like:
        end = start + len(piece.octets)
        yield piece._replace(octets=data[start:end])
        start = end


class _Lines:
    """One direction of the traffic, line by line; a text of several lines is known by its first."""

    def __init__(self, *, sent: bool) -> None:
        self._sent = sent
        self._in_text = False
        self._in_quotes = False

    def redact(self, data: bytes) -> bytes:
        return _LINE.sub(lambda found: self._line(found[0]), data)

    def _line(self, text: bytes) -> bytes:
        if self._in_quotes:
            return self._quoted(text, 0)
        if self._in_text and not _NO_TEXT.match(text):
            return _mask(text)
        self._in_text = bool(_TEXT_HEADER.search(text))
        if (ussd := _USSD.search(text)) is not None:
            return self._quoted(text, ussd.end())
        if _SECRET.search(text):
            return _zeros(_PIN, text)
        return _PDU.sub(lambda found: redact_pdu(found[0], sent=self._sent), _numbers(text))

    def _quoted(self, text: bytes, start: int) -> bytes:
        end = text.rfind(b'"', start)
        self._in_quotes = end < 0
        end = len(text) if end < 0 else end
        return text[:start] + _mask(text[start:end]) + text[end:]


def _mask(text: bytes) -> bytes:
    """Same length, nothing left of it; what was hex is still hex."""
    if len(text) % 4 == 0 and re.fullmatch(rb"[0-9A-Fa-f]+", text):
        return b"002A" * (len(text) // 4)
    return bytes(0x30 if chr(octet).isdigit() else octet if octet < 0x30 else 0x78 for octet in text)


def _zeros(pattern: re.Pattern[bytes], text: bytes) -> bytes:
    return pattern.sub(lambda found: b"0" * len(found[0]), text)


def _numbers(text: bytes) -> bytes:
    """Of digits in a row that may be somebody's number the last ones become zeros. Digits inside a PDU are not meant."""

    def hide(found: re.Match[bytes]) -> bytes:
        return found[0][:-HIDDEN_DIGITS] + b"0" * HIDDEN_DIGITS

    return text if _PDU.search(text) else _NUMBER.sub(hide, text)


def redact_pdu(pdu: bytes, *, sent: bool) -> bytes:
    """A PDU in hex (SC address first) with the same length and header, without its text and the ends of its numbers.

    `sent`: it goes to the modem. What cannot be read as a PDU becomes zeros.
    """
    if len(pdu) % 2:
        return b"0" * len(pdu)
    octets = bytearray.fromhex(pdu.decode("ascii"))
    try:
        _hide(octets, sent=sent)
    except IndexError:
        return b"0" * len(pdu)
    shown = octets.hex().encode("ascii")
    return shown.upper() if pdu.upper() == pdu else shown


def _hide(octets: bytearray, *, sent: bool) -> None:
    """Raises IndexError where the octets end before the TPDU does."""
    start = 1 + octets[0]
    first = octets[start]
    kind = first & 0x03  # TP-MTI, 23.040 9.2.3.1
    if kind == 1:
        at = _hide_address(octets, start + 2) + 2
        at += {0x00: 0, 0x10: 1, 0x08: 7, 0x18: 7}[first & 0x18]  # TP-VPF, 9.2.3.3
        _hide_text(octets, at, octets[_after_address(octets, start + 2) + 1], header=bool(first & 0x40))
    elif kind == 0 and not sent:
        after = _hide_address(octets, start + 1)
        _hide_text(octets, after + 9, octets[after + 1], header=bool(first & 0x40))
    elif kind == 2:
        _hide_address(octets, start + (5 if sent else 2))  # COMMAND: behind MR, PID, CT, MN


def _after_address(octets: bytearray, at: int) -> int:
    return at + 2 + (octets[at] + 1) // 2


def _hide_address(octets: bytearray, at: int) -> int:
    """Zeros the last digits of the address at `at`; a name stays. Where the next field begins."""
    digits, end = octets[at], _after_address(octets, at)
    if octets[at + 1] & 0x70 != 0x50:  # type of number 5: alphanumeric, 9.1.2.5
        for place in range(max(0, digits - HIDDEN_DIGITS), digits):
            octets[at + 2 + place // 2] &= 0x0F if place % 2 else 0xF0
    if end > len(octets):
        raise IndexError(end)
    return end


def _hide_text(octets: bytearray, at: int, dcs: int, *, header: bool) -> None:
    """Fills the user data whose TP-UDL is at `at`, behind their header."""
    udl, start = octets[at], at + 1
    head_size = 1 + octets[start] if header and udl else 0
    _FILLS[Dcs(octet=dcs).user_data_alphabet](octets, start, udl, head_size)


def _fill_septets(octets: bytearray, start: int, count: int, head_size: int) -> None:
    bits = int.from_bytes(octets[start:], "little")
    room = (len(octets) - start) * 8 // 7
    for place in range(-(-head_size * 8 // 7), min(count, room)):
        bits = bits & ~(0x7F << 7 * place) | FILLER << 7 * place
    octets[start:] = bits.to_bytes(len(octets) - start, "little")


def _fill_octets(octets: bytearray, start: int, count: int, head_size: int) -> None:
    for place in range(start + head_size, min(start + count, len(octets))):
        octets[place] = FILLER


def _fill_ucs2(octets: bytearray, start: int, count: int, head_size: int) -> None:
    for place in range(start + head_size, min(start + count, len(octets))):
        octets[place] = FILLER if (place - start - head_size) % 2 else 0


_FILLS: dict[Alphabet, Callable[[bytearray, int, int, int], None]] = {
    Alphabet.GSM7: _fill_septets,
    Alphabet.DATA: _fill_octets,
    Alphabet.UCS2: _fill_ucs2,
}
