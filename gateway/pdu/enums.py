"""The small code points of 23.040 and 23.038 that more than one module names."""

from __future__ import annotations

from enum import Enum, IntEnum


class Direction(Enum):
    """Which way a TPDU travels; TP-MTI means something else in each (23.040 9.2.3.1)."""

    MT = "mt"  # service centre → mobile: DELIVER, STATUS-REPORT, SUBMIT-REPORT
    MO = "mo"  # mobile → service centre: SUBMIT, COMMAND, DELIVER-REPORT


class Alphabet(Enum):
    """How user data is written (23.038 4)."""

    GSM7 = "gsm7"
    DATA = "8bit"
    UCS2 = "ucs2"


class Ton(IntEnum):
    """Type of number (23.040 9.1.2.5)."""

    UNKNOWN = 0
    INTERNATIONAL = 1
    NATIONAL = 2
    NETWORK = 3
    SUBSCRIBER = 4
    ALPHANUMERIC = 5
    ABBREVIATED = 6
    RESERVED = 7


class Npi(IntEnum):
    """Numbering plans by name (23.040 9.1.2.5). `Address.npi` stays an int: reserved values are kept as they came."""

    UNKNOWN = 0
    ISDN = 1
    DATA = 3
    TELEX = 4
    SC_SPECIFIC = 5
    SC_SPECIFIC_ALTERNATE = 6
    NATIONAL = 8
    PRIVATE = 9
    ERMES = 10


class Iei(IntEnum):
    """Information element identifiers that the codec itself reads (23.040 9.2.3.24)."""

    CONCAT_8 = 0x00
    PORTS_8 = 0x04
    PORTS_16 = 0x05
    CONCAT_16 = 0x08
