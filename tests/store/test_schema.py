"""The schema: made once, whatever happened to the file before; and every value comes back as it was."""

from __future__ import annotations

import asyncio
import itertools
import re
import sqlite3
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import StoreError
from gateway.messaging.model import Message, MessageFilter, Segment, SegmentState, Status, TimelineEntry, Wanted
from gateway.messaging.ports import Tx
from gateway.store import SqliteStore, outgoing
from gateway.store.migrations import migrations
from tests.store.opening import NOW, add, elsewhere, kept, opened, raw


def test_migrations_are_applied_once_each(tmp_path: Path) -> None:
    async def scenario() -> None:
        for n in range(3):
            async with opened(tmp_path) as store:
                await add(store, n)
        applied = elsewhere(tmp_path, "SELECT name FROM _sqlite_migrations ORDER BY id")
        assert [name for (name,) in applied] == [each.name for each in migrations._migrations]
        async with opened(tmp_path) as store:
            assert await kept(store) == ['{"n":0}', '{"n":1}', '{"n":2}']

    asyncio.run(scenario())


def test_a_migration_that_was_interrupted_is_begun_again(tmp_path: Path) -> None:
    """A power cut in the first start leaves an empty or half-written file; never one that cannot be opened."""
    (tmp_path / "smsgw.db").touch()

    async def scenario() -> None:
        async with opened(tmp_path) as store:
            assert await add(store, 1) == 1

    asyncio.run(scenario())


def message(**changes: Any) -> Message:
    plain = Message(
        id="SM1", direction="outbound", peer="+4915112345678", status=Status.QUEUED, created_at=NOW, updated_at=NOW
    )
    return replace(plain, **changes)


EVERYTHING: dict[str, Any] = {
    "client_id": "a\u2028b",
    "own_number": "+491700000001",
    "modem": "one",
    "line": "two",
    "iccid": "8949",
    "edge": "twilio",
    "queue": 7,
    "preferred": "8944",
    "text": "line\r\nend \x00 😀 ",
    "data": bytes(range(256)),
    "encoding": "ucs2",
    "message_class": 0,
    "ports": (0, 65535),
    "segments": 255,
    "segments_sent": 254,
    "priority": 0,
    "validity_s": 1,
    "send_at": NOW + timedelta(milliseconds=1),
    "expires_at": datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
    "not_before": datetime(1970, 1, 1, tzinfo=UTC),
    "delivery_report": False,
    "at_most_once": True,
    "ordered": True,
    "tags": {"ключ": [1, None, {"deep": True}]},
    "error": ("network_busy", ""),
    "parts_missing": (1, 2, 255),
    "revision": 9,
    "blocked": True,
    "smsc_time": datetime.fromisoformat("2026-03-01T12:00:00+05:45"),
}


def test_a_message_comes_back_as_it_was(tmp_path: Path) -> None:
    assert {each.name for each in fields(Message)} - set(EVERYTHING) == {
        *("id", "direction", "peer", "status", "created_at", "updated_at", "n")
    }, "every field with a default is tried"

    async def scenario() -> None:
        async with opened(tmp_path) as store:

            def change(tx: Tx) -> None:
                tx.messages.insert(message())
                tx.messages.insert(message(id="SM2", **EVERYTHING))
                tx.messages.insert(message(id="SM3"))
                tx.messages.update("SM3", NOW, **EVERYTHING)

            await store.write(change)
            for n, (message_id, changes) in enumerate({"SM1": {}, "SM2": EVERYTHING, "SM3": EVERYTHING}.items(), 1):
                found = await store.read(lambda tx, message_id=message_id: tx.messages.get(message_id))
                assert found == message(id=message_id, n=n, **changes)
            await store.write(lambda tx: tx.messages.update("SM3", NOW, ports=None, error=None, tags={}, send_at=None))
            found = await store.read(lambda tx: tx.messages.get("SM3"))
            assert found == message(
                id="SM3", n=3, **{**EVERYTHING, **dict.fromkeys(("ports", "error", "send_at")), "tags": {}}
            )

    asyncio.run(scenario())


def test_a_list_of_messages_is_the_newest_first_and_can_be_paged(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as store:

            def change(tx: Tx) -> None:
                for n in range(1, 31):
                    direction = "inbound" if n % 3 == 0 else "outbound"
                    status = Status.SENT if n % 2 else Status.QUEUED
                    tx.messages.insert(message(id=f"SM{n}", direction=direction, status=status, line=f"line{n % 5}"))

            await store.write(change)

            async def numbers(**wanted: Any) -> list[int]:
                found, _ = await store.read(lambda tx: tx.messages.find(MessageFilter(**wanted)))
                return [each.n for each in found]

            assert await numbers(limit=3) == [30, 29, 28]
            assert await numbers(limit=3, before=28) == [27, 26, 25]
            assert await numbers(direction="inbound", limit=2) == [30, 27]
            assert await numbers(direction="outbound", status="sent", line="line0") == [25, 5]
            assert await numbers(peer="+4915112345678", limit=1) == [30]
            assert await numbers(peer="+49") == []

    asyncio.run(scenario())


def test_what_may_be_sent_is_found_in_order_by_an_index(tmp_path: Path) -> None:
    later, earlier = NOW + timedelta(seconds=1), NOW - timedelta(seconds=1)
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("plain", {}),
        ("urgent", {"priority": 9}),
        ("in another queue", {"queue": 2}),
        ("prefers this SIM", {"preferred": "sim"}),
        ("prefers one that is away", {"preferred": "away"}),
        ("too long", {"segments": 4}),
        ("this SIM", {"iccid": "sim", "status": Status.SENDING}),
        ("another SIM", {"iccid": "other"}),
        ("paused", {"not_before": later}),
        ("pause over", {"not_before": NOW}),
        ("expired", {"expires_at": NOW}),
        ("not expired", {"expires_at": later, "not_before": earlier}),
        ("scheduled", {"status": Status.SCHEDULED}),
        ("unknown", {"status": Status.UNKNOWN}),
        ("sent", {"status": Status.SENT}),
        ("inbound", {"direction": "inbound"}),
        ("ordered", {"ordered": True, "peer": "72211"}),
        ("behind it", {"peer": "72211", "priority": 9}),
        ("ordered, sent", {"ordered": True, "peer": "72212", "status": Status.SENT}),
        ("after it", {"peer": "72212"}),
    ]

    async def scenario() -> None:
        async with opened(tmp_path) as store:

            def change(tx: Tx) -> None:
                for name, changes in kinds:
                    tx.messages.insert(message(id=name, **changes))

            await store.write(change)
            wanted = Wanted(iccid="sim", now=NOW, limit=100, sims=("sim", "there"), room=3)
            assert await ids(store, lambda tx: tx.messages.begun(wanted)) == ["this SIM"]
            assert await ids(store, lambda tx: tx.messages.preferring(wanted)) == ["prefers this SIM"]
            assert await ids(store, lambda tx: tx.messages.in_queue(0, (0,), 1, wanted)) == [
                *("urgent", "plain", "prefers one that is away", "pause over", "not expired", "ordered", "after it")
            ]
            known = replace(wanted, peers=frozenset({"72212"}))
            assert await ids(store, lambda tx: tx.messages.in_queue(0, (0,), 1, known)) == ["after it"]
            first = await ids(store, lambda tx: tx.messages.in_queue(0, (0,), 2, wanted))
            second = await ids(store, lambda tx: tx.messages.in_queue(0, (1,), 2, wanted))
            assert (len(first) + len(second), set(first) & set(second)) == (7, set())

            def plan(tx: Tx, query: str) -> str:
                names = dict.fromkeys(re.findall(r":([a-z_]+)", query))
                rows = raw(tx).execute(f"EXPLAIN QUERY PLAN {query}", names).fetchall()
                return "; ".join(row["detail"] for row in rows)

            for kind in ("begun", "preferring", "in_queue"):
                query = getattr(outgoing, f"_{kind.upper()}")
                steps = await store.read(lambda tx, query=query: plan(tx, query))  # type: ignore[misc]
                assert f"messages_{kind}" in steps
                assert "messages_ordered" in steps
                assert "TEMP B-TREE" not in steps

    asyncio.run(scenario())


async def ids(store: SqliteStore, question: Callable[[Tx], list[Message]]) -> list[str]:
    return [each.id for each in await store.read(question)]


def test_queues_are_numbered_once_and_those_of_clients_that_are_gone_are_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "MAX_QUEUES", 3)

    async def scenario() -> None:
        async with opened(tmp_path) as store:

            async def number(*key: str) -> int:
                return await store.write(lambda tx: tx.queues.number(*key))

            first = await number("", "", "a")
            assert await number("", "", "a") == first
            assert await number("one", "", "a") != first
            await store.write(lambda tx: tx.messages.insert(message(queue=first, status=Status.SCHEDULED)))
            await number("", "", "b")
            await number("", "", "c")
            assert [each.client for each in await store.read(lambda tx: tx.queues.all())] == ["a", "c"]
            for n, client in enumerate("cde"):
                queue = await number("", "", client)
                await store.write(
                    lambda tx, n=n, queue=queue: tx.messages.insert(message(id=f"x{n}", queue=queue))  # type: ignore[misc]
                )
            assert [each.client for each in await store.read(lambda tx: tx.queues.all())] == ["a", "c", "d", ""]
            assert await number("", "", "f") == queue
            assert await number("", "", "a") == first

    asyncio.run(scenario())


def test_a_segment_belongs_to_a_message(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as store:
            orphan = Segment(message_id="nobody", seq=1, state=SegmentState.PENDING)
            with pytest.raises(StoreError, match="FOREIGN KEY"):
                await store.write(lambda tx: tx.segments.put(orphan))
            whole = Segment(
                message_id="SM1",
                seq=255,
                state=SegmentState.UNKNOWN,
                pdu="00",
                length=1,
                mr=255,
                attempts=3,
                line="one",
                imei="86",
                iccid="89",
                peer="72211",
                submitted_at=NOW,
                settled_at=NOW + timedelta(milliseconds=1),
                error="why",
            )

            def change(tx: Tx) -> None:
                tx.messages.insert(message())
                tx.segments.put(replace(whole, state=SegmentState.PENDING))
                tx.segments.put(whole)
                tx.messages.log("SM1", TimelineEntry(at=NOW, what="x", segment=1, modem="one", detail="y"))

            await store.write(change)
            assert await store.read(lambda tx: tx.segments.of("SM1")) == [whole]
            assert await store.read(lambda tx: tx.messages.timeline("SM1")) == [
                TimelineEntry(at=NOW, what="x", segment=1, modem="one", detail="y")
            ]

    asyncio.run(scenario())


def test_concatenation_references_count_for_each_line_and_recipient_and_come_round(tmp_path: Path) -> None:
    async def scenario() -> None:
        def count(tx: Tx) -> int:
            tx.segments.next_reference("two", "+49")
            return tx.segments.next_reference("one", "+49")

        given: list[int] = []
        for _ in range(2):  # kept over a restart
            async with opened(tmp_path) as store:
                given += await store.write(lambda tx: [count(tx) for _ in range(150)])
        assert [(b - a) % 255 for a, b in itertools.pairwise(given)] == [1] * 299
        assert set(given) == set(range(1, 256))

    asyncio.run(scenario())


def test_old_rows_can_be_read_by_a_plain_connection(tmp_path: Path) -> None:
    """The file is SQLite's own format: what is stored can be had without the gateway."""

    async def scenario() -> None:
        async with opened(tmp_path) as store:
            await store.write(lambda tx: tx.messages.insert(message(text="hello")))
        with sqlite3.connect(tmp_path / "smsgw.db") as db:
            assert db.execute("SELECT text, created_at FROM messages").fetchone() == ("hello", 1772323200000)
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    asyncio.run(scenario())
