"""The SMS codec (3GPP TS 23.040, 23.038): pure, no input or output, every malformed input a `PduError`."""

from __future__ import annotations

from .address import Address
from .alphabet import is_gsm7
from .dcs import Dcs, Indication, MessageWaiting
from .enums import Alphabet, CommandType, Direction, Iei, Language, Npi, Ton
from .fold import Folding, Replacement
from .frame import Frame, decode_frame, encode_frame, fingerprint
from .join import Content, join
from .protocol import Protocol, ProtocolKind, protocol_of
from .segment import Segmentation, segment, with_reference
from .status import FailureCause, Outcome, Status, failure_of, status_of
from .timestamp import AbsoluteValidity, EnhancedValidity, Timestamp, ValidityPeriod
from .tpdu import Command, Deliver, DeliverReport, StatusReport, Submit, SubmitReport
from .udh import Concat, InformationElement, Ports, UserData

__all__ = [
    "AbsoluteValidity",
    "Address",
    "Alphabet",
    "Command",
    "CommandType",
    "Concat",
    "Content",
    "Dcs",
    "Deliver",
    "DeliverReport",
    "Direction",
    "EnhancedValidity",
    "FailureCause",
    "Folding",
    "Frame",
    "Iei",
    "Indication",
    "InformationElement",
    "Language",
    "MessageWaiting",
    "Npi",
    "Outcome",
    "Ports",
    "Protocol",
    "ProtocolKind",
    "Replacement",
    "Segmentation",
    "Status",
    "StatusReport",
    "Submit",
    "SubmitReport",
    "Timestamp",
    "Ton",
    "UserData",
    "ValidityPeriod",
    "decode_frame",
    "encode_frame",
    "failure_of",
    "fingerprint",
    "is_gsm7",
    "join",
    "protocol_of",
    "segment",
    "status_of",
    "with_reference",
]
