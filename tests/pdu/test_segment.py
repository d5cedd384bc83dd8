"""Texts and octets into parts, and back."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import PduError
from gateway.pdu import (
    Address,
    Alphabet,
    Concat,
    Content,
    Direction,
    Ports,
    Segmentation,
    Submit,
    UserData,
    decode_frame,
    encode_frame,
    join,
    segment,
    with_reference,
)
from tests.pdu.strategies import text

PORTS = Ports(destination=2948, source=9200)
NARROW_PORTS = Ports(destination=1, source=2, wide=False)
A, EURO, CYRILLIC, EMOJI = "a", "€", "ж", "😀"

# Alphabet, units of a character; then units in a lone part and in one of several, by header (the sizes of 23.040 9.2.3.24).
ROOM = [
    (None, False, {Alphabet.GSM7: (160, 153), Alphabet.UCS2: (70, 67), Alphabet.DATA: (140, 134)}),
    (None, True, {Alphabet.GSM7: (160, 152), Alphabet.UCS2: (70, 66), Alphabet.DATA: (140, 133)}),
    (PORTS, False, {Alphabet.GSM7: (152, 146), Alphabet.UCS2: (66, 64), Alphabet.DATA: (133, 128)}),
    (PORTS, True, {Alphabet.GSM7: (152, 145), Alphabet.UCS2: (66, 63), Alphabet.DATA: (133, 127)}),
    (NARROW_PORTS, False, {Alphabet.GSM7: (154, 148), Alphabet.UCS2: (67, 65), Alphabet.DATA: (135, 130)}),
]
UNITS = [(A, Alphabet.GSM7, 1), (EURO, Alphabet.GSM7, 2), (CYRILLIC, Alphabet.UCS2, 1), (EMOJI, Alphabet.UCS2, 2)]


def journey(split: Segmentation) -> list[UserData]:
    """The user data after a journey through PDUs."""
    number = Address.parse("+491701234567")
    pdus = [encode_frame(Submit(da=number, ud=part, dcs=split.dcs)) for part in split.parts]
    arrived = [decode_frame(pdu, Direction.MO, length=length).tpdu.ud for pdu, length in pdus]
    return [ud for ud in arrived if ud is not None]


@pytest.mark.parametrize(("char", "alphabet", "width"), UNITS)
@pytest.mark.parametrize(("ports", "wide", "room"), ROOM)
def test_sizes(
    char: str, alphabet: Alphabet, width: int, ports: Ports | None, wide: bool, room: dict[Alphabet, tuple[int, int]]
) -> None:
    lone, several = (units // width for units in room[alphabet])
    for count in sorted({0, 1, lone, lone + 1, 2 * several, 2 * several + 1, 3 * several, 3 * several + 1}):
        split = segment(char * count, ports=ports, wide=wide)
        assert split.encoding is (alphabet if count else Alphabet.GSM7)
        assert len(split.parts) == (1 if count <= lone else -(-count // several))
        assert join(split.parts).text == char * count
        assert all(part.ports == ports for part in split.parts)


@pytest.mark.parametrize(("ports", "wide", "room"), ROOM)
def test_sizes_of_octets(ports: Ports | None, wide: bool, room: dict[Alphabet, tuple[int, int]]) -> None:
    lone, several = room[Alphabet.DATA]
    for count in (0, 1, lone, lone + 1, 2 * several, 2 * several + 1):
        content = bytes(place % 256 for place in range(count))
        split = segment(content, ports=ports, wide=wide)
        assert len(split.parts) == (1 if count <= lone else -(-count // several))
        assert join(split.parts) == Content(text=None, data=content, encoding=Alphabet.DATA)


@pytest.mark.parametrize("count", range(135, 320))
def test_an_escape_or_a_pair_is_never_cut(count: int) -> None:
    for char, other in ((EURO, A), (EMOJI, CYRILLIC)):
        for content in (other * count + char * 3, other + char * (count // 2), (other + char) * (count // 2)):
            for part in segment(content).parts:
                alone = join([part]).text or ""
                assert set(alone) <= {char, other}


@given(text, st.sampled_from([None, PORTS, NARROW_PORTS]), st.booleans(), st.integers(0, 70000), st.integers(0, 12))
def test_a_text_survives(content: str, ports: Ports | None, wide: bool, ref: int, times: int) -> None:
    content *= times
    split = segment(content, ports=ports, wide=wide, ref=ref, message_class=1)
    assert split.dcs.message_class == 1
    arrived = journey(split)
    assert arrived == list(split.parts)
    assert join(arrived) == Content(text=content, data=None, encoding=split.encoding)
    assert "".join(join([part]).text or "" for part in split.parts) == content
    expected = [
        Concat(ref=ref & (0xFFFF if wide else 0xFF), total=len(split.parts), seq=seq, wide=wide)
        for seq in range(1, len(split.parts) + 1)
    ]
    assert [part.concat for part in split.parts] == (expected if len(expected) > 1 else [None])


@given(st.binary(max_size=600), st.booleans())
def test_octets_survive(content: bytes, wide: bool) -> None:
    assert join(journey(segment(content, wide=wide))).data == content


CLUSTERS = ["👩‍👩‍👧", "e\u0301", "🇩🇪", "👍🏽", "❤️", "🏴\U000e0067\U000e0062\U000e007f", "\u1112\u1161\u11ab"]


@pytest.mark.parametrize("cluster", CLUSTERS)
@pytest.mark.parametrize("before", range(55, 75))
def test_what_people_see_as_one_character_stays_whole(cluster: str, before: int) -> None:
    content = "ж" * before + cluster + "ж" * 40
    assert any(cluster in (join([part]).text or "") for part in segment(content).parts)


def test_flags_stay_in_pairs() -> None:
    for before in range(70):
        for part in segment("ж" * before + "🇩🇪🇫🇷🇮🇹🇪🇸" * 6 + "жж").parts:
            flags = (join([part]).text or "").strip("ж")
            assert len(flags) % 2 == 0


def test_whole_clusters_never_cost_another_part() -> None:
    assert len(segment("🇩🇪" * 33).parts) == 2  # 132 units: whole flags would leave 68, one more than fit
    assert len(segment("a" + "\u0301" * 200).parts) == 3  # a cluster longer than a part
    assert len(segment("\r\n" * 153).parts) == 2


def test_a_line_end_stays_whole_where_there_is_room() -> None:
    first, second = segment("a" * 152 + "\r\n" + "a" * 20).parts
    assert (len(first.payload), len(second.payload)) == (152, 22)


def test_the_alphabet_can_be_asked_for() -> None:
    assert segment("abc", encoding=Alphabet.UCS2).encoding is Alphabet.UCS2
    assert segment("€").encoding is Alphabet.GSM7
    assert segment("ç").encoding is Alphabet.UCS2
    assert segment(b"").parts == (UserData(alphabet=Alphabet.DATA, payload=b""),)


@pytest.mark.parametrize(
    ("content", "encoding", "code", "offset"),
    [
        ("abç", Alphabet.GSM7, "not_encodable", 2),
        ("ab\ud83d", None, "not_encodable", 2),
        ("\udc00", Alphabet.UCS2, "not_encodable", 0),
        ("a" * (255 * 153 + 1), None, "too_many_segments", 255),
        ("ж" * (255 * 67 + 1), None, "too_many_segments", 255),
        (bytes(255 * 134 + 1), None, "too_many_segments", 255),
        ("a", Alphabet.DATA, "bad_pdu", 0),
        (b"a", Alphabet.GSM7, "bad_pdu", 0),
    ],
)
def test_what_cannot_be_sent(content: str | bytes, encoding: Alphabet | None, code: str, offset: int) -> None:
    with pytest.raises(PduError) as caught:
        segment(content, encoding=encoding)
    assert (caught.value.code, caught.value.offset) == (code, offset)


def test_the_longest_messages() -> None:
    assert len(segment("a" * 255 * 153).parts) == 255
    assert len(segment("🇩🇪" * 4000).parts) == 243  # 67 units hold 16 flags and a half


@pytest.mark.parametrize("wide", [False, True])
def test_another_reference(wide: bool) -> None:
    parts = segment("ж" * 200, ref=5, wide=wide, ports=PORTS).parts
    assert with_reference(parts, 0x1234) == segment("ж" * 200, ref=0x1234, wide=wide, ports=PORTS).parts
    lone = segment("a", ports=PORTS).parts
    assert with_reference(lone, 7) == lone


def ud(alphabet: Alphabet, payload: str) -> UserData:
    return UserData(alphabet=alphabet, payload=bytes.fromhex(payload))


@pytest.mark.parametrize(
    ("parts", "text", "encoding"),
    [
        ([(Alphabet.UCS2, "0061D83D"), (Alphabet.UCS2, "DE00")], "a😀", Alphabet.UCS2),
        ([(Alphabet.UCS2, "0061D8"), (Alphabet.UCS2, "3DDE00")], "a😀", Alphabet.UCS2),
        ([(Alphabet.GSM7, "611B"), (Alphabet.GSM7, "65")], "a€", Alphabet.GSM7),
        ([(Alphabet.GSM7, "611B"), (Alphabet.UCS2, "0065")], "a e", Alphabet.UCS2),
        ([(Alphabet.UCS2, "0436"), (Alphabet.GSM7, "61"), (Alphabet.UCS2, "0436")], "жaж", Alphabet.UCS2),
        ([(Alphabet.GSM7, "61"), (Alphabet.DATA, "FF62")], "aÿb", Alphabet.UCS2),
        ([(Alphabet.GSM7, "")], "", Alphabet.GSM7),
    ],
)
def test_parts_are_joined_before_they_are_read(
    parts: list[tuple[Alphabet, str]], text: str, encoding: Alphabet
) -> None:
    assert join([ud(*part) for part in parts]) == Content(text=text, data=None, encoding=encoding)


def test_nothing_is_no_content() -> None:
    with pytest.raises(PduError):
        join([])
    with pytest.raises(PduError):
        join([ud(Alphabet.GSM7, "80")])


def test_text_is_sent_as_it_is() -> None:
    content = " e\u0301\r\n\té \u200b"
    assert join(segment(content).parts).text == content != unicodedata.normalize("NFC", content)
