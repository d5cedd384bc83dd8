"""USSD strings, cell-broadcast pages, and e-mail inside messages."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import PduError
from gateway.pdu import (
    Address,
    Alphabet,
    CbsDcs,
    CbsPage,
    InformationElement,
    Mail,
    Serial,
    SpecialMessage,
    Ton,
    UserData,
    WaitingKind,
    compose_mail,
    decode_message,
    decode_page,
    decode_ussd,
    encode_page,
    encode_ussd,
    interpret_element,
    is_mail,
    pages_of,
    parse_mail,
    split_mail,
)
from gateway.pdu.mail import mail_header_element, mail_header_length
from gateway.pdu.septets import pack_ussd, unpack_ussd
from tests.pdu.strategies import gsm7_text, octet

septets = st.lists(st.integers(0, 0x7F), max_size=200).map(bytes)
SERIAL = Serial(code=291, update=4, scope=2)


@given(septets, st.integers(0, 6))
def test_ussd_septets_survive(values: bytes, fill_bits: int) -> None:
    # Two returns of which the first ends with an octet are what a single one there is written as.
    ambiguous = values[-2:] == b"\r\r" and not (7 * (len(values) - 1) + fill_bits) % 8
    assert unpack_ussd(pack_ussd(values, fill_bits), fill_bits) == (values[:-1] if ambiguous else values)


@given(gsm7_text.filter(lambda text: not text.endswith("\r")), st.sampled_from([None, "de", "en"]))
def test_a_ussd_text_survives(text: str, language: str | None) -> None:
    text = text[:60]
    dcs, octets = encode_ussd(text.rstrip("\r"), language=language)
    got = decode_ussd(octets, dcs)
    assert (got.text, got.language, got.encoding) == (text.rstrip("\r"), language, Alphabet.GSM7)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=39).map(lambda text: text + "ж"))
def test_a_ussd_text_in_ucs2_survives(text: str) -> None:
    dcs, octets = encode_ussd(text, language="ru")
    got = decode_ussd(octets, dcs)
    assert (got.text, got.language, got.encoding) == (text, "ru", Alphabet.UCS2)


def read_or_refused(read: Callable[[], Any], octets: int) -> Any:
    """What was read; None where it was refused, which must say where."""
    with suppress(PduError):
        return read()
    with pytest.raises(PduError) as caught:
        read()
    assert 0 <= caught.value.offset <= octets
    return None


@given(st.binary(max_size=200), octet)
def test_any_ussd_octets_are_read_or_refused(octets: bytes, dcs: int) -> None:
    got = read_or_refused(lambda: decode_ussd(octets, dcs), len(octets))
    assert got is None or (got.text is None) is (got.data is not None)


@pytest.mark.parametrize(
    ("text", "language"), [("a" * 183, None), ("ж" * 81, None), ("a", "deu"), ("a", "д"), ("a", "")]
)
def test_what_is_no_ussd_string(text: str, language: str | None) -> None:
    with pytest.raises(PduError):
        encode_ussd(text, language=language)
    assert len(encode_ussd("a" * 182)[1]) == 160


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=300).filter(lambda text: not text.endswith("\r")),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFF),
)
def test_a_broadcast_survives(text: str, number: int, message_id: int) -> None:
    pages = pages_of(text, serial=Serial.of(number), message_id=message_id)
    octets = [encode_page(page) for page in pages]
    assert all(len(page) == 88 for page in octets)
    arrived = [decode_page(page) for page in octets]
    assert arrived == list(pages)
    # A page that is full to its last character shows returns of its own as filling.
    assert "".join(page.read().text or "" for page in arrived).replace("\r", "") == text.replace("\r", "")
    assert [(page.page, page.pages) for page in arrived] == [(n, len(pages)) for n in range(1, len(pages) + 1)]
    assert arrived[0].serial.number == number


def test_sizes_of_pages() -> None:
    for char, room in (("a", 93), ("€", 46), ("ж", 41), ("😀", 20)):
        for count, expected in ((room, 1), (room + 1, 2), (15 * room, 15)):
            assert len(pages_of(char * count, serial=SERIAL, message_id=50)) == expected
        with pytest.raises(PduError):
            pages_of(char * (15 * room + 1), serial=SERIAL, message_id=50)


def test_a_page_by_its_octets() -> None:
    (page,) = pages_of("Hi", serial=SERIAL, message_id=0x0032, dcs=0x01)
    assert encode_page(page).hex().upper().startswith("9234" + "0032" + "01" + "11" + "C874A3")  # Hi and a return
    assert (page.read().text, page.read().language) == ("Hi", "en")


@pytest.mark.parametrize("parameter", [0x00, 0x21, 0x10, 0xF1])
def test_a_page_that_cannot_be_is_one_of_one(parameter: int) -> None:
    page = decode_page(bytes.fromhex("0010" + "0001" + "0F") + bytes((parameter,)) + b"1")
    assert (page.page, page.pages) == (1, 1)


@pytest.mark.parametrize(
    "page",
    [
        CbsPage(serial=SERIAL, message_id=0x10000, dcs=CbsDcs(octet=0), content=b""),
        CbsPage(serial=SERIAL, message_id=0, dcs=CbsDcs(octet=0), content=bytes(83)),
        CbsPage(serial=SERIAL, message_id=0, dcs=CbsDcs(octet=0), content=b"", page=2),
        CbsPage(serial=SERIAL, message_id=0, dcs=CbsDcs(octet=0), content=b"", pages=16),
        CbsPage(serial=Serial(code=1024), message_id=0, dcs=CbsDcs(octet=0), content=b""),
        CbsPage(serial=Serial(code=0, update=16), message_id=0, dcs=CbsDcs(octet=0), content=b""),
    ],
)
def test_what_is_no_page(page: CbsPage) -> None:
    with pytest.raises(PduError):
        encode_page(page)


@pytest.mark.parametrize("dcs", [0x10, 0x11, 0x44, 0x90, 0x256])
def test_what_no_text_is_broadcast_under(dcs: int) -> None:
    with pytest.raises(PduError):
        pages_of("a", serial=SERIAL, message_id=0, dcs=dcs)


def test_a_message_of_umts_has_all_pages() -> None:
    pages = pages_of("a" * 100, serial=SERIAL, message_id=0x1112, dcs=0x01)
    octets = bytes.fromhex("01" + "1112" + "9234" + "01" + "02")
    octets += b"".join(page.content + bytes((len(page.content),)) for page in pages)
    assert decode_message(octets) == pages
    for cut in range(len(octets)):
        with pytest.raises(PduError):
            decode_message(octets[:cut])
    for wrong in ("02", "01" + "1112" + "9234" + "01" + "00", "01" + "1112" + "9234" + "01" + "10"):
        with pytest.raises(PduError):
            decode_message(bytes.fromhex(wrong) + bytes(1500))


@given(st.binary(max_size=120))
def test_any_octets_are_a_page_or_refused(octets: bytes) -> None:
    for read in (lambda: decode_page(octets), lambda: decode_message(octets)[0]):
        page = read_or_refused(read, len(octets))
        assert page is None or page.pages >= page.page >= 1


@pytest.mark.parametrize(
    ("text", "mail"),
    [
        ("a@b.example hello there", Mail(address="a@b.example", body="hello there")),
        ("a@b.example /hello", Mail(address="a@b.example", body="hello")),
        ("a@b.example", Mail(address="a@b.example", body="")),
        ("a@b.example(News)hello", Mail(address="a@b.example", subject="News", body="hello")),
        ("a@b.example#News#hello", Mail(address="a@b.example", subject="News", body="hello")),
        ("a@b.example()hello", Mail(address="a@b.example", subject="", body="hello")),
        ("a@b.example\nhello\nyou", Mail(address="a@b.example", body="hello\nyou")),
        ("hello a@b.example", None),
        ("a@b@c x", None),
        ("@b x", None),
        ("", None),
    ],
)
def test_an_e_mail_inside_a_text(text: str, mail: Mail | None) -> None:
    assert parse_mail(text) == mail


@given(st.text(max_size=60), st.none() | st.text(max_size=20), st.text(max_size=20))
def test_an_e_mail_is_written_as_it_is_read_or_not_at_all(body: str, subject: str | None, address: str) -> None:
    for given_address in (address, "a@b.example"):
        mail = Mail(address=given_address, body=body, subject=subject)
        try:
            text = compose_mail(mail)
        except PduError:
            assert parse_mail(str(mail)) != mail
        else:
            assert parse_mail(text) == mail


def test_who_sends_e_mail() -> None:
    short, long = Address.parse("500"), Address.parse("+491701234567")
    assert is_mail(0x32, long)
    assert is_mail(0, short)
    assert not is_mail(0, long)
    assert not is_mail(0, Address(value="abc", ton=Ton.ALPHANUMERIC, npi=0))


def test_a_counted_header_may_reach_over_parts() -> None:
    def part(text: str, length: int) -> UserData:
        return UserData(alphabet=Alphabet.UCS2, payload=text.encode("utf-16-be"), header=(mail_header_element(length),))

    head, body = split_mail((part("From: ж", 7), part("\n\nhello", 2))) or (None, None)
    assert head is not None
    assert body is not None
    assert (head.text, body.text) == ("From: ж\n\n", "hello")
    plain = UserData(alphabet=Alphabet.GSM7, payload=b"a")
    assert split_mail((plain,)) is None
    assert mail_header_length(plain) is None
    for length in (-1, 256):
        with pytest.raises(PduError):
            mail_header_element(length)


@given(st.integers(0, 0x1F), octet, st.booleans(), st.integers(0, 3))
def test_a_special_message_survives(kind: int, count: int, store: bool, profile: int) -> None:
    message = SpecialMessage(kind=kind, count=count, store=store, profile=profile)
    assert interpret_element(message.element()) == message


def test_what_is_no_special_message() -> None:
    for wrong in ({"kind": 32}, {"count": 256}, {"profile": 4}):
        with pytest.raises(PduError):
            SpecialMessage(**{"kind": WaitingKind.FAX, "count": 1, "store": False, **wrong}).element()


@given(octet, st.binary(max_size=140))
def test_any_element_means_something_or_nothing(iei: int, data: bytes) -> None:
    meaning = interpret_element(InformationElement(iei=iei, data=data))
    assert meaning is None or hash(meaning) is not None
