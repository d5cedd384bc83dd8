"""Vectors worked out from the specification: every octet of its tables, every character, fields, sizes."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.vectors.adapter import answer

Row = dict[str, Any]

FOLDER = Path(__file__).parents[1] / "vectors"


def load(name: str) -> dict[str, list[Row]]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


OCTETS, CHARACTERS, FIELDS = load("octets"), load("characters"), load("fields")


def each(rows: list[Row]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", rows, ids=[str(place) for place in range(len(rows))])


def asked(op: str, row: Row, *names: str, **more: Any) -> Row:
    """An answer to what the row says under these names."""
    return answer({"op": op, **{name: row[name] for name in names if name in row}, **more})


def assert_says(got: Row, expect: Row) -> None:
    assert {name: got.get(name) for name in expect} == expect


@pytest.mark.parametrize("form", OCTETS)
def test_every_octet_of_a_table(form: str) -> None:
    rows = OCTETS[form]
    assert [row["octet"] for row in rows] == list(range(256))
    got = [asked("octet-decode", row, "octet", form=form) for row in rows]
    assert [{name: fields.get(name) for name in row["expect"]} for row, fields in zip(rows, got, strict=True)] == [
        row["expect"] for row in rows
    ]


SHIFTS = ("locking_language", "single_shift_language")


@each(CHARACTERS["both"] + CHARACTERS["read"] + CHARACTERS["national"])
def test_a_character_is_read(row: Row) -> None:
    assert asked("gsm7-decode", row, *SHIFTS, hex=row["septets"], form="septets")["text"] == row["text"]


@each(CHARACTERS["both"] + CHARACTERS["national"])
def test_a_character_is_written(row: Row) -> None:
    assert asked("gsm7-encode", row, "text", *SHIFTS, form="septets")["hex"] == row["septets"]


def test_all_characters_are_there() -> None:
    assert len({row["text"] for row in CHARACTERS["both"]}) == 127 + 10


@each(FIELDS["address"])
def test_an_address_both_ways(row: Row) -> None:
    got = asked("field-decode", row, "hex", form="address")
    assert (got["address"], got["octets_used"]) == (row["address"], len(row["hex"]) // 2)
    assert got["ton"] == row.get("ton", got["ton"])
    assert asked("field-encode", row, "address", "ton", form="address") == {"hex": row["hex"]}


@each(FIELDS["address_read"])
def test_an_address_as_it_comes(row: Row) -> None:
    assert asked("field-decode", row, "hex", form="address")["address"] == row["address"]


@each(FIELDS["address_refused"])
def test_what_is_no_address(row: Row) -> None:
    assert "error" in asked("field-decode", row, "hex", form="address")


@each(FIELDS["sc_address"])
def test_a_service_centre_both_ways(row: Row) -> None:
    assert asked("field-decode", row, "hex", form="smsc")["smsc"] == row["address"]
    assert asked("field-encode", row, "address", form="smsc") == {"hex": row["hex"]}


@each(FIELDS["time"])
def test_a_time_both_ways(row: Row) -> None:
    assert asked("field-decode", row, "hex", form="timestamp")["timestamp"] == row["timestamp"]
    for form in ("timestamp", "vp-absolute"):
        assert asked("field-encode", row, "timestamp", form=form) == {"hex": row["hex"]}


@each(FIELDS["no_time"])
def test_what_is_no_time(row: Row) -> None:
    assert asked("field-decode", row, "hex", form="timestamp") == {"error": "no date"}


@each(FIELDS["enhanced"])
def test_an_enhanced_validity_both_ways(row: Row) -> None:
    got = asked("field-decode", row, "hex", form="vp-enhanced")
    assert got == {"validity_seconds": row["seconds"], "single_shot": row["single_shot"]}
    assert asked("field-encode", row, "seconds", "single_shot", form="vp-enhanced") == {"hex": row["hex"]}


@each(FIELDS["enhanced_read"])
def test_an_enhanced_validity_as_it_comes(row: Row) -> None:
    assert asked("field-decode", row, "hex", form="vp-enhanced")["validity_seconds"] == row.get("seconds")


@each(OCTETS["vp"])
def test_a_relative_validity_is_written(row: Row) -> None:
    assert asked("field-encode", row["expect"], "seconds", form="vp-relative") == {"hex": f"{row['octet']:02X}"}


@each(FIELDS["element"])
def test_an_element_by_name(row: Row) -> None:
    assert_says(asked("element-decode", row, "hex"), row["expect"])


@each(FIELDS["element_unknown"])
def test_an_element_of_the_wrong_length_says_nothing(row: Row) -> None:
    got = asked("element-decode", row, "hex")
    assert got["type"] is None
    assert got["name"] != "reserved"


@each(FIELDS["ussd"])
def test_ussd_both_ways(row: Row) -> None:
    assert_says(asked("ussd-decode", row, "hex", "dcs"), {"text": row["text"], "language": row.get("language")})
    assert asked("ussd-encode", row, "text", "language") == {"hex": row["hex"], "dcs": row["dcs"]}


@each(FIELDS["ussd_read"])
def test_ussd_as_it_comes(row: Row) -> None:
    got = asked("ussd-decode", row, "hex", "dcs")
    assert_says(got, {name: value for name, value in row.items() if name not in ("hex", "dcs")})


@each(FIELDS["size"])
def test_sizes(row: Row) -> None:
    text = {"text": row["char"] * row["count"]} if "char" in row else {"data_hex": "00" * row["octets"]}
    assert_says(asked("segment", row, "reference_bits", "ports", *SHIFTS, **text), row["expect"])


@each(FIELDS["fold"])
def test_what_is_replaced(row: Row) -> None:
    got = asked("segment", row, "text", "folding")
    assert_says(got, row["expect"])
    told = row["text"]
    for index, char, by in reversed(got["replaced"]):
        assert told[index : index + len(char)] == char
        told = told[:index] + by + told[index + len(char) :]
    assert told == got["text"]
