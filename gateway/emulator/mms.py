"""The notification of a multimedia message as an MMSC pushes it: M-Notification.ind in a WSP push (OMA MMS-ENC 6.2).

Not a codec of the gateway's, on purpose: what is put together here, the gateway has to take apart by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

PORTS = (2948, 9200)  # WAP push, WSP
PUSH = bytes.fromhex("0106")  # transaction id, PDU type
CONTENT_TYPE = bytes.fromhex("beaf84")  # application/vnd.wap.mms-message; application id mms.ua
CLASSES = {"personal": 0x80, "advertisement": 0x81, "informational": 0x82, "auto": 0x83}
UTF8 = 0xEA


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What it says. `size` in octets, `expiry_s` from now, `sender` a number or an address with @."""

    sender: str
    url: str
    size: int
    subject: str = ""
    transaction: str = "T1"
    expiry_s: int = 259_200
    message_class: str = "personal"

    def push(self) -> bytes:
        """The user data of the short message. Raises ValueError for a class or an address that cannot be written."""
        if self.message_class not in CLASSES:
            raise ValueError(f"message_class: must be one of {', '.join(CLASSES)}")
        return PUSH + bytes((len(CONTENT_TYPE),)) + CONTENT_TYPE + self._indication()

    def _indication(self) -> bytes:
        sender = self.sender if "@" in self.sender else f"{self.sender}/TYPE=PLMN"
        fields = [
            b"\x8c\x82",  # X-Mms-Message-Type: m-notification-ind
            b"\x98" + _text(self.transaction),
            b"\x8d\x92",  # version 1.2
            b"\x89" + _value(b"\x80" + _text(sender)),  # address present
            b"\x96" + _encoded(self.subject) if self.subject else b"",
            b"\x8a" + bytes((CLASSES[self.message_class],)),
            b"\x8e" + _long(self.size),
            b"\x88" + _value(b"\x81" + _long(self.expiry_s)),  # relative
            b"\x83" + _text(self.url),
        ]
        return b"".join(fields)


def _text(text: str) -> bytes:
    """Text-string: a first octet above 127 is quoted (WAP-230 8.4.2.1)."""
    octets = text.encode("utf-8")
    return (b"\x7f" if octets[:1] > b"\x7f" else b"") + octets + b"\0"


def _encoded(text: str) -> bytes:
    """Encoded-string-value: with its character set where it is not ASCII."""
    return _text(text) if text.isascii() else _value(bytes((UTF8,)) + _text(text))


def _long(number: int) -> bytes:
    """Long-integer: its length, then the octets, the highest first."""
    octets = number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")
    return bytes((len(octets),)) + octets


def _value(octets: bytes) -> bytes:
    """Behind its value-length: one octet up to 30, else 31 and a uintvar."""
    if len(octets) <= 30:
        return bytes((len(octets),)) + octets
    length, rest = bytes((len(octets) & 0x7F,)), len(octets) >> 7
    while rest:
        length, rest = bytes((0x80 | rest & 0x7F,)) + length, rest >> 7
    return b"\x1f" + length + octets
