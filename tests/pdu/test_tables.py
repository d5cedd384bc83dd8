"""Names, defaults and ranges that stand in tables: each as the specification has it."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

import pytest

from gateway.errors import PduError
from gateway.pdu import (
    Alphabet,
    CbsDcs,
    CbsPage,
    CommandType,
    Dcs,
    DcsGroup,
    Direction,
    Folding,
    Frame,
    InformationElement,
    Language,
    Serial,
    decode_frame,
    decode_page,
    element_name,
    interpret_element,
)
from gateway.pdu.cbs import CONTENT_OCTETS
from gateway.pdu.elements import EmsObject, SpecialMessage
from gateway.pdu.enums import Npi
from gateway.pdu.national import locking_table, single_table


def defaults(kind: type) -> dict[str, Any]:
    return {each.name: each.default for each in fields(kind) if each.default is not MISSING}


def test_what_is_not_said_is_nothing() -> None:
    assert defaults(Serial) == {"scope": 0, "update": 0}
    assert defaults(CbsPage) == {"page": 1, "pages": 1}
    assert defaults(SpecialMessage) == {"profile": 0}
    assert defaults(EmsObject) == {"number": None, "data": b"", "width": None, "height": None}
    assert defaults(Frame) == {"missing": 0}
    assert not Folding.NONE
    assert all(flag | Folding.NONE == flag and flag != Folding.NONE for flag in Folding)


def test_numbering_plans_have_their_numbers() -> None:
    assert {plan.name: int(plan) for plan in Npi} == {
        "UNKNOWN": 0, "ISDN": 1, "DATA": 3, "TELEX": 4, "SC_SPECIFIC": 5, "SC_SPECIFIC_ALTERNATE": 6, "NATIONAL": 8,
        "PRIVATE": 9, "ERMES": 10,
    }  # fmt: skip


def test_command_types_have_their_numbers() -> None:
    assert {kind.name: int(kind) for kind in CommandType} == {
        "ENQUIRY": 0, "CANCEL_STATUS_REPORT_REQUEST": 1, "DELETE": 2, "ENABLE_STATUS_REPORT_REQUEST": 3,
    }  # fmt: skip


GROUPS = (*[DcsGroup.GENERAL] * 4, *[DcsGroup.AUTOMATIC_DELETION] * 4, *[DcsGroup.RESERVED] * 4, DcsGroup.WAITING_DISCARD,
          DcsGroup.WAITING_STORE, DcsGroup.WAITING_STORE_UCS2, DcsGroup.CODING_CLASS)  # fmt: skip


@pytest.mark.parametrize("octet", range(0x100))
def test_a_coding_is_of_its_group_and_reserved_or_not(octet: int) -> None:
    dcs = Dcs(octet=octet)
    assert dcs.group is GROUPS[octet >> 4]
    assert dcs.reserved is (octet >> 4 in range(8, 12) or (octet < 0x80 and octet & 0x0C == 0x0C))
    assert dcs.automatic_deletion is (0x40 <= octet < 0x80)


@pytest.mark.parametrize("octet", range(0x100))
def test_a_broadcast_coding_has_a_class_or_is_reserved_by_its_group(octet: int) -> None:
    dcs = CbsDcs(octet=octet)
    group, low = octet >> 4, octet & 0x0F
    assert dcs.message_class == (low & 3 if group in (5, 7, 9, 15) else None)
    defined = group == 0 or (group == 1 and low < 2) or (group == 2 and low < 5) or group == 15
    assert dcs.reserved is not (defined or (group in (4, 5, 6, 7, 9) and low < 12))
    assert (dcs.alphabet is Alphabet.DATA) is (
        group in (6, 7, 13, 14) or (group in (4, 5, 9, 15) and low >> 2 & 3 in DATA[group])
    )


DATA = {4: (1,), 5: (1,), 9: (1,), 15: (1, 3)}


@pytest.mark.parametrize("kind", [Dcs, CbsDcs])
@pytest.mark.parametrize("octet", [-1, 0x100])
def test_a_coding_is_an_octet(kind: type, octet: int) -> None:
    with pytest.raises(PduError):
        kind(octet=octet)


SIZES = {0x0C: range(2, 130), 0x12: range(4, 140), 0x0A: range(3, 5)}


@pytest.mark.parametrize("iei", SIZES)
def test_an_element_says_something_only_where_it_has_a_size_that_it_may_have(iei: int) -> None:
    read = [size for size in range(142) if interpret_element(InformationElement(iei=iei, data=bytes(size)))]
    assert read == list(SIZES[iei])


def test_a_reply_address_has_no_octet_behind_it() -> None:
    data = bytes((20, 0x91)) + b"\x11" * 10
    assert interpret_element(InformationElement(iei=0x22, data=data)) is not None
    assert interpret_element(InformationElement(iei=0x22, data=data + b"\0")) is None


@pytest.mark.parametrize(
    ("iei", "words"),
    [(0x6F, "reserved"), (0x70, "security"), (0x7F, "security"), (0x80, "specific"), (0xFF, "reserved")],
)
def test_the_ranges_of_elements_end_where_they_should(iei: int, words: str) -> None:
    assert words in element_name(iei)


def test_a_page_has_no_more_octets_than_it_can() -> None:
    head = bytes((0, 0x10, 0, 1, 1, 0x11))
    assert len(decode_page(head + b"A" * 90).content) == CONTENT_OCTETS


# 23.038 A.2: the septets of a script's own characters behind an escape, by the low octets of their code points.
SINGLE = {
    Language.HINDI: (0x900, {
        0x19: "6465", 0x1C: "666768696A6B6C6D6E6F5152", 0x2A: "535458595A", 0x30: "5B5C5D5E5F606162637071",
    }),
    Language.URDU: (0x600, {
        0x19: "0001", 0x1C: "F0F1F2F3F4F5F6F7F8F90C0D", 0x2A: "0E0F101112", 0x30: "13141B1F4052586B6C7273CD", 0x3F: "D4",
    }),
}  # fmt: skip


@pytest.mark.parametrize("language", SINGLE)
def test_a_script_stands_behind_the_escape_where_it_should(language: Language) -> None:
    block, runs = SINGLE[language]
    table = dict(single_table(language) or {})
    for first, codes in runs.items():
        for septet, low in enumerate(bytes.fromhex(codes), first):
            assert table.pop(septet) == chr(block + low), hex(septet)
    shared = dict(zip(range(0x41, 0x5B), map(chr, range(0x41, 0x5B)), strict=True))
    assert {septet: char for septet, char in table.items() if septet > 0x3F} == {**shared, 0x40: "|", 0x65: "€"}
    assert not any(ord(char) > 0x5FF for char in table.values() if char != "€")
    assert "".join(table[septet] for septet in (0x28, 0x29, 0x2F, 0x3C, 0x3D, 0x3E)) == "{}\\[~]"


@pytest.mark.parametrize("language", range(Language.BENGALI, Language.URDU + 1))
def test_digits_and_letters_stand_where_the_scripts_share_them(language: int) -> None:
    table = locking_table(language) or ""
    assert table[0x30:0x3C] == "0123456789:;"
    assert table[0x61:0x7B] == "abcdefghijklmnopqrstuvwxyz"
    assert table[0x3F] == "?"
    assert not set("/`{@") & set(table)


def test_a_service_centre_has_up_to_twenty_digits() -> None:
    found = decode_frame("0B91" + "21" * 10 + "0000", Direction.MO).sc
    assert found is not None
    assert found.value == "12" * 10
    with pytest.raises(PduError):
        decode_frame("0C91" + "21" * 11 + "0000", Direction.MO)
