"""The transfer protocol data units (23.040 9.2.2), each a value with a reader and a writer, found by table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.errors import PduError

from .address import Address, read_address, write_address
from .dcs import Dcs
from .enums import Alphabet, Direction
from .reader import OctetReader
from .timestamp import SIZE as TIMESTAMP_SIZE
from .timestamp import AbsoluteValidity, EnhancedValidity, Timestamp, ValidityPeriod
from .udh import UserData, read_user_data, write_user_data

# First octet (23.040 9.2.3.1 to 9.2.3.7, 9.2.3.17, 9.2.3.23 to 9.2.3.28)
MTI_MASK = 0x03
MTI_DELIVER = 0x00
MTI_SUBMIT = 0x01
MTI_STATUS_REPORT = 0x02
MTI_RESERVED = 0x03
NO_MORE_MESSAGES = 0x04  # TP-MMS: set when nothing more waits
REJECT_DUPLICATES = 0x04  # TP-RD
LOOP_PREVENTION = 0x08  # TP-LP
VPF_MASK = 0x18
VPF_ENHANCED = 0x08
VPF_RELATIVE = 0x10
VPF_ABSOLUTE = 0x18
STATUS_REPORT = 0x20  # TP-SRI, TP-SRR, TP-SRQ
UDHI = 0x40
REPLY_PATH = 0x80  # TP-RP

# TP-PI (9.2.3.27)
PI_PID = 0x01
PI_DCS = 0x02
PI_UDL = 0x04
PI_EXTENSION = 0x80
_PADDING = 0xFF  # what fills the rest of a SIM record (31.102 4.2.25)

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
    status_report_qualifier: bool = False

    @property
    def st_delivered(self) -> bool:
        """The short message transaction is completed (9.2.3.15: 0x00 to 0x1F)."""
        return self.st <= 0x1F

    @property
    def st_final(self) -> bool:
        """No further report follows: all but 0x20 to 0x3F, where the service centre still tries (9.2.3.15)."""
        return not 0x20 <= self.st <= 0x3F


Tpdu = Deliver | Submit | StatusReport


def _read_deliver(first: int, reader: OctetReader) -> Deliver:
    oa = read_address(reader, "TP-OA")
    pid = reader.octet("TP-PID")
    dcs = Dcs(octet=reader.octet("TP-DCS"))
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
    dcs = Dcs(octet=reader.octet("TP-DCS"))
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
    pid, dcs, ud = _read_optional(first, reader)
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


def _read_optional(first: int, reader: OctetReader) -> tuple[int | None, Dcs | None, UserData | None]:
    """TP-PI and what it announces (9.2.3.27)."""
    if not reader.left or reader.rest().count(_PADDING) == reader.left:
        return None, None, None
    indicator = octet = reader.octet("TP-PI")
    while octet & PI_EXTENSION:  # further octets of the indicator announce nothing that we know
        octet = reader.octet("TP-PI")
    pid = reader.octet("TP-PID") if indicator & PI_PID else None
    dcs = Dcs(octet=reader.octet("TP-DCS")) if indicator & PI_DCS else None
    if not indicator & PI_UDL:
        return pid, dcs, None
    alphabet = dcs.user_data_alphabet if dcs else Alphabet.GSM7
    return pid, dcs, read_user_data(reader, alphabet, has_header=bool(first & UDHI))


_READERS: Mapping[tuple[Direction, int], Callable[[int, OctetReader], Tpdu]] = {
    (Direction.MT, MTI_DELIVER): _read_deliver,
    (Direction.MT, MTI_STATUS_REPORT): _read_status_report,
    # 9.2.3.1: a mobile treats the reserved type as a DELIVER
    (Direction.MT, MTI_RESERVED): _read_deliver,
    (Direction.MO, MTI_SUBMIT): _read_submit,
}


def read_tpdu(reader: OctetReader, direction: Direction) -> Tpdu:
    """The TPDU at the reader; octets after it are left. PduError when it is none of a known type."""
    start = reader.pos
    first = reader.octet("TPDU")
    read = _READERS.get((direction, first & MTI_MASK))
    if read is None:
        raise PduError(f"no TPDU of type {first & MTI_MASK} is read in direction {direction.value}", offset=start)
    return read(first, reader)


def write_tpdu(tpdu: Tpdu) -> bytes:
    """The octets of a TPDU. PduError when a field does not fit."""
    return _WRITERS[type(tpdu)](tpdu)


def _octet(value: int, what: str) -> int:
    if not 0 <= value <= 0xFF:
        raise PduError(f"{what} is one octet, not {value}")
    return value


def _udhi(ud: UserData | None) -> int:
    return UDHI if ud and (ud.header or ud.ignored_header) else 0


def _user_data(ud: UserData, dcs: Dcs) -> bytes:
    if ud.alphabet is not dcs.user_data_alphabet:
        raise PduError(f"TP-DCS {dcs.octet:#04x} is {dcs.user_data_alphabet.value}, the user data {ud.alphabet.value}")
    return write_user_data(ud)


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
    ud, dcs = tpdu.ud, tpdu.dcs
    first = (
        MTI_STATUS_REPORT
        | (0 if tpdu.more_messages else NO_MORE_MESSAGES)
        | (LOOP_PREVENTION if tpdu.loop_prevention else 0)
        | (STATUS_REPORT if tpdu.status_report_qualifier else 0)
        | _udhi(ud)
    )
    octets = bytearray((first, _octet(tpdu.mr, "TP-MR")))
    octets += write_address(tpdu.ra) + tpdu.scts.octets + tpdu.dt.octets
    octets.append(_octet(tpdu.st, "TP-ST"))
    if tpdu.pid is None and dcs is None and ud is None:
        return bytes(octets)
    octets.append((0 if tpdu.pid is None else PI_PID) | (0 if dcs is None else PI_DCS) | (0 if ud is None else PI_UDL))
    if tpdu.pid is not None:
        octets.append(_octet(tpdu.pid, "TP-PID"))
    if dcs is not None:
        octets.append(dcs.octet)
    if ud is not None:
        octets += _user_data(ud, dcs or Dcs(octet=0))
    return bytes(octets)


_WRITERS: Mapping[type, Callable[..., bytes]] = {
    Deliver: _write_deliver,
    Submit: _write_submit,
    StatusReport: _write_status_report,
}
