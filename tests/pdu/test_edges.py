"""The edges of fields, counts and choices: each test is the one that notices a small mistake which no other did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from gateway.errors import PduError
from gateway.pdu import (
    Address,
    Alphabet,
    CbsDcs,
    CbsPage,
    Dcs,
    Deliver,
    Direction,
    EnhancedValidity,
    Folding,
    InformationElement,
    Language,
    Mail,
    Ports,
    ProtocolKind,
    Serial,
    SpecialMessage,
    Submit,
    Timestamp,
    Ton,
    UserData,
    compose_mail,
    decode_frame,
    decode_message,
    decode_ussd,
    encode_frame,
    encode_page,
    fingerprint,
    interpret_element,
    join,
    segment,
    split_mail,
    with_reference,
)
from gateway.pdu.elements import NationalShift
from gateway.pdu.mail import mail_header_element, mail_header_length
from gateway.pdu.septets import pack_ussd, unpack_ussd
from gateway.pdu.udh import MAX_OCTETS, build_header, parse_header, write_user_data

NOBODY = Address(value="1", ton=Ton.UNKNOWN)


def element(iei: int, data: str) -> InformationElement:
    return InformationElement(iei=iei, data=bytes.fromhex(data))


def refused(call: Any, *args: Any, **options: Any) -> PduError:
    with pytest.raises(PduError) as caught:
        call(*args, **options)
    return caught.value


# what is written ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "made",
    [
        lambda: Address.number("1", npi=-1),
        lambda: Dcs.build(Alphabet.GSM7, -1),
        lambda: Ports(destination=-1, source=0).element(),
        lambda: Ports(destination=0, source=-1).element(),
        lambda: SpecialMessage(kind=-1, count=0, store=False).element(),
        lambda: SpecialMessage(kind=0, count=-1, store=False).element(),
        lambda: SpecialMessage(kind=0, count=0, store=False, profile=-1).element(),
        lambda: encode_page(page_of(page=0)),
        lambda: encode_page(page_of(message_id=-1)),
        lambda: build_header((InformationElement(iei=-1, data=b""),)),
        lambda: build_header((InformationElement(iei=0x70, data=bytes(256)),)),
        lambda: Timestamp.of(datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=20)))),
    ],
)
def test_no_field_takes_a_value_beside_its_range(made: Any) -> None:
    refused(made)


def page_of(**fields: Any) -> CbsPage:
    whole = {"serial": Serial(code=1), "message_id": 1, "dcs": CbsDcs(octet=1), "content": b"", "page": 1, "pages": 1}
    return CbsPage(**{**whole, **fields})


def test_an_error_tells_where() -> None:
    assert refused(Address.number, "12x34y5").offset == 2
    assert refused(decode_message, b"\x02").offset == 0
    assert refused(decode_ussd, bytes.fromhex("05"), 0x94).offset == 0
    assert refused(decode_ussd, b"\x65", 0x11).offset == 0
    assert refused(build_header, (InformationElement(iei=0x70, data=bytes(255)),)).offset == MAX_OCTETS
    long = UserData(alphabet=Alphabet.GSM7, payload=b"a" * 161)
    assert refused(write_user_data, long).offset == 160
    assert refused(write_user_data, UserData(alphabet=Alphabet.GSM7, payload=b"a\x7f\x80")).offset == 2


def test_the_widest_time_zone_is_written() -> None:
    moment = datetime(2026, 1, 1, tzinfo=timezone(timedelta(minutes=15 * 79)))
    assert Timestamp.of(moment).moment == moment


@pytest.mark.parametrize(("seconds", "read"), [(359_999, 359_999), (360_000, 345_600), (360_001, 345_600), (255, 255)])
def test_a_validity_is_exact_below_a_hundred_hours(seconds: int, read: int) -> None:
    assert EnhancedValidity.of(seconds).seconds == read


@pytest.mark.parametrize(
    ("octets", "seconds"),
    [("03000600000000", None), ("03000006000000", None), ("03005900000000", None), ("03009500000000", 59 * 60),
     ("03000095000000", 59), ("83808080808000", 0), ("83808080800001", 600 * 60)],
)  # fmt: skip
def test_a_clock_of_a_validity(octets: str, seconds: int | None) -> None:
    assert EnhancedValidity(octets=bytes.fromhex(octets)).seconds == seconds


def test_a_header_may_fill_the_user_data() -> None:
    header = build_header((InformationElement(iei=0x70, data=bytes(MAX_OCTETS - 3)),))
    assert len(header) == MAX_OCTETS


@pytest.mark.parametrize("wide", [False, True])
def test_a_reference_is_cut_to_the_bits_that_there_are(wide: bool) -> None:
    parts = segment("x" * 200, wide=wide).parts
    most = 0xFFFF if wide else 0xFF
    for ref in (most, 2 * most + 1, most + 2, 1, 0x7F, 0x80):
        assert [part.concat.ref for part in with_reference(parts, ref) if part.concat] == [ref & most] * 2
        assert [part.concat.ref for part in segment("x" * 200, wide=wide, ref=ref).parts if part.concat] == [
            ref & most
        ] * 2


# what is read -------------------------------------------------------------------------------------------------------


def test_a_fingerprint_is_the_octets_but_for_one_bit() -> None:
    for first in range(0x100):
        told = fingerprint(bytes((first, 0x0B, 0x91)))
        assert told == bytes((first if first & 3 == 1 else first & 0xFB, 0x0B, 0x91))


@pytest.mark.parametrize("header", ["70", "0003010201" + "70", "0003010201" + "7003FFFF"])
def test_a_header_that_breaks_off_is_none(header: str) -> None:
    assert parse_header(bytes.fromhex(header)) is None


def test_a_header_as_long_as_the_user_data_is_refused() -> None:
    head = "00400291F1000462114290507080"
    assert "longer" in str(refused(decode_frame, head + "03037001", Direction.MT))
    assert decode_frame(head + "03027000", Direction.MT).tpdu.ud == UserData(
        alphabet=Alphabet.DATA, payload=b"", header=(element(0x70, ""),)
    )


def test_a_shift_is_an_element_of_one_octet() -> None:
    def reads(*header: InformationElement) -> str:
        ud = UserData(alphabet=Alphabet.GSM7, payload=bytes.fromhex("0B1B67"), header=header)
        return join([ud]).text or ""

    # Turkish: ğ is 0x0C in the locking table, and behind an escape 0x67 in the single shift table.
    assert reads(element(0x24, "01")) == "Øğ"
    assert reads(element(0x25, "01")) == "Ğg"
    assert reads(element(0x24, "0101"), element(0x25, "0101"), element(0x20, "01")) == "Øg"


def test_every_pair_of_an_octet_says_its_own() -> None:
    found: Any = interpret_element(element(0x17, "0500"))
    assert (found.objects, found.forwardable) == (5, True)
    found = interpret_element(element(0x17, "0401"))
    assert (found.objects, found.forwardable) == (4, False)


def test_an_alignment_is_no_style() -> None:
    found: Any = interpret_element(element(0x0A, "00010F"))
    assert (found.bold, found.italic, found.underlined, found.struck_through) == (False,) * 4


def test_a_picture_is_as_wide_as_it_says() -> None:
    found: Any = interpret_element(element(0x12, "000203000000000000"))
    assert (found.width, found.height) == (16, 3)


@pytest.mark.parametrize("number", [Language.URDU, Language.URDU + 1])
def test_a_language_has_its_name_as_far_as_it_is_known(number: int) -> None:
    found = interpret_element(InformationElement(iei=0x24, data=bytes((number,))))
    assert isinstance(found, NationalShift)
    assert isinstance(found.language, Language) is (number == Language.URDU)


def test_the_protocol_is_told_of_each_type_that_has_one() -> None:
    nothing = UserData(alphabet=Alphabet.DATA, payload=b"")
    octets = Dcs.build(Alphabet.DATA)
    scts = Timestamp.of(datetime(2026, 1, 1, tzinfo=UTC))
    deliver = Deliver(oa=NOBODY, dcs=octets, scts=scts, ud=nothing, pid=0x41)
    submit = Submit(da=NOBODY, dcs=octets, ud=nothing, pid=0x41)
    command: Any = decode_frame("0002004100050291F100", Direction.MO).tpdu
    assert {tpdu.protocol.kind for tpdu in (deliver, submit, command)} == {ProtocolKind.REPLACE}


def test_a_broadcast_message_may_have_one_page() -> None:
    octets = bytes((1, 0, 1, 0, 0x10, 1, 1)) + b"A" * 82 + b"\x05"
    assert [page.content for page in decode_message(octets)] == [b"AAAAA"]


@pytest.mark.parametrize("fill", range(7))
def test_a_return_at_the_end_is_taken_off_only_where_it_was_put(fill: int) -> None:
    for size in range(24):
        for end in (b"", b"\r", b"\r\r", b"\r\r\r", b"\0"):
            septets = b"A" * size + end
            read = unpack_ussd(pack_ussd(septets, fill), fill)
            # A return that fills the octet, with and without another, goes out as the same octets.
            same = end and pack_ussd(septets, fill) == pack_ussd(septets[:-1], fill)
            assert read in ((septets, septets[:-1]) if same else (septets,))


@pytest.mark.parametrize("size", range(1, 9))
def test_a_ussd_text_stands_behind_fill_bits(size: int) -> None:
    header = b"\x70" + bytes((size,)) + bytes(size)
    octets = bytes((len(header),)) + header
    fill = -8 * len(octets) % 7
    found = decode_ussd(octets + pack_ussd(b"abcde", fill), 0x90)
    assert (found.text, len(found.header)) == ("abcde", 1)


def test_ussd_with_a_header_has_one() -> None:
    refused(decode_ussd, b"", 0x94)
    refused(decode_ussd, b"", 0x90)


# texts --------------------------------------------------------------------------------------------------------------


def test_a_letter_is_composed_only_when_typography_is_replaced() -> None:
    assert segment("e\u0301", folding=Folding.ACCENTS).text == "e"
    assert segment("e\u0301", folding=Folding.TYPOGRAPHY).text == "\u00e9"


@pytest.mark.parametrize("text", ["a\u030c", "q\u0301"])
def test_a_letter_that_the_alphabet_lacks_is_not_composed(text: str) -> None:
    assert segment(text, folding=Folding.TYPOGRAPHY | Folding.ACCENTS).text == text[0]


def test_a_return_alone_may_end_a_part_and_a_line_feed_begin_one() -> None:
    for text in ("Ж" * 66 + "\r" + "Ж" * 9, "Ж" * 67 + "\n" + "Ж" * 9, "Ж" * 67 + "\U0001f1e9\U0001f1ea" * 5):
        assert len(segment(text).parts[0].payload) == 2 * 67


def test_flags_are_counted_from_where_the_part_begins() -> None:
    # One cluster, longer than a part: it is cut inside a flag, and the flags are paired anew behind the cut.
    text = "\u200d" * 2 + "\U0001f1e9\u200d" * 21 + "\U0001f1e9" + "\U0001f1ea" * 40
    assert [len(part.payload) // 2 for part in segment(text).parts] == [67, 64, 16]


def test_the_last_character_of_the_basic_plane_is_one_unit() -> None:
    assert [len(part.payload) // 2 for part in segment("\uffff" * 100).parts] == [67, 33]


def test_tables_are_chosen_by_what_all_headers_leave() -> None:
    # The two tables make 291 septets, for which two parts have room, but not beside a 16-bit reference; the one 295.
    text = "Ω" + "ã" * 5 + "a" * 284
    options: dict[str, Any] = {"languages": (Language.PORTUGUESE,), "locking": True}
    assert segment(text, **options).locking_shift is Language.PORTUGUESE
    wide = segment(text, wide=True, **options)
    assert (wide.locking_shift, len(wide.parts)) == (Language.DEFAULT, 2)


# e-mail -------------------------------------------------------------------------------------------------------------


def test_a_mail_without_a_subject_is_address_and_body() -> None:
    assert compose_mail(Mail(address="a@b.de", body="hi")) == "a@b.de hi"
    assert compose_mail(Mail(address="a@b.de", body="hi", subject="s")) == "a@b.de(s)hi"


@pytest.mark.parametrize("length", [0, 1, 254, 255])
def test_a_mail_header_has_up_to_255_units(length: int) -> None:
    ud = UserData(alphabet=Alphabet.DATA, payload=b"", header=(mail_header_element(length),))
    assert mail_header_length(ud) == length


def test_only_the_element_of_its_size_counts_the_mail_header() -> None:
    others = (element(0x20, "0505"), element(0x24, "07"))
    assert mail_header_length(UserData(alphabet=Alphabet.DATA, payload=b"", header=others)) is None


@pytest.mark.parametrize(("alphabet", "octets"), [(Alphabet.GSM7, 3), (Alphabet.DATA, 3), (Alphabet.UCS2, 6)])
def test_a_mail_header_is_counted_in_units(alphabet: Alphabet, octets: int) -> None:
    payload = b"\0A\0B\0C\0D\0E"
    parts = (
        UserData(alphabet=alphabet, payload=payload, header=(mail_header_element(3),)),
        UserData(alphabet=alphabet, payload=payload),
    )
    head, body = split_mail(parts) or (None, None)
    assert head == join([UserData(alphabet=alphabet, payload=payload[:octets])])
    assert body == join([UserData(alphabet=alphabet, payload=payload[octets:] + payload)])


def test_a_submit_without_validity_says_so() -> None:
    submit = Submit(da=NOBODY, dcs=Dcs.build(Alphabet.DATA), ud=UserData(alphabet=Alphabet.DATA, payload=b""))
    assert encode_frame(submit)[0][:4] == "0001"
