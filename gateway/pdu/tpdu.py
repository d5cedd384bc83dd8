"""The transfer protocol data units (23.040 9.2.2), all six of them, as values."""

from __future__ import annotations

from dataclasses import dataclass

from .address import Address
from .dcs import Dcs
from .protocol import Protocol, protocol_of
from .status import FailureCause, Status, failure_of, status_of
from .timestamp import AbsoluteValidity, EnhancedValidity, Timestamp, ValidityPeriod
from .udh import UserData

Validity = ValidityPeriod | AbsoluteValidity | EnhancedValidity


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver:
    """SMS-DELIVER (9.2.2.1)."""

    oa: Address
    dcs: Dcs
    scts: Timestamp
    ud: UserData
    pid: int = 0
    more_messages: bool = False
    loop_prevention: bool = False
    status_report_indication: bool = False
    reply_path: bool = False

    @property
    def protocol(self) -> Protocol:
        """What TP-PID means."""
        return protocol_of(self.pid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """SMS-SUBMIT (9.2.2.2). Most modems put a message reference of their own in the place of `mr`."""

    da: Address
    ud: UserData
    dcs: Dcs
    mr: int = 0
    pid: int = 0
    validity: Validity | None = None
    status_report_request: bool = False
    reject_duplicates: bool = False
    reply_path: bool = False

    @property
    def protocol(self) -> Protocol:
        """What TP-PID means."""
        return protocol_of(self.pid)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """SMS-STATUS-REPORT (9.2.2.3). `pid`, `dcs` and `ud` are None where the report leaves them out."""

    mr: int
    ra: Address
    scts: Timestamp
    dt: Timestamp
    st: int
    pid: int | None = None
    dcs: Dcs | None = None
    ud: UserData | None = None
    more_messages: bool = False
    loop_prevention: bool = False
    status_report_qualifier: bool = False  # the report is about an SMS-COMMAND

    @property
    def status(self) -> Status:
        """What TP-ST means."""
        return status_of(self.st)

    @property
    def st_delivered(self) -> bool:
        """The short message transaction is completed (9.2.3.15: 0x00 to 0x1F)."""
        return self.st <= 0x1F

    @property
    def st_final(self) -> bool:
        """No further report follows: all but 0x20 to 0x3F, where the service centre still tries (9.2.3.15)."""
        return not 0x20 <= self.st <= 0x3F


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverReport:
    """SMS-DELIVER-REPORT (9.2.2.1a), a mobile's answer to a DELIVER: with a failure cause where it refuses."""

    fcs: int | None = None
    pid: int | None = None
    dcs: Dcs | None = None
    ud: UserData | None = None

    @property
    def failure(self) -> FailureCause | None:
        """What TP-FCS means; None for an acknowledgement."""
        return None if self.fcs is None else failure_of(self.fcs)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitReport:
    """SMS-SUBMIT-REPORT (9.2.2.2a), the service centre's answer to a SUBMIT or a COMMAND."""

    scts: Timestamp
    fcs: int | None = None
    pid: int | None = None
    dcs: Dcs | None = None
    ud: UserData | None = None

    @property
    def failure(self) -> FailureCause | None:
        """What TP-FCS means; None for an acknowledgement."""
        return None if self.fcs is None else failure_of(self.fcs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """SMS-COMMAND (9.2.2.4) about the message of reference `mn`, sent to `da` before. `ud` is TP-CD, always octets."""

    da: Address
    ud: UserData
    ct: int
    mn: int
    mr: int = 0
    pid: int = 0
    status_report_request: bool = False

    @property
    def dcs(self) -> Dcs:
        """A COMMAND has no TP-DCS; its data are octets, as this one says of those TPDUs that have one."""
        return _OCTETS

    @property
    def protocol(self) -> Protocol:
        """What TP-PID means."""
        return protocol_of(self.pid)


_OCTETS = Dcs(octet=0x04)

Tpdu = Deliver | Submit | StatusReport | DeliverReport | SubmitReport | Command
