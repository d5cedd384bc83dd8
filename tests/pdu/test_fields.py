"""Addresses, coding schemes, times and headers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import PduError
from gateway.pdu import (
    AbsoluteValidity,
    Address,
    Alphabet,
    Concat,
    Dcs,
    DcsGroup,
    EnhancedValidity,
    Indication,
    InformationElement,
    MessageWaiting,
    Npi,
    Ports,
    Timestamp,
    Ton,
    UserData,
    ValidityPeriod,
    protocol_of,
)
from gateway.pdu.address import read_address, write_address
from gateway.pdu.reader import OctetReader
from gateway.pdu.udh import build_header, parse_header, read_user_data, write_user_data
from tests.pdu.strategies import addresses, headers, moments, user_data


def read(field: str) -> Address:
    return read_address(OctetReader(bytes.fromhex(field)), "address")


@pytest.mark.parametrize(
    ("text", "ton", "value"),
    [
        ("+491701234567", Ton.INTERNATIONAL, "491701234567"),
        ("12345", Ton.UNKNOWN, "12345"),
        ("*100#", Ton.UNKNOWN, "*100#"),
        ("InfoSMS", Ton.ALPHANUMERIC, "InfoSMS"),
        ("ABCDEFGHIJK", Ton.ALPHANUMERIC, "ABCDEFGHIJK"),
        ("abc", Ton.ALPHANUMERIC, "abc"),
        ("0 1 2", Ton.ALPHANUMERIC, "0 1 2"),
    ],
)
def test_an_address_out_of_text(text: str, ton: Ton, value: str) -> None:
    address = Address.parse(text)
    assert (address.ton, address.value, str(address)) == (ton, value, text)
    assert read_address(OctetReader(write_address(address)), "address") == address


@pytest.mark.parametrize(
    "text", ["", "+", "+49 170", "+abc", "1" * 21, "+" + "1" * 21, "ABCDEFGHIJKL", "€€€€€€", "ç", "１２"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(PduError):
        Address.parse(text)


@given(addresses)
def test_an_address_survives(address: Address) -> None:
    octets = write_address(address)
    reader = OctetReader(octets + b"\xff")
    assert read_address(reader, "address") == address
    assert reader.pos == len(octets)


@pytest.mark.parametrize(
    ("field", "address"),
    [
        ("0B916407281553F8", Address(value="46708251358", ton=Ton.INTERNATIONAL)),
        ("0DD049B7F93D6D4E01", Address(value="InfoSMS", ton=Ton.ALPHANUMERIC, npi=Npi.UNKNOWN)),
        ("0ED04F78D92D9C0E01", Address(value="OpenBSC", ton=Ton.ALPHANUMERIC, npi=Npi.UNKNOWN)),  # rounded up
        ("05A92143F5", Address(value="12345", ton=Ton.NATIONAL, npi=9)),
        ("05112143F5", Address(value="12345", ton=Ton.INTERNATIONAL)),  # without the extension bit
        ("06812143F5", Address(value="12345", ton=Ton.UNKNOWN)),  # the filler is counted
        ("05FF2143F5", Address(value="12345", ton=Ton.RESERVED, npi=15)),
        ("0081", Address(value="", ton=Ton.UNKNOWN)),
        ("00D0", Address(value="", ton=Ton.ALPHANUMERIC, npi=0)),
    ],
)
def test_an_address_out_of_octets(field: str, address: Address) -> None:
    assert read(field) == address


def dcs(octet: int) -> Dcs:
    return Dcs(octet=octet)


@pytest.mark.parametrize(
    ("octet", "alphabet", "message_class"),
    [
        (0x00, Alphabet.GSM7, None),
        (0x04, Alphabet.DATA, None),
        (0x08, Alphabet.UCS2, None),
        (0x0C, Alphabet.GSM7, None),
        (0x03, Alphabet.GSM7, None),  # class bits without the bit that says so
        (0x10, Alphabet.GSM7, 0),
        (0x18, Alphabet.UCS2, 0),
        (0x17, Alphabet.DATA, 3),
        (0x28, Alphabet.UCS2, None),
        (0x59, Alphabet.UCS2, 1),
        (0x84, Alphabet.GSM7, None),
        (0xBF, Alphabet.GSM7, None),
        (0xC8, Alphabet.GSM7, None),
        (0xDB, Alphabet.GSM7, None),
        (0xE9, Alphabet.UCS2, None),
        (0xF0, Alphabet.GSM7, 0),
        (0xF5, Alphabet.DATA, 1),
        (0xFF, Alphabet.DATA, 3),
    ],
)
def test_alphabet_and_class_of_each_group(octet: int, alphabet: Alphabet, message_class: int | None) -> None:
    assert (dcs(octet).alphabet, dcs(octet).message_class) == (alphabet, message_class)


def test_the_flags_of_the_coding_groups() -> None:
    assert [octet for octet in range(256) if dcs(octet).compressed] == [*range(0x20, 0x40), *range(0x60, 0x80)]
    assert [octet for octet in range(256) if dcs(octet).automatic_deletion] == [*range(0x40, 0x80)]
    assert [octet for octet in range(256) if dcs(octet).message_waiting] == [*range(0xC0, 0xF0)]
    assert all(dcs(octet).reserved for octet in range(0x80, 0xC0))
    assert all(dcs(octet).user_data_alphabet is Alphabet.DATA for octet in range(256) if dcs(octet).compressed)


@pytest.mark.parametrize(
    ("octet", "active", "indication", "store"),
    [
        (0xC8, True, Indication.VOICEMAIL, False),
        (0xC0, False, Indication.VOICEMAIL, False),
        (0xD9, True, Indication.FAX, True),
        (0xE2, False, Indication.EMAIL, True),
        (0xEF, True, Indication.OTHER, True),
    ],
)
def test_message_waiting(octet: int, active: bool, indication: Indication, store: bool) -> None:
    assert dcs(octet).message_waiting == MessageWaiting(active=active, indication=indication, store=store)


@given(st.sampled_from(Alphabet), st.none() | st.integers(0, 3))
def test_a_built_coding_means_what_was_asked_for(alphabet: Alphabet, message_class: int | None) -> None:
    built = Dcs.build(alphabet, message_class)
    assert (built.alphabet, built.message_class, built.compressed) == (alphabet, message_class, False)


@pytest.mark.parametrize("message_class", [-1, 4])
def test_there_are_four_classes(message_class: int) -> None:
    with pytest.raises(PduError):
        Dcs.build(Alphabet.GSM7, message_class)


def hours(count: float) -> timezone:
    return timezone(timedelta(hours=count))


@pytest.mark.parametrize(
    ("octets", "moment"),
    [
        ("62114290507080", datetime(2026, 11, 24, 9, 5, 7, tzinfo=hours(2))),
        ("6211429050704A", datetime(2026, 11, 24, 9, 5, 7, tzinfo=hours(-6))),
        ("62114290507049", datetime(2026, 11, 24, 9, 5, 7, tzinfo=hours(-3.5))),
        ("62114290507032", datetime(2026, 11, 24, 9, 5, 7, tzinfo=hours(5.75))),
        ("07101010203000", datetime(1970, 1, 1, 1, 2, 3, tzinfo=UTC)),
        ("96101010203000", datetime(2069, 1, 1, 1, 2, 3, tzinfo=UTC)),
        ("00000000000000", None),  # no month 0
        ("62314290507080", None),  # nor 13
        ("6211429050708A", datetime(2026, 11, 24, 9, 5, 7, tzinfo=hours(-7))),
        ("621142905070F0", None),
        ("A2114290507080", None),
        ("621142905070FF", None),
        ("FFFFFFFFFFFFFF", None),
        ("22209290507000", None),  # 29 February 2022
    ],
)
def test_a_timestamp_keeps_its_offset(octets: str, moment: datetime | None) -> None:
    got = Timestamp(octets=bytes.fromhex(octets)).moment
    assert got == moment
    assert (got and got.utcoffset()) == (moment and moment.utcoffset())


@given(moments)
def test_a_time_survives(moment: datetime) -> None:
    got = Timestamp.of(moment).moment
    assert got == moment
    assert got.utcoffset() == moment.utcoffset()


@given(st.binary(min_size=7, max_size=7))
def test_any_seven_octets_are_a_timestamp(octets: bytes) -> None:
    moment = Timestamp(octets=octets).moment
    assert moment is None or Timestamp.of(moment).moment == moment


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 1, 1),  # noqa: DTZ001
        datetime(1969, 12, 31, tzinfo=UTC),
        datetime(2070, 1, 1, tzinfo=UTC),
        datetime(2026, 1, 1, tzinfo=hours(23)),
        datetime(1, 1, 1, tzinfo=hours(1)),
    ],
)
def test_what_a_timestamp_cannot_say(moment: datetime) -> None:
    with pytest.raises(PduError):
        Timestamp.of(moment)


def test_an_odd_offset_is_rounded() -> None:
    moment = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(minutes=52)))
    got = Timestamp.of(moment).moment
    assert got == moment
    assert got.utcoffset() == timedelta(minutes=45)


@pytest.mark.parametrize(
    ("octet", "seconds"),
    [
        (0, 300),
        (143, 43200),
        (144, 45000),
        (167, 86400),
        (168, 172800),
        (196, 2592000),
        (197, 3024000),
        (255, 38102400),
    ],
)
def test_relative_validity(octet: int, seconds: int) -> None:
    assert ValidityPeriod(octet=octet).seconds == seconds
    assert ValidityPeriod.at_most(seconds).octet == octet
    assert ValidityPeriod.at_most(seconds + 1).octet == octet


@given(st.integers(-10, 10**9))
def test_a_validity_is_never_longer_than_asked_for(seconds: int) -> None:
    period = ValidityPeriod.at_most(seconds)
    assert period.seconds <= max(seconds, 300)
    assert period.octet == 255 or ValidityPeriod(octet=period.octet + 1).seconds > seconds


@pytest.mark.parametrize(
    ("octets", "seconds", "single_shot"),
    [
        ("00000000000000", None, False),
        ("40000000000000", None, True),
        ("01A70000000000", 86400, False),
        ("423C0000000000", 60, True),
        ("02000000000000", None, False),  # zero is reserved
        ("03103254000000", 1 * 3600 + 23 * 60 + 45, False),
        ("03100600000000", None, False),  # 60 minutes
        ("03A00000000000", None, False),
        ("07000000000000", None, False),
    ],
)
def test_enhanced_validity(octets: str, seconds: int | None, single_shot: bool) -> None:
    validity = EnhancedValidity(octets=bytes.fromhex(octets))
    assert (validity.seconds, validity.single_shot) == (seconds, single_shot)


def test_absolute_validity_and_sizes() -> None:
    assert AbsoluteValidity(octets=Timestamp.of(datetime(2026, 1, 1, tzinfo=UTC)).octets).moment is not None
    for build in (Timestamp, AbsoluteValidity, EnhancedValidity):
        with pytest.raises(PduError):
            build(octets=bytes(6))
    for octet in (-1, 256):
        with pytest.raises(PduError):
            ValidityPeriod(octet=octet)
        with pytest.raises(PduError):
            Dcs(octet=octet)


def element(iei: int, data: str) -> InformationElement:
    return InformationElement(iei=iei, data=bytes.fromhex(data))


@given(headers)
def test_every_element_of_a_header_is_kept(header: tuple[InformationElement, ...]) -> None:
    octets = build_header(header)
    assert parse_header(octets[1:]) == header


CONCAT = Concat(ref=0xCC, total=2, seq=1, wide=False)


@pytest.mark.parametrize(
    ("header", "concat", "ports"),
    [
        ([(0, "CC0201")], CONCAT, None),
        ([(8, "12340302")], Concat(ref=0x1234, total=3, seq=2, wide=True), None),
        ([(0, "CC0201"), (8, "12340302")], Concat(ref=0x1234, total=3, seq=2, wide=True), None),  # the last one
        ([(8, "12340302"), (0, "CC0201")], CONCAT, None),
        ([(0, "CC0201"), (0, "CC0200")], CONCAT, None),  # what makes no sense is ignored
        ([(0, "CC0001")], None, None),
        ([(0, "CC0203")], None, None),
        ([(0, "CC02")], None, None),
        ([(8, "CC0201")], None, None),
        ([(0, "CC0101")], Concat(ref=0xCC, total=1, seq=1, wide=False), None),
        ([(5, "0B8423F0")], None, Ports(destination=2948, source=9200)),
        ([(4, "E2E4")], None, Ports(destination=226, source=228, wide=False)),
        ([(5, "0B8423F0"), (4, "E2E4")], None, Ports(destination=226, source=228, wide=False)),
        ([(5, "0B84"), (0x70, ""), (0xC0, "00")], None, None),
    ],
)
def test_what_a_header_says(header: list[tuple[int, str]], concat: Concat | None, ports: Ports | None) -> None:
    elements = tuple(element(iei, data) for iei, data in header)
    ud = UserData(alphabet=Alphabet.DATA, payload=b"", header=elements)
    assert (ud.concat, ud.ports) == (concat, ports)


@pytest.mark.parametrize("alphabet", Alphabet)
@given(data=st.data())
def test_user_data_survives(alphabet: Alphabet, data: st.DataObject) -> None:
    ud = data.draw(user_data(alphabet))
    octets = write_user_data(ud)
    reader = OctetReader(octets + b"\xff")
    assert read_user_data(reader, alphabet, has_header=bool(ud.header)) == ud
    assert reader.left == 1


def test_a_header_that_runs_past_its_end_is_kept_aside() -> None:
    octets = bytes.fromhex("07" + "040003CC02" + "4142")
    ud = read_user_data(OctetReader(octets), Alphabet.DATA, has_header=True)
    assert ud == UserData(alphabet=Alphabet.DATA, payload=b"AB", ignored_header=bytes.fromhex("0003CC02"))
    assert ud.concat is None
    assert write_user_data(ud) == octets


def test_a_header_has_its_limits() -> None:
    with pytest.raises(PduError):
        build_header((InformationElement(iei=1, data=bytes(138)),))
    with pytest.raises(PduError):
        build_header((InformationElement(iei=256, data=b""),))


@pytest.mark.parametrize(
    ("ref", "total", "seq", "wide"),
    [(256, 2, 1, False), (-1, 2, 1, False), (0, 1, 2, False), (0, 2, 0, True), (0, 256, 1, True), (65536, 2, 1, True)],
)
def test_what_is_no_concatenation(ref: int, total: int, seq: int, wide: bool) -> None:
    with pytest.raises(PduError):
        Concat(ref=ref, total=total, seq=seq, wide=wide).element()


def test_what_are_no_ports() -> None:
    for destination, source, wide in ((256, 0, False), (0, 65536, True), (-1, 0, True)):
        with pytest.raises(PduError):
            Ports(destination=destination, source=source, wide=wide).element()


@pytest.mark.parametrize("octet", [octet for octet in range(0xC0, 0xF0) if not octet & 4])
def test_a_built_indication_is_the_octet(octet: int) -> None:
    waiting = dcs(octet).message_waiting
    assert waiting is not None
    assert Dcs.waiting(waiting, dcs(octet).alphabet) == dcs(octet)


def test_what_no_group_waits_with() -> None:
    waiting = MessageWaiting(active=True, indication=Indication.FAX, store=False)
    for alphabet in (Alphabet.UCS2, Alphabet.DATA):
        with pytest.raises(PduError):
            Dcs.waiting(waiting, alphabet)


def test_the_groups_by_their_bits() -> None:
    groups = [dcs(octet).group for octet in range(0, 256, 16)]
    assert groups == [
        *[DcsGroup.GENERAL] * 4,
        *[DcsGroup.AUTOMATIC_DELETION] * 4,
        *[DcsGroup.RESERVED] * 4,
        *(DcsGroup.WAITING_DISCARD, DcsGroup.WAITING_STORE, DcsGroup.WAITING_STORE_UCS2, DcsGroup.CODING_CLASS),
    ]


@pytest.mark.parametrize(
    ("year", "first_year", "shown"),
    [
        ("70", 1970, 1970),
        ("69", 1970, 2069),
        ("70", 2000, 2070),
        ("99", 2000, 2099),
        ("00", 1950, 2000),
        ("49", 1950, 2049),
    ],
)
def test_the_century_is_the_readers_choice(year: str, first_year: int, shown: int) -> None:
    stamp = Timestamp(octets=bytes.fromhex(year[::-1] + "101010203000"))
    moment = stamp.moment_since(first_year)
    assert moment == datetime(shown, 1, 1, 1, 2, 3, tzinfo=UTC)
    assert (stamp.moment_since(9950) is None) is (shown % 100 < 50)  # after the year 9999


@given(st.integers(1, 10**8), st.booleans())
def test_an_enhanced_validity_is_never_longer_than_asked_for(seconds: int, single_shot: bool) -> None:
    validity = EnhancedValidity.of(seconds, single_shot=single_shot)
    assert validity.single_shot is single_shot
    assert validity.seconds is not None
    assert validity.seconds <= seconds
    assert validity.seconds == seconds or seconds >= 100 * 3600


def test_an_enhanced_validity_may_say_nothing() -> None:
    assert EnhancedValidity.of() == EnhancedValidity(octets=bytes(7))
    assert EnhancedValidity.of(single_shot=True).octets[0] == 0x40
    for seconds in (0, -1):
        with pytest.raises(PduError):
            EnhancedValidity.of(seconds)


@given(moments)
def test_an_absolute_validity_is_a_time(moment: datetime) -> None:
    assert AbsoluteValidity.of(moment).moment == moment


@pytest.mark.parametrize(
    ("digits", "ton"),
    [
        ("+49170", Ton.NATIONAL),
        ("12 34", Ton.NATIONAL),
        ("1" * 21, Ton.NATIONAL),
        ("12d", Ton.UNKNOWN),
        ("Bank", Ton.ALPHANUMERIC),
    ],
)
def test_what_is_no_number(digits: str, ton: Ton) -> None:
    with pytest.raises(PduError):
        Address.number(digits, ton=ton)


def test_what_nobody_is_to_see() -> None:
    assert [pid for pid in range(256) if protocol_of(pid).silent] == [0x40, 0x48, 0x7C, 0x7D, 0x7E, 0x7F]
