"""Texts of a replace type (3GPP TS 23.040 clause 9.2.3.9): both are shown, and each says of the other."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from gateway.pdu import Address, Alphabet, Dcs, Deliver, Timestamp, UserData, encode_frame
from tests.messaging.rig import Item, Rig, report, rig, run


def replacing(box: Rig, text: str, pid: int, *, oa: str = "+491718888888", index: int = 1) -> Item:
    tpdu = Deliver(
        oa=Address.parse(oa),
        pid=pid,
        dcs=Dcs(octet=0),
        scts=Timestamp.of(box.clock.now()),
        ud=UserData(alphabet=Alphabet.GSM7, payload=text.encode()),
    )
    pdu, length = encode_frame(tpdu)
    return Item(pdu=pdu, length=length, index=index)


async def replaced(box: Rig) -> dict[str, list[str]]:
    """Text → what its timeline says of replacing."""
    found = {}
    for event in await box.events("inbox"):
        timeline = (await box.service.message(event["message_id"]))[2]
        found[event["text"]] = [entry.detail.split()[0] for entry in timeline if entry.what == "replaced"]
    return found


def test_a_text_takes_the_place_of_the_last_one_of_its_type_and_sender(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            for n, (text, pid, oa) in enumerate(
                [
                    ("balance 10", 0x41, "+491718888888"),
                    ("other type", 0x42, "+491718888888"),
                    ("other sender", 0x41, "+491718888889"),
                    ("balance 5", 0x41, "+491718888888"),
                    ("balance 0", 0x41, "+491718888888"),
                    ("plain", 0x00, "+491718888888"),
                ]
            ):
                box.clock.advance(timedelta(minutes=1).total_seconds())
                item = replacing(box, text, pid, oa=oa, index=n)
                await box.receive(item)
                await box.released(item)
            assert await replaced(box) == {
                "balance 10": ["by"],
                "other type": [],
                "other sender": [],
                "balance 5": ["takes", "by"],
                "balance 0": ["takes"],
                "plain": [],
            }

    run(scenario())


def test_the_same_slot_again_after_a_crash_replaces_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            item = replacing(box, "balance 10", 0x47)
            await box.receive(item)
            await box.receive(item)
            assert await replaced(box) == {"balance 10": []}

    run(scenario())


def test_what_belongs_to_nothing_is_listed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            await box.ready()
            message_id = (await box.send()).message_ids[0]
            await box.becomes(message_id, "sent")
            await box.receive(report(1, at=box.clock.now()))
            await box.receive(report(77, "+4915199999999", at=box.clock.now(), index=2))
            await box.receive(Item(pdu="ZZ", length=1, index=3), replacing(box, "fine", 0x00, index=4))
            reports, parts = await box.service.leftovers(10)
            assert [(each.mr, each.peer) for each in reports] == [(77, "+4915199999999")]
            assert [each.pdu for each in parts] == ["ZZ"]

    run(scenario())
