"""The SMS codec (3GPP TS 23.040, 23.038): pure, no input or output, every malformed input a `PduError`."""

from __future__ import annotations

from .address import Address
from .alphabet import is_gsm7
from .cbs import CbsPage, Serial, decode_message, decode_page, encode_page, pages_of
from .cbs_dcs import CbsDcs, LanguagePrefix
from .dcs import Dcs, DcsGroup, Indication, MessageWaiting
from .elements import SpecialMessage, WaitingKind, element_name, interpret_element
from .enums import Alphabet, CommandType, Direction, Iei, Language, Npi, Ton
from .fold import Folding, Replacement
from .frame import Frame, decode_frame, encode_frame, fingerprint
from .join import Content, join
from .mail import Mail, compose_mail, is_mail, parse_mail, split_mail
from .national import tables_of
from .protocol import Protocol, ProtocolKind, protocol_of
from .segment import Segmentation, segment, with_reference
from .status import FailureCause, Outcome, Status, failure_of, status_of
from .timestamp import AbsoluteValidity, EnhancedValidity, Timestamp, ValidityPeriod
from .tpdu import Command, Deliver, DeliverReport, StatusReport, Submit, SubmitReport
from .udh import Concat, InformationElement, Ports, UserData
from .ussd import CbsText, decode_ussd, encode_ussd

__all__ = [
    "AbsoluteValidity",
    "Address",
    "Alphabet",
    "CbsDcs",
    "CbsPage",
    "CbsText",
    "Command",
    "CommandType",
    "Concat",
    "Content",
    "Dcs",
    "DcsGroup",
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
    "LanguagePrefix",
    "Mail",
    "MessageWaiting",
    "Npi",
    "Outcome",
    "Ports",
    "Protocol",
    "ProtocolKind",
    "Replacement",
    "Segmentation",
    "Serial",
    "SpecialMessage",
    "Status",
    "StatusReport",
    "Submit",
    "SubmitReport",
    "Timestamp",
    "Ton",
    "UserData",
    "ValidityPeriod",
    "WaitingKind",
    "compose_mail",
    "decode_frame",
    "decode_message",
    "decode_page",
    "decode_ussd",
    "element_name",
    "encode_frame",
    "encode_page",
    "encode_ussd",
    "failure_of",
    "fingerprint",
    "interpret_element",
    "is_gsm7",
    "is_mail",
    "join",
    "pages_of",
    "parse_mail",
    "protocol_of",
    "segment",
    "split_mail",
    "status_of",
    "tables_of",
    "with_reference",
]
