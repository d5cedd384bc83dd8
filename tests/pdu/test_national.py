"""National languages: the tables, texts written with them, and parts read under them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import PduError
from gateway.pdu import (
    Alphabet,
    Folding,
    Iei,
    InformationElement,
    Language,
    Replacement,
    UserData,
    is_gsm7,
    join,
    segment,
    tables_of,
)
from gateway.pdu.alphabet import BASIC, DEFAULT, ESCAPE, EXTENSION, GAP, decode_gsm7, encode_gsm7
from gateway.pdu.fold import fold
from gateway.pdu.national import locking_table, single_table
from tests.pdu.strategies import text

RENDERING = Path(__file__).resolve().parents[3] / "shared" / "national-shift-tables.json"
WRITTEN = (Language.TURKISH, Language.SPANISH, Language.PORTUGUESE)


@pytest.mark.skipif(not RENDERING.exists(), reason="the rendering of the tables is not beside the repository")
def test_the_tables_are_those_of_the_rendering() -> None:
    tables = json.loads(RENDERING.read_text(encoding="utf-8"))["tables"]
    assert [table["id"] for table in tables] == list(Language)
    for table in tables:
        language, locking = table["id"], table["locking"]
        shown = locking_table(language) or (None if language else DEFAULT)
        if locking is None:
            assert shown is None
        else:
            assert shown is not None
            assert [shown[septet] for septet in range(128) if septet != ESCAPE] == [
                locking.get(f"{septet:02X}", GAP) for septet in range(128) if septet != ESCAPE
            ]
        single = single_table(language) or EXTENSION
        assert {f"{septet:02X}": char for septet, char in single.items() if septet != ESCAPE} == table["single_shift"]


@pytest.mark.parametrize("language", [language for language in Language if language])
def test_tables_are_whole(language: Language) -> None:
    tables = tables_of(language, language)
    assert len(tables.locking) == len(tables.shifted) == 128
    assert GAP not in tables.locking + tables.shifted
    for char in tables.characters:
        assert decode_gsm7(encode_gsm7(char, tables), tables) == char


@given(st.sampled_from(Language), st.sampled_from(Language), st.data())
def test_a_text_survives_any_shifts(locking: Language, single: Language, data: st.DataObject) -> None:
    tables = tables_of(locking, single)
    content = data.draw(st.text(st.sampled_from(sorted(tables.characters))))
    assert decode_gsm7(encode_gsm7(content, tables), tables) == content


def test_what_is_reserved_changes_nothing() -> None:
    assert tables_of() is tables_of(14, 99) is tables_of(Language.SPANISH, 0) is BASIC


def shifted(payload: bytes, *elements: tuple[int, int]) -> UserData:
    header = tuple(InformationElement(iei=iei, data=bytes((language,))) for iei, language in elements)
    return UserData(alphabet=Alphabet.GSM7, payload=payload, header=header)


SINGLE, LOCKING = Iei.NATIONAL_SINGLE_SHIFT, Iei.NATIONAL_LOCKING_SHIFT


@pytest.mark.parametrize(
    ("elements", "shown"),
    [
        ([], "g\f"),
        ([(SINGLE, Language.TURKISH)], "g\f"),
        ([(LOCKING, Language.TURKISH)], "g\f"),
        ([(SINGLE, 99)], "g\f"),
    ],
)
def test_letters_that_no_shift_changes(elements: list[tuple[int, int]], shown: str) -> None:
    assert join([shifted(b"g\x1b\x0a", *elements)]).text == shown


def test_each_part_has_its_own_shifts() -> None:
    parts = [
        shifted(b"\x1bg", (SINGLE, Language.TURKISH)),
        shifted(b"\x1bg"),
        shifted(b"\x07", (LOCKING, Language.TURKISH)),
        shifted(b"\x1ba", (SINGLE, Language.TURKISH), (SINGLE, Language.SPANISH)),  # the last one counts
    ]
    assert join(parts).text == "ğgıá"
    assert join(parts).encoding is Alphabet.GSM7
    cut = [shifted(b"\x1b", (SINGLE, Language.TURKISH)), shifted(b"g", (SINGLE, Language.TURKISH))]
    assert join(cut).text == "ğ"


@given(text, st.lists(st.sampled_from(WRITTEN), unique=True), st.booleans())
def test_a_text_is_never_changed_by_a_language(content: str, languages: list[Language], locking: bool) -> None:
    split = segment(content, languages=languages, locking=locking)
    assert join(split.parts).text == split.text == content
    assert split.replaced == ()
    if is_gsm7(content):
        assert split == segment(content)
    assert len(split.parts) <= len(segment(content).parts)


@pytest.mark.parametrize(
    ("content", "languages", "locking", "shifts"),
    [
        ("ğ", [], False, None),
        ("ğ", [Language.SPANISH], False, None),
        ("ğ", [Language.TURKISH], False, (0, 1)),
        ("ğ€ı", [Language.SPANISH, Language.TURKISH], False, (0, 1)),
        ("á", [Language.PORTUGUESE, Language.SPANISH], False, (0, 3)),  # of two that cost the same, the first
        (
            "á",
            [Language.SPANISH, Language.PORTUGUESE],
            False,
            (0, 2),
        ),  # one septet less than none: two tables, the same cost
        ("ğğğğğğğğğğ", [Language.TURKISH], True, (1, 0)),
        ("ğ" * 20 + "ж", [Language.TURKISH], True, None),
        ("abc", [Language.TURKISH], True, (0, 0)),
        ("ã" * 9 + "Φ", [Language.PORTUGUESE], True, (3, 3)),  # the Greek letters are behind the escape there
    ],
)
def test_which_shifts_are_chosen(
    content: str, languages: list[Language], locking: bool, shifts: tuple[int, int] | None
) -> None:
    split = segment(content, languages=languages, locking=locking)
    if shifts is None:
        assert split.encoding is Alphabet.UCS2
    else:
        assert split.encoding is Alphabet.GSM7
        got = (split.locking_shift, split.single_shift)
        assert got == shifts
        assert join(split.parts).text == content


@pytest.mark.parametrize("language", [language for language in Language if language not in WRITTEN])
def test_other_languages_are_only_read(language: Language) -> None:
    with pytest.raises(PduError):
        segment("ж", languages=[language])


ALL = Folding.TYPOGRAPHY | Folding.ACCENTS | Folding.GREEK


@given(text, st.sampled_from([Folding.NONE, *Folding, ALL]))
def test_every_replacement_is_told(content: str, folding: Folding) -> None:
    folded, changes = fold(content, folding, BASIC.encoding)
    told = content
    for change in reversed(changes):
        assert told[change.index : change.index + len(change.char)] == change.char
        told = told[: change.index] + change.by + told[change.index + len(change.char) :]
    assert told == folded
    assert folding or not changes


@given(text)
def test_a_text_that_stays_out_of_the_alphabet_is_left_alone(content: str) -> None:
    split = segment(content, folding=ALL)
    assert join(split.parts).text == split.text
    if split.encoding is Alphabet.UCS2:
        assert (split.text, split.replaced) == (content, ())


def test_a_language_is_preferred_to_a_replacement() -> None:
    split = segment("“ğ”", languages=[Language.TURKISH], folding=Folding.TYPOGRAPHY | Folding.ACCENTS)
    assert (split.text, split.single_shift) == ('"ğ"', Language.TURKISH)
    assert split.replaced == (Replacement(index=0, char="“", by='"'), Replacement(index=2, char="”", by='"'))


def test_gsm7_that_is_asked_for_may_fold() -> None:
    assert segment("…", encoding=Alphabet.GSM7, folding=Folding.TYPOGRAPHY).text == "..."
    assert segment("…", encoding=Alphabet.UCS2, folding=Folding.TYPOGRAPHY).replaced == ()
    with pytest.raises(PduError) as caught:
        segment("a…", encoding=Alphabet.GSM7)
    assert (caught.value.code, caught.value.offset) == ("not_encodable", 1)
