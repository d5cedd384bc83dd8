"""A cursor over the parameters of one information line, in place of a regular expression per reply.

Tolerant by design: what is missing or of another type reads as None, nothing raises.
"""

from __future__ import annotations

_MARKS = "+^*#%$&"
MAX_RANGE = 1024
"""Values one `a-b` range may stand for; a wider one reads as its two ends."""


class Fields:
    """`Fields('+CMGL: 1,1,,26')`: what is before the first colon of an extended response is skipped."""

    __slots__ = ("_items", "_next")

    def __init__(self, text: str) -> None:
        if text[:1] in _MARKS and ":" in text:
            text = text.partition(":")[2]
        self._items = _split(text)
        self._next = 0

    @property
    def more(self) -> bool:
        """True while a field is left, even an empty one."""
        return self._next < len(self._items)

    def skip(self, count: int = 1) -> Fields:
        """Pass over fields; gives itself, so that reads can be chained."""
        self._next += count
        return self

    def raw(self) -> str:
        """The next field as it stands, quotes and brackets included; "" past the end."""
        item = self._items[self._next] if self.more else ""
        self._next += 1
        return item

    def string(self) -> str | None:
        """The next field without quotes; None where it is empty and unquoted, or missing."""
        item = self.raw()
        return _unquoted(item) if item else None

    def number(self, base: int = 10) -> int | None:
        """The next field as a number (quoted or not, with a sign, in the given base); None where it is none."""
        return _number(_unquoted(self.raw()), base)

    def list(self) -> tuple[int | str, ...]:
        """The values of a `(0-3,5)` or `("SM","ME")` field, ranges spread out; a bare value is a list of one."""
        item = self.raw()
        inner = item[1:-1] if item.startswith("(") and item.endswith(")") else item
        values: list[int | str] = []
        for part in _split(inner):
            if part:
                values.extend(_spread(part))
        return tuple(values)

    def rest(self) -> tuple[str, ...]:
        """All remaining fields without quotes."""
        items = tuple(_unquoted(item) for item in self._items[self._next :])
        self._next = len(self._items)
        return items


def _split(text: str) -> list[str]:
    """Cut at commas that stand in no quotes and no brackets."""
    if '"' not in text and "(" not in text:
        return [item.strip() for item in text.split(",")]
    items: list[str] = []
    depth, quoted, start = 0, False, 0
    for at, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif char == "(":
            depth += 1
        elif char == ")":
            depth = max(0, depth - 1)
        elif char == "," and depth == 0:
            items.append(text[start:at].strip())
            start = at + 1
    items.append(text[start:].strip())
    return items


def _unquoted(item: str) -> str:
    if item.startswith('"'):
        return item[1:-1] if len(item) > 1 and item.endswith('"') else item[1:]
    return item


def _number(item: str, base: int = 10) -> int | None:
    try:
        return int(item, base)
    except ValueError:
        return None


def _spread(part: str) -> list[int | str]:
    low_text, dash, high_text = part.partition("-")
    low, high = _number(low_text), _number(high_text)
    if dash and low is not None and high is not None and low <= high:
        return list(range(low, high + 1)) if high - low < MAX_RANGE else [low, high]
    value = _number(part)
    return [_unquoted(part) if value is None else value]
