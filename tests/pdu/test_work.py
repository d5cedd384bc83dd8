"""No input of the codec takes more than linear work: counted in instructions, not in time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from gateway.errors import PduError
from gateway.pdu import (
    Address,
    Alphabet,
    Direction,
    Folding,
    InformationElement,
    Language,
    Submit,
    UserData,
    decode_frame,
    decode_message,
    decode_page,
    decode_ussd,
    encode_frame,
    fingerprint,
    interpret_element,
    join,
    pages_of,
    parse_mail,
    segment,
    split_mail,
    with_reference,
)
from gateway.pdu.cbs import Serial
from gateway.pdu.septets import pack, unpack
from gateway.pdu.udh import build_header, parse_header
from tests.support.work import TIMES, growth, is_linear, work_of

Call = Callable[[], object]


def quadratic(size: int) -> Call:
    return lambda: [sum(1 for _ in range(at)) for at in range(size)]


def test_what_is_quadratic_is_noticed() -> None:
    assert growth(quadratic, 100) > TIMES * 4
    assert not is_linear(quadratic, 100)


def test_work_is_the_same_each_time() -> None:
    call = decoding(DELIVERS["text"](100))
    work_of(call)  # Python 3.13 counts a function's instructions from its second traced call on
    assert work_of(call) == work_of(call) > 100


# PDUs ---------------------------------------------------------------------------------------------------------------

HEAD = "00440B916407281553F8000462114290507080"  # DELIVER of octets with a header
PLAIN = "00040B916407281553F800{dcs}62114290507080"


def with_header(element: str, size: int) -> str:
    """A DELIVER whose header has as many of the element as fit in so many octets."""
    header = element * (size // (len(element) // 2))
    return f"{HEAD}{1 + len(header) // 2:02X}{len(header) // 2:02X}{header}"


def of_text(dcs: str, octet: str, size: int) -> str:
    length = size * 8 // 7 if dcs == "00" else size
    return PLAIN.format(dcs=dcs) + f"{length:02X}" + octet * size


# Each: the PDU for so many octets of what is hostile.
DELIVERS: dict[str, Callable[[int], str]] = {
    "text": lambda size: of_text("00", "41", size),
    "escapes": lambda size: of_text("00", "1B", size),
    "surrogates": lambda size: of_text("08", "D8", size),
    "empty elements": lambda size: with_header("7000", size),
    "elements of no sense": lambda size: with_header("0003000000", size),
    "concatenations": lambda size: with_header("0003010201", size),
    "ports": lambda size: with_header("05040B8423F0", size),
    "shifts": lambda size: with_header("250101240101", size),
    "formats": lambda size: with_header("0A03000A10", size),
    "a header that runs past its end": lambda size: with_header("7000", size - 2)[:-2] + "FF",
    "padding": lambda size: of_text("00", "41", 8) + "FF" * size,
    "padding of a report": lambda size: "00022A0291F1" + "62114290507080" * 2 + "00" + "FF" * size,
    "a long indicator": lambda size: "00022A0291F1" + "62114290507080" * 2 + "00" + "80" * size,
    "a long indicator that ends": lambda size: "00022A0291F1" + "62114290507080" * 2 + "00" + "80" * size + "00",
    "digits that are none": lambda size: "00" * size + "zz",
    "white space": lambda size: "0 " * size,
    "half an octet": lambda size: "00" * size + "0",
    "octets after a report": lambda size: "00010062114290507080" + "00" * size,
}


def decoding(pdu: str) -> Call:
    """Read a PDU all over, whatever it is."""

    def call() -> None:
        for direction in Direction:
            for truncated in (False, True):
                with contextlib.suppress(PduError):
                    frame = decode_frame(pdu, direction, truncated=truncated)
                    fingerprint(frame.tpdu_octets)
                    if frame.tpdu.ud is not None:
                        _all_of(frame.tpdu.ud)
                    encode_frame(frame.tpdu, sc=frame.sc)

    return call


def _all_of(ud: UserData) -> None:
    for element in ud.header:
        interpret_element(element)
    _ = (ud.concat, ud.ports, ud.tables, ud.header_octets)
    join([ud, ud])


@pytest.mark.parametrize("family", DELIVERS)
def test_pdus(family: str) -> None:
    assert is_linear(lambda size: decoding(DELIVERS[family](size)), 16)


@pytest.mark.parametrize(
    "family", [name for name, make in DELIVERS.items() if len(make(4096)) > 8000 and not make(4096).startswith(HEAD)]
)
def test_pdus_far_beyond_any_message(family: str) -> None:
    assert is_linear(lambda size: decoding(DELIVERS[family](size)), 1024)


# One field each, which may be of any length when it is called by itself.
FIELDS: dict[str, Callable[[int], Call]] = {
    "header": lambda size: lambda: parse_header(b"\x70\0" * size),
    "header of long elements": lambda size: lambda: parse_header((b"\x70\xff" + bytes(255)) * size),
    "elements": lambda size: _refused(build_header, (InformationElement(iei=0x70, data=b""),) * size),
    "septets": lambda size: lambda: unpack(pack(b"\x1b" * size, 3), size, 3),
    "USSD": lambda size: lambda: decode_ussd(b"\x1b\x0d" * size, 0x0F),
    "USSD of carriage returns": lambda size: lambda: decode_ussd(pack(b"\r" * size), 0x10),
    "broadcast page": lambda size: _refused(decode_page, bytes((0, 0, 0, 0, 1, 0x11)) + b"\x0d" * size),
    "broadcast message": lambda size: _refused(decode_message, bytes((1, 0, 0, 0, 0, 1, 15)) + bytes(size)),
    "broadcast of a long text": lambda size: _refused(_pages, "\u0905" * size),
    "sender": lambda size: _refused(Address.parse, "+" + "1" * size),
    "name": lambda size: _refused(Address.parse, "@" * size),
    "mail": lambda size: lambda: parse_mail("a@" + "b" * size + "(" * size),
    "mail of addresses": lambda size: lambda: parse_mail("a@b#" * size),
    "mail of at signs": lambda size: lambda: parse_mail("@" * size + "a@"),
    "mail without an end": lambda size: lambda: parse_mail("a@b(" + "x#@ " * size),
}  # fmt: skip


def _refused(call: Callable[..., object], *args: Any) -> Call:
    """A call that may be refused."""

    def run() -> None:
        with contextlib.suppress(PduError):
            call(*args)

    return run


def _pages(text: str) -> None:
    pages_of(text, serial=Serial(code=1), message_id=1)


@pytest.mark.parametrize("family", FIELDS)
def test_fields(family: str) -> None:
    assert is_linear(FIELDS[family], 100)


# Texts --------------------------------------------------------------------------------------------------------------

TEXTS = {
    "plain": "abcdefgh",
    "extension": "{}[]~\\|€",
    "emoji": "\U0001f600",
    "flags": "\U0001f1e9\U0001f1ea",
    "one flag and marks": "\U0001f1e9\u0301",
    "joined": "\U0001f468\u200d",
    "marks": "\u0301",
    "letters with marks": "e\u0301\u0302",
    "line ends": "\r\n",
    "returns": "\r",
    "quotes": "“”…",
    "Greek": "ΑΒΕ",
    "Turkish": "ığş",
    "wide spaces": "\u3000\u00a0",
    "Korean in pieces": "\u1100\u1161\u11a8",
    "surrogates": "\ud800",
}
ALL = Folding.TYPOGRAPHY | Folding.ACCENTS | Folding.GREEK
OPTIONS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "languages": {"languages": (Language.TURKISH, Language.SPANISH, Language.PORTUGUESE), "locking": True, "folding": ALL},
    "ucs2": {"encoding": Alphabet.UCS2, "wide": True},
}  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("text", TEXTS)
def test_texts(text: str, options: str) -> None:
    assert is_linear(lambda size: _refused(_there_and_back, TEXTS[text] * (size // len(TEXTS[text])), options), 250)


def test_a_text_of_too_many_parts() -> None:
    assert is_linear(lambda size: _refused(_there_and_back, "\u0301x" * size, "as it is"), 2000)


def _there_and_back(text: str, options: str) -> None:
    cut = segment(text, **OPTIONS[options])
    join(with_reference(cut.parts, 7))


PARTS: dict[str, Callable[[int], list[UserData]]] = {
    "alike": lambda count: [UserData(alphabet=Alphabet.GSM7, payload=b"\x1b" * 153)] * count,
    "of changing alphabets": lambda count: [
        UserData(alphabet=alphabet, payload=b"\x00\x41" * 60) for alphabet in (*Alphabet,) * (count // len(Alphabet))
    ],
    "of changing languages": lambda count: [
        UserData(
            alphabet=Alphabet.GSM7, payload=b"A" * 150, header=(InformationElement(iei=0x24, data=bytes((1 + at % 3,))),)
        )
        for at in range(count)
    ],
    "of mail": lambda count: [
        UserData(alphabet=Alphabet.UCS2, payload=b"\0A" * 60, header=(InformationElement(iei=0x20, data=b"\x09"),))
    ]
    * count,
    "empty": lambda count: [UserData(alphabet=Alphabet.UCS2, payload=b"")] * count,
}  # fmt: skip


@pytest.mark.parametrize("family", PARTS)
def test_parts(family: str) -> None:
    def make(count: int) -> Call:
        parts = PARTS[family](count)
        return lambda: (join(parts), split_mail(tuple(parts)), with_reference(tuple(parts), 1))

    assert is_linear(make, 30)


def test_octets() -> None:
    def make(size: int) -> Call:
        return lambda: [
            encode_frame(Submit(da=Address.parse("1"), ud=ud, dcs=cut.dcs))
            for cut in (segment(bytes(size)),)
            for ud in cut.parts
        ]

    assert is_linear(make, 3000)
