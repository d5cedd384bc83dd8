"""TP-PID, the protocol identifier (23.040 9.2.3.9), as one table of 256 meanings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class ProtocolKind(Enum):
    """The groups of protocol identifiers."""

    SME = "sme"  # from one short message entity to another, the usual one
    TELEMATIC = "telematic"  # by way of another service: fax, e-mail …
    TYPE_0 = "type-0"  # acknowledge, then discard
    REPLACE = "replace"  # take the place of a stored message of the same type and sender
    DEVICE_TRIGGER = "device-trigger"
    ENHANCED = "enhanced"  # the obsolete mark of an enhanced message
    RETURN_CALL = "return-call"
    ANSI_136 = "ansi-136"
    ME_DOWNLOAD = "me-download"
    ME_DEPERSONALISATION = "me-depersonalisation"
    SIM_DOWNLOAD = "sim-download"  # for the SIM, never for a person
    SC_SPECIFIC = "sc-specific"
    RESERVED = "reserved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """What a protocol identifier means. `replace_type` is 1 to 7 for those messages."""

    kind: ProtocolKind
    name: str
    replace_type: int | None = None

    @property
    def silent(self) -> bool:
        """Nothing of the message is for a person to see (type 0 and what goes to the equipment or the SIM)."""
        return self.kind in _SILENT


_SILENT = frozenset(
    {
        ProtocolKind.TYPE_0,
        ProtocolKind.DEVICE_TRIGGER,
        ProtocolKind.ANSI_136,
        ProtocolKind.ME_DOWNLOAD,
        ProtocolKind.ME_DEPERSONALISATION,
        ProtocolKind.SIM_DOWNLOAD,
    }
)
EMAIL = 0x32
_DEVICES: Mapping[int, str] = {
    0x00: "implicit",
    0x01: "telex",
    0x02: "group 3 telefax",
    0x03: "group 4 telefax",
    0x04: "voice telephone",
    0x05: "ERMES",
    0x06: "national paging system",
    0x07: "Videotex",
    0x08: "teletex, carrier unspecified",
    0x09: "teletex in PSPDN",
    0x0A: "teletex in CSPDN",
    0x0B: "teletex in analogue PSTN",
    0x0C: "teletex in digital ISDN",
    0x0D: "UCI",
    0x10: "message handling facility",
    0x11: "X.400 message handling system",
    0x12: "Internet electronic mail",
    **dict.fromkeys(range(0x18, 0x1F), "specific to the service centre"),
    0x1F: "mobile station",
}
_NAMED: Mapping[int, tuple[ProtocolKind, str]] = {
    0x40: (ProtocolKind.TYPE_0, "short message type 0"),
    0x48: (ProtocolKind.DEVICE_TRIGGER, "device triggering short message"),
    0x5E: (ProtocolKind.ENHANCED, "enhanced message service (obsolete)"),
    0x5F: (ProtocolKind.RETURN_CALL, "return call message"),
    0x7C: (ProtocolKind.ANSI_136, "ANSI-136 R-DATA"),
    0x7D: (ProtocolKind.ME_DOWNLOAD, "ME data download"),
    0x7E: (ProtocolKind.ME_DEPERSONALISATION, "ME depersonalisation short message"),
    0x7F: (ProtocolKind.SIM_DOWNLOAD, "(U)SIM data download"),
}


def _telematic(device: int) -> Protocol:
    name = _DEVICES.get(device, "reserved")
    return Protocol(kind=ProtocolKind.TELEMATIC, name=f"telematic interworking: {name}")


def _meaning(pid: int) -> Protocol:
    if pid < 0x20:
        name = "SME to SME" if not pid else f"SME to SME, protocol {pid}"
        return Protocol(kind=ProtocolKind.SME, name=name)
    if pid < 0x40:
        return _telematic(pid & 0x1F)
    if 0x41 <= pid <= 0x47:
        number = pid & 7
        return Protocol(kind=ProtocolKind.REPLACE, name=f"replace short message type {number}", replace_type=number)
    if pid >= 0xC0:
        return Protocol(kind=ProtocolKind.SC_SPECIFIC, name="specific to the service centre")
    kind, name = _NAMED.get(pid, (ProtocolKind.RESERVED, "reserved"))
    return Protocol(kind=kind, name=name)


_MEANINGS = tuple(map(_meaning, range(256)))


def protocol_of(pid: int) -> Protocol:
    """The meaning of an octet (0 to 255)."""
    return _MEANINGS[pid]
