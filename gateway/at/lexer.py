"""Bytes to lines. Knows framing only: CR, LF and any mix of them end a line, blank lines are nothing.

V.250 5.7.1 wants CR LF around every result; in the field there are also CR CR LF, a lone LF and no leading pair at all.
"""

from __future__ import annotations

from collections import deque

MAX_LINE = 4096
"""Octets kept of one line; the rest of a longer one is dropped up to its end."""
MAX_CHUNK = 4096
"""Octets taken in one `feed`; so at most this many lines wait in the lexer."""

# A UART that is powered up shows stray 00 and FF octets, also glued to the first word.
_DROPPED = b"\x00\xff"
EDGE = " \t\x1a\x1b"
"""What is taken off a line's ends: white space, and control characters that we wrote and the modem echoed."""
_EDGE = EDGE.encode()


class Lexer:
    """Feed octets, take lines. `tail` is the line not yet ended."""

    __slots__ = ("_lines", "tail")

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque()
        self.tail = b""

    def feed(self, data: bytes) -> None:
        """Take at most `MAX_CHUNK` octets in; the lines must be drained before the next call."""
        clean = data.translate(None, _DROPPED).replace(b"\r", b"\n")
        *lines, tail = (self.tail + clean).split(b"\n")
        self._lines.extend(lines)
        self.tail = tail[:MAX_LINE]

    def next_line(self) -> str | None:
        """The next line that is not blank, without white space and control characters at its ends."""
        while self._lines:
            raw = self._lines.popleft()[:MAX_LINE].strip(_EDGE)
            if raw:
                return raw.decode("ascii", "backslashreplace")
        return None

    def cut_tail(self, octets: int) -> None:
        """Take the first octets off the unended line (a prompt has no line end)."""
        self.tail = self.tail[octets:]
