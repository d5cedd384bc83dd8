"""Fuzz `decode_frame`: octets of either direction are read or refused, and what is read is written and joined again."""

from __future__ import annotations

import contextlib

import atheris

with atheris.instrument_imports(include=["gateway"]):
    from gateway.errors import PduError
    from gateway.pdu import Address, Direction, decode_frame, encode_frame, fingerprint, interpret_element, join

from tests.fuzz.target import Pace, fuzz

BASELINE = b"\x00" + bytes.fromhex("07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07")


def run(data: bytes) -> int:
    """The first octet says how the rest is to be read."""
    if not data:
        return len(data)
    how, octets = data[0], data[1:]
    direction = Direction.MO if how & 1 else Direction.MT
    failure = (None, None, True, False)[how >> 1 & 3]
    text = octets.decode("latin-1") if how & 0x20 else octets.hex()
    length = len(octets) if how & 0x10 else None
    with contextlib.suppress(PduError):
        frame = decode_frame(text, direction, length=length, failure=failure, truncated=bool(how & 8))
        fingerprint(frame.tpdu_octets)
        tpdu = frame.tpdu
        for name in dir(type(tpdu)):
            getattr(tpdu, name)
        ud = tpdu.ud
        if ud is not None:
            for element in ud.header:
                interpret_element(element)
            assert ud.concat is None or 0 < ud.concat.seq <= ud.concat.total
            assert ud.ports is None or ud.ports.source >= 0
            content = join([ud, ud])
            assert (content.text is None) is (content.data is not None)
        pdu, octet_count = encode_frame(tpdu, sc=frame.sc)
        again = decode_frame(pdu, direction, length=octet_count, failure=failure)
        assert again.sc == frame.sc or _is_ambiguous(frame.sc)
        if failure is not None or not hasattr(tpdu, "fcs"):  # without a word on it, TP-FCS may look like TP-PI
            peer = next((getattr(tpdu, name) for name in ("oa", "da", "ra") if hasattr(tpdu, name)), None)
            assert again.tpdu == tpdu or _is_ambiguous(peer), (again.tpdu, tpdu)
    return len(data)


def _is_ambiguous(address: Address | None) -> bool:
    """Eight letters with an @ at the end are written as seven with a septet of padding are."""
    return address is not None and len(address.value) == 8 and address.value.endswith("@")


HEAD = bytes.fromhex("00440B916407281553F8000462114290507080")
# The most elements that fit, of the kinds that say something; each of the octets behind says how to read it.
COSTLY = tuple(
    b"\x00" + HEAD + bytes((0x8C, 0x8B)) + (element * 0x8B)[:0x8B]
    for element in map(bytes.fromhex, ("7000", "0003010201", "0A03000A10", "1B00", "050400010001", "250101240101"))
)


if __name__ == "__main__":
    fuzz(lambda: Pace(run, BASELINE, COSTLY), (BASELINE, *COSTLY))
