"""Times: TP-SCTS, TP-DT (23.040 9.2.3.11) and the three forms of TP-VP (9.2.3.12)."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from gateway.errors import PduError

SIZE = 7  # octets of a timestamp, and of the absolute and enhanced validity
_QUARTER = timedelta(minutes=15)
_FIRST_YEAR = 1970  # of the hundred that two digits stand for
_NEGATIVE = 0x08  # sign bit of the time zone, in its raw octet

_MINUTE, _HOUR, _DAY, _WEEK = 60, 3600, 86400, 604800
_NO_DIGITS = 255
# Two swapped BCD digits as a number, per raw octet.
_BCD = bytes(
    (octet & 0x0F) * 10 + (octet >> 4) if octet & 0x0F < 10 and octet >> 4 < 10 else _NO_DIGITS for octet in range(256)
)


def _quarters(octet: int) -> int | None:
    """A time zone's signed quarter hours."""
    count = _BCD[octet & ~_NEGATIVE]
    if count == _NO_DIGITS:
        return None
    return -count if octet & _NEGATIVE else count


_ZONES = tuple(
    None if (quarters := _quarters(octet)) is None else timezone(quarters * _QUARTER) for octet in range(256)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timestamp:
    """Seven octets as they came; `moment` reads them."""

    octets: bytes

    def __post_init__(self) -> None:
        if len(self.octets) != SIZE:
            raise PduError(f"a timestamp has {SIZE} octets, not {len(self.octets)}")

    @property
    def moment(self) -> datetime | None:
        """The time with the offset as encoded; None where the digits are no date (service centres do send such)."""
        return self.moment_since(_FIRST_YEAR)

    def moment_since(self, first_year: int) -> datetime | None:
        """`moment` where the two digits of the year mean one of the hundred years that begin with `first_year`."""
        year, month, day, hour, minute, second = self.octets[:6].translate(_BCD)
        zone = _ZONES[self.octets[6]]
        if zone is None or year == _NO_DIGITS:
            return None
        try:
            return datetime(first_year + (year - first_year) % 100, month, day, hour, minute, second, tzinfo=zone)
        except ValueError:
            return None  # a month 13, an hour 31: what is not a date has no moment

    @classmethod
    def of(cls, moment: datetime) -> Timestamp:
        """From an aware time of 1970 to 2069, to the second, its offset rounded to a quarter hour. PduError for others."""
        offset = moment.utcoffset()
        if offset is None:
            raise PduError("a timestamp needs a time with an offset")
        quarters = round(offset / _QUARTER)
        if abs(quarters) > 79:
            raise PduError(f"a time zone is at most 79 quarter hours, not {quarters}")
        try:
            local = moment.astimezone(timezone(quarters * _QUARTER))
        except OverflowError as error:
            raise PduError("a timestamp's year is 1970 to 2069") from error
        if not 1970 <= local.year < 2070:
            raise PduError("a timestamp's year is 1970 to 2069")
        fields = (local.year % 100, local.month, local.day, local.hour, local.minute, local.second, abs(quarters))
        octets = bytearray(value // 10 | value % 10 << 4 for value in fields)
        octets[6] |= _NEGATIVE if quarters < 0 else 0
        return cls(octets=bytes(octets))


def _relative_seconds(octet: int) -> int:
    if octet <= 143:
        return (octet + 1) * 5 * _MINUTE
    if octet <= 167:
        return 12 * _HOUR + (octet - 143) * 30 * _MINUTE
    if octet <= 196:
        return (octet - 166) * _DAY
    return (octet - 192) * _WEEK


_RELATIVE = tuple(_relative_seconds(octet) for octet in range(256))


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidityPeriod:
    """The relative form (23.040 9.2.3.12.1): five minutes to 63 weeks in 256 steps."""

    octet: int

    def __post_init__(self) -> None:
        if not 0 <= self.octet <= 0xFF:
            raise PduError(f"a relative validity is one octet, not {self.octet}")

    @property
    def seconds(self) -> int:
        return _RELATIVE[self.octet]

    @classmethod
    def at_most(cls, seconds: int) -> ValidityPeriod:
        """The longest step that is not longer than `seconds`, but at least five minutes."""
        return cls(octet=max(bisect_right(_RELATIVE, seconds) - 1, 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsoluteValidity:
    """The absolute form (9.2.3.12.2): the time when the message expires."""

    octets: bytes

    def __post_init__(self) -> None:
        if len(self.octets) != SIZE:
            raise PduError(f"an absolute validity has {SIZE} octets, not {len(self.octets)}")

    @property
    def moment(self) -> datetime | None:
        """When it expires; None where the digits are no date."""
        return Timestamp(octets=self.octets).moment

    @classmethod
    def of(cls, moment: datetime) -> AbsoluteValidity:
        """Until an aware time. PduError as for `Timestamp.of`."""
        return cls(octets=Timestamp.of(moment).octets)


_FORM_NONE, _FORM_RELATIVE, _FORM_SECONDS, _FORM_CLOCK = range(4)
_SINGLE_SHOT = 0x40
_EXTENDED = 0x80


@dataclass(frozen=True, slots=True, kw_only=True)
class EnhancedValidity:
    """The enhanced form (9.2.3.12.3): seven octets, the first of which says how to read the rest."""

    octets: bytes

    def __post_init__(self) -> None:
        if len(self.octets) != SIZE:
            raise PduError(f"an enhanced validity has {SIZE} octets, not {len(self.octets)}")

    @classmethod
    def of(cls, seconds: int | None = None, *, single_shot: bool = False) -> EnhancedValidity:
        """For so many seconds, exactly up to 100 hours, then the longest step that is not longer; None: no period given.

        PduError when `seconds` is not positive.
        """
        if seconds is None:
            form, fields = _FORM_NONE, b""
        elif seconds <= 0:
            raise PduError(f"a message is valid for some time, not {seconds} s")
        elif seconds <= 0xFF:
            form, fields = _FORM_SECONDS, bytes((seconds,))
        elif seconds < 100 * _HOUR:
            clock = (seconds // _HOUR, seconds // _MINUTE % 60, seconds % 60)
            form, fields = _FORM_CLOCK, bytes(value // 10 | value % 10 << 4 for value in clock)
        else:
            form, fields = _FORM_RELATIVE, bytes((ValidityPeriod.at_most(seconds).octet,))
        first = form | (_SINGLE_SHOT if single_shot else 0)
        return cls(octets=(bytes((first,)) + fields).ljust(SIZE, b"\0"))

    @property
    def single_shot(self) -> bool:
        """The service centre tries once."""
        return bool(self.octets[0] & _SINGLE_SHOT)

    @property
    def seconds(self) -> int | None:
        """How long it is valid; None where no period is given or the form is reserved."""
        form = self.octets[0] & 0x07
        at = 1
        while self.octets[at - 1] & _EXTENDED:  # further indicators that say nothing that we know
            if at == SIZE:
                return None
            at += 1
        fields = self.octets[at:].ljust(3, b"\0")
        if form == _FORM_RELATIVE:
            return _RELATIVE[fields[0]]
        if form == _FORM_SECONDS:
            return fields[0] or None
        if form == _FORM_CLOCK:
            hours, minutes, seconds = fields[:3].translate(_BCD)
            if _NO_DIGITS in (hours, minutes, seconds) or minutes > 59 or seconds > 59:
                return None
            return hours * _HOUR + minutes * _MINUTE + seconds
        return None
