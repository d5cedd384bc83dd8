"""Error numbers of +CMS ERROR (27.005 3.2.5) and +CME ERROR (27.007 9.2): what they mean and what to do about them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Retry(Enum):
    """What a refusal means for the message."""

    LATER = "R"
    """Try again later."""
    PERMANENT = "P"
    """This message will be refused again."""
    LOCAL = "L"
    """SIM, storage or configuration: mend it first, and do not count it as an attempt."""
    AMBIGUOUS = "A"
    """It may have been sent all the same."""
    SENT = "S"
    """The network has it already: treat as sent."""
    NO_VALIDITY = "V"
    """The service centre takes no validity period, or not this one: send again without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One error number. `attempts` bounds repeats where the same number often hides a permanent cause."""

    meaning: str
    retry: Retry
    attempts: int | None = None


VENDOR_FIRST = 512
"""Numbers from here on are the vendor's own; their meaning is a profile's business (27.005 3.2.5)."""


def _code(retry: str, meaning: str, attempts: int | None = None) -> Code:
    return Code(meaning=meaning, retry=Retry(retry), attempts=attempts)


CMS: dict[int, Code] = {
    # 24.011 E.2: RP causes
    1: _code("P", "unassigned number"),
    8: _code("L", "operator determined barring"),
    10: _code("L", "call barred"),
    21: _code("R", "short message transfer rejected", 2),
    22: _code("R", "memory capacity exceeded or congestion"),
    27: _code("R", "destination out of service"),
    28: _code("P", "unidentified subscriber"),
    29: _code("P", "facility rejected"),
    30: _code("P", "unknown subscriber"),
    38: _code("R", "network out of order"),
    41: _code("R", "temporary failure"),
    42: _code("R", "congestion"),
    47: _code("R", "resources unavailable"),
    50: _code("L", "requested facility not subscribed"),
    69: _code("P", "requested facility not implemented"),
    81: _code("P", "invalid short message transfer reference value"),
    95: _code("P", "invalid message"),
    96: _code("P", "invalid mandatory information"),
    97: _code("P", "message type non-existent"),
    98: _code("P", "message not compatible with protocol state"),
    99: _code("P", "information element non-existent"),
    111: _code("P", "protocol error"),
    127: _code("P", "interworking error"),
    # 23.040 9.2.3.22: TP failure causes
    128: _code("P", "telematic interworking not supported"),
    129: _code("P", "short message type 0 not supported"),
    130: _code("P", "cannot replace short message"),
    143: _code("P", "unspecified TP-PID error"),
    144: _code("P", "data coding scheme not supported"),
    145: _code("P", "message class not supported"),
    159: _code("P", "unspecified TP-DCS error"),
    160: _code("P", "command cannot be actioned"),
    161: _code("P", "command unsupported"),
    175: _code("P", "unspecified TP-command error"),
    176: _code("P", "TPDU not supported"),
    192: _code("R", "service centre busy"),
    193: _code("L", "no service centre subscription"),
    194: _code("R", "service centre system failure"),
    195: _code("P", "invalid SME address"),
    196: _code("P", "destination SME barred"),
    197: _code("S", "duplicate short message rejected"),
    198: _code("V", "validity period format not supported"),
    199: _code("V", "validity period not supported"),
    208: _code("L", "SIM storage full"),
    209: _code("L", "no storage for short messages in the SIM"),
    210: _code("R", "error in the mobile station"),
    211: _code("L", "memory capacity exceeded"),
    212: _code("R", "SIM application toolkit busy"),
    213: _code("R", "SIM data download error"),
    224: _code("A", "CP retry exceeded"),
    225: _code("A", "RP timer expired"),
    226: _code("A", "SMS connection broken"),
    255: _code("A", "unspecified failure cause", 2),
    # 27.005 3.2.5
    300: _code("R", "mobile equipment failure"),
    301: _code("R", "SMS service of the mobile equipment reserved"),
    302: _code("R", "operation not allowed now"),
    303: _code("P", "operation not supported"),
    304: _code("P", "invalid PDU mode parameter"),
    305: _code("P", "invalid text mode parameter"),
    310: _code("L", "SIM not inserted"),
    311: _code("L", "SIM PIN required"),
    312: _code("L", "phone-SIM PIN required"),
    313: _code("L", "SIM failure"),
    314: _code("R", "SIM busy"),
    315: _code("L", "SIM wrong"),
    316: _code("L", "SIM PUK required"),
    317: _code("L", "SIM PIN2 required"),
    318: _code("L", "SIM PUK2 required"),
    320: _code("L", "memory failure"),
    321: _code("L", "invalid memory index"),
    322: _code("L", "memory full"),
    330: _code("L", "service centre address unknown"),
    331: _code("R", "no network service"),
    332: _code("A", "network timeout"),
    340: _code("L", "no acknowledgement expected"),
    500: _code("A", "unknown error", 3),
}

CME: dict[int, Code] = {
    0: _code("R", "phone failure"),
    1: _code("R", "no connection to phone"),
    2: _code("L", "phone adaptor link reserved"),
    3: _code("R", "operation not allowed"),
    4: _code("P", "operation not supported"),
    5: _code("L", "phone-SIM PIN required"),
    6: _code("L", "PH-FSIM PIN required"),
    7: _code("L", "PH-FSIM PUK required"),
    10: _code("L", "SIM not inserted"),
    11: _code("L", "SIM PIN required"),
    12: _code("L", "SIM PUK required"),
    13: _code("L", "SIM failure"),
    14: _code("R", "SIM busy"),
    15: _code("L", "SIM wrong"),
    16: _code("L", "incorrect password"),
    17: _code("L", "SIM PIN2 required"),
    18: _code("L", "SIM PUK2 required"),
    20: _code("L", "memory full"),
    21: _code("L", "invalid index"),
    22: _code("L", "not found"),
    23: _code("L", "memory failure"),
    24: _code("P", "text string too long"),
    25: _code("P", "invalid characters in text string"),
    26: _code("P", "dial string too long"),
    27: _code("P", "invalid characters in dial string"),
    30: _code("R", "no network service"),
    31: _code("A", "network timeout"),
    32: _code("L", "network not allowed, emergency calls only"),
    40: _code("L", "network personalisation PIN required"),
    41: _code("L", "network personalisation PUK required"),
    42: _code("L", "network subset personalisation PIN required"),
    43: _code("L", "network subset personalisation PUK required"),
    44: _code("L", "service provider personalisation PIN required"),
    45: _code("L", "service provider personalisation PUK required"),
    46: _code("L", "corporate personalisation PIN required"),
    47: _code("L", "corporate personalisation PUK required"),
    50: _code("P", "incorrect parameters"),
    100: _code("A", "unknown error", 3),
    103: _code("L", "illegal mobile station"),
    106: _code("L", "illegal mobile equipment"),
    107: _code("L", "GPRS services not allowed"),
    111: _code("L", "PLMN not allowed"),
    112: _code("L", "location area not allowed"),
    113: _code("L", "roaming not allowed in this location area"),
    132: _code("P", "service option not supported"),
    133: _code("P", "requested service option not subscribed"),
    134: _code("R", "service option temporarily out of order"),
    148: _code("R", "unspecified GPRS error"),
    149: _code("L", "PDP authentication failure"),
    150: _code("L", "invalid mobile class"),
    515: _code("R", "please wait, initialisation or command in progress"),
}

_UNKNOWN = _code("R", "unknown error number", 3)
_VENDOR = _code("R", "vendor specific error", 3)


def cms(code: int) -> Code:
    """What a +CMS ERROR number means; an unknown one is tried again a few times."""
    return CMS.get(code, _VENDOR if code >= VENDOR_FIRST else _UNKNOWN)


def cme(code: int) -> Code:
    """What a +CME ERROR number means; an unknown one is tried again a few times."""
    return CME.get(code, _VENDOR if code >= VENDOR_FIRST else _UNKNOWN)


# Wordings other than the specification's own that modems use; by lower case.
_WORDINGS: dict[str, int] = {
    "phone failure": 0,
    "no connection to the phone": 1,
    "operation not allowed": 3,
    "operation not supported": 4,
    "ph-sim pin required": 5,
    "sim not inserted": 10,
    "sim pin required": 11,
    "sim puk required": 12,
    "sim failure": 13,
    "sim busy": 14,
    "sim wrong": 15,
    "memory full": 20,
    "invalid memory index": 21,
    "not found": 22,
    "memory failure": 23,
    "no network service": 30,
    "network timeout": 31,
    "network not allowed - emergency calls only": 32,
    "emergency calls only": 32,
    "invalid parameters": 50,
    "incorrect parameters": 50,
    "unknown": 100,
    "unknown error": 100,
}
_CMS_WORDINGS: dict[str, int] = {
    "me failure": 300,
    "sms service of me reserved": 301,
    "operation not allowed": 302,
    "invalid pdu mode": 304,
    "invalid text mode": 305,
    "ph-sim pin required": 312,
    "smsc address unknown": 330,
    "no cnma acknowledgement expected": 340,
    "no +cnma acknowledgement expected": 340,
    "sm transfer rejected": 21,
    "unknown": 500,
}


def _by_text(table: dict[int, Code], wordings: dict[str, int]) -> dict[str, int]:
    return {info.meaning.lower(): number for number, info in reversed(table.items())} | wordings


_CME_TEXTS = _by_text(CME, _WORDINGS)
_CMS_TEXTS = _by_text(CMS, _CMS_WORDINGS)


def cme_number(text: str) -> int | None:
    """The number of a verbose +CME ERROR text (AT+CMEE=2, or firmware that knows no numbers), or None."""
    return _CME_TEXTS.get(_plain(text))


def cms_number(text: str) -> int | None:
    """The number of a verbose +CMS ERROR text, or None."""
    return _CMS_TEXTS.get(_plain(text))


def _plain(text: str) -> str:
    return " ".join(text.strip().rstrip(".").lower().replace("_", " ").split())
