"""Addresses: OA, DA, RA (23.040 9.1.2.5) and the service centre's (24.011 8.2.5.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from gateway.errors import PduError

from .alphabet import decode_gsm7, encode_gsm7
from .enums import Npi, Ton
from .reader import OctetReader
from .septets import pack, unpack

MAX_DIGITS = 20
MAX_ALPHANUMERIC = 11  # septets that fit in the ten octets of an address
_SEVEN_LETTERS_ROUNDED = 14  # semi-octets
MAX_SC_OCTETS = 11  # type of address and ten octets
REMEMBERED = 1024  # addresses that are not worked out again

_NUMBER = re.compile(r"(\+?)([0-9*#]+)")
_DIGITS = "0123456789*#abc"  # semi-octets 0 to E (24.008 table 10.5.118); F is filling
_FILL = "f"
_TO_DIGITS = str.maketrans("abcde", "*#abc")
_TO_HEX = str.maketrans("*#abc", "abcde")
_SWAP = bytes((octet & 0x0F) << 4 | octet >> 4 for octet in range(256))


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A number (digits, `*`, `#`, `a`, `b`, `c`; no `+`) or, with `Ton.ALPHANUMERIC`, a name."""

    value: str
    ton: Ton
    npi: int = Npi.ISDN

    @classmethod
    def parse(cls, text: str) -> Address:
        """`+` and digits: international; digits, `*`, `#`: unknown (short codes); other text: a name. PduError if none fits."""
        return _parse(text)

    @classmethod
    def number(cls, digits: str, *, ton: Ton = Ton.NATIONAL, npi: int = Npi.ISDN) -> Address:
        """A number of a type that `parse` does not give: national, abbreviated … PduError for what is no number.

        `digits` may have `*`, `#`, `a`, `b` and `c` (23.040 9.1.2.3), but no `+`, which is for the international type.
        """
        if ton is Ton.ALPHANUMERIC:
            raise PduError("a number is not alphanumeric")
        address = cls(value=digits, ton=ton, npi=npi)
        write_address(address)
        return address

    def __str__(self) -> str:
        return f"+{self.value}" if self.ton is Ton.INTERNATIONAL else self.value


@lru_cache(maxsize=REMEMBERED)
def _parse(text: str) -> Address:
    if match := _NUMBER.fullmatch(text):
        plus, digits = match.groups()
        if len(digits) > MAX_DIGITS:
            raise PduError(f"a number has at most {MAX_DIGITS} digits", offset=MAX_DIGITS)
        return Address(value=digits, ton=Ton.INTERNATIONAL if plus else Ton.UNKNOWN)
    if not text or text.startswith("+"):
        raise PduError("an address is digits after an optional +, or a name")
    if len(encode_gsm7(text)) > MAX_ALPHANUMERIC:
        raise PduError(f"a name has at most {MAX_ALPHANUMERIC} GSM characters", offset=MAX_ALPHANUMERIC)
    return Address(value=text, ton=Ton.ALPHANUMERIC, npi=Npi.UNKNOWN)


def read_address(reader: OctetReader, what: str) -> Address:
    """A TPDU's address field: number of semi-octets, type, value."""
    start = reader.pos
    semi_octets = reader.octet(what)
    if semi_octets > MAX_DIGITS:
        raise PduError(f"{what} has {semi_octets} semi-octets, at most {MAX_DIGITS} are allowed", offset=start)
    toa = reader.octet(what)
    return _value(toa, reader.take((semi_octets + 1) // 2, what), semi_octets)


def read_sc_address(reader: OctetReader) -> Address | None:
    """The service-centre address in front of a TPDU: number of octets, type, digits. None when it is left out."""
    start = reader.pos
    count = reader.octet("SC address")
    if not count:
        return None
    if count > MAX_SC_OCTETS:
        raise PduError(f"SC address has {count} octets, at most {MAX_SC_OCTETS} are allowed", offset=start)
    octets = reader.take(count, "SC address")
    address = _value(octets[0], octets[1:], 2 * (count - 1))
    return address if address.value else None  # a type with no digits, or with filler only, is no address


@lru_cache(maxsize=REMEMBERED)
def _value(toa: int, octets: bytes, semi_octets: int) -> Address:
    """Type of address and value together. A box sees few service centres and peers, each of them again and again."""
    ton, npi = Ton(toa >> 4 & 7), toa & 0x0F
    read = _read_name if ton is Ton.ALPHANUMERIC else _read_digits
    return Address(value=read(octets, semi_octets), ton=ton, npi=npi)


@lru_cache(maxsize=REMEMBERED)
def write_address(address: Address) -> bytes:
    """The address field of a TPDU. PduError when the value does not fit its type."""
    semi_octets, octets = _write_value(address)
    return bytes((semi_octets, _toa(address))) + octets


@lru_cache(maxsize=REMEMBERED)
def write_sc_address(address: Address | None) -> bytes:
    """The service-centre address; a single zero octet asks the modem to use its own."""
    if address is None:
        return b"\0"
    octets = _write_value(address)[1]
    return bytes((len(octets) + 1, _toa(address))) + octets


def _toa(address: Address) -> int:
    if not 0 <= address.npi <= 0x0F:
        raise PduError(f"a numbering plan is 0 to 15, not {address.npi}")
    return 0x80 | address.ton << 4 | address.npi


def _write_value(address: Address) -> tuple[int, bytes]:
    """Length in semi-octets, and the octets."""
    value = address.value
    if address.ton is Ton.ALPHANUMERIC:
        septets = encode_gsm7(value)
        if len(septets) > MAX_ALPHANUMERIC:
            raise PduError(f"a name has at most {MAX_ALPHANUMERIC} GSM characters", offset=MAX_ALPHANUMERIC)
        return (len(septets) * 7 + 3) // 4, pack(septets)
    if len(value) > MAX_DIGITS:
        raise PduError(f"a number has at most {MAX_DIGITS} digits", offset=MAX_DIGITS)
    if wrong := value.strip(_DIGITS):
        raise PduError(f"a number has no {wrong[0]!r}", offset=value.index(wrong[0]))
    digits = value.translate(_TO_HEX)
    return len(value), write_semi_octets(digits + _FILL if len(digits) % 2 else digits)


def _read_name(octets: bytes, semi_octets: int) -> str:
    septets = unpack(octets, semi_octets * 4 // 7)
    # Seven letters counted in whole octets leave room for an eighth septet of zeros, which would read as an @.
    if semi_octets == _SEVEN_LETTERS_ROUNDED and not septets[-1]:
        septets = septets[:-1]
    return decode_gsm7(septets)


def _read_digits(octets: bytes, count: int) -> str:
    # Senders that round the length up leave the filler inside it: the first filler ends the number.
    return read_semi_octets(octets)[:count].partition(_FILL)[0].translate(_TO_DIGITS)


def read_semi_octets(octets: bytes) -> str:
    """Semi-octets (lower half first) as hex digits (23.040 9.1.2.3)."""
    return octets.translate(_SWAP).hex()


def write_semi_octets(digits: str) -> bytes:
    """Hex digits, an even number of them, as semi-octets."""
    return bytes.fromhex(digits).translate(_SWAP)
