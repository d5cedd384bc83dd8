"""Characters, septets and their packing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import PduError
from gateway.pdu import is_gsm7
from gateway.pdu.alphabet import BASIC, DEFAULT, EXTENSION, decode_gsm7, decode_ucs2, encode_gsm7, encode_ucs2
from gateway.pdu.septets import pack, packed_size, unpack
from tests.pdu.strategies import gsm7_text

septets = st.lists(st.integers(0, 0x7F), max_size=300).map(bytes)
fills = st.integers(0, 6)


def bit_by_bit(values: bytes, fill_bits: int) -> bytes:
    """23.038 6.1.2.1 read word for word: the least significant bit of the first character goes first."""
    bits = [0] * fill_bits + [value >> place & 1 for value in values for place in range(7)]
    bits += [0] * (-len(bits) % 8)
    return bytes(
        sum(bit << place for place, bit in enumerate(bits[start : start + 8])) for start in range(0, len(bits), 8)
    )


@given(septets, fills)
def test_packing_is_the_bit_by_bit_one(values: bytes, fill_bits: int) -> None:
    packed = pack(values, fill_bits)
    assert packed == bit_by_bit(values, fill_bits)
    assert len(packed) == packed_size(len(values), fill_bits)


@given(septets, fills, st.binary(max_size=9))
def test_unpacking_undoes_it_and_ignores_what_follows(values: bytes, fill_bits: int, after: bytes) -> None:
    assert unpack(pack(values, fill_bits) + after, len(values), fill_bits) == values


@pytest.mark.parametrize("count", range(161))
def test_every_length_that_a_message_can_have(count: int) -> None:
    values = bytes((7 * place + 1) % 128 for place in range(count))
    assert pack(values) == bit_by_bit(values, 0)
    assert unpack(pack(values), count) == values


def test_unpacking_needs_the_octets() -> None:
    with pytest.raises(ValueError, match="fewer"):
        unpack(bytes(6), 7)


@given(gsm7_text)
def test_a_text_survives(text: str) -> None:
    assert is_gsm7(text)
    assert decode_gsm7(encode_gsm7(text)) == text


@given(st.text())
def test_what_is_gsm7_can_be_encoded_and_nothing_else(text: str) -> None:
    if is_gsm7(text):
        assert decode_gsm7(encode_gsm7(text)) == text
    else:
        with pytest.raises(PduError) as caught:
            encode_gsm7(text)
        assert not is_gsm7(text[caught.value.offset])
        assert is_gsm7(text[: caught.value.offset])
        assert caught.value.code == "not_encodable"


@given(septets)
def test_any_septets_have_a_text(values: bytes) -> None:
    assert len(decode_gsm7(values)) <= len(values)


def test_the_tables_have_every_code() -> None:
    assert len(DEFAULT) == len(set(DEFAULT) - {" "}) + 2 == 128  # the space, and the escape shown as one
    assert len(BASIC.encoding) == 127 + len(EXTENSION) - 1


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ("00", "@"),
        ("1B65", "€"),
        ("1B", " "),  # cut off
        ("1B1B", " "),  # the escape to yet another table
        ("1B1B65", " e"),
        ("1B1B1B65", " €"),
        ("1B411B", "A "),  # no such extension: the main table's character
        ("1B651B65", "€€"),
        ("61" + "1B3C" + "62" + "1B3E" + "63", "a[b]c"),
        ("24021109", "¤$_Ç"),
    ],
)
def test_escapes(values: str, text: str) -> None:
    assert decode_gsm7(bytes.fromhex(values)) == text


@pytest.mark.parametrize("values", [b"\x80", b"a\x1b\x80", b"\x1ba\xff", b"\x1b\x1b\x80"])
def test_a_byte_is_no_septet(values: bytes) -> None:
    with pytest.raises(PduError):
        decode_gsm7(values)


@pytest.mark.parametrize("char", "`ç\x1b\tα“\u00a0")
def test_look_alikes_are_not_in_the_alphabet(char: str) -> None:
    assert not is_gsm7(char)


def test_ucs2_has_all_planes_but_no_lone_surrogate() -> None:
    assert encode_ucs2("a😀").hex() == "0061d83dde00"
    with pytest.raises(PduError) as caught:
        encode_ucs2("ab\ud83d")
    assert (caught.value.code, caught.value.offset) == ("not_encodable", 2)


@pytest.mark.parametrize(("octets", "text"), [("D83DDE01D83D", "😁�"), ("0061D8", "a�"), ("DE010061", "�a")])
def test_broken_ucs2_shows_where_it_is_broken(octets: str, text: str) -> None:
    assert decode_ucs2(bytes.fromhex(octets)) == text
