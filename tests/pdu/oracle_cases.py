"""PDUs that this codec wrote, by name, for other decoders to read: each shows one thing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import cache

from gateway.pdu import (
    AbsoluteValidity,
    Address,
    Alphabet,
    Dcs,
    Deliver,
    EnhancedValidity,
    InformationElement,
    StatusReport,
    Submit,
    Timestamp,
    Ton,
    UserData,
    ValidityPeriod,
    encode_frame,
    segment,
)
from gateway.pdu.alphabet import DEFAULT, EXTENSION
from gateway.pdu.tpdu import Tpdu, Validity

Case = tuple[str, str]
"""What it shows, and the PDU."""

PEER = Address(value="46708251358", ton=Ton.INTERNATIONAL)
SC = Address(value="46705008999", ton=Ton.INTERNATIONAL)
MOMENT = Timestamp(octets=bytes.fromhex("62203040506000"))
PLAIN = UserData(alphabet=Alphabet.GSM7, payload=b"hello")
LETTERS = "The quick brown fox jumps over the lazy dog, 0123456789 times. " * 3
MAX_SEPTETS = 160


def case(name: str, tpdu: Tpdu) -> Case:
    return name, encode_frame(tpdu, sc=SC)[0]


def deliver(ud: UserData = PLAIN, *, dcs: int = 0, oa: Address = PEER, scts: Timestamp = MOMENT) -> Deliver:
    return Deliver(oa=oa, dcs=Dcs(octet=dcs), scts=scts, ud=ud)


def of_septets(payload: bytes, *header: InformationElement) -> UserData:
    return UserData(alphabet=Alphabet.GSM7, payload=payload, header=header)


def of_text(text: str) -> Deliver:
    cut = segment(text)
    return deliver(cut.parts[0], dcs=cut.dcs.octet)


def characters() -> Iterator[Case]:
    for char in sorted(set(DEFAULT + "".join(EXTENSION.values())) - {"\x1b"}):
        yield case(f"character {ord(char):04X}", of_text(f"a{char}b"))
    for name, septets in (
        ("alone", b"\x1b"),
        ("before a letter", b"\x1bA"),
        ("twice", b"\x1b\x1bA"),
        ("at the end", b"A\x1b"),
    ):
        yield case(f"escape {name}", deliver(of_septets(septets)))
    for name, text in (("basic", "Жж€"), ("emoji", "🙂"), ("flag", "🇩🇪"), ("ends in a half", "\U0001f642" * 35)):
        yield case(f"ucs2 {name}", of_text(text))


def lengths() -> Iterator[Case]:
    for size in range(MAX_SEPTETS + 1):
        yield case(f"septets {size}", deliver(of_septets(LETTERS[:size].encode())))
    for size in range(1, 18):
        yield case(f"ends in @ {size}", deliver(of_septets(LETTERS[: size - 1].encode() + b"\0")))
    for size in (0, 1, 69, 70):
        yield case(
            f"ucs2 {size}",
            of_text("Ж" * size) if size else deliver(UserData(alphabet=Alphabet.UCS2, payload=b""), dcs=8),
        )
    for size in (0, 1, 139, 140):
        yield case(f"octets {size}", deliver(UserData(alphabet=Alphabet.DATA, payload=bytes(range(size))), dcs=4))


def codings() -> Iterator[Case]:
    for octet in range(0x100):
        alphabet = Dcs(octet=octet).user_data_alphabet
        payload = b"hello" if alphabet is not Alphabet.UCS2 else "hello".encode("utf-16-be")
        yield case(f"coding {octet:02X}", deliver(UserData(alphabet=alphabet, payload=payload), dcs=octet))


def numbers() -> Iterator[Case]:
    for size in (1, 2, 3, 7, 8, 19, 20):
        yield case(f"digits {size}", deliver(oa=Address.parse("+" + "12345678901234567890"[:size])))
    for ton in Ton:
        if ton is not Ton.ALPHANUMERIC:
            yield case(f"type {ton.name.lower()}", deliver(oa=Address.number("46708251358", ton=ton)))
    for size in range(1, 12):
        yield case(f"name {size}", deliver(oa=Address.parse("InfoService"[:size])))
    yield case("name with an extension", deliver(oa=Address.parse("A{b}")))
    yield case("name with @", deliver(oa=Address.parse("a@b")))
    for sign in "*#abc":
        yield case(f"digit {sign}", deliver(oa=Address.number(f"12{sign}3", ton=Ton.UNKNOWN)))


def times() -> Iterator[Case]:
    for quarters in range(-79, 80, 2):
        moment = datetime(2026, 6, 7, 8, 9, 10, tzinfo=timezone(timedelta(minutes=15 * quarters)))
        yield case(f"zone {quarters:+}", deliver(scts=Timestamp.of(moment)))
    for year in (1970, 1989, 1990, 1999, 2000, 2026, 2068, 2069):
        yield case(f"year {year}", deliver(scts=Timestamp.of(datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC))))
    yield case("no time", deliver(scts=Timestamp(octets=bytes(7))))


def headers() -> Iterator[Case]:
    for size in range(12):
        element = InformationElement(iei=0x70, data=bytes(size))
        yield case(f"header {size + 3}", deliver(of_septets(b"hello", element)))
        ucs2 = UserData(alphabet=Alphabet.UCS2, payload="hello".encode("utf-16-be"), header=(element,))
        yield case(f"header {size + 3} and ucs2", deliver(ucs2, dcs=8))
    for wide in (False, True):
        for text in (LETTERS, "Ж" * 100):
            cut = segment(text, ref=7, wide=wide)
            for ud in cut.parts:
                seq = ud.concat.seq if ud.concat else 0
                yield case(
                    f"part {seq} {'wide' if wide else 'narrow'} {cut.encoding.value}", deliver(ud, dcs=cut.dcs.octet)
                )
    yield case("single shift", deliver(of_septets(b"\x1bg", InformationElement(iei=0x24, data=b"\1"))))
    yield case("locking shift", deliver(of_septets(b"\x0c", InformationElement(iei=0x25, data=b"\1"))))


def validities() -> Iterator[tuple[str, Validity | None]]:
    yield "none", None
    for octet in (0, 143, 144, 167, 168, 196, 197, 255):
        yield f"relative {octet}", ValidityPeriod(octet=octet)
    yield "absolute", AbsoluteValidity.of(datetime(2026, 2, 5, 4, 5, 6, tzinfo=UTC))
    yield "enhanced", EnhancedValidity.of(90)


def submits() -> Iterator[Case]:
    for name, validity in validities():
        yield case(f"validity {name}", Submit(da=PEER, dcs=Dcs(octet=0), ud=PLAIN, validity=validity, mr=9))
    flags = Submit(da=PEER, dcs=Dcs(octet=0), ud=PLAIN)
    yield case("submit with a report", replace(flags, status_report_request=True))
    yield case("submit without duplicates", replace(flags, reject_duplicates=True))
    yield case("submit with a reply path", replace(flags, reply_path=True))


def reports() -> Iterator[Case]:
    for status in (0x00, 0x01, 0x02, 0x20, 0x25, 0x30, 0x40, 0x46, 0x60, 0x65, 0x80, 0xFF):
        yield case(f"status {status:02X}", StatusReport(mr=42, ra=PEER, scts=MOMENT, dt=MOMENT, st=status))
    yield case(
        "status with a text", StatusReport(mr=42, ra=PEER, scts=MOMENT, dt=MOMENT, st=0, dcs=Dcs(octet=0), ud=PLAIN)
    )
    name, pdu = case("reserved type", deliver())
    yield name, pdu[:16] + "07" + pdu[18:]


GROUPS = {each.__name__: each for each in (characters, lengths, codings, numbers, times, headers, submits, reports)}


@cache
def cases_of(group: str) -> tuple[Case, ...]:
    """The cases of a group; made when they are asked for, so that to collect the tests runs nothing of the codec."""
    return tuple(GROUPS[group]())
