"""Inbound: nothing lost, nothing shown twice, nothing half stored."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import StoreError
from gateway.messaging.inbound import MAX_OPEN_PER_SENDER
from gateway.pdu import Address, Alphabet, Concat, Dcs, Deliver, InformationElement, Timestamp, UserData, encode_frame
from tests.messaging.rig import Item, deliver, rig, run, until

LONG = "All of it, in three parts. " * 15


def test_a_text_is_announced_in_the_contracts_shape(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            await box.ready()
            await box.receive(*deliver("Grüße", at=box.clock.now()))
            (event,) = await box.events("inbox")
            assert event.pop("message_id").startswith("SM")
            assert event == {
                "from": "+491718888888",
                "to": "+491700000001",
                "text": "Grüße",
                "encoding": "gsm7",
                "class": None,
                "parts": 1,
                "parts_missing": [],
                "revision": 1,
                "modem": "one",
                "smsc_time": "2026-03-01T12:00:00.000Z",
                "received_at": "2026-03-01T12:00:00.010Z",
            }

    run(scenario())


def test_the_same_slot_again_after_a_crash_is_only_deleted(tmp_path: Path) -> None:
    async def scenario() -> None:
        items = []
        async with rig(tmp_path) as box:
            items = deliver("once", at=box.clock.now(), memory="SM", index=4, listing=1)
            await box.receive(*items)
            clock = box.clock
        clock.advance(400_000)  # however long it was off
        async with rig(tmp_path, clock=clock) as box:
            await box.receive(*[replace(item, listing=9) for item in items])
            assert await box.texts() == ["once"]

    run(scenario())


@pytest.mark.parametrize(
    ("apart_s", "slots", "listings", "shown"),
    [
        (0, (1, 2), (7, 7), 2),  # two slots of one listing: people do send the same word twice
        (3, (1, 2), (7, 8), 2),
        (3, (1, 1), (7, 8), 2),
        (60, (1, 2), (7, 8), 1),  # the network repeats itself
        (60, (1, 1), (7, 8), 1),
        (71 * 3600, (1, 2), (7, 8), 1),
        (73 * 3600, (1, 2), (7, 8), 2),
    ],
)
def test_equal_texts_are_repeats_or_said_twice(
    tmp_path: Path, apart_s: int, slots: tuple[int, int], listings: tuple[int, int], shown: int
) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            sent = box.clock.now()
            for n in (0, 1):
                items = deliver("yes", at=sent, index=slots[n], listing=listings[n])
                await box.receive(*items)
                await box.released(*items)
                box.clock.advance(apart_s)
            assert await box.texts() == ["yes"] * shown
            messages = {event["message_id"] for event in await box.events("inbox")}
            assert len(messages) == shown

    run(scenario())


def test_a_repeat_is_kept_and_shown_in_the_timeline(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            items = deliver("yes", at=box.clock.now())
            await box.receive(*items)
            await box.released(*items)
            box.clock.advance(60)
            await box.receive(replace(items[0], index=2))
            (event,) = await box.events("inbox")
            _, _, timeline = await box.service.message(event["message_id"])
            assert [entry.what for entry in timeline] == ["received", "repeated"]

    run(scenario())


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 0, 2, 1, 1, 0, 2)])
def test_parts_in_any_order_and_twice(tmp_path: Path, order: tuple[int, ...]) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            parts = deliver(LONG, at=box.clock.now())
            for n, which in enumerate(order):
                await box.receive(replace(parts[which], index=n))
            assert await box.texts() == [LONG]

    run(scenario())


def test_what_stays_missing_is_said_and_what_comes_late_is_a_revision(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, reassembly_timeout_s=100) as box:
            text = "A" * 153 + "B" * 153 + "C" * 153 + "D" * 10
            one, two, three, four = deliver(text, at=box.clock.now())
            await box.receive(one, four)
            box.pass_time(101)
            await until(lambda: box.texts(), "the unfinished text")
            await box.receive(three)
            await box.receive(replace(three, index=9))  # a repeat is no revision
            await box.receive(two)
            events = await box.events("inbox")
            assert [event["text"] for event in events] == [
                "A" * 153 + "[…]" + "D" * 10,
                "A" * 153 + "[…]" + "C" * 153 + "D" * 10,
                text,
            ]
            assert [event["parts_missing"] for event in events] == [[2, 3], [2], []]
            assert [event["revision"] for event in events] == [1, 2, 3]
            assert len({event["message_id"] for event in events}) == 1

    run(scenario())


def test_the_wait_for_parts_goes_on_over_a_restart(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, reassembly_timeout_s=100) as box:
            await box.receive(deliver(LONG, at=box.clock.now())[0])
            clock = box.clock
        clock.advance(101)
        async with rig(tmp_path, clock=clock, reassembly_timeout_s=100) as box:
            await until(lambda: box.texts(), "the unfinished text")

    run(scenario())


def test_a_constant_reference_does_not_mix_texts(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            alarm, other = LONG, LONG.replace("All", "None")
            for n, text in enumerate((alarm, alarm, other)):
                await box.receive(*deliver(text, at=box.clock.now(), ref=1, index=10 * n))
                box.clock.advance(600)
            assert await box.texts() == [alarm, alarm, other]

    run(scenario())


def test_parts_more_than_a_day_apart_are_two_texts(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            first = deliver(LONG, at=box.clock.now())
            await box.receive(first[0])
            box.clock.advance(25 * 3600)
            await box.receive(*deliver(LONG, at=box.clock.now(), index=20))
            assert await box.texts() == [LONG]
            assert len({m.id for m in await inbound(box)}) == 2

    async def inbound(box: object) -> list:  # type: ignore[type-arg]
        from gateway.messaging.model import MessageFilter

        return await box.service.messages(MessageFilter(direction="inbound"))  # type: ignore[attr-defined]

    run(scenario())


def test_a_character_that_is_split_over_parts_survives(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            octets = ("x" * 66 + "😀" + "y" * 10).encode("utf-16-be")
            cuts = (octets[:134], octets[134:])
            await box.receive(*[_ucs2_part(cut, n, 2, box.clock.now()) for n, cut in enumerate(cuts, 1)])
            assert await box.texts() == ["x" * 66 + "😀" + "y" * 10]

    def _ucs2_part(payload: bytes, seq: int, total: int, at: object) -> Item:
        header = (InformationElement(iei=0, data=bytes((9, total, seq))),)
        ud = UserData(alphabet=Alphabet.UCS2, payload=payload, header=header)
        assert ud.concat == Concat(ref=9, total=total, seq=seq, wide=False)
        tpdu = Deliver(
            oa=Address.parse("+491718888888"),
            dcs=Dcs(octet=8),
            scts=Timestamp.of(at),  # type: ignore[arg-type]
            ud=ud,
        )
        pdu, length = encode_frame(tpdu)
        return Item(pdu=pdu, length=length, index=seq)

    run(scenario())


def test_what_cannot_be_read_is_kept_raw_and_announced_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            good = deliver("good", at=box.clock.now())[0]
            for bad in ("", "00", "ZZ", good.pdu[:-2], "07"):
                await box.receive(Item(pdu=bad, length=good.length, index=7))
                await box.released(Item(pdu=bad, length=good.length, index=7))
            await box.receive(good)
            assert await box.texts() == ["good"]
            alerts = await box.events("alert")
            assert {alert["code"] for alert in alerts} == {"bad_pdu"}
            assert len(alerts) == 5
            with sqlite3.connect(tmp_path / "smsgw.db") as db:
                kept = [pdu for (pdu,) in db.execute("SELECT pdu FROM parts WHERE kind = 'undecodable' ORDER BY n")]
            assert kept == ["", "00", "ZZ", good.pdu[:-2], "07"]

    run(scenario())


def test_a_header_that_tells_a_wrong_length_costs_no_text(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            (item,) = deliver("all there", at=box.clock.now())
            await box.receive(replace(item, length=item.length + 8))  # as where the SC address is counted, too
            (item,) = deliver("in a SIM record", at=box.clock.now(), index=2)
            await box.receive(replace(item, pdu=item.pdu + "FF" * 20))
            (item,) = deliver("an octet was lost here", at=box.clock.now(), index=3)
            await box.receive(replace(item, pdu=item.pdu[:60] + item.pdu[62:]))
            assert await box.texts() == ["all there", "in a SIM record"]
            assert [alert["code"] for alert in await box.events("alert")] == ["bad_pdu"]

    run(scenario())


def test_a_silent_message_is_kept_and_not_shown(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            tpdu = Deliver(
                oa=Address.parse("+491718888888"),
                pid=0x40,
                dcs=Dcs(octet=0),
                scts=Timestamp.of(box.clock.now()),
                ud=UserData(alphabet=Alphabet.GSM7, payload=b"ping"),
            )
            pdu, length = encode_frame(tpdu)
            await box.receive(Item(pdu=pdu, length=length))
            assert await box.events("inbox") == []
            with sqlite3.connect(tmp_path / "smsgw.db") as db:
                assert db.execute("SELECT kind, pdu FROM parts").fetchall() == [("silent", pdu)]

    run(scenario())


def test_too_many_unfinished_texts_of_one_sender_are_kept_raw(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            for ref in range(MAX_OPEN_PER_SENDER + 3):
                await box.receive(deliver(LONG, at=box.clock.now(), ref=ref, index=ref)[0])
            assert [alert["code"] for alert in await box.events("alert")] == ["too_many_parts"] * 3
            await box.receive(*deliver("still heard", at=box.clock.now(), index=200))
            assert await box.texts() == ["still heard"]

    run(scenario())


def test_a_part_and_its_event_are_stored_together_or_not_at_all(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            await asyncio.to_thread(
                _run, "CREATE TRIGGER no BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
            items = deliver("all or nothing", at=box.clock.now())
            with pytest.raises(StoreError):
                await box.receive(*items)
            assert await asyncio.to_thread(_run, "SELECT count(*) FROM parts") == 0
            assert await asyncio.to_thread(_run, "SELECT count(*) FROM messages") == 0
            await asyncio.to_thread(_run, "DROP TRIGGER no")
            await box.receive(*items)
            assert await box.texts() == ["all or nothing"]

    def _run(statement: str) -> int | None:
        db = sqlite3.connect(tmp_path / "smsgw.db", timeout=5)
        try:
            row = db.execute(statement).fetchone()
            db.commit()
            return row[0] if row else None
        finally:
            db.close()

    run(scenario())


def test_a_listing_that_shows_a_slot_empty_or_taken_releases_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            first, second, third = (deliver(word, at=box.clock.now(), index=n)[0] for n, word in enumerate("abc"))
            await box.receive(first, second, third)
            await box.service.listener.swept(
                "one", "iccid-one", "SM", [replace(second, index=2), replace(first, index=0)]
            )
            with sqlite3.connect(tmp_path / "smsgw.db") as db:
                released = db.execute("SELECT slot FROM parts WHERE released_at IS NOT NULL ORDER BY slot").fetchall()
            assert released == [(1,), (2,)]

    run(scenario())


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_every_interleaving_of_long_texts_with_repeats_shows_each_once(seed: int, texts: int) -> None:
    import tempfile

    async def scenario(path: Path) -> None:
        rng = random.Random(seed)
        async with rig(path) as box:
            said = [f"text {n} " + "0123456789" * rng.randrange(16, 50) for n in range(texts)]
            parts = [part for n, text in enumerate(said) for part in deliver(text, at=box.clock.now(), ref=n)]
            parts += rng.sample(parts, rng.randrange(len(parts)))
            rng.shuffle(parts)
            slot = 0
            while parts:
                count = rng.randrange(1, 4)
                batch = [replace(part, index=(slot := slot + 1)) for part in parts[:count]]
                await box.receive(*batch)
                await box.released(*batch)
                box.clock.advance(10)
                del parts[:count]
            assert sorted(filter(None, await box.texts())) == sorted(said)

    with tempfile.TemporaryDirectory() as directory:
        run(scenario(Path(directory)))


def test_the_clock_of_a_service_centre_may_be_anything(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            (item,) = deliver("broken time", at=box.clock.now() - timedelta(days=9000))
            await box.receive(item)
            broken = item.pdu.replace(item.pdu[-2 * item.length :][22:36], "FFFFFFFFFFFFFF")
            await box.receive(replace(item, pdu=broken, index=2))
            assert (await box.events("inbox"))[1]["smsc_time"] is None

    run(scenario())
