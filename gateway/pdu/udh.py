"""TP-UD: the user data header with its elements, and what follows it (23.040 9.2.3.16, 9.2.3.24)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.errors import PduError

from .alphabet import BASIC, Tables
from .enums import Alphabet, Iei
from .national import tables_of
from .reader import OctetReader
from .septets import pack, packed_size, unpack

MAX_OCTETS = 140  # of TP-UD, header included


@dataclass(frozen=True, slots=True, kw_only=True)
class InformationElement:
    """One element as it came, known or not."""

    iei: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Concat:
    """Place of a part: `seq` of `total` (from 1), under a reference of 8 bits or, where `wide`, 16."""

    ref: int
    total: int
    seq: int
    wide: bool

    def element(self) -> InformationElement:
        """The element that says so. PduError when a number does not fit."""
        if not 1 <= self.seq <= self.total <= 0xFF or not 0 <= self.ref <= (0xFFFF if self.wide else 0xFF):
            raise PduError(f"no concatenation: part {self.seq} of {self.total}, reference {self.ref}")
        ref = self.ref.to_bytes(2 if self.wide else 1, "big")
        return InformationElement(
            iei=Iei.CONCAT_16 if self.wide else Iei.CONCAT_8, data=ref + bytes((self.total, self.seq))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Application ports, of 16 bits or, where not `wide`, 8."""

    destination: int
    source: int
    wide: bool = True

    def element(self) -> InformationElement:
        """The element that says so. PduError when a port does not fit."""
        size = 2 if self.wide else 1
        if not 0 <= self.destination < 1 << 8 * size or not 0 <= self.source < 1 << 8 * size:
            raise PduError(f"no {8 * size}-bit ports: {self.destination}, {self.source}")
        data = self.destination.to_bytes(size, "big") + self.source.to_bytes(size, "big")
        return InformationElement(iei=Iei.PORTS_16 if self.wide else Iei.PORTS_8, data=data)


_CONCAT_SIZES: Mapping[int, int] = {Iei.CONCAT_8: 3, Iei.CONCAT_16: 4}
_SHIFTS = (Iei.NATIONAL_SINGLE_SHIFT, Iei.NATIONAL_LOCKING_SHIFT)
_PORTS_SIZES: Mapping[int, int] = {Iei.PORTS_8: 2, Iei.PORTS_16: 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class UserData:
    """The header's elements, and the payload: octets, or for GSM7 one septet per byte."""

    alphabet: Alphabet
    payload: bytes
    header: tuple[InformationElement, ...] = ()
    # 23.040 9.2.3.24: a header whose last element has too few octets is ignored as a whole; kept here, without UDHL.
    ignored_header: bytes = b""

    @property
    def header_octets(self) -> bytes:
        """The header as it goes on the air, UDHL in front; empty where there is none. PduError when it does not fit."""
        if self.header or not self.ignored_header:
            return build_header(self.header)
        return bytes((len(self.ignored_header),)) + self.ignored_header

    @property
    def tables(self) -> Tables:
        """What the septets mean: under the header's national language shifts, which are the part's own (9.2.3.24.15)."""
        shifts = {
            element.iei: element.data[0] for element in self.header if len(element.data) == 1 and element.iei in _SHIFTS
        }
        if not shifts:
            return BASIC
        return tables_of(shifts.get(Iei.NATIONAL_LOCKING_SHIFT, 0), shifts.get(Iei.NATIONAL_SINGLE_SHIFT, 0))

    @property
    def concat(self) -> Concat | None:
        """The last concatenation element that makes sense (9.2.3.24.1: one with a zero or seq > total is ignored)."""
        for element in reversed(self.header):
            data = element.data
            if len(data) == _CONCAT_SIZES.get(element.iei) and 0 < data[-1] <= data[-2]:
                return Concat(
                    ref=int.from_bytes(data[:-2], "big"),
                    total=data[-2],
                    seq=data[-1],
                    wide=element.iei == Iei.CONCAT_16,
                )
        return None

    @property
    def ports(self) -> Ports | None:
        """The last application port element of the right size (9.2.3.24.3, 9.2.3.24.4)."""
        for element in reversed(self.header):
            data = element.data
            if len(data) == _PORTS_SIZES.get(element.iei):
                half = len(data) // 2
                return Ports(
                    destination=int.from_bytes(data[:half], "big"),
                    source=int.from_bytes(data[half:], "big"),
                    wide=element.iei == Iei.PORTS_16,
                )
        return None


def parse_header(octets: bytes) -> tuple[InformationElement, ...] | None:
    """The elements of a header (UDHL left out); None when the last one runs past the end."""
    elements = []
    pos, end = 0, len(octets)
    while pos < end:
        if pos + 2 > end or pos + 2 + octets[pos + 1] > end:
            return None
        stop = pos + 2 + octets[pos + 1]
        elements.append(InformationElement(iei=octets[pos], data=octets[pos + 2 : stop]))
        pos = stop
    return tuple(elements)


def build_header(elements: tuple[InformationElement, ...]) -> bytes:
    """The header with UDHL in front; nothing when there are no elements. PduError when it does not fit."""
    if not elements:
        return b""
    octets = bytearray(1)
    for element in elements:
        if not 0 <= element.iei <= 0xFF or len(element.data) > 0xFF:
            raise PduError(f"information element {element.iei:#x} does not fit in octets", offset=len(octets))
        octets += bytes((element.iei, len(element.data)))
        octets += element.data
    if len(octets) > MAX_OCTETS:
        raise PduError(f"the header has {len(octets)} octets, at most {MAX_OCTETS} are allowed", offset=MAX_OCTETS)
    octets[0] = len(octets) - 1
    return bytes(octets)


def header_septets(octets: int) -> tuple[int, int]:
    """Septets that a header of so many octets (UDHL included) takes, and its fill bits (9.2.3.24, figure 9.2.3.24 (a))."""
    septets = -(-octets * 8 // 7)
    return septets, septets * 7 - octets * 8


def read_user_data(reader: OctetReader, alphabet: Alphabet, *, has_header: bool) -> UserData:
    """TP-UDL and TP-UD. PduError when octets are missing or the header is longer than the data."""
    length = reader.octet("TP-UDL")
    start = reader.pos
    octets = reader.field(packed_size(length) if alphabet is Alphabet.GSM7 else length, "TP-UD")
    if reader.missing:
        length = len(octets) * 8 // 7 if alphabet is Alphabet.GSM7 else len(octets)
    if not has_header or not length:  # TP-UDHI without any user data is seen in the field
        payload = unpack(octets, length) if alphabet is Alphabet.GSM7 else octets
        return UserData(alphabet=alphabet, payload=payload)
    if not octets or octets[0] >= len(octets):
        raise PduError("the user data header is longer than the user data", offset=start)
    size = octets[0] + 1
    raw = octets[1:size]
    payload = octets[size:]
    if alphabet is Alphabet.GSM7:
        used, fill_bits = header_septets(size)
        if used > length and not reader.missing:
            raise PduError("the user data header is longer than the user data", offset=start)
        payload = unpack(payload, length - used, fill_bits) if length > used else b""
    elements = parse_header(raw)
    if elements is None:
        return UserData(alphabet=alphabet, payload=payload, ignored_header=raw)
    return UserData(alphabet=alphabet, payload=payload, header=elements)


def write_user_data(ud: UserData, max_octets: int = MAX_OCTETS) -> bytes:
    """TP-UDL and TP-UD. PduError when it is longer than the TPDU takes (`max_octets`) or a byte is no septet."""
    header = ud.header_octets
    if ud.alphabet is not Alphabet.GSM7:
        octets = header + ud.payload
        if len(octets) > max_octets:
            raise PduError(f"user data of {len(octets)} octets, at most {max_octets} fit", offset=max_octets)
        return bytes((len(octets),)) + octets
    used, fill_bits = header_septets(len(header))
    length = used + len(ud.payload)
    if length > max_octets * 8 // 7:
        limit = max_octets * 8 // 7
        raise PduError(f"user data of {length} septets, at most {limit} fit", offset=limit)
    if not ud.payload.isascii():
        raise PduError("a septet has seven bits", offset=next(i for i, s in enumerate(ud.payload) if s > 0x7F))
    return bytes((length,)) + header + pack(ud.payload, fill_bits)
