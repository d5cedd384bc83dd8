"""The GSM 7-bit default alphabet for what is no message: USSD and names (3GPP 23.038 6.1.2.3, 6.2.1).

Not `gateway.pdu`, on purpose: what the emulator packs, the gateway has to unpack by itself.
"""

from __future__ import annotations

BASE = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
ESCAPE, CR = 0x1B, 0x0D
_CODES = {character: code for code, character in enumerate(BASE) if code != ESCAPE}
_EXTENDED = {code: character for character, code in EXTENSION.items()}


def septets(text: str) -> bytes | None:
    """One octet per septet, escapes included; None where the alphabet lacks a character."""
    codes = bytearray()
    for character in text:
        if character in EXTENSION:
            codes += bytes((ESCAPE, EXTENSION[character]))
        elif character in _CODES:
            codes.append(_CODES[character])
        else:
            return None
    return bytes(codes)


def text(codes: bytes) -> str:
    """The reverse of `septets`; an unknown extension shows its base character."""
    shown, escaped = [], False
    for code in codes:
        if code == ESCAPE and not escaped:
            escaped = True
            continue
        character = BASE[code & 0x7F]
        shown.append(_EXTENDED.get(code, character) if escaped else character)
        escaped = False
    return "".join(shown)


def packed(codes: bytes) -> bytes:
    """Septets packed into octets as USSD does it: seven bits that are left over hold a CR (23.038 6.1.2.3.1)."""
    if len(codes) % 8 == 7 or (codes and len(codes) % 8 == 0 and codes[-1] == CR):
        codes += bytes((CR,))
    bits = sum(code << (7 * place) for place, code in enumerate(codes))
    return bits.to_bytes((len(codes) * 7 + 7) // 8, "little")


def unpacked(octets: bytes) -> bytes:
    """The septets in `octets`, without a CR that only fills them up."""
    bits = int.from_bytes(octets, "little")
    count = len(octets) * 8 // 7
    codes = bytes(bits >> (7 * place) & 0x7F for place in range(count))
    return codes[:-1] if count % 8 == 0 and codes.endswith(bytes((CR,))) else codes
