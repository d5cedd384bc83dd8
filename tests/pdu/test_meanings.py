"""What TP-PID, TP-ST, TP-FCS and times mean, octet by octet, and what a TPDU says where nothing is said."""

from __future__ import annotations

import pytest

from gateway.pdu import (
    Alphabet,
    Dcs,
    Deliver,
    DeliverReport,
    EnhancedValidity,
    StatusReport,
    Submit,
    SubmitReport,
    Timestamp,
    UserData,
    ValidityPeriod,
    encode_frame,
    failure_of,
    protocol_of,
    status_of,
)
from gateway.pdu.reader import OctetReader
from gateway.pdu.septets import pack, pack_ussd, packed_size, unpack, unpack_ussd
from gateway.pdu.tpdu import Command
from tests.pdu.test_tables import defaults

# 23.040 9.2.3.9
DEVICES = {
    0x00: "implicit", 0x01: "telex", 0x02: "group 3", 0x03: "group 4", 0x04: "voice", 0x05: "ERMES", 0x06: "paging",
    0x07: "Videotex", 0x08: "carrier unspecified", 0x09: "PSPDN", 0x0A: "CSPDN", 0x0B: "PSTN", 0x0C: "ISDN", 0x0D: "UCI",
    0x10: "message handling facility", 0x11: "X.400", 0x12: "electronic mail", 0x1F: "mobile station",
    **dict.fromkeys(range(0x18, 0x1F), "specific to the service centre"),
}  # fmt: skip


@pytest.mark.parametrize("device", range(0x20))
def test_a_device_has_its_name(device: int) -> None:
    assert DEVICES.get(device, "reserved") in protocol_of(0x20 | device).name
    assert protocol_of(device).name == (f"SME to SME, protocol {device}" if device else "SME to SME")


# 23.040 9.2.3.15
STATUSES = {*range(3), *range(0x20, 0x26), *range(0x40, 0x4A), *range(0x60, 0x66)}


@pytest.mark.parametrize("st", range(0x100))
def test_a_status_is_defined_reserved_or_of_the_service_centre(st: int) -> None:
    status = status_of(st)
    own = st < 0x80 and bool(st & 0x10)
    assert (status.sc_specific, status.reserved) == (own, not own and st not in STATUSES)


# 23.040 9.2.3.22
CAUSES = {
    0x80,
    0x81,
    0x82,
    0x8F,
    0x90,
    0x91,
    0x9F,
    0xA0,
    0xA1,
    0xAF,
    0xB0,
    *range(0xC0, 0xC8),
    *range(0xD0, 0xD6),
    *range(0xE0, 0x100),
}


@pytest.mark.parametrize("fcs", range(0x100))
def test_a_cause_is_defined_or_reserved(fcs: int) -> None:
    cause = failure_of(fcs)
    assert cause.reserved is (fcs not in CAUSES)
    assert (cause.by_mobile or cause.by_sc) is (fcs in CAUSES)


def test_a_nibble_above_nine_is_no_digit() -> None:
    time = bytes.fromhex("62211190507080")
    assert Timestamp(octets=time).moment is not None
    for place in range(7):
        for wrong in (0xA0, 0xF0, 0xFF, *([0x0A, 0x0F] if place < 6 else [])):
            assert Timestamp(octets=time[:place] + bytes((wrong,)) + time[place + 1 :]).moment is None, (place, wrong)


@pytest.mark.parametrize(
    ("octet", "minutes"),
    [(0, 5), (142, 715), (143, 720), (144, 750), (166, 1410), (167, 1440), (168, 2 * 1440), (196, 30 * 1440), (197, 5 * 10080),
     (255, 63 * 10080)],
)  # fmt: skip
def test_a_relative_validity_has_four_steps(octet: int, minutes: int) -> None:
    assert ValidityPeriod(octet=octet).seconds == 60 * minutes


def test_a_tpdu_says_nothing_that_it_was_not_told() -> None:
    assert defaults(Deliver) == {
        "pid": 0, "more_messages": False, "loop_prevention": False, "status_report_indication": False, "reply_path": False,
    }  # fmt: skip
    assert defaults(Submit) == {
        "mr": 0, "pid": 0, "validity": None, "status_report_request": False, "reject_duplicates": False, "reply_path": False,
    }  # fmt: skip
    assert defaults(StatusReport) == {
        "pid": None, "dcs": None, "ud": None, "more_messages": False, "loop_prevention": False,
        "status_report_qualifier": False,
    }  # fmt: skip
    assert defaults(Command) == {"mr": 0, "pid": 0, "status_report_request": False}
    for report in (DeliverReport, SubmitReport):
        assert defaults(report) == {"fcs": None, "pid": None, "dcs": None, "ud": None}


def test_a_reader_is_strict_unless_it_is_told() -> None:
    assert not OctetReader(b"").tolerant


def test_septets_begin_with_the_first_bit_unless_it_is_told() -> None:
    assert packed_size(8) == packed_size(8, 0) == 7
    assert pack(b"abcdefg") == pack(b"abcdefg", 0)
    assert unpack(pack(b"abcdefg"), 7) == b"abcdefg"
    assert unpack_ussd(pack_ussd(b"abcdefg")) == b"abcdefg"


@pytest.mark.parametrize("announced", range(8))
def test_the_indicator_announces_what_is_there(announced: int) -> None:
    plain = Dcs(octet=0)
    report = DeliverReport(
        pid=0x7F if announced & 1 else None,
        dcs=plain if announced & 2 else None,
        ud=UserData(alphabet=Alphabet.GSM7, payload=b"") if announced & 4 else None,
    )
    octets = bytes.fromhex(encode_frame(report)[0])
    assert octets[2] == announced
    assert len(octets) == 3 + announced.bit_count()


def test_an_enhanced_validity_is_tried_more_than_once_unless_it_is_told() -> None:
    assert not EnhancedValidity.of(60).single_shot
