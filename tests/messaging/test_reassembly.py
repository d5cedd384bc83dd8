"""Where a part belongs, and what a text looks like while some are missing: pure decisions."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.messaging import inbound, reassembly
from gateway.messaging.model import MessageFilter, Status
from gateway.pdu import Address, Alphabet, Dcs, Deliver, InformationElement, Timestamp, UserData, encode_frame, segment
from tests.messaging.rig import Item, Rig, deliver, rig, run, until

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def gsm7(text: str) -> UserData:
    return segment(text).parts[0]


def ucs2(text: str) -> UserData:
    return UserData(alphabet=Alphabet.UCS2, payload=text.encode("utf-16-be"))


def octets(data: bytes) -> UserData:
    return UserData(alphabet=Alphabet.DATA, payload=data)


@pytest.mark.parametrize(
    ("total", "parts", "text", "data"),
    [
        (1, {1: gsm7("a")}, "a", None),
        (3, {1: gsm7("a"), 2: gsm7("b"), 3: gsm7("c")}, "abc", None),
        (3, {1: gsm7("a"), 3: gsm7("c")}, "a[…]c", None),
        (4, {1: gsm7("a"), 4: gsm7("d")}, "a[…]d", None),
        (3, {2: gsm7("b")}, "[…]b[…]", None),
        (5, {2: gsm7("b"), 4: gsm7("d")}, "[…]b[…]d[…]", None),
        (3, {3: ucs2("ж")}, "[…]ж", None),
        (2, {1: gsm7("a"), 2: ucs2("ж")}, "aж", None),
        (3, {1: gsm7("a"), 3: ucs2("ж")}, "a[…]ж", None),
        (2, {1: octets(b"\x01"), 2: octets(b"\x02")}, None, b"\x01\x02"),
        (3, {1: octets(b"\x01"), 3: octets(b"\x02")}, None, b"\x01\x02"),
        (3, {1: gsm7("a"), 3: octets(b"\xff")}, None, b"a\xff"),
    ],
)
def test_a_text_from_the_parts_that_are_there(
    total: int, parts: dict[int, UserData], text: str | None, data: bytes | None
) -> None:
    content = reassembly.assemble(total, parts)
    assert (content.text, content.data) == (text, data)
    assert reassembly.missing(total, parts) == tuple(sorted(set(range(1, total + 1)) - set(parts)))


def split(text: str, sizes: list[int]) -> list[bytes]:
    raw = text.encode("utf-16-be")
    cuts = [0, *sizes, len(raw)]
    return [raw[a:b] for a, b in itertools.pairwise(cuts)]


def part(
    payload: bytes,
    seq: int,
    total: int,
    *,
    at: datetime,
    ref: int = 9,
    alphabet: Alphabet = Alphabet.UCS2,
    wide: bool = False,
    index: int | None = None,
) -> Item:
    reference = ref.to_bytes(2 if wide else 1, "big")
    header = (InformationElement(iei=8 if wide else 0, data=reference + bytes((total, seq))),)
    dcs = Dcs(octet={Alphabet.UCS2: 8, Alphabet.DATA: 4, Alphabet.GSM7: 0}[alphabet])
    tpdu = Deliver(
        oa=Address.parse("+491718888888"),
        dcs=dcs,
        scts=Timestamp.of(at),
        ud=UserData(alphabet=alphabet, payload=payload, header=header),
    )
    pdu, length = encode_frame(tpdu)
    return Item(pdu=pdu, length=length, index=seq if index is None else index)


async def inbox(box: Rig) -> list[str | None]:
    return [event.get("text", event.get("data_hex")) for event in await box.events("inbox")]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_pair_of_surrogates_that_was_split_survives_in_any_order(tmp_path: Path, order: tuple[int, int]) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            text = "x" * 66 + "😀" + "y" * 10
            parts = [part(each, n, 2, at=NOW) for n, each in enumerate(split(text, [134]), 1)]
            for n in order:
                await box.receive(parts[n])
            assert await inbox(box) == [text]

    run(scenario())


def test_half_a_pair_of_surrogates_is_shown_as_a_replacement_and_then_whole(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, reassembly_timeout_s=60) as box:
            text = "x" * 66 + "😀" + "y" * 10
            first, second = (part(each, n, 2, at=NOW) for n, each in enumerate(split(text, [134]), 1))
            await box.receive(first)
            box.pass_time(61)
            await until(lambda: inbox(box), "the half")
            await box.receive(second)
            half, whole = await inbox(box)
            assert half == "x" * 66 + "\ufffd[…]"
            assert whole == text

    run(scenario())


def test_255_parts_in_a_listing_are_one_text_and_cost_little(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            text = "".join(f"{n:05d} " for n in range(6500))[: 153 * 255]
            parts = deliver(text, at=NOW, listing=3)
            assert len(parts) == 255
            random.Random(1).shuffle(parts)
            await box.receive(*parts[:100])
            await box.receive(*parts[100:])
            (event,) = await box.events("inbox")
            assert (event["text"], event["parts"], event["revision"]) == (text, 255, 1)

    run(scenario())


def test_a_part_costs_the_same_however_many_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer decodes; a long text must not hold up everything else that is to be stored."""
    decoded = 0
    decode = inbound.decode_frame

    def counted(*args: object, **named: object) -> object:
        nonlocal decoded
        decoded += 1
        return decode(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(inbound, "decode_frame", counted)

    async def scenario() -> None:
        async with rig(tmp_path, start=False) as box:
            parts = deliver("0123456789" * 15 * 100, at=NOW)
            await box.receive(*parts)
            assert len(await inbox(box)) == 1
            assert decoded <= 4 * len(parts)

    run(scenario())


def test_references_of_one_and_of_two_octets_are_different_ones(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            narrow = [part(b"\x00A", 1, 2, at=NOW), part(b"\x00B", 2, 2, at=NOW)]
            wide = [
                part(b"\x00C", 1, 2, at=NOW, wide=True, index=11),
                part(b"\x00D", 2, 2, at=NOW, wide=True, index=12),
            ]
            await box.receive(narrow[0], wide[1], wide[0], narrow[1])
            assert await inbox(box) == ["CD", "AB"]

    run(scenario())


def test_one_reference_of_two_senders_is_two_texts(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            one = deliver("A" * 200, at=NOW, oa="+491710000001", index=1)
            other = deliver("B" * 200, at=NOW, oa="+491710000002", index=11)
            named = deliver("C" * 200, at=NOW, oa="InfoSMS", index=21)
            await box.receive(one[0], other[1], named[0], one[1], other[0], named[1])
            assert await inbox(box) == ["A" * 200, "B" * 200, "C" * 200]
            assert [event["from"] for event in await box.events("inbox")] == [
                *("+491710000001", "+491710000002", "InfoSMS")
            ]

    run(scenario())


def test_binary_parts_and_their_ports(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            data = bytes(range(256))
            ports = InformationElement(iei=5, data=(2948).to_bytes(2, "big") + (9200).to_bytes(2, "big"))
            items = []
            for seq, chunk in enumerate((data[:128], data[128:]), 1):
                header = (ports, InformationElement(iei=0, data=bytes((7, 2, seq))))
                ud = UserData(alphabet=Alphabet.DATA, payload=chunk, header=header)
                tpdu = Deliver(oa=Address.parse("72211"), dcs=Dcs(octet=4), scts=Timestamp.of(NOW), ud=ud)
                pdu, length = encode_frame(tpdu)
                items.append(Item(pdu=pdu, length=length, index=seq))
            await box.receive(*items)
            (event,) = await box.events("inbox")
            assert event["data_hex"] == data.hex()
            assert event["encoding"] == "8bit"
            assert event["ports"] == [2948, 9200]
            assert "text" not in event

    run(scenario())


@pytest.mark.parametrize(("total", "seq"), [(0, 0), (0, 1), (2, 0), (2, 3)])
def test_a_header_that_makes_no_sense_is_a_text_of_its_own(tmp_path: Path, total: int, seq: int) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            await box.receive(part("odd".encode("utf-16-be"), seq, total, at=NOW, index=1))
            assert await inbox(box) == ["odd"]

    run(scenario())


# --- one reference, several texts -------------------------------------------------------------------------------------


def three(text: str, at: datetime, index: int) -> list[Item]:
    parts = deliver(text * 306 + text * 100, at=at, ref=1, index=index)
    assert len(parts) == 3
    return parts


def test_a_repeated_part_of_a_whole_text_does_not_get_into_a_newer_one(tmp_path: Path) -> None:
    """Some senders never change their reference, and networks repeat."""

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            old = three("A", NOW, 1)
            await box.receive(*old)
            await box.released(*old)
            new = three("B", NOW + timedelta(minutes=10), 11)
            await box.receive(new[0])
            box.clock.advance(60)
            again = Item(pdu=old[1].pdu, length=old[1].length, index=30)
            await box.receive(again)
            await box.receive(new[1], new[2])
            assert await inbox(box) == ["A" * 406, "B" * 406]

    run(scenario())


def test_a_late_part_goes_to_the_text_of_its_time(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            old = three("A", NOW, 1)
            new = three("B", NOW + timedelta(hours=2), 11)
            await box.receive(old[0], old[2])
            await box.receive(new[0])
            await box.receive(old[1])
            await box.receive(new[2], new[1])
            assert await inbox(box) == ["A" * 406, "B" * 406]

    run(scenario())


def test_parts_of_one_text_may_be_minutes_apart(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            for n, each in enumerate(b"ABC"):
                at = NOW + timedelta(hours=n)
                await box.receive(part(bytes((0, each)), n + 1, 3, at=at))
            assert await inbox(box) == ["ABC"]

    run(scenario())


# --- limits -----------------------------------------------------------------------------------------------------------


def test_too_many_unfinished_texts_on_a_line_are_kept_raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbound, "MAX_OPEN_PER_LINE", 5)

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            for n in range(8):
                await box.receive(deliver("A" * 200, at=NOW, oa=f"+4917100000{n:02d}", index=n)[0])
            assert [alert["code"] for alert in await box.events("alert")] == ["too_many_parts"] * 3
            assert await box.sql("SELECT count(*), count(message_id) FROM parts") == [(8, 5)]
            second = deliver("A" * 200, at=NOW, oa="+491710000000", index=20)[1]
            await box.receive(second)
            assert await inbox(box) == ["A" * 200], "what was begun is finished, and makes room"
            await box.receive(deliver("B" * 200, at=NOW, oa="+491719999999", index=21)[0])
            assert len(await box.events("alert")) == 3

    run(scenario())


def test_many_unfinished_texts_are_all_shown_in_the_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, reassembly_timeout_s=60) as box:
            items = [deliver(f"{n} " * 100, at=NOW, oa=f"+49171{n:07d}", index=n, listing=1)[0] for n in range(600)]
            await box.receive(*items)
            received = await box.service.messages(MessageFilter(status=Status.RECEIVING, limit=1000))
            assert len(received) == 600

            async def all_shown() -> bool:
                box.pass_time(61)
                return len(await box.events("inbox")) == 600

            await until(all_shown, "all to be shown")

    run(scenario())


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_two_texts_under_one_reference_in_one_listing_are_not_mixed(tmp_path: Path, order: tuple[int, ...]) -> None:
    """A sender that never changes its reference, and a storage that fills its slots in any order."""

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            now = box.clock.now()
            parts = [*deliver("a" * 200, at=now, ref=7), *deliver("b" * 200, at=now + timedelta(seconds=60), ref=7)]
            listed = [replace(parts[n], index=slot) for slot, n in enumerate(order, 1)]
            await box.receive(*listed)
            assert await box.texts() == ["a" * 200, "b" * 200]

    run(scenario())
