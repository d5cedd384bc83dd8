"""TP-VP: how long a service centre keeps trying (23.040 9.2.3.12)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

RELATIVE, ENHANCED, ABSOLUTE = 0x10, 0x08, 0x18  # TP-VPF in the first octet
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400


def seconds(vpf: int, octets: bytes, now: datetime) -> float | None:
    """The validity period in seconds from `now`; None where there is none, or nothing that could be one."""
    if vpf == RELATIVE:
        return _relative(octets[0])
    try:
        if vpf == ABSOLUTE:
            return max(0.0, (_moment(octets) - now).total_seconds())
        if vpf == ENHANCED:
            return _enhanced(octets)
    except ValueError:  # digits that are none
        return None
    return None


def _relative(value: int) -> float:
    if value < 144:
        return (value + 1) * 5 * MINUTE_S
    if value < 168:
        return 12 * HOUR_S + (value - 143) * 30 * MINUTE_S
    return (value - 166) * DAY_S if value < 197 else (value - 192) * 7 * DAY_S


def _enhanced(octets: bytes) -> float | None:
    kind = octets[0] & 0x07
    if kind == 1:
        return _relative(octets[1])
    if kind == 2:
        return float(octets[1])
    if kind == 3:
        hours, minutes, rest = (_digits(octet) for octet in octets[1:4])
        return hours * HOUR_S + minutes * MINUTE_S + rest
    return None


def _digits(octet: int) -> int:
    """Two decimal digits, the first one in the low nibble."""
    return int(f"{octet & 0x0F:d}{octet >> 4:d}") if octet & 0x0F < 10 and octet >> 4 < 10 else _bad()


def _bad() -> int:
    raise ValueError("no decimal digits")


def _moment(octets: bytes) -> datetime:
    year, month, day, hour, minute, second = (_digits(octet) for octet in octets[:6])
    quarters = _digits(octets[6] & 0xF7) * (-1 if octets[6] & 0x08 else 1)
    return datetime(2000 + year, month, day, hour, minute, second, tzinfo=timezone(timedelta(minutes=15 * quarters)))
