"""A segment's PDU for people: every octet with the field that it belongs to."""

from __future__ import annotations

from gateway.errors import PduError
from gateway.pdu import Direction, decode_frame
from gateway.pdu.walk import Field, walk


def decoded(pdu: str) -> list[Field]:
    """The fields of an SMS-SUBMIT as it went to the modem (AT hex); nothing before it was built."""
    if not pdu:
        return []
    try:
        return walk(decode_frame(pdu, Direction.MO), bytes.fromhex(pdu))
    except (PduError, ValueError) as exc:
        return [Field(name="PDU", octets=b"", value=pdu, meaning=f"cannot be read: {exc}")]
