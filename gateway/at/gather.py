"""Lines that belong together: a header and its PDU line, and a quoted text over several lines."""

from __future__ import annotations

from gateway.at.events import InfoLine, Urc
from gateway.at.lexer import MAX_LINE
from gateway.at.urcs import UrcRow

CONTINUATION_TIMEOUT = 5.0
"""Seconds from an unsolicited header to its PDU line, or to the closing quote of a text over several lines."""

Part = InfoLine | Urc


class Gatherer:
    """Holds what is not complete yet: at most one header of each kind and one open text of `MAX_LINE` characters."""

    __slots__ = ("_headers", "_open", "_quotes", "_size", "due")

    def __init__(self) -> None:
        # The later on top: a +CMT may come between a +CMGL header and its PDU.
        self._headers: list[tuple[UrcRow | None, str]] = []
        self._open: list[str] = []
        self._size = self._quotes = 0
        self.due: float | None = None

    @property
    def has_header(self) -> bool:
        """True while a PDU line is due."""
        return bool(self._headers)

    @property
    def has_open_text(self) -> bool:
        """True while a closing quote is due; every line belongs to the text then."""
        return bool(self._open)

    def add_header(self, row: UrcRow | None, text: str, now: float) -> list[Part]:
        """Keep a header (`row` None: an information line); gives the one of its kind that waited in vain."""
        given_up = self.drop_headers(unsolicited=row is not None)
        self._headers.append((row, text))
        if row is not None:
            self.due = now + CONTINUATION_TIMEOUT
        return given_up

    def add_pdu(self, text: str) -> Part:
        """The PDU line of the header on top."""
        return self._joined(*self._headers.pop(), text)

    def drop_headers(self, *, unsolicited: bool) -> list[Part]:
        """The headers of that kind without their PDU line: it did not come."""
        waiting = [item for item in self._headers if (item[0] is not None) is unsolicited]
        for item in waiting:
            self._headers.remove(item)
        return [self._joined(row, text, "") for row, text in waiting]

    def open_text(self, text: str, now: float) -> None:
        """Keep a line whose quoted text goes on."""
        self._open = [text]
        self._size = len(text)
        self._quotes = text.count('"')
        self.due = now + CONTINUATION_TIMEOUT

    def add_text(self, text: str) -> list[str]:
        """Go on with the open text: [the whole] when it is closed, the lines one by one when it is too long, else []."""
        self._open.append(text)
        self._size += 1 + len(text)
        self._quotes += text.count('"')
        if _closes(text, self._quotes):
            return ["\n".join(self.drop_text())]
        return self.drop_text() if self._size > MAX_LINE else []

    def drop_text(self) -> list[str]:
        """Give the open text up: what was taken for its rest may have been anything."""
        lines, self._open, self.due = self._open, [], None
        return lines

    def _joined(self, row: UrcRow | None, text: str, pdu: str) -> Part:
        if row is None:
            return InfoLine(text=text, pdu=pdu)
        self.due = None
        return Urc(name=row.name, text=text, pdu=pdu)


def is_open(text: str) -> bool:
    """True while the quoted text of `+CUSD: 0,"...",15` has no end. Quotes within it are not escaped (27.007 7.15)."""
    _, quote, body = text.partition('"')
    return bool(quote) and not _closes(body, text.count('"'))


def _closes(last_line: str, quotes: int) -> bool:
    """Whether the text ends with this line (what is behind the opening quote, where it is the first), of so many quotes."""
    _, last, behind = last_line.rpartition('"')
    if not last or behind.strip(" ,0123456789"):
        return False
    # With the coding scheme behind it the end is sure; without, quotes within the text come in pairs.
    return bool(behind.strip()) or quotes % 2 == 0
