"""Bounded reading of octets: whatever is missing becomes a `PduError` that says what and where."""

from __future__ import annotations

from gateway.errors import PduError


class OctetReader:
    """A cursor over octets. `pos` is the offset that errors report.

    `tolerant`: the last field may be cut off; `missing` counts the octets of it that were not there.
    """

    __slots__ = ("data", "end", "missing", "pos", "tolerant")

    def __init__(self, data: bytes, pos: int = 0, *, tolerant: bool = False) -> None:
        self.data = data
        self.pos = pos
        self.end = len(data)
        self.tolerant = tolerant
        self.missing = 0

    @property
    def left(self) -> int:
        """Octets not read yet."""
        return self.end - self.pos

    def octet(self, what: str) -> int:
        """The next octet. PduError when there is none."""
        pos = self.pos
        if pos >= self.end:
            raise PduError(f"{what} is missing", offset=pos)
        self.pos = pos + 1
        return self.data[pos]

    def take(self, count: int, what: str) -> bytes:
        """The next `count` octets. PduError when there are fewer."""
        pos = self.pos
        stop = pos + count
        if stop > self.end:
            raise PduError(f"{what} needs {count} octets, {self.end - pos} are left", offset=pos)
        self.pos = stop
        return self.data[pos:stop]

    def field(self, count: int, what: str) -> bytes:
        """The next `count` octets of a field at the end, or, where that is tolerated, as many as are there."""
        if self.tolerant and count > self.left:
            self.missing = count - self.left
            count = self.left
        return self.take(count, what)

    def rest(self) -> bytes:
        """All that is left, without moving."""
        return self.data[self.pos :]
