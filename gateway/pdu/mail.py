"""E-mail in short messages (23.040 3.8): addresses inside the text, or an RFC 822 header counted by an element."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.errors import PduError

from .address import Address
from .enums import Alphabet, Iei, Ton
from .join import Content, join
from .protocol import EMAIL
from .udh import InformationElement, UserData

_GATEWAY_DIGITS = 4
_ADDRESS = r"[^\s()#@]+@[^\s()#@]+"
_TEXT = re.compile(
    rf"(?P<address>{_ADDRESS})(?:\((?P<bracketed>[^()]*)\)|#(?P<hashed>[^#]*)#| /|[ \r\n]|$)(?P<body>.*)", re.DOTALL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """An e-mail to or from `address`; `subject` is None where there is none."""

    address: str
    body: str
    subject: str | None = None

    def __str__(self) -> str:
        """The text of a message under TP-PID 0x32."""
        if self.subject is None:
            return f"{self.address} {self.body}"
        return f"{self.address}({self.subject}){self.body}"


def parse_mail(text: str) -> Mail | None:
    """`address SP body` (or `SP /`), `address(subject)body`, `address#subject#body`, as gateways send them; else None."""
    match = _TEXT.match(text)
    if match is None:
        return None
    bracketed, hashed = match["bracketed"], match["hashed"]
    return Mail(address=match["address"], subject=bracketed if bracketed is not None else hashed, body=match["body"])


def is_mail(pid: int, sender: Address) -> bool:
    """Whether a text is to be read as e-mail: by its TP-PID, or as phones do, when a gateway's short number sent it."""
    return pid == EMAIL or (sender.ton is not Ton.ALPHANUMERIC and 0 < len(sender.value) <= _GATEWAY_DIGITS)


def compose_mail(mail: Mail) -> str:
    """The text of a message under TP-PID 0x32. PduError when the address or the subject would be read as something else."""
    if parse_mail(text := str(mail)) != mail:
        raise PduError("no e-mail: the address or the subject has a character that ends it")
    return text


def mail_header_length(ud: UserData) -> int | None:
    """How much of a part is RFC 822 header, in septets, octets or UTF-16 units (9.2.3.24.11); None without the element."""
    for element in reversed(ud.header):
        if element.iei == Iei.EMAIL_HEADER and len(element.data) == 1:
            return element.data[0]
    return None


def mail_header_element(length: int) -> InformationElement:
    """The element for a header of so many units in this part. PduError above 255."""
    if not 0 <= length <= 0xFF:
        raise PduError(f"a part has at most 255 units of e-mail header, not {length}")
    return InformationElement(iei=Iei.EMAIL_HEADER, data=bytes((length,)))


def split_mail(parts: tuple[UserData, ...]) -> tuple[Content, Content] | None:
    """Header and body of an e-mail out of all parts in order; None where no part has the element. PduError without parts."""
    if all(mail_header_length(part) is None for part in parts):
        return None
    heads, bodies = [], []
    for part in parts:
        octets = (mail_header_length(part) or 0) * (2 if part.alphabet is Alphabet.UCS2 else 1)
        heads.append(_with_payload(part, part.payload[:octets]))
        bodies.append(_with_payload(part, part.payload[octets:]))
    return join(heads), join(bodies)


def _with_payload(part: UserData, payload: bytes) -> UserData:
    return UserData(alphabet=part.alphabet, payload=payload, header=part.header)
