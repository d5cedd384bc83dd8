"""TPDUs as the service centre handles them: fields moved octet for octet (3GPP 23.040 9.2), nothing interpreted.

Not `gateway.pdu`, on purpose: what a client put into its SUBMIT arrives in the DELIVER as it was, right or wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

MTI_MASK, MTI_SUBMIT = 0x03, 0x01
FO_MMS, FO_SRI = 0x04, 0x20  # DELIVER: no more messages to send; a report was asked for
FO_SRR, FO_UDHI, FO_RP = 0x20, 0x40, 0x80  # SUBMIT
FO_STATUS_REPORT = 0x06  # MTI 10 and no more messages to send
VALIDITY_OCTETS = {0x00: 0, 0x08: 7, 0x10: 1, 0x18: 7}  # by TP-VPF
IEI_PORTS = 0x05
VPF_MASK = 0x18
MAX_USER_DATA = 140
DIGITS = "0123456789*#abc"
TOA_INTERNATIONAL, TOA_UNKNOWN = 0x91, 0x81


class BadTpdu(ValueError):
    """Octets that no modem would send."""


@dataclass(frozen=True, slots=True)
class Submit:
    """The fields of an SMS-SUBMIT that routing needs; `tail` is TP-UDL and TP-UD."""

    first: int
    da: bytes
    pid: int
    dcs: int
    vp: bytes
    tail: bytes

    @property
    def wants_report(self) -> bool:
        return bool(self.first & FO_SRR)

    @property
    def vpf(self) -> int:
        """TP-VPF as it stands in the first octet."""
        return self.first & VPF_MASK

    @property
    def to(self) -> str:
        return number(self.da)


def read_submit(tpdu: bytes) -> Submit:
    """The SUBMIT in `tpdu`. Raises BadTpdu when it is none or its lengths do not fit."""
    if len(tpdu) < 7 or tpdu[0] & MTI_MASK != MTI_SUBMIT:
        raise BadTpdu("no SMS-SUBMIT")
    first = tpdu[0]
    end = 4 + (tpdu[2] + 1) // 2
    tail = end + 2 + VALIDITY_OCTETS[first & VPF_MASK]
    if tpdu[2] > 20 or len(tpdu) <= tail:
        raise BadTpdu("destination address or validity period runs past the end")
    dcs = tpdu[end + 1]
    octets = (tpdu[tail] * 7 + 7) // 8 if is_gsm7(dcs) else tpdu[tail]
    if octets != len(tpdu) - tail - 1 or octets > MAX_USER_DATA:
        raise BadTpdu("user data length does not fit")
    return Submit(first, tpdu[2:end], tpdu[end], dcs, tpdu[end + 2 : tail], tpdu[tail:])


def is_gsm7(dcs: int) -> bool:
    """Whether TP-UDL counts septets (3GPP 23.038 4)."""
    if dcs < 0x80:
        return not dcs & 0x20 and (dcs >> 2) & 3 in (0, 3)
    return dcs < 0xE0 or (dcs >= 0xF0 and not dcs & 0x04)


def message_class(dcs: int) -> int | None:
    """Class 0 to 3, or None where the coding scheme has none (3GPP 23.038 4)."""
    if dcs & 0xF0 == 0xF0 or (dcs < 0x80 and dcs & 0x10):
        return dcs & 0x03
    return None


def deliver(submit: Submit, oa: bytes, scts: bytes) -> bytes:
    """The SMS-DELIVER that the recipient of `submit` gets."""
    first = FO_MMS | submit.first & (FO_UDHI | FO_RP) | (FO_SRI if submit.wants_report else 0)
    return bytes((first,)) + oa + bytes((submit.pid, submit.dcs)) + scts + submit.tail


def status_report(mr: int, ra: bytes, scts: bytes, dt: bytes, st: int) -> bytes:
    """An SMS-STATUS-REPORT without optional parameters."""
    return bytes((FO_STATUS_REPORT, mr)) + ra + scts + dt + bytes((st,))


def deliver_dcs(tpdu: bytes) -> int | None:
    """TP-DCS of a DELIVER, or None when the octets end before it."""
    at = 4 + (tpdu[1] + 1) // 2 if len(tpdu) > 1 else len(tpdu)
    return tpdu[at] if at < len(tpdu) else None


def deliver_pid(tpdu: bytes) -> int | None:
    """TP-PID of a DELIVER, or None when the octets end before it."""
    at = 3 + (tpdu[1] + 1) // 2 if len(tpdu) > 1 else len(tpdu)
    return tpdu[at] if at < len(tpdu) else None


def destination_port(tpdu: bytes) -> int | None:
    """The 16-bit port to which a DELIVER goes (IEI 05, 23.040 9.2.3.24.4), None without one."""
    at = 13 + (tpdu[1] + 1) // 2 if len(tpdu) > 1 else len(tpdu)  # TP-UDHL
    if at >= len(tpdu) or not tpdu[0] & FO_UDHI:
        return None
    header = tpdu[at + 1 : at + 1 + tpdu[at]]
    while len(header) >= 2:
        iei, length = header[:2]
        if iei == IEI_PORTS and length == 4 and len(header) >= 6:
            return int.from_bytes(header[2:4], "big")
        header = header[2 + length :]
    return None


def originator_and_pid(tpdu: bytes) -> bytes:
    """TP-OA and TP-PID of a DELIVER: what a replace-type message has in common with the one it replaces."""
    return tpdu[1 : 4 + (tpdu[1] + 1) // 2]


def _swapped(digits: str) -> bytes:
    if len(digits) % 2:
        digits += "f"
    return bytes(int(digits[n + 1] + digits[n], 16) for n in range(0, len(digits), 2))


def semi_octets(digits: str) -> bytes:
    """Digits with *, #, a, b, c as swapped nibbles, filled up with F (23.040 9.1.2.3)."""
    return _swapped("".join(f"{DIGITS.index(digit):x}" for digit in digits))


def address(text: str) -> bytes:
    """TP-OA/TP-DA/TP-RA of `+49…` or `12345`: length, type of address, digits. Raises ValueError for anything else."""
    international = text.startswith("+")
    digits = text[1:] if international else text
    if not 1 <= len(digits) <= 20:
        raise ValueError(f"{text!r} is no number of 1 to 20 digits")
    return bytes((len(digits), TOA_INTERNATIONAL if international else TOA_UNKNOWN)) + semi_octets(digits)


def service_centre(text: str) -> bytes:
    """The SC address in front of a TPDU: its length octet counts octets (27.005)."""
    octets = address(text)[1:]
    return bytes((len(octets),)) + octets


@lru_cache(maxsize=1024)
def centre_of(address: bytes) -> str:
    """The number in a service-centre address (its length octet counts octets), "" where there is none."""
    octets = address[1 : 1 + address[0]]
    if len(octets) < 2:
        return ""
    nibbles = sum(nibble != "f" for nibble in octets[1:].hex())
    return number(bytes((nibbles,)) + octets)


@lru_cache(maxsize=65536)
def number(octets: bytes) -> str:
    """The number in an address field as a person writes it; alphanumeric ones as hex, they are never routed."""
    if octets[1] & 0x70 == 0x50:
        return octets[2:].hex()
    nibbles = octets[2:].hex()
    swapped = "".join(nibbles[n + 1] + nibbles[n] for n in range(0, len(nibbles), 2))[: octets[0]]
    digits = "".join(DIGITS[int(nibble, 16)] if nibble != "f" else "" for nibble in swapped)
    return ("+" if octets[1] & 0x70 == 0x10 else "") + digits


def timestamp(moment: datetime) -> bytes:
    """TP-SCTS of an aware `moment`, in its own offset (23.040 9.2.3.11)."""
    offset = moment.utcoffset()
    quarters = int(offset.total_seconds()) // 900 if offset is not None else 0
    octets = _swapped(moment.strftime("%y%m%d%H%M%S") + f"{abs(quarters):02d}")
    return octets[:6] + bytes((octets[6] | (0x08 if quarters < 0 else 0),))
