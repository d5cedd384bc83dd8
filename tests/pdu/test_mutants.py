"""What fuzzing found, and the small mistakes that the other tests here would not have noticed."""

from __future__ import annotations

import string

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
    Folding,
    InformationElement,
    Language,
    ProtocolKind,
    Serial,
    StatusReport,
    Submit,
    Timestamp,
    Ton,
    UserData,
    WaitingKind,
    decode_frame,
    decode_page,
    decode_ussd,
    encode_frame,
    encode_page,
    interpret_element,
    is_mail,
    protocol_of,
    segment,
)
from gateway.pdu.address import MAX_SC_OCTETS
from gateway.pdu.national import locking_table, single_table

NOBODY = Address(value="1", ton=Ton.UNKNOWN)
NOTHING = UserData(alphabet=Alphabet.GSM7, payload=b"")
PLAIN = Dcs(octet=0)
MIDNIGHT = Timestamp(octets=bytes(7))


# addresses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sc", ["00", "0191", "0291FF", "049FFFFF2B"])
def test_a_service_centre_without_digits_is_none(sc: str) -> None:
    assert decode_frame(sc + "0000", Direction.MO).sc is None


def test_a_service_centre_may_have_a_name() -> None:
    assert decode_frame("03D0C834" + "0000", Direction.MO).sc == Address(value="Hi", ton=Ton.ALPHANUMERIC, npi=0)


def test_the_longest_service_centre_is_read_and_a_longer_one_refused() -> None:
    digits = "12" * (MAX_SC_OCTETS - 1)
    octets = bytes((MAX_SC_OCTETS, 0x91)) + bytes.fromhex("21" * (MAX_SC_OCTETS - 1))
    frame = decode_frame((octets + b"\0\0").hex(), Direction.MO)
    assert frame.sc == Address(value=digits, ton=Ton.INTERNATIONAL)
    with pytest.raises(PduError):
        decode_frame((bytes((MAX_SC_OCTETS + 1,)) + octets[1:] + bytes(20)).hex(), Direction.MO)


# what a TPDU says when nothing is asked for -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tpdu", "first"),
    [
        (Deliver(oa=NOBODY, dcs=PLAIN, scts=MIDNIGHT, ud=NOTHING), "04"),
        (Submit(da=NOBODY, dcs=PLAIN, ud=NOTHING), "01"),
        (StatusReport(mr=0, ra=NOBODY, scts=MIDNIGHT, dt=MIDNIGHT, st=0), "06"),
    ],
    ids=["deliver", "submit", "status-report"],
)
def test_no_flag_is_set_unless_it_is_asked_for(tpdu: Deliver | Submit | StatusReport, first: str) -> None:
    assert encode_frame(tpdu)[0].startswith("00" + first)


def test_a_reserved_message_type_is_read_as_what_it_would_be_from_the_service_centre() -> None:
    octets = "00" + "07" + "0181F1" + "0000" + "00" * 7 + "00"
    assert isinstance(decode_frame(octets, Direction.MT).tpdu, Deliver)
    with pytest.raises(PduError):
        decode_frame(octets, Direction.MO)


# protocol identifiers (9.2.3.9) -------------------------------------------------------------------------------------


def test_protocols_have_names() -> None:
    assert [protocol_of(pid).name for pid in (0, 1, 0x1F)] == [
        "SME to SME", "SME to SME, protocol 1", "SME to SME, protocol 31",
    ]  # fmt: skip
    for pid, word in ((0x20, "implicit"), (0x28, "unspecified"), (0x29, "PSPDN"), (0x2D, "UCI"), (0x2E, "reserved")):
        assert protocol_of(pid).name.endswith(word)
    for pid, word in (
        (0x30, "facility"),
        (0x31, "X.400 message handling system"),
        (0x33, "reserved"),
        (0x37, "reserved"),
    ):
        assert protocol_of(pid).name.endswith(word)
    assert {protocol_of(pid).name for pid in range(0x38, 0x3F)} == {
        "telematic interworking: specific to the service centre"
    }
    assert protocol_of(0x3F).name.endswith("mobile station")


def test_a_protocol_is_reserved_where_nothing_names_it() -> None:
    named = {0x40, 0x48, 0x5E, 0x5F, 0x7C, 0x7D, 0x7E, 0x7F, *range(0x41, 0x48)}
    reserved = {pid for pid in range(0x40, 0xC0) if protocol_of(pid).kind is ProtocolKind.RESERVED}
    assert reserved == set(range(0x40, 0xC0)) - named
    assert all(protocol_of(pid).kind is ProtocolKind.SC_SPECIFIC for pid in range(0xC0, 0x100))


# elements (9.2.3.24) ------------------------------------------------------------------------------------------------


def test_special_messages_are_named_by_their_five_bits() -> None:
    kinds = [interpret_element(InformationElement(iei=1, data=bytes((kind, 9)))) for kind in range(0x20)]
    names = {kind: found.kind for kind, found in enumerate(kinds) if isinstance(found.kind, WaitingKind)}
    assert {kind: name.name for kind, name in names.items()} == {
        0: "VOICEMAIL", 1: "FAX", 2: "EMAIL", 3: "OTHER", 7: "VIDEO",
    }  # fmt: skip


STYLES = ("bold", "italic", "underlined", "struck_through")


@pytest.mark.parametrize(("mode", "style"), [(0, None), *zip((0x10, 0x20, 0x40, 0x80), STYLES, strict=True)])
def test_a_format_has_the_styles_of_its_bits_alone(mode: int, style: str | None) -> None:
    found = interpret_element(InformationElement(iei=0x0A, data=bytes((0, 1, mode))))
    assert [name for name in STYLES if getattr(found, name)] == [style] * (style is not None)


@pytest.mark.parametrize("bit", range(8))
def test_each_bit_of_the_smsc_control_is_its_own(bit: int) -> None:
    found = interpret_element(InformationElement(iei=6, data=bytes((1 << bit,))))
    names = {0: "completed", 1: "permanent_error", 2: "temporary_error_given_up", 3: "temporary_error_trying"}
    names |= {6: "cancel_other_requests", 7: "include_header"}
    assert [name for name in names.values() if getattr(found, name)] == [names[at] for at in {bit} & names.keys()]


@pytest.mark.parametrize("size", range(1, 15))
def test_a_reply_address_has_two_to_twelve_octets(size: int) -> None:
    digits = max(0, 2 * (size - 2))
    data = bytes((digits, 0x81)) + b"\x11" * (size - 2)
    found = interpret_element(InformationElement(iei=0x22, data=data[:size]))
    assert (found is not None) is (2 <= size <= 12)


# national languages (23.038 annex A) --------------------------------------------------------------------------------

# Each row of the Devanagari table, by the low octets of its code points: the septets, and the first of each run.
HINDI = (
    (range(0x0A), 0x01), (range(0x0A, 0x0B), None), ((0x0B, 0x0C), 0x0C), (range(0x0E, 0x1B), 0x0E),
    (range(0x1C, 0x20), 0x1B), (range(0x22, 0x28), 0x1F), ((0x2A, 0x2B, 0x2D, 0x2F), 0x25), ((0x3C, 0x3D, 0x3E), 0x29),
    ((0x40,), 0x2C), ((0x60,), 0x50), ((0x7B,), 0x72),
)  # fmt: skip


def test_devanagari_stands_in_the_order_of_its_block() -> None:
    table = locking_table(Language.HINDI)
    assert table is not None
    for septets, first in HINDI:
        if first is not None:
            found = [ord(table[septet]) - 0x900 for septet in septets if table[septet] != table[0x0A]]
            assert found[0] == first
            assert found == sorted(set(found)), "a septet was taken twice"
            assert len(found) == len(list(septets))
            assert found[-1] <= 0x7F, "a septet was left out"
    assert (table[0x7F], table[0x7A], table[0x61]) == ("\u097f", "z", "a")


@pytest.mark.parametrize("language", range(Language.BENGALI, Language.URDU + 1))
def test_capitals_and_danda_stand_where_the_scripts_share_them(language: int) -> None:
    table = single_table(language)
    assert table is not None
    assert "".join(table[ord(letter)] for letter in string.ascii_uppercase) == string.ascii_uppercase
    has_danda = language not in (Language.BENGALI, Language.TELUGU, Language.URDU)
    assert ((table.get(0x19), table.get(0x1A)) == ("\u0964", "\u0965")) is has_danda


# cell broadcast and USSD --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("page", "pages"), [(page, pages) for pages in (1, 2, 9, 15) for page in range(1, pages + 1)])
def test_every_page_knows_its_place(page: int, pages: int) -> None:
    content = b"\0" * 82
    whole = CbsPage(
        serial=Serial(scope=3, code=0x3FF, update=15), message_id=0xFFFE, dcs=CbsDcs(octet=1),
        content=content, page=page, pages=pages,
    )  # fmt: skip
    assert decode_page(encode_page(whole)) == whole


@pytest.mark.parametrize("parameter", [0x00, 0x01, 0x10, 0x21, 0xF1])
def test_a_page_that_cannot_be_is_the_only_one(parameter: int) -> None:
    page = decode_page(bytes((0, 0, 0, 50, 1, parameter)))
    assert (page.page, page.pages) == (1, 1)


def test_a_serial_number_has_sixteen_bits() -> None:
    assert Serial(scope=0, code=1).number == 0x10
    for fields in ({"scope": 4, "code": 0}, {"scope": 0, "code": 0x400}, {"scope": 0, "code": 0, "update": 16}):
        with pytest.raises(PduError):
            _ = Serial(**fields).number
    for fields in ({"scope": -1, "code": 0}, {"scope": 0, "code": -1}, {"scope": 0, "code": 0, "update": -1}):
        with pytest.raises(PduError):
            _ = Serial(**fields).number


def test_a_header_may_be_all_there_is() -> None:
    found = decode_ussd(bytes.fromhex("050003010201"), 0x94)
    assert (found.data, len(found.header)) == (b"", 1)
    with pytest.raises(PduError):
        decode_ussd(bytes.fromhex("0500030102"), 0x94)


def test_a_language_may_be_all_there_is() -> None:
    found = decode_ussd(bytes.fromhex("6532"), 0x11)
    assert (found.text, found.language) == ("", "ed")
    with pytest.raises(PduError):
        decode_ussd(b"\x65", 0x11)


# the rest -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "is_gateway"), [("", False), ("1", True), ("6245", True), ("62455", False)])
def test_a_short_number_is_a_mail_gateway(number: str, is_gateway: bool) -> None:
    assert is_mail(0, Address(value=number, ton=Ton.UNKNOWN)) is is_gateway


def test_what_follows_a_composed_letter_stays() -> None:
    assert segment("e\u0301xyz", folding=Folding.TYPOGRAPHY).text == "\u00e9xyz"


def test_a_cluster_longer_than_a_part_is_cut_where_the_part_ends() -> None:
    text = "x" + "e" + "\u0301" * 200 + "y"
    parts = segment(text, encoding=Alphabet.UCS2).parts
    assert [len(part.payload) // 2 for part in parts] == [67, 67, 67, 2]


def test_a_number_may_have_twenty_digits_and_no_more() -> None:
    """23.040 9.1.2.5: ten octets of semi-octets."""
    longest = Address.parse("+" + "1234567890" * 2)
    pdu, length = encode_frame(Submit(da=longest, pid=0, dcs=Dcs(octet=0), ud=NOTHING))
    tpdu = decode_frame(pdu, Direction.MO, length=length).tpdu
    assert isinstance(tpdu, Submit)
    assert tpdu.da == longest
    for number in ("+" + "1" * 21, "1" * 21):
        with pytest.raises(PduError, match="at most 20 digits"):
            Address.parse(number)
