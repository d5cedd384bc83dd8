"""The flight recorder: the last AT traffic of a line, in memory and handed on to disk, redacted when it is read or logged."""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.clock import Clock
from gateway.modem.recording import Piece, whole

log = logging.getLogger(__name__)

CHUNKS = 2048  # reads and writes kept per line; about ten minutes of a busy line
PARTIAL_LIMIT = 4096  # octets of an unfinished line that are held for the log

_PIN = re.compile(r"(\+CPIN\s*=|\+CPWD\s*=|\+CLCK\s*=).*", re.IGNORECASE)
_USSD = re.compile(r"(\+CUSD\s*[:=][^\"]*\").*", re.IGNORECASE)  # a voucher's number goes out, a balance comes in
_PDU = re.compile(r"[0-9A-Fa-f]{22,}")  # ICCIDs have 20 digits at most; the shortest TPDU with an address is longer


def redact(line: str, *, bodies: bool = False) -> str:
    """The line without PINs and USSD strings, and unless `bodies` are wanted without what is long enough to be a PDU."""
    line = _USSD.sub(r"\1<redacted>", _PIN.sub(r"\1<redacted>", line))
    if bodies:
        return line
    return _PDU.sub(lambda match: f"<pdu {len(match.group()) // 2} octets>", line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of traffic: when its first octet passed, the direction mark `<` or `>`, the redacted text."""

    at: datetime
    mark: str
    text: str


class FlightRecorder:
    """Keeps what passed on one line. Recording costs an append; cutting into lines and redacting happen on reading."""

    def __init__(
        self,
        line: str,
        clock: Clock,
        keep: Callable[[Piece], None] | None = None,
        *,
        redact: bool = True,
        log_bodies: bool = False,
    ) -> None:
        """`keep` gets every piece at once, for the disk; `redact`: whether `recording` hides what is private; `log_bodies`:
        whether PDUs are in the log as they are, where it has the traffic."""
        self._line = line
        self._clock = clock
        self._keep = keep
        self._redact = redact
        self._log_bodies = log_bodies
        self._count = 0
        self._pieces: deque[Piece] = deque(maxlen=CHUNKS)
        self._partial = {"<": b"", ">": b""}

    def record(self, mark: str, data: bytes) -> None:
        """Note that `data` was written (`>`) or read (`<`)."""
        self._note(mark, data)
        if log.isEnabledFor(logging.DEBUG):
            self._log(mark, data)

    def note(self, text: str) -> None:
        """A remark between the traffic: opened, lost, timed out."""
        self._note("#", text.encode())
        log.debug("%s # %s", self._line, text)

    def _note(self, mark: str, octets: bytes) -> None:
        self._count += 1
        piece = Piece(n=self._count, t=self._clock.monotonic(), at=self._clock.now(), mark=mark, octets=octets)
        self._pieces.append(piece)
        if self._keep is not None:
            self._keep(piece)

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """What is held, as it was."""
        return tuple(self._pieces)

    def recording(self) -> str:
        """What is held, in the form of `gateway.modem.recording`."""
        return whole(list(self._pieces), self._line, redact=self._redact)

    def entries(self) -> list[Entry]:
        """The traffic that is still held, oldest first, one entry per line."""
        entries: list[Entry] = []
        pending: dict[str, tuple[datetime, bytes]] = {}
        for piece in self._pieces:
            at, mark, data = piece.at, piece.mark, piece.octets
            since, held = pending.pop(mark, (at, b""))
            *whole, rest = _split(held + data) if mark != "#" else (data, b"")
            for number, line in enumerate(whole):
                entries.append(Entry(at=at if number else since, mark=mark, text=redact(_text(line))))
            if rest:
                pending[mark] = (at if whole else since, rest)
        entries += [Entry(at=at, mark=mark, text=redact(_text(rest))) for mark, (at, rest) in pending.items()]
        return [entry for entry in entries if entry.text]

    def _log(self, mark: str, data: bytes) -> None:
        *whole, rest = _split(self._partial[mark] + data)
        self._partial[mark] = rest[-PARTIAL_LIMIT:]
        for line in whole:
            if text := _text(line):
                log.debug("%s %s %s", self._line, mark, redact(text, bodies=self._log_bodies))


def _split(data: bytes) -> list[bytes]:
    # a prompt has no line end, Ctrl-Z and ESC end what was written
    for end in (b"\r", b"\x1a", b"\x1b", b"> "):
        data = data.replace(end, end + b"\n")
    return data.split(b"\n")


def _text(line: bytes) -> str:
    text = line.replace(b"\x1a", b"<Ctrl-Z>").replace(b"\x1b", b"<ESC>").strip(b"\r\n\0 ")
    return text.decode("ascii", "backslashreplace")
