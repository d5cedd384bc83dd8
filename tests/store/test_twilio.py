"""What the Twilio-compatible API keeps, and its search through messages."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from gateway.messaging.model import Message, Segment, SegmentState, Status
from gateway.messaging.ports import Tx
from gateway.messaging.twilio import Beside, MessagingService, NumberSettings, Search
from tests.store.opening import NOW, opened, raw

MINUTE = timedelta(minutes=1)


def text(n: int, **changes: object) -> Message:
    values: dict[str, object] = {
        "id": f"SM{n}",
        "direction": "outbound",
        "peer": f"+49170{n % 3}",
        "status": Status.SENT,
        "created_at": NOW + n * MINUTE,
        "updated_at": NOW + n * MINUTE,
        "own_number": "+4916",
        "text": f"text {n}",
    }
    return Message(**values | changes)  # type: ignore[arg-type]


def fill(tx: Tx, count: int) -> None:
    for n in range(1, count + 1):
        tx.messages.insert(text(n))
        sent = Segment(message_id=f"SM{n}", seq=1, state=SegmentState.SENT, pdu="00", submitted_at=NOW + n * MINUTE)
        tx.segments.put(sent)


def test_settings_come_back_as_they_were(tmp_path: Path) -> None:
    number = NumberSettings(iccid="8949", number="+4916", sms_url="https://x/", sms_method="GET", updated_at=NOW)
    beside = Beside(message_id="SM1", sender="+4916", service="MG1", status_callback="https://y/")
    service = MessagingService(
        sid="MG1", friendly_name="ü", created_at=NOW, updated_at=NOW, senders=("1", "2"), sticky_sender=False
    )

    async def run() -> None:
        async with opened(tmp_path) as store:
            await store.write(lambda tx: tx.twilio.put_number(number))
            await store.write(lambda tx: tx.twilio.put_beside(beside))
            await store.write(lambda tx: tx.twilio.put_service(service))
            assert await store.read(lambda tx: tx.twilio.number("8949")) == number
            assert await store.read(lambda tx: tx.twilio.numbers()) == [number]
            assert await store.read(lambda tx: tx.twilio.number("other")) is None
            assert await store.read(lambda tx: tx.twilio.beside("SM1")) == beside
            assert await store.read(lambda tx: tx.twilio.service_of("2")) == service
            assert await store.read(lambda tx: tx.twilio.services()) == [service]
            assert await store.write(lambda tx: tx.twilio.delete_service("MG1"))
            assert not await store.write(lambda tx: tx.twilio.delete_service("MG1"))

    asyncio.run(run())


def test_a_search_goes_in_steps_both_ways(tmp_path: Path) -> None:
    async def run() -> None:
        async with opened(tmp_path) as store:
            await store.write(lambda tx: fill(tx, 9))

            async def ids(rows: int = 100, **fields: object) -> tuple[list[str], int | None]:
                wanted = Search(**fields)  # type: ignore[arg-type]
                found, more = await store.read(lambda tx: tx.twilio.search(wanted, rows))
                return [shown.message.id for shown in found], more

            assert await ids(limit=2) == (["SM9", "SM8"], None)
            assert await ids(rows=3, to="+491700") == (["SM9"], 7)
            assert await ids(after=7, to="+491700") == (["SM6", "SM3"], None)
            assert await ids(behind=3, limit=2) == (["SM4", "SM5"], None)
            assert await ids(sender="+4916", sent_from=NOW + 3 * MINUTE, sent_before=NOW + 5 * MINUTE) == (
                ["SM4", "SM3"],
                None,
            )
            assert await ids(sender="+1") == ([], None)
            assert await ids(after=1) == ([], None)

    asyncio.run(run())


def test_what_is_redacted_has_no_words_and_what_is_deleted_is_not_shown(tmp_path: Path) -> None:
    async def run() -> None:
        async with opened(tmp_path) as store:
            await store.write(lambda tx: fill(tx, 2))
            await store.write(lambda tx: tx.twilio.redact("SM1", NOW))
            shown = await store.read(lambda tx: tx.twilio.shown("SM1"))
            assert shown is not None
            assert (shown.message.text, shown.sent_at) == ("", NOW + MINUTE)
            assert [each.pdu for each in await store.read(lambda tx: tx.segments.of("SM1"))] == [""]
            await store.write(lambda tx: tx.twilio.put_beside(Beside(message_id="SM1", deleted=True)))
            assert await store.read(lambda tx: tx.twilio.shown("SM1")) is None
            found, _ = await store.read(lambda tx: tx.twilio.search(Search(), 100))
            assert [each.message.id for each in found] == ["SM2"]
            assert await store.read(lambda tx: tx.messages.get("SM1")) is not None

    asyncio.run(run())


def test_raw_pdus_of_a_message_are_found_by_an_index(tmp_path: Path) -> None:
    async def run() -> None:
        async with opened(tmp_path) as store:
            plan = """EXPLAIN QUERY PLAN UPDATE parts SET pdu = '' WHERE released_at IS NOT NULL AND
                      (message_id = ?1 OR assembly IN (SELECT n FROM assemblies WHERE message_id = ?1))"""
            steps = await store.read(lambda tx: [row[3] for row in raw(tx).execute(plan, ("SM1",))])
            assert not [step for step in steps if step.startswith("SCAN parts")]

    asyncio.run(run())
