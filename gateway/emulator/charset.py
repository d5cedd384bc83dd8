"""Texts in the character set of the port, +CSCS (27.007 5.5)."""

from __future__ import annotations

from gateway.emulator import gsm7


def shown(text: str, cscs: str) -> str:
    """`text` as the port shows it: hex in UCS2, an octet for each septet in GSM, and as it is in the others."""
    if cscs == "UCS2":
        return text.encode("utf-16-be").hex().upper()
    codes = gsm7.septets(text) if cscs == "GSM" else None
    return text if codes is None else codes.decode("ascii")


def understood(text: str, cscs: str) -> str:
    """The reverse; what is no UCS2 is taken as it is."""
    if cscs == "GSM":
        return gsm7.text(text.encode("ascii", "replace"))
    if cscs != "UCS2":
        return text
    try:
        return bytes.fromhex(text).decode("utf-16-be")
    except ValueError:
        return text
