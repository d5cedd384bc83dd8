"""TPDUs to octets (23.040 9.2.2), a writer for each type."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.errors import PduError

from .address import write_address
from .dcs import Dcs
from .enums import Alphabet
from .layout import (
    LOOP_PREVENTION,
    MTI_DELIVER,
    MTI_STATUS_REPORT,
    MTI_SUBMIT,
    NO_MORE_MESSAGES,
    PI_DCS,
    PI_PID,
    PI_UDL,
    REJECT_DUPLICATES,
    REPLY_PATH,
    STATUS_REPORT,
    UD_COMMAND,
    UD_DELIVER_REPORT,
    UD_DELIVER_REPORT_FAILURE,
    UD_STATUS_REPORT,
    UD_SUBMIT_REPORT,
    UD_SUBMIT_REPORT_FAILURE,
    UDHI,
    VPF_ABSOLUTE,
    VPF_ENHANCED,
    VPF_RELATIVE,
)
from .timestamp import AbsoluteValidity, EnhancedValidity, ValidityPeriod
from .tpdu import Command, Deliver, DeliverReport, StatusReport, Submit, SubmitReport, Tpdu, Validity
from .udh import MAX_OCTETS, UserData, write_user_data


def write_tpdu(tpdu: Tpdu) -> bytes:
    """The octets of a TPDU. PduError when a field does not fit."""
    return _WRITERS[type(tpdu)](tpdu)


def _octet(value: int, what: str) -> int:
    if not 0 <= value <= 0xFF:
        raise PduError(f"{what} is one octet, not {value}")
    return value


def _udhi(ud: UserData | None) -> int:
    return UDHI if ud and (ud.header or ud.ignored_header) else 0


def _user_data(ud: UserData, dcs: Dcs, max_octets: int = MAX_OCTETS) -> bytes:
    if ud.alphabet is not dcs.user_data_alphabet:
        raise PduError(f"TP-DCS {dcs.octet:#04x} is {dcs.user_data_alphabet.value}, the user data {ud.alphabet.value}")
    return write_user_data(ud, max_octets)


def _write_deliver(tpdu: Deliver) -> bytes:
    first = (
        MTI_DELIVER
        | (0 if tpdu.more_messages else NO_MORE_MESSAGES)
        | (LOOP_PREVENTION if tpdu.loop_prevention else 0)
        | (STATUS_REPORT if tpdu.status_report_indication else 0)
        | _udhi(tpdu.ud)
        | (REPLY_PATH if tpdu.reply_path else 0)
    )
    return b"".join(
        (
            bytes((first,)),
            write_address(tpdu.oa),
            bytes((_octet(tpdu.pid, "TP-PID"), tpdu.dcs.octet)),
            tpdu.scts.octets,
            _user_data(tpdu.ud, tpdu.dcs),
        )
    )


def _write_validity(validity: Validity | None) -> tuple[int, bytes]:
    """TP-VPF and TP-VP."""
    match validity:
        case None:
            return 0, b""
        case ValidityPeriod(octet=octet):
            return VPF_RELATIVE, bytes((octet,))
        case AbsoluteValidity(octets=octets):
            return VPF_ABSOLUTE, octets
        case EnhancedValidity(octets=octets):
            return VPF_ENHANCED, octets


def _write_submit(tpdu: Submit) -> bytes:
    form, validity = _write_validity(tpdu.validity)
    first = (
        MTI_SUBMIT
        | (REJECT_DUPLICATES if tpdu.reject_duplicates else 0)
        | form
        | (STATUS_REPORT if tpdu.status_report_request else 0)
        | _udhi(tpdu.ud)
        | (REPLY_PATH if tpdu.reply_path else 0)
    )
    return b"".join(
        (
            bytes((first, _octet(tpdu.mr, "TP-MR"))),
            write_address(tpdu.da),
            bytes((_octet(tpdu.pid, "TP-PID"), tpdu.dcs.octet)),
            validity,
            _user_data(tpdu.ud, tpdu.dcs),
        )
    )


def _write_status_report(tpdu: StatusReport) -> bytes:
    first = (
        MTI_STATUS_REPORT
        | (0 if tpdu.more_messages else NO_MORE_MESSAGES)
        | (LOOP_PREVENTION if tpdu.loop_prevention else 0)
        | (STATUS_REPORT if tpdu.status_report_qualifier else 0)
        | _udhi(tpdu.ud)
    )
    indicator, announced = _announced(tpdu, UD_STATUS_REPORT)
    return b"".join(
        (
            bytes((first, _octet(tpdu.mr, "TP-MR"))),
            write_address(tpdu.ra),
            tpdu.scts.octets,
            tpdu.dt.octets,
            bytes((_octet(tpdu.st, "TP-ST"),)),
            bytes((indicator,)) + announced if indicator else b"",  # a report may end here (9.2.2.3)
        )
    )


def _announced(tpdu: StatusReport | DeliverReport | SubmitReport, max_octets: int) -> tuple[int, bytes]:
    """TP-PI, and what it announces."""
    pid, dcs, ud = tpdu.pid, tpdu.dcs, tpdu.ud
    octets = bytearray()
    if pid is not None:
        octets.append(_octet(pid, "TP-PID"))
    if dcs is not None:
        octets.append(dcs.octet)
    if ud is not None:
        octets += _user_data(ud, dcs or Dcs(octet=0), max_octets)
    indicator = (0 if pid is None else PI_PID) | (0 if dcs is None else PI_DCS) | (0 if ud is None else PI_UDL)
    return indicator, bytes(octets)


def _cause(fcs: int | None) -> bytes:
    return b"" if fcs is None else bytes((_octet(fcs, "TP-FCS"),))


def _write_deliver_report(tpdu: DeliverReport) -> bytes:
    limit = UD_DELIVER_REPORT if tpdu.fcs is None else UD_DELIVER_REPORT_FAILURE
    indicator, announced = _announced(tpdu, limit)
    return bytes((MTI_DELIVER | _udhi(tpdu.ud),)) + _cause(tpdu.fcs) + bytes((indicator,)) + announced


def _write_submit_report(tpdu: SubmitReport) -> bytes:
    limit = UD_SUBMIT_REPORT if tpdu.fcs is None else UD_SUBMIT_REPORT_FAILURE
    indicator, announced = _announced(tpdu, limit)
    first = bytes((MTI_SUBMIT | _udhi(tpdu.ud),))
    return first + _cause(tpdu.fcs) + bytes((indicator,)) + tpdu.scts.octets + announced


def _write_command(tpdu: Command) -> bytes:
    if tpdu.ud.alphabet is not Alphabet.DATA:
        raise PduError(f"the data of a command are octets, not {tpdu.ud.alphabet.value}")
    first = MTI_STATUS_REPORT | (STATUS_REPORT if tpdu.status_report_request else 0) | _udhi(tpdu.ud)
    fields = ((tpdu.mr, "TP-MR"), (tpdu.pid, "TP-PID"), (tpdu.ct, "TP-CT"), (tpdu.mn, "TP-MN"))
    octets = bytes((first, *(_octet(value, what) for value, what in fields)))
    return octets + write_address(tpdu.da) + write_user_data(tpdu.ud, UD_COMMAND)


_WRITERS: Mapping[type, Callable[..., bytes]] = {
    Deliver: _write_deliver,
    Submit: _write_submit,
    StatusReport: _write_status_report,
    DeliverReport: _write_deliver_report,
    SubmitReport: _write_submit_report,
    Command: _write_command,
}
