"""Lists: by an index where there is one, in bounded steps where there is none; and a text is found by its words as it is now."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.messaging.model import Message, MessageFilter, Status
from gateway.messaging.ports import Tx
from gateway.store import SqliteStore, listing
from gateway.store.migrations import migrations
from tests.store.opening import NOW, opened, raw


def message(n: int, **changes: Any) -> Message:
    plain = Message(
        id=f"SM{n}",
        direction="outbound",
        peer=f"+49170{n % 3}",
        status=Status.DELIVERED,
        created_at=NOW + timedelta(seconds=n),
        updated_at=NOW,
        text=f"text {n}",
    )
    return replace(plain, **changes)


async def fill(store: SqliteStore, *messages: Message) -> None:
    await store.write(lambda tx: [tx.messages.insert(each) for each in messages])


async def steps(store: SqliteStore, wanted: MessageFilter) -> list[list[int]]:
    """The numbers that each step found."""
    found, before = [], wanted.before
    while True:
        step = replace(wanted, before=before)
        more, before = await store.read(lambda tx, step=step: tx.messages.find(step))  # type: ignore[misc]
        found.append([each.n for each in more])
        if before is None or len(more) == wanted.limit:
            return found


def test_what_no_index_knows_is_looked_for_in_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "STEP", 10)

    async def scenario() -> None:
        async with opened(tmp_path) as store:
            await fill(store, *(message(n, line="a" if n in (3, 27) else "b") for n in range(1, 31)))
            assert await steps(store, MessageFilter(line="a")) == [[27], [], [3]]
            assert await steps(store, MessageFilter(line="a", limit=1)) == [[27]]
            assert await steps(store, MessageFilter(line="a", limit=1, before=27)) == [[], [], [3]]
            assert await steps(store, MessageFilter(line="c")) == [[], [], []]
            assert await steps(store, MessageFilter(words="27")) == [[27]]
            assert await steps(store, MessageFilter(words="text", line="a")) == [[27], [], [3]]
            assert await steps(store, MessageFilter(peer="+491701", limit=4)) == [[28, 25, 22, 19]]
            narrow = MessageFilter(since=NOW + timedelta(seconds=12), until=NOW + timedelta(seconds=15))
            assert await steps(store, narrow) == [[14, 13, 12]]
            assert await steps(store, replace(narrow, until=narrow.since)) == [[]]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (MessageFilter(), "USING INTEGER PRIMARY KEY"),
        (MessageFilter(line="one"), "USING INTEGER PRIMARY KEY"),
        (MessageFilter(words="pump", line="one"), "VIRTUAL TABLE INDEX"),
        (MessageFilter(client_id="mine"), "sqlite_autoindex_commands"),
        (MessageFilter(peer="+49170", status="sent"), "messages_by_peer"),
        (MessageFilter(failed=True), "messages_with_error"),
        (MessageFilter(status=("failed", "unknown")), "messages_ended_badly"),
        (MessageFilter(status=("queued", "scheduled")), "messages_in_queue"),
        (MessageFilter(tag=("house", None)), "messages_tagged"),
        (MessageFilter(direction="inbound", kind="data"), "messages_inbound"),
    ],
    ids=str,
)
def test_lists_go_by_an_index(tmp_path: Path, wanted: MessageFilter, index: str) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as store:
            query, _ = listing.query_for(wanted)

            def plan(tx: Tx) -> str:
                values = listing._values(wanted) | {"before": 9, "floor": 0, "limit": 5}
                return "; ".join(row["detail"] for row in raw(tx).execute(f"EXPLAIN QUERY PLAN {query}", values))

            found = await store.read(plan)
            assert index in found
            sorts_few = wanted.client_id or wanted.status == ("queued", "scheduled")
            assert ("TEMP B-TREE" in found) == bool(sorts_few), found

    asyncio.run(scenario())


def test_the_words_of_a_text_are_found_as_it_is_now(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as store:
            await fill(store, message(1, text="first half …"), message(2, text=None, data=b"x"), message(3, text=""))
            await store.write(lambda tx: tx.messages.update("SM1", NOW, text="first half, second half"))
            assert await steps(store, MessageFilter(words="second")) == [[1]]
            await store.write(lambda tx: tx.messages.update("SM1", NOW, text=""))
            assert await steps(store, MessageFilter(words="first")) == [[]]
            await store.write(lambda tx: tx.messages.update("SM3", NOW, text="late"))
            assert await steps(store, MessageFilter(words="late")) == [[3]]
            await store.write(lambda tx: raw(tx).execute("DELETE FROM messages WHERE id = 'SM3'") and None)
            assert await steps(store, MessageFilter(words="late")) == [[]]
            check = "INSERT INTO messages_text (messages_text, rank) VALUES ('integrity-check', 1)"
            await store.write(lambda tx: raw(tx).execute(check) and None)

    asyncio.run(scenario())


def test_texts_of_an_older_file_are_found_too(tmp_path: Path) -> None:
    from sqlite_utils import Database

    old = sqlite3.connect(tmp_path / "smsgw.db", isolation_level=None)
    migrations.apply(Database(old), stop_before="m014_search")
    columns = "id, direction, peer, status, created_at, updated_at, own_number, iccid, text, encoding, segments"
    rest = "segments_sent, priority, at_most_once, ordered, tags, parts_missing, revision"
    old.execute(
        f"INSERT INTO messages ({columns}, {rest}) VALUES "
        "('SM1', 'inbound', '+49', 'received', 0, 0, '', '', 'an old text', 'gsm7', 1, 0, 5, 0, 0, '{}', '', 1)"
    )
    old.close()

    async def scenario() -> None:
        async with opened(tmp_path) as store:
            assert await steps(store, MessageFilter(words="old")) == [[1]]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("pump", '"pump"'),
        ("Pump  alarm", '"Pump" "alarm"'),
        ("pum*", '"pum"*'),
        ('"in the" house', '"in the" "house"'),
        ('an "unfinished phrase', '"an" "unfinished phrase"'),
        ("a AND b", '"a" "AND" "b"'),
        ("text:x -y ^z", '"text:x" "-y" "^z"'),
        ("* () \0 '", '""'),
    ],
)
def test_nothing_that_is_typed_is_an_operator(typed: str, asked: str) -> None:
    assert listing.match(typed) == asked
