"""A disk that is full, a file that cannot be written, a batch of which one change fails: what was promised holds."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from pathlib import Path

import pytest

from gateway.errors import RequestError, StoreError
from gateway.messaging.model import Segment, SegmentState
from gateway.messaging.ports import Tx
from gateway.store import SqliteStore, database
from tests.store.opening import NOW, Plug, add, elsewhere, event, kept, opened, raw
from tests.support.processes import wait_until


async def told(store: SqliteStore) -> list[int]:
    """The list that grows with what the store tells of committed events."""
    seqs: list[int] = []
    store.on_events(seqs.append)
    return seqs


def full(tx: Tx) -> None:
    """From now on the file cannot grow."""
    db = raw(tx)
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages}")


def roomy(tx: Tx) -> None:
    raw(tx).execute("PRAGMA max_page_count = 1000000")


def test_what_fails_in_a_batch_leaves_no_trace_and_the_rest_is_committed(tmp_path: Path) -> None:
    async def scenario() -> None:
        def fails(tx: Tx) -> None:
            tx.events.add(event(99), NOW)
            raise RequestError("no")

        async with opened(tmp_path) as store:
            async with Plug(store):
                futures = [store.write(lambda tx, n=n: tx.events.add(event(n), NOW)) for n in range(3)]
                futures.insert(1, store.write(fails))
            results = await asyncio.gather(*futures, return_exceptions=True)
            assert [type(result) for result in results] == [int, RequestError, int, int]
            assert await kept(store) == ['{"n":0}', '{"n":1}', '{"n":2}']
            assert [seq for (seq,) in elsewhere(tmp_path, "SELECT seq FROM events ORDER BY seq")] == [
                result for result in results if isinstance(result, int)
            ]

    asyncio.run(scenario())


def test_a_change_that_finds_no_next_one_leaves_nobody_waiting(tmp_path: Path) -> None:
    """A future refuses StopIteration: the answers of a whole batch would be lost, and a sender would wait for ever."""

    async def scenario() -> None:
        async with opened(tmp_path) as store, asyncio.timeout(10):
            async with Plug(store):
                defect = store.write(lambda tx: next(iter(())))
                behind = store.write(lambda tx: tx.events.add(event(1), NOW))
            with pytest.raises(RuntimeError):
                await defect
            assert await behind
            assert await kept(store) == ['{"n":1}']

    asyncio.run(scenario())


def test_nobody_is_told_of_an_event_that_was_rolled_back(tmp_path: Path) -> None:
    """Whoever waits for it would look for it again and again."""

    async def scenario() -> None:
        def fails(tx: Tx) -> None:
            tx.events.add(event(99), NOW)
            raise RequestError("no")

        async with opened(tmp_path) as store:
            seqs = await told(store)
            with pytest.raises(RequestError):
                await store.write(fails)
            async with Plug(store):
                good = store.write(lambda tx: tx.events.add(event(1), NOW))
                bad = store.write(fails)
            await asyncio.gather(good, bad, return_exceptions=True)
            await asyncio.sleep(0)
            assert seqs == [good.result()] == [await store.read(lambda tx: tx.events.last())]

    asyncio.run(scenario())


def test_a_commit_that_fails_fails_the_whole_batch_and_shows_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        orphan = Segment(message_id="nobody", seq=1, state=SegmentState.PENDING)

        def defer(tx: Tx) -> None:
            raw(tx).execute("PRAGMA defer_foreign_keys = ON")  # until the next COMMIT
            tx.segments.put(orphan)

        async with opened(tmp_path) as store:
            seqs = await told(store)
            async with Plug(store):
                futures = [store.write(lambda tx, n=n: tx.events.add(event(n), NOW)) for n in range(3)]
                futures.insert(1, store.write(defer))
            results = await asyncio.gather(*futures, return_exceptions=True)
            assert [type(result) for result in results] == [StoreError] * 4
            assert not store.healthy
            assert await kept(store) == []
            assert elsewhere(tmp_path, "SELECT count(*) FROM segments") == [(0,)]
            await asyncio.sleep(0)
            assert seqs == []
            assert await add(store, 7) > 0
            assert store.healthy

    asyncio.run(scenario())


def test_a_full_disk_is_trouble_until_there_is_room_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        large = event(1, '"' + "x" * 100_000 + '"')
        async with opened(tmp_path) as store:
            seqs = await told(store)
            await store.write(full)
            for _ in range(3):
                with pytest.raises(StoreError, match="full"):
                    await store.write(lambda tx: tx.events.add(large, NOW))
                assert not store.healthy
            async with Plug(store):
                pair = [store.write(lambda tx: tx.events.add(large, NOW)), store.write(lambda tx: full(tx))]
            results = await asyncio.gather(*pair, return_exceptions=True)
            assert isinstance(results[0], StoreError)
            assert not store.healthy
            assert await kept(store) == []
            assert seqs == []
            await store.write(roomy)
            await store.write(lambda tx: tx.events.add(large, NOW))
            assert store.healthy
            assert len(await kept(store)) == 1

    asyncio.run(scenario())


def test_a_refused_request_is_no_trouble_of_the_database(tmp_path: Path) -> None:
    async def scenario() -> None:
        def fails(tx: Tx) -> None:
            raise RequestError("no")

        async with opened(tmp_path) as store:
            with pytest.raises(RequestError):
                await store.write(fails)
            assert store.healthy

    asyncio.run(scenario())


def test_a_writer_that_another_program_locks_out_waits_for_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as store:
            other = sqlite3.connect(tmp_path / "smsgw.db", isolation_level=None, check_same_thread=False)
            other.execute("BEGIN IMMEDIATE")
            waiting = store.write(lambda tx: tx.events.add(event(1), NOW))
            await asyncio.sleep(0.05)
            assert not waiting.done()
            other.execute("ROLLBACK")
            other.close()
            assert await waiting > 0

    asyncio.run(scenario())


def test_a_file_that_cannot_be_written_any_more_is_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as store:
            await add(store, 1)
            await store.write(lambda tx: raw(tx).execute("PRAGMA query_only = ON"))
            with pytest.raises(StoreError, match="readonly"):
                await add(store, 2)
            assert not store.healthy
            assert await kept(store) == ['{"n":1}']

    asyncio.run(scenario())


def test_a_cancelled_caller_does_not_hold_up_the_others(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as store:
            async with Plug(store):
                futures = [store.write(lambda tx, n=n: tx.events.add(event(n), NOW)) for n in range(3)]
                futures[1].cancel()
            results = await asyncio.gather(*futures, return_exceptions=True)
            assert [type(result) for result in results] == [int, asyncio.CancelledError, int]
            assert len(await kept(store)) == 3, "what was handed in is stored, whoever still waits for it"

    asyncio.run(scenario())


def test_what_was_handed_in_before_the_close_is_committed(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = SqliteStore(tmp_path / "smsgw.db")
        await store.open()
        futures = [store.write(lambda tx, n=n: tx.events.add(event(n), NOW)) for n in range(600)]
        await store.close()
        await asyncio.gather(*futures)
        with pytest.raises(StoreError):
            store.write(lambda tx: None)
        assert elsewhere(tmp_path, "SELECT count(*) FROM events") == [(600,)]
        assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("store-")]

    asyncio.run(scenario())


def test_nothing_is_taken_that_the_closing_writer_would_not_see(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = SqliteStore(tmp_path / "smsgw.db")
        await store.open()
        async with Plug(store):
            closing = asyncio.create_task(store.close())
            await asyncio.sleep(0)
            with pytest.raises(StoreError):
                store.write(lambda tx: None)
        await closing
        assert not store.healthy

    asyncio.run(scenario())


def test_without_being_opened_it_says_so(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = SqliteStore(tmp_path / "smsgw.db")
        with pytest.raises(StoreError, match="not open"):
            store.write(lambda tx: None)
        with pytest.raises(StoreError, match="not open"):
            await store.read(lambda tx: None)
        assert not store.healthy

    asyncio.run(scenario())


def test_a_question_that_cannot_be_asked_is_a_store_error(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as store:
            with pytest.raises(StoreError, match="no such table"):
                await store.read(lambda tx: raw(tx).execute("SELECT * FROM nobody"))
            with pytest.raises(StoreError, match="readonly"):
                await store.read(lambda tx: raw(tx).execute("DELETE FROM events"))

    asyncio.run(scenario())


def test_after_the_close_it_is_one_file_and_answers_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as store:
            await add(store, 1)
            assert await kept(store) == ['{"n":1}']
        assert os.listdir(tmp_path) == ["smsgw.db"]
        with pytest.raises(StoreError, match="not open"):
            await store.read(lambda tx: None)
        await store.close()

    asyncio.run(scenario())


def test_damage_that_is_met_is_told_and_the_file_is_set_aside_next_time(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as store:
            await add(store, 1)
            assert not store.damaged
            db = sqlite3.connect(tmp_path / "smsgw.db")
            db.execute("PRAGMA writable_schema = ON")
            db.execute("UPDATE sqlite_schema SET sql = 'CREATE nonsense' WHERE name = 'messages_in_queue'")
            db.execute(f"PRAGMA schema_version = {db.execute('PRAGMA schema_version').fetchone()[0] + 1}")
            db.commit()
            db.close()
            with pytest.raises(StoreError, match="malformed"):
                await add(store, 2)
            async with asyncio.timeout(5):
                await store.damage()
            assert store.damaged
        async with opened(tmp_path) as store:
            assert store.set_aside is not None
            assert not store.damaged
            assert await add(store, 3) > 1

    asyncio.run(scenario())


def test_a_file_that_is_not_trusted_is_set_aside_though_it_is_whole(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as store:
            await add(store, 1)
        store = SqliteStore(tmp_path / "smsgw.db")
        await store.open(distrust=True)
        try:
            assert store.set_aside == tmp_path / "smsgw.damaged-1"
            assert await kept(store) == []
        finally:
            await store.close()

    asyncio.run(scenario())


def test_a_quiet_box_notices_that_it_can_write_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "PROBE_S", 0.02)

    async def scenario() -> None:
        async with opened(tmp_path) as store:
            await store.write(lambda tx: raw(tx).execute("PRAGMA busy_timeout = 1"))
            db = sqlite3.connect(tmp_path / "smsgw.db", isolation_level=None)
            db.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="locked"):
                await add(store, 1)
            assert not store.healthy
            db.execute("ROLLBACK")
            db.close()
            await asyncio.to_thread(wait_until, lambda: store.healthy, "it to be healthy")

    asyncio.run(scenario())


def test_a_change_that_fails_with_the_whole_transaction_does_not_end_the_writer(tmp_path: Path) -> None:
    """As SQLite does with a full disk; the change tells it in words of its own."""

    def given_up(tx: Tx) -> None:
        raw(tx).execute("ROLLBACK")
        raise ValueError("no room")

    async def scenario() -> None:
        async with opened(tmp_path) as store:
            with pytest.raises(StoreError, match="no room"):
                await store.write(given_up)
            assert await add(store, 1)
            assert await kept(store) == ['{"n":1}']

    asyncio.run(scenario())


def test_a_rollback_that_fails_is_made_up_for_before_the_next_commit(tmp_path: Path) -> None:
    writers: list[sqlite3.Connection] = []

    def denied(action: int, what: str | None, *_: object) -> int:
        refused = action == sqlite3.SQLITE_TRANSACTION and what in ("COMMIT", "ROLLBACK")
        return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK

    def deny(tx: Tx) -> None:
        tx.events.add(event(99), NOW)
        writers.append(raw(tx))
        writers[0].set_authorizer(denied)

    async def scenario() -> None:
        async with opened(tmp_path) as store:
            with pytest.raises(StoreError):
                await store.write(deny)
            assert not store.healthy
            with pytest.raises(StoreError):
                await add(store, 2)
            writers[0].set_authorizer(None)
            assert await add(store, 3)
            assert store.healthy
            assert await kept(store) == ['{"n":3}']

    asyncio.run(scenario())
