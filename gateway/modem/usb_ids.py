"""USB identities as data: which interface of which modem speaks AT, and which devices are no modem at all (any more).

The number of a tty (`ttyUSB2`) depends on the order of plugging; the interface number does not. Each row is from the page
of its family in firmware-notes/ or from the drivers of the Linux kernel and ModemManager.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Role(Enum):
    """What a tty is for. The first three answer AT; the first is the one to use."""

    AT = "at"
    AT2 = "at2"
    MODEM = "modem"  # data calls; answers AT, but URCs often do not come here
    DIAG = "diag"
    NMEA = "nmea"
    AUDIO = "audio"
    OTHER = "other"
    UNKNOWN = "unknown"


SPEAKS_AT = (Role.AT, Role.AT2, Role.MODEM, Role.UNKNOWN)
"""Roles worth asking, in this order."""

MEANING: Mapping[Role, str] = {
    Role.AT: "the AT port",
    Role.AT2: "the second AT port",
    Role.MODEM: "the port for data calls",
    Role.DIAG: "the diagnosis port, which speaks no AT",
    Role.NMEA: "the position (NMEA) port, which speaks no AT",
    Role.AUDIO: "the audio port, which speaks no AT",
    Role.OTHER: "a port that speaks no AT",
    Role.UNKNOWN: "a port of unknown use",
}

Layout = Mapping[int, Role]
Id = tuple[str, str]

_QUALCOMM: Layout = {0: Role.DIAG, 1: Role.NMEA, 2: Role.AT, 3: Role.MODEM}
_SIM7600: Layout = {**_QUALCOMM, 4: Role.AUDIO, 5: Role.OTHER}
_TELIT: Layout = {0: Role.DIAG, 3: Role.NMEA, 4: Role.AT, 5: Role.AT2, 6: Role.OTHER}
_EC200: Layout = {2: Role.AT, 3: Role.DIAG, 4: Role.OTHER}
_UBLOX: Layout = {0: Role.AT, 2: Role.AT2, 4: Role.MODEM, 6: Role.NMEA, 8: Role.OTHER, 10: Role.OTHER}


def _zte(primary: int, secondary: int) -> Layout:
    return {primary: Role.AT, secondary: Role.AT2}


def _rows(vendor: str, products: str, layout: Layout) -> dict[Id, Layout]:
    return {(vendor, product): layout for product in products.split()}


LAYOUTS: Mapping[Id, Layout] = {
    **_rows("1e0e", "9001", _SIM7600),  # sim7600.md
    **_rows("1e0e", "9205", _QUALCOMM),  # sim7070.md
    **_rows("1e0e", "9206", {0: Role.DIAG, 1: Role.NMEA, 2: Role.AT, 3: Role.OTHER, 4: Role.OTHER, 5: Role.MODEM}),
    **_rows("2c7c", "0125 0121 0191 0195 0296 0306 0512 0800 0801", _QUALCOMM),  # quectel.md
    **_rows("05c6", "9215 9090 9003", _QUALCOMM),
    **_rows("2c7c", "0128", {3: Role.DIAG, 4: Role.NMEA, 5: Role.AT}),
    **_rows("2c7c", "0901", _EC200),
    **_rows("1bc7", "1201", _TELIT),  # telit-le910.md
    **_rows("1bc7", "1204", {0: Role.DIAG, 4: Role.NMEA, 5: Role.AT, 6: Role.AT2}),
    **_rows("1bc7", "1031 1033 1101", {1: Role.AT, 2: Role.AT2}),
    **_rows("1bc7", "7010 7011", {3: Role.AT2, 4: Role.AT, 2: Role.OTHER}),
    **_rows("1bc7", "7020 7021", {2: Role.AT2, 6: Role.AT, 4: Role.OTHER}),
    **_rows("1546", "110a 1102 1104 1107", _UBLOX),  # ublox.md
    **_rows("1546", "1010", {6: Role.AT}),
    **_rows("05c6", "908b", {0: Role.DIAG, 1: Role.AT, 2: Role.AT2}),
    **_rows("19d2", "0031 0104 1007 1008 1010 0063", _zte(3, 1)),  # zte-mf.md
    **_rows("19d2", "0117 0016", _zte(2, 1)),
    **_rows("19d2", "0064", _zte(2, 0)),
    **_rows("19d2", "0128", _zte(4, 1)),
    **_rows("19d2", "0001 0003 0004 0005 0006 0007 0008 0009 000a", _zte(0, 1)),
    **_rows("19d2", "0002", _zte(2, 4)),
    **_rows("19d2", "0167", {2: Role.AT}),
}
"""VID, PID → interface → role. An interface that is not named is `OTHER` where another one of the device is known."""

HUAWEI = "12d1"
PROTOCOLS: Mapping[int, Role] = {
    0x01: Role.MODEM,
    0x02: Role.AT,
    0x05: Role.NMEA,
    0x10: Role.MODEM,
    0x12: Role.AT,
    0x13: Role.DIAG,
    0x14: Role.NMEA,
}
"""bInterfaceProtocol of Huawei's vendor-specific interfaces (class ff, subclass 01 to 03); huawei-stick.md#wiring."""

STORAGE_MODE: frozenset[Id] = frozenset(
    {("12d1", product) for product in ["1446", "14fe", "1505", "1520", "14d1", "157c", "15ca", "1c0b", "1f01"]}
    | {("19d2", product) for product in ("2000", "0166", "fff5")}
    | {("1e0e", "f000")}
)
"""Modems that show themselves as a disk with drivers; `usb_modeswitch` makes modems of them."""

HILINK: frozenset[Id] = frozenset({("12d1", "14db"), ("12d1", "14dc")})
"""Sticks whose firmware shows a network card only; there is no AT port."""

BRIDGES: frozenset[Id] = frozenset({("1a86", "7523"), ("10c4", "ea60"), ("067b", "2303"), ("0403", "6001")})
"""USB to UART bridges: what is behind them is not known, and is a UART to the modem."""

RECEIVERS: frozenset[Id] = frozenset({("1546", f"01a{digit}") for digit in "56789"})
"""Position receivers, never modems."""

MODEM_VENDORS = frozenset({"12d1", "1e0e", "2c7c", "05c6", "1bc7", "1546", "19d2"})
