"""The hex that AT commands carry: service-centre address, then TPDU (27.005 3.1 `<pdu>`, `<length>`)."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import PduError

from .address import Address, read_sc_address, write_sc_address
from .enums import Direction
from .layout import MTI_MASK, MTI_SUBMIT, NO_MORE_MESSAGES
from .reader import OctetReader
from .readers import read_tpdu
from .tpdu import Tpdu
from .writers import write_tpdu


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A decoded PDU. `tpdu_octets` is the TPDU without SC address and without what padded it.

    `missing` counts the octets by which its user data are cut off: zero unless that was allowed.
    """

    sc: Address | None
    tpdu: Tpdu
    tpdu_octets: bytes
    missing: int = 0


def decode_frame(
    pdu: str,
    direction: Direction,
    *,
    length: int | None = None,
    failure: bool | None = None,
    truncated: bool = False,
) -> Frame:
    """Hex of either case, SC address first, to a frame.

    `length` is the `<length>` of the AT header: octets without the SC address; a mismatch is an error. Octets after the
    TPDU (the padding of a SIM record) are left out. `failure`: whether a DELIVER-REPORT or SUBMIT-REPORT comes with a
    failure cause, None to tell by its octets. `truncated`: user data may be cut off, what is there of them is read.
    Raises PduError with the offset in octets for whatever is malformed.
    """
    octets = _from_hex(pdu.strip())
    reader = OctetReader(octets, tolerant=truncated)
    sc = read_sc_address(reader)
    start = reader.pos
    if length is not None and length != reader.left and not (truncated and length > reader.left):
        raise PduError(f"the header says {length} octets of TPDU, there are {reader.left}", offset=start)
    tpdu = read_tpdu(reader, direction, failure)
    return Frame(sc=sc, tpdu=tpdu, tpdu_octets=octets[start : reader.pos], missing=reader.missing)


def encode_frame(tpdu: Tpdu, *, sc: Address | None = None) -> tuple[str, int]:
    """Upper-case hex with SC address (`00` where None), and `<length>`: the TPDU's octets. PduError if a field is wrong."""
    octets = write_tpdu(tpdu)
    return (write_sc_address(sc) + octets).hex().upper(), len(octets)


def fingerprint(tpdu_octets: bytes) -> bytes:
    """What two copies of a received TPDU have in common: all octets but TP-MMS, which tells of other messages."""
    if not tpdu_octets or tpdu_octets[0] & MTI_MASK == MTI_SUBMIT:
        return tpdu_octets
    return bytes((tpdu_octets[0] & ~NO_MORE_MESSAGES & 0xFF,)) + tpdu_octets[1:]


def _from_hex(pdu: str) -> bytes:
    try:
        octets = bytes.fromhex(pdu)
    except ValueError as error:
        raise PduError("not an even number of hex digits", offset=_first_wrong(pdu)) from error
    if 2 * len(octets) != len(pdu):  # fromhex skips white space
        raise PduError("white space inside the hex", offset=_first_wrong(pdu))
    return octets


def _first_wrong(pdu: str) -> int:
    return next((i for i, digit in enumerate(pdu) if digit not in "0123456789abcdefABCDEF"), len(pdu)) // 2
