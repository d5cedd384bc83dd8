"""Readers for the answers that the driver needs: pure functions from text to values, tolerant of what modems do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from gateway.at import Completed

_NUMBER = re.compile(r"\s*[+-]?[0-9]+\s*")
_GROUP = re.compile(r"\(([^()]*)\)|([^,()]+)")


def fields(text: str) -> list[str]:
    """The comma-separated fields behind the prefix of an information line, unquoted: `+CMTI: "SM",3` → ["SM", "3"]."""
    _, colon, rest = text.partition(":")
    found: list[str] = []
    current, quoted = "", False
    for char in rest if colon else text:
        if char == '"':
            quoted = not quoted
        elif char == "," and not quoted:
            found.append(current.strip())
            current = ""
        else:
            current += char
    return [*found, current.strip()]


def number(text: str, default: int | None = None) -> int | None:
    """The decimal number in `text`, or `default`."""
    return int(text) if _NUMBER.fullmatch(text) else default


def number_at(values: Sequence[str], index: int) -> int | None:
    """The number in that field, None when the field is missing or no number."""
    return number(values[index]) if 0 <= index < len(values) else None


def groups(text: str) -> list[list[str]]:
    """The groups of a `=?` answer: `+CPMS: ("SM","ME"),("SM")` → [["SM", "ME"], ["SM"]]; a bare value is its own group."""
    _, colon, rest = text.partition(":")
    return [
        [value.strip().strip('"') for value in (inner or bare).split(",") if value.strip()]
        for inner, bare in _GROUP.findall(rest if colon else text)
        if (inner or bare).strip()
    ]


def numbers(group: Iterable[str]) -> frozenset[int]:
    """The numbers of a group, ranges spread out: ["0-2", "5"] → {0, 1, 2, 5}."""
    found: set[int] = set()
    for value in group:
        low, dash, high = value.partition("-")
        first, last = number(low), number(high if dash else low)
        if first is not None and last is not None and last - first < 256:
            found.update(range(first, last + 1))
    return frozenset(found)


def info(done: Completed, prefix: str) -> str | None:
    """The first information line with that prefix, None when there is none."""
    return next((line.text for line in done.lines if line.text.startswith(prefix)), None)


def identity(done: Completed) -> str:
    """An identity answer: any lines, minus a `+CGMx:` prefix, minus quotes (+CGMI, +CGSN and the like)."""
    texts = (re.sub(r"^\+[A-Z]+:\s*", "", line.text).strip().strip('"') for line in done.lines)
    return " ".join(text for text in texts if text)


def iccid(text: str) -> str:
    """An ICCID as printed on the card: digits only, nibbles swapped back where a modem gave the file as it is."""
    digits = re.sub(r"[^0-9A-Fa-f]", "", text).upper()
    if digits.startswith("98"):  # 2FE2 holds swapped nibbles; an ICCID begins with 89 (E.118)
        digits = "".join(digits[i + 1 : i + 2] + digits[i] for i in range(0, len(digits), 2))
    digits = digits.rstrip("F")
    return digits if digits.isdecimal() and len(digits) >= 10 else ""


_PIVOT = 70  # a clock that was never set shows 1970, 1980 or 2000 and later
_MOMENT = re.compile(r"(?:20)?(\d\d)/(\d\d)/(\d\d),(\d\d):(\d\d):(\d\d)([+-]\d{1,3})?")


def moment(text: str, *, utc: bool = False) -> datetime | None:
    """`yy/MM/dd,hh:mm:ss±zz` (27.007 8.15), zz in quarters of an hour; None where it is none, or was never set.

    Without an offset nothing is known: modems show local time.
    """
    found = _MOMENT.match(text)
    if found is None or found[7] is None:
        return None
    year, month, day, hour, minute, second = (int(each) for each in found.groups()[:6])
    century = 1900 if year >= _PIVOT else 2000
    offset = timedelta(0) if utc else timedelta(minutes=15 * int(found[7]))
    try:
        return datetime(century + year, month, day, hour, minute, second, tzinfo=UTC) - offset
    except ValueError:
        return None


def tpdu_length(pdu: str) -> int | None:
    """Octets of the TPDU in `pdu` without the SC address (27.005 <length>), None when it is no whole hex PDU."""
    try:
        octets = bytes.fromhex(pdu)
    except ValueError:
        return None
    if not octets or len(octets) <= 1 + octets[0]:
        return None
    return len(octets) - 1 - octets[0]


def first_tpdu_octets(pdu: str) -> bytes:
    """The TPDU behind the SC address, b"" when there is none."""
    return bytes.fromhex(pdu)[1 + int(pdu[:2], 16) :] if tpdu_length(pdu) is not None else b""
