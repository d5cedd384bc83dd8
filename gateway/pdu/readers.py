"""Octets to TPDUs (23.040 9.2.2), a reader for each type, found by direction and TP-MTI."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.errors import PduError

from .address import read_address
from .dcs import Dcs
from .enums import Alphabet, Direction
from .layout import (
    LOOP_PREVENTION,
    MTI_DELIVER,
    MTI_MASK,
    MTI_RESERVED,
    MTI_STATUS_REPORT,
    MTI_SUBMIT,
    NO_MORE_MESSAGES,
    PADDING,
    PI_DCS,
    PI_EXTENSION,
    PI_KNOWN,
    PI_PID,
    PI_UDL,
    REJECT_DUPLICATES,
    REPLY_PATH,
    STATUS_REPORT,
    UDHI,
    VPF_ABSOLUTE,
    VPF_ENHANCED,
    VPF_MASK,
    VPF_RELATIVE,
)
from .reader import OctetReader
from .timestamp import SIZE as TIMESTAMP_SIZE
from .timestamp import AbsoluteValidity, EnhancedValidity, Timestamp, ValidityPeriod
from .tpdu import Command, Deliver, DeliverReport, StatusReport, Submit, SubmitReport, Tpdu, Validity
from .udh import UserData, read_user_data

_DCS = tuple(Dcs(octet=octet) for octet in range(256))


def _read_deliver(first: int, reader: OctetReader) -> Deliver:
    oa = read_address(reader, "TP-OA")
    pid = reader.octet("TP-PID")
    dcs = _DCS[reader.octet("TP-DCS")]
    scts = Timestamp(octets=reader.take(TIMESTAMP_SIZE, "TP-SCTS"))
    return Deliver(
        oa=oa,
        pid=pid,
        dcs=dcs,
        scts=scts,
        ud=read_user_data(reader, dcs.user_data_alphabet, has_header=bool(first & UDHI)),
        more_messages=not first & NO_MORE_MESSAGES,
        loop_prevention=bool(first & LOOP_PREVENTION),
        status_report_indication=bool(first & STATUS_REPORT),
        reply_path=bool(first & REPLY_PATH),
    )


def _read_validity(form: int, reader: OctetReader) -> Validity | None:
    if form == VPF_RELATIVE:
        return ValidityPeriod(octet=reader.octet("TP-VP"))
    if form == VPF_ABSOLUTE:
        return AbsoluteValidity(octets=reader.take(TIMESTAMP_SIZE, "TP-VP"))
    if form == VPF_ENHANCED:
        return EnhancedValidity(octets=reader.take(TIMESTAMP_SIZE, "TP-VP"))
    return None


def _read_submit(first: int, reader: OctetReader) -> Submit:
    mr = reader.octet("TP-MR")
    da = read_address(reader, "TP-DA")
    pid = reader.octet("TP-PID")
    dcs = _DCS[reader.octet("TP-DCS")]
    validity = _read_validity(first & VPF_MASK, reader)
    return Submit(
        mr=mr,
        da=da,
        pid=pid,
        dcs=dcs,
        validity=validity,
        ud=read_user_data(reader, dcs.user_data_alphabet, has_header=bool(first & UDHI)),
        status_report_request=bool(first & STATUS_REPORT),
        reject_duplicates=bool(first & REJECT_DUPLICATES),
        reply_path=bool(first & REPLY_PATH),
    )


def _read_status_report(first: int, reader: OctetReader) -> StatusReport:
    mr = reader.octet("TP-MR")
    ra = read_address(reader, "TP-RA")
    scts = Timestamp(octets=reader.take(TIMESTAMP_SIZE, "TP-SCTS"))
    dt = Timestamp(octets=reader.take(TIMESTAMP_SIZE, "TP-DT"))
    st = reader.octet("TP-ST")
    pid, dcs, ud = None, None, None
    if reader.left and reader.rest().count(PADDING) != reader.left:
        pid, dcs, ud = _read_announced(first, _read_indicator(reader), reader)
    return StatusReport(
        mr=mr,
        ra=ra,
        scts=scts,
        dt=dt,
        st=st,
        pid=pid,
        dcs=dcs,
        ud=ud,
        more_messages=not first & NO_MORE_MESSAGES,
        loop_prevention=bool(first & LOOP_PREVENTION),
        status_report_qualifier=bool(first & STATUS_REPORT),
    )


def _read_command(first: int, reader: OctetReader) -> Command:
    return Command(
        mr=reader.octet("TP-MR"),
        pid=reader.octet("TP-PID"),
        ct=reader.octet("TP-CT"),
        mn=reader.octet("TP-MN"),
        da=read_address(reader, "TP-DA"),
        ud=read_user_data(reader, Alphabet.DATA, has_header=bool(first & UDHI)),
        status_report_request=bool(first & STATUS_REPORT),
    )


def _read_indicator(reader: OctetReader) -> int:
    """TP-PI (9.2.3.27)."""
    indicator = octet = reader.octet("TP-PI")
    while octet & PI_EXTENSION:  # further octets of the indicator announce nothing that we know
        octet = reader.octet("TP-PI")
    return indicator


def _read_announced(first: int, indicator: int, reader: OctetReader) -> tuple[int | None, Dcs | None, UserData | None]:
    """What TP-PI announces."""
    pid = reader.octet("TP-PID") if indicator & PI_PID else None
    dcs = _DCS[reader.octet("TP-DCS")] if indicator & PI_DCS else None
    if not indicator & PI_UDL:
        return pid, dcs, None
    alphabet = dcs.user_data_alphabet if dcs else Alphabet.GSM7
    return pid, dcs, read_user_data(reader, alphabet, has_header=bool(first & UDHI))


def _read_cause(reader: OctetReader, failure: bool | None) -> int | None:
    """TP-FCS. Only the layer below tells RP-ACK from RP-ERROR; unasked, an octet that can be a TP-PI is taken for one."""
    if failure is None:
        failure = bool(reader.left and reader.data[reader.pos] & ~PI_KNOWN)
    return reader.octet("TP-FCS") if failure else None


def _read_deliver_report(first: int, reader: OctetReader, failure: bool | None) -> DeliverReport:
    fcs = _read_cause(reader, failure)
    pid, dcs, ud = _read_announced(first, _read_indicator(reader), reader)
    return DeliverReport(fcs=fcs, pid=pid, dcs=dcs, ud=ud)


def _read_submit_report(first: int, reader: OctetReader, failure: bool | None) -> SubmitReport:
    fcs = _read_cause(reader, failure)
    indicator = _read_indicator(reader)
    scts = Timestamp(octets=reader.take(TIMESTAMP_SIZE, "TP-SCTS"))
    pid, dcs, ud = _read_announced(first, indicator, reader)
    return SubmitReport(fcs=fcs, scts=scts, pid=pid, dcs=dcs, ud=ud)


_READERS: Mapping[tuple[Direction, int], Callable[[int, OctetReader], Tpdu]] = {
    (Direction.MT, MTI_DELIVER): _read_deliver,
    (Direction.MT, MTI_STATUS_REPORT): _read_status_report,
    # 9.2.3.1: a mobile treats the reserved type as a DELIVER
    (Direction.MT, MTI_RESERVED): _read_deliver,
    (Direction.MO, MTI_SUBMIT): _read_submit,
    (Direction.MO, MTI_STATUS_REPORT): _read_command,
}
_REPORT_READERS: Mapping[tuple[Direction, int], Callable[[int, OctetReader, bool | None], Tpdu]] = {
    (Direction.MO, MTI_DELIVER): _read_deliver_report,
    (Direction.MT, MTI_SUBMIT): _read_submit_report,
}


def read_tpdu(reader: OctetReader, direction: Direction, failure: bool | None = None) -> Tpdu:
    """The TPDU at the reader; octets after it are left, but after a report only padding is.

    `failure`: whether a report comes with a failure cause, None to tell by its octets. PduError when it is no known type.
    """
    start = reader.pos
    first = reader.octet("TPDU")
    kind = direction, first & MTI_MASK
    if read := _READERS.get(kind):
        return read(first, reader)
    if (read_report := _REPORT_READERS.get(kind)) is None:
        raise PduError(f"no TPDU of type {first & MTI_MASK} is read in direction {direction.value}", offset=start)
    report = read_report(first, reader, failure)
    # Its few fields fit the start of nearly anything; what goes on was a TPDU of the other direction.
    if reader.rest().count(PADDING) != reader.left:
        raise PduError("there are octets after the report", offset=reader.pos)
    return report
