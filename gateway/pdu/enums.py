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
    """Information element identifiers (23.040 9.2.3.24). `InformationElement.iei` stays an int: unknown ones are kept."""

    CONCAT_8 = 0x00
    SPECIAL_MESSAGE = 0x01
    PORTS_8 = 0x04
    PORTS_16 = 0x05
    SMSC_CONTROL = 0x06
    UDH_SOURCE = 0x07
    CONCAT_16 = 0x08
    WCMP = 0x09
    TEXT_FORMATTING = 0x0A
    PREDEFINED_SOUND = 0x0B
    USER_SOUND = 0x0C
    PREDEFINED_ANIMATION = 0x0D
    LARGE_ANIMATION = 0x0E
    SMALL_ANIMATION = 0x0F
    LARGE_PICTURE = 0x10
    SMALL_PICTURE = 0x11
    VARIABLE_PICTURE = 0x12
    USER_PROMPT = 0x13
    EXTENDED_OBJECT = 0x14
    REUSED_EXTENDED_OBJECT = 0x15
    COMPRESSION_CONTROL = 0x16
    OBJECT_DISTRIBUTION = 0x17
    STANDARD_WVG_OBJECT = 0x18
    CHARACTER_SIZE_WVG_OBJECT = 0x19
    EXTENDED_OBJECT_DATA_REQUEST = 0x1A
    EMAIL_HEADER = 0x20
    HYPERLINK = 0x21
    REPLY_ADDRESS = 0x22
    ENHANCED_VOICE_MAIL = 0x23
    NATIONAL_SINGLE_SHIFT = 0x24
    NATIONAL_LOCKING_SHIFT = 0x25


class Language(IntEnum):
    """National language identifiers (23.040 9.2.3.24.16, 23.038 A.1)."""

    DEFAULT = 0
    TURKISH = 1
    SPANISH = 2
    PORTUGUESE = 3
    BENGALI = 4
    GUJARATI = 5
    HINDI = 6
    KANNADA = 7
    MALAYALAM = 8
    ORIYA = 9
    PUNJABI = 10
    TAMIL = 11
    TELUGU = 12
    URDU = 13


class CommandType(IntEnum):
    """What an SMS-COMMAND asks for (23.040 9.2.3.19). `Command.ct` stays an int: reserved values are kept."""

    ENQUIRY = 0x00
    CANCEL_STATUS_REPORT_REQUEST = 0x01
    DELETE = 0x02
    ENABLE_STATUS_REPORT_REQUEST = 0x03
