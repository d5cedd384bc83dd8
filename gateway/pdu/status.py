"""TP-ST, how a message fared (23.040 9.2.3.15), and TP-FCS, why one was refused (9.2.3.22), as tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """The four groups of TP-ST."""

    COMPLETED = "completed"
    TRYING = "trying"  # a temporary error, the service centre still tries
    FAILED = "failed"  # a permanent error
    GIVEN_UP = "given-up"  # a temporary error, the service centre no longer tries


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What a TP-ST says. `reserved` values keep the group that their bits put them in."""

    outcome: Outcome
    meaning: str
    reserved: bool = False
    sc_specific: bool = False

    @property
    def final(self) -> bool:
        """No further report follows."""
        return self.outcome is not Outcome.TRYING

    @property
    def delivered(self) -> bool:
        """The transaction is completed."""
        return self.outcome is Outcome.COMPLETED


_TEMPORARY: Mapping[int, str] = {
    0x0: "congestion",
    0x1: "SME busy",
    0x2: "no response from SME",
    0x3: "service rejected",
    0x4: "quality of service not available",
    0x5: "error in SME",
}
_STATUSES: Mapping[int, str] = {
    0x00: "received by the SME",
    0x01: "forwarded to the SME, the service centre cannot confirm delivery",
    0x02: "replaced by the service centre",
    **{0x20 | low: meaning for low, meaning in _TEMPORARY.items()},
    0x40: "remote procedure error",
    0x41: "incompatible destination",
    0x42: "connection rejected by SME",
    0x43: "not obtainable",
    0x44: "quality of service not available",
    0x45: "no interworking available",
    0x46: "validity period expired",
    0x47: "deleted by the originating SME",
    0x48: "deleted by service centre administration",
    0x49: "message does not exist",
    **{0x60 | low: meaning for low, meaning in _TEMPORARY.items()},
}
_OUTCOMES = (Outcome.COMPLETED, Outcome.TRYING, Outcome.FAILED, Outcome.GIVEN_UP)


def _status(st: int) -> Status:
    # 9.2.3.15: a reserved value is read as "service rejected"; from 0x80 on that is all that its bits say.
    if st >= 0x80:
        return Status(outcome=Outcome.GIVEN_UP, meaning="reserved", reserved=True)
    outcome = _OUTCOMES[st >> 5]
    if st & 0x10:
        return Status(outcome=outcome, meaning="specific to the service centre", sc_specific=True)
    meaning = _STATUSES.get(st)
    return Status(outcome=outcome, meaning=meaning or "reserved", reserved=meaning is None)


_STATUS_TABLE = tuple(map(_status, range(256)))


def status_of(st: int) -> Status:
    """The meaning of a TP-ST (0 to 255)."""
    return _STATUS_TABLE[st]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureCause:
    """What a TP-FCS says. `by_mobile`, `by_sc`: whose reports may carry it."""

    meaning: str
    by_mobile: bool = False  # in a DELIVER-REPORT
    by_sc: bool = False  # in a SUBMIT-REPORT
    reserved: bool = False


_BOTH, _MOBILE, _SC = (True, True), (True, False), (False, True)
_CAUSES: Mapping[int, tuple[tuple[bool, bool], str]] = {
    0x80: (_SC, "telematic interworking not supported"),
    0x81: (_BOTH, "short message type 0 not supported"),
    0x82: (_BOTH, "cannot replace short message"),
    0x8F: (_BOTH, "unspecified TP-PID error"),
    0x90: (_SC, "data coding scheme (alphabet) not supported"),
    0x91: (_MOBILE, "message class not supported"),
    0x9F: (_BOTH, "unspecified TP-DCS error"),
    0xA0: (_SC, "command cannot be actioned"),
    0xA1: (_SC, "command unsupported"),
    0xAF: (_SC, "unspecified TP-Command error"),
    0xB0: (_BOTH, "TPDU not supported"),
    0xC0: (_SC, "service centre busy"),
    0xC1: (_SC, "no service centre subscription"),
    0xC2: (_SC, "service centre system failure"),
    0xC3: (_SC, "invalid SME address"),
    0xC4: (_SC, "destination SME barred"),
    0xC5: (_SC, "rejected as a duplicate"),
    0xC6: (_SC, "TP-VPF not supported"),
    0xC7: (_SC, "TP-VP not supported"),
    0xD0: (_MOBILE, "(U)SIM SMS storage full"),
    0xD1: (_MOBILE, "no SMS storage capability in (U)SIM"),
    0xD2: (_MOBILE, "error in mobile station"),
    0xD3: (_MOBILE, "memory capacity exceeded"),
    0xD4: (_MOBILE, "(U)SIM application toolkit busy"),
    0xD5: (_MOBILE, "(U)SIM data download error"),
    **dict.fromkeys(range(0xE0, 0xFF), (_BOTH, "specific to an application")),
    0xFF: (_BOTH, "unspecified error cause"),
}
_RESERVED = FailureCause(meaning="reserved", reserved=True)


def failure_of(fcs: int) -> FailureCause:
    """The meaning of a TP-FCS (0 to 255)."""
    if (entry := _CAUSES.get(fcs)) is None:
        return _RESERVED
    (by_mobile, by_sc), meaning = entry
    return FailureCause(meaning=meaning, by_mobile=by_mobile, by_sc=by_sc)
