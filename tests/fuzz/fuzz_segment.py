"""Fuzz `segment` and `join`: whatever is cut says the same when it is put together, in its TPDUs too."""

from __future__ import annotations

import contextlib

import atheris

with atheris.instrument_imports(include=["gateway"]):
    from gateway.errors import PduError
    from gateway.pdu import (
        Address,
        Alphabet,
        Direction,
        Folding,
        Language,
        Ports,
        Submit,
        Ton,
        decode_frame,
        encode_frame,
        join,
        segment,
        with_reference,
    )

from tests.fuzz.target import Pace, fuzz

LANGUAGES = tuple(Language)
FOLDINGS = (Folding.NONE, *Folding)
DA = Address(value="491701234567", ton=Ton.INTERNATIONAL, npi=1)


def run(data: bytes) -> int:
    """Four octets of options, then the content: as octets, UTF-16 or UTF-8."""
    if len(data) < 4:
        return len(data)
    options, language, folding, reference = data[:4]
    octets = data[4:]
    content: str | bytes = octets
    if options & 3:
        content = octets.decode("utf-16-be" if options & 3 == 1 else "utf-8", "ignore" if options & 4 else "replace")
    with contextlib.suppress(PduError):
        segmentation = segment(
            content,
            encoding=(None, Alphabet.GSM7, Alphabet.UCS2, Alphabet.DATA)[options >> 3 & 3],
            ports=Ports(destination=reference, source=language, wide=bool(reference & 1)) if options & 0x20 else None,
            ref=reference * 257,
            wide=bool(options & 0x40),
            languages=(LANGUAGES[language % len(LANGUAGES)],) if language & 0x80 else (),
            locking=bool(options & 0x80),
            folding=FOLDINGS[folding % len(FOLDINGS)],
        )
        expected = segmentation.text if isinstance(content, str) else content
        if isinstance(content, str) and not segmentation.replaced:
            assert expected == content
        parts = []
        for number, ud in enumerate(with_reference(segmentation.parts, reference), 1):
            assert ud.concat is None or (ud.concat.seq, ud.concat.total) == (number, len(segmentation.parts))
            pdu, length = encode_frame(Submit(da=DA, ud=ud, dcs=segmentation.dcs))
            parts.append(decode_frame(pdu, Direction.MO, length=length).tpdu.ud)
        joined = join([ud for ud in parts if ud is not None])
        assert (joined.text if isinstance(content, str) else joined.data) == expected
    return len(data)


PLAIN = b"\x02\0\0\7" + b"An ordinary text, of one part. " * 20
TURKISH = next(octet for octet in range(0x80, 0x100) if LANGUAGES[octet % len(LANGUAGES)] is Language.TURKISH)
# What is looked at most closely: marks and flags where a part ends, all tables and replacements.
COSTLY = tuple(
    bytes((0xE2, TURKISH, 2, 7)) + (word * 300).encode()[:700]
    for word in ("\u0301", "\U0001f1e9", "\u200d", "{", "e\u0301", "ığ“", "\u3000")
)


if __name__ == "__main__":
    fuzz(lambda: Pace(run, PLAIN, COSTLY))  # no seeds: small inputs first, of which there are many in a second
