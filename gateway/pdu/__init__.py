"""The SMS codec (3GPP TS 23.040, 23.038): pure, no input or output, every malformed input a `PduError`."""

from __future__ import annotations

from .address import Address
from .alphabet import is_gsm7
from .dcs import Dcs, Indication, MessageWaiting
from .enums import Alphabet, Direction, Iei, Npi, Ton
from .frame import Frame, decode_frame, encode_frame, fingerprint
from .segment import Content, Segmentation, join, segment, with_reference
from .timestamp import AbsoluteValidity, EnhancedValidity, Timestamp, ValidityPeriod
from .tpdu import Deliver, StatusReport, Submit
from .udh import Concat, InformationElement, Ports, UserData

__all__ = [
    "AbsoluteValidity",
    "Address",
    "Alphabet",
    "Concat",
    "Content",
    "Dcs",
    "Deliver",
    "Direction",
    "EnhancedValidity",
    "Frame",
    "Iei",
    "Indication",
    "InformationElement",
    "MessageWaiting",
    "Npi",
    "Ports",
    "Segmentation",
    "StatusReport",
    "Submit",
    "Timestamp",
    "Ton",
    "UserData",
    "ValidityPeriod",
    "decode_frame",
    "encode_frame",
    "fingerprint",
    "is_gsm7",
    "join",
    "segment",
    "with_reference",
]
