"""Packing of 7-bit characters into octets (23.038 6.1.2.1).

Septets are held one per byte. Eight of them fill seven octets, so packing is three rounds of closing the gaps inside a
64-bit group, done to all groups at once on one big integer, and then dropping every eighth octet.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct

GROUP = 8  # septets that fill GROUP - 1 octets exactly


@lru_cache(maxsize=64)
def _masks(groups: int) -> tuple[tuple[int, int, int], ...]:
    """(shift, lower fields, upper fields) per round: fields of 7, 14 and 28 bits in slots of 8, 16 and 32."""
    rounds = []
    for shift in (1, 2, 4):
        field = (1 << 7 * shift) - 1
        slot = 8 * shift
        lower = sum(field << start for start in range(0, 64, 2 * slot))
        low = int.from_bytes(lower.to_bytes(8, "little") * groups, "little")
        rounds.append((shift, low, low << slot))
    return tuple(rounds)


@lru_cache(maxsize=64)
def _groups(groups: int) -> Struct:
    """Takes octets apart into groups of seven."""
    return Struct(f"{GROUP - 1}s" * groups)


def packed_size(septets: int, fill_bits: int = 0) -> int:
    """Octets that so many septets take after `fill_bits`."""
    return (septets * 7 + fill_bits + 7) // 8


def pack(septets: bytes, fill_bits: int = 0) -> bytes:
    """Septets (one per byte, each below 0x80) to octets, after `fill_bits` (0 to 6) zero bits. Spare bits are zero."""
    count = len(septets)
    if not count:
        return bytes(packed_size(0, fill_bits))
    groups = -(-count // GROUP)
    bits = int.from_bytes(septets, "little")
    for shift, low, high in _masks(groups):
        bits = bits & low | (bits & high) >> shift
    slots = bytearray(bits.to_bytes(groups * GROUP, "little"))
    del slots[GROUP - 1 :: GROUP]
    size = packed_size(count, fill_bits)
    if not fill_bits:
        return bytes(slots[:size])
    return (int.from_bytes(slots, "little") << fill_bits).to_bytes(len(slots) + 1, "little")[:size]


def unpack(octets: bytes, count: int, fill_bits: int = 0) -> bytes:
    """`count` septets, one per byte, out of octets that hold at least that many after `fill_bits`. ValueError if not."""
    if packed_size(count, fill_bits) > len(octets):
        raise ValueError("fewer octets than the septets need")
    groups = -(-count // GROUP)
    width = groups * (GROUP - 1)
    if fill_bits:
        octets = (int.from_bytes(octets, "little") >> fill_bits).to_bytes(len(octets), "little")
    bits = int.from_bytes(b"\0".join(_groups(groups).unpack(octets[:width].ljust(width, b"\0"))), "little")
    for shift, low, high in reversed(_masks(groups)):
        bits = bits & low | bits << shift & high
    return bits.to_bytes(groups * GROUP, "little")[:count]


_CR = 0x0D  # in both the default alphabet and the locking shift tables


def pack_ussd(septets: bytes, fill_bits: int = 0) -> bytes:
    """Septets to octets as USSD and cell broadcast want them (23.038 6.1.2.3.1).

    Seven spare bits hold a carriage return, not an @. A text that ends in one where an octet ends gets another, so that
    taking one off leaves it as it was.
    """
    spare = -(7 * len(septets) + fill_bits) % 8
    if spare == 7 or (not spare and septets[-1:] == bytes((_CR,))):
        septets += bytes((_CR,))
    return pack(septets, fill_bits)


def unpack_ussd(octets: bytes, fill_bits: int = 0) -> bytes:
    """All septets in the octets but the carriage return that `pack_ussd` put there."""
    count = (8 * len(octets) - fill_bits) // 7
    septets = unpack(octets, count, fill_bits) if count > 0 else b""
    if septets[-1:] != bytes((_CR,)):
        return septets
    alone = (7 * count + fill_bits) % 8 == 0  # it fills the last octet to its end
    # Or it is the second one, after a text whose own return ended with an octet.
    doubled = septets[-2:-1] == bytes((_CR,)) and (7 * (count - 1) + fill_bits) % 8 == 0
    return septets[:-1] if alone or doubled else septets
