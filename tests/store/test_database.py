"""One writer, group commit: what fails fails alone, what is promised is on disk."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from gateway.errors import StoreError
from gateway.messaging import Service, Settings
from gateway.messaging.ports import Tx
from tests.store.opening import NOW, elsewhere, event, opened
from tests.support.clock import ManualClock


def test_a_change_is_visible_elsewhere_when_its_future_resolves(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as store:
            for n in range(20):
                seq = await store.write(lambda tx, n=n: tx.events.add(event(n), NOW))
                assert elsewhere(tmp_path, f"SELECT payload FROM events WHERE seq = {seq}") == [(f'{{"n":{n}}}',)]

    asyncio.run(scenario())


def test_a_change_that_fails_takes_nothing_else_with_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        def fails(tx: Tx) -> None:
            tx.events.add(event(-1), NOW)
            raise ValueError("no")

        def breaks(tx: Tx) -> None:
            tx.events.add(event(-2), NOW)
            tx.commands.insert("same", "d", ["a"], None, NOW)
            tx.commands.insert("same", "d", ["a"], None, NOW)

        async with opened(tmp_path) as store:
            futures = [store.write(lambda tx, n=n: tx.events.add(event(n), NOW)) for n in range(10)]
            futures[5:5] = [store.write(fails), store.write(breaks)]
            results = await asyncio.gather(*futures, return_exceptions=True)
            assert [type(result) for result in results[5:7]] == [ValueError, StoreError]
            assert [type(result) for result in results if not isinstance(result, int)] == [ValueError, StoreError]
            assert store.healthy
            payloads = [stored.event.payload for stored in await store.read(lambda tx: tx.events.after(0, 100))]
            assert sorted(payloads) == sorted(f'{{"n":{n}}}' for n in range(10))

    asyncio.run(scenario())


def test_a_commit_that_fails_fails_all_and_the_next_works(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as store:
            await store.write(lambda tx: tx.events.add(event(0), NOW))
            # A row that refers to a message that is not there is only found at COMMIT.
            elsewhere(tmp_path, "DROP TABLE segments")
            elsewhere(
                tmp_path,
                """CREATE TABLE segments (message_id TEXT, seq INTEGER, state TEXT, pdu TEXT, length INTEGER, mr INTEGER,
                   attempts INTEGER, line TEXT, imei TEXT, iccid TEXT, peer TEXT, submitted_at INTEGER, settled_at INTEGER,
                   error TEXT, ordinal INTEGER, attempts_limit INTEGER,
                   FOREIGN KEY (message_id) REFERENCES messages (id) DEFERRABLE INITIALLY DEFERRED)""",
            )
            from gateway.messaging.model import Segment, SegmentState

            orphan = Segment(message_id="nobody", seq=1, state=SegmentState.PENDING)
            gate = asyncio.Event()
            futures = [
                store.write(lambda tx: tx.events.add(event(1), NOW)),
                store.write(lambda tx: tx.segments.put(orphan)),
            ]
            gate.set()
            results = await asyncio.gather(*futures, return_exceptions=True)
            assert isinstance(results[1], StoreError)
            assert not store.healthy
            assert await store.write(lambda tx: tx.events.add(event(2), NOW)) > 0
            assert store.healthy
            kept = [stored.event.payload for stored in await store.read(lambda tx: tx.events.after(0, 100))]
            assert '{"n":2}' in kept
            assert ('{"n":1}' in kept) is not isinstance(results[0], StoreError)

    asyncio.run(scenario())


def test_numbers_of_events_rise_and_never_come_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        seen: list[int] = []
        for _ in range(3):
            async with opened(tmp_path) as store:
                told: list[int] = []
                store.on_events(told.append)
                seen += [await store.write(lambda tx: tx.events.add(event(0), NOW)) for _ in range(5)]
                await asyncio.sleep(0)
                assert told[-1] == seen[-1] == await store.read(lambda tx: tx.events.last())
        assert seen == sorted(set(seen))

    asyncio.run(scenario())


def test_cursors_only_go_forward(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as store:
            assert await store.read(lambda tx: tx.events.cursor("mqtt")) == 0
            for seq in (5, 3, 9, 1):
                await store.write(lambda tx, seq=seq: tx.events.advance("mqtt", seq))
            assert await store.read(lambda tx: tx.events.cursor("mqtt")) == 9
            await store.write(lambda tx: tx.events.set_value("k", "v"))
        async with opened(tmp_path) as store:
            assert await store.read(lambda tx: tx.events.cursor("mqtt")) == 9
            assert await store.read(lambda tx: tx.events.get_value("k")) == "v"

    asyncio.run(scenario())


def test_a_thousand_writers_share_few_commits(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as store:
            seqs = await asyncio.gather(
                *(store.write(lambda tx, n=n: tx.events.add(event(n), NOW)) for n in range(1000))
            )
            assert sorted(seqs) == list(range(1, 1001))
            assert seqs == sorted(seqs), "in the order they were handed in"

    asyncio.run(scenario())


def test_the_file_is_private_and_set_for_durability(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as store:
            path = tmp_path / "smsgw.db"
            assert path.stat().st_mode & 0o777 == 0o600

            def pragmas(tx: Tx) -> tuple[int, str]:
                db = tx.events._db  # type: ignore[attr-defined]
                return db.execute("PRAGMA synchronous").fetchone()[0], db.execute("PRAGMA journal_mode").fetchone()[0]

            assert await store.write(pragmas) == (2, "wal")

    asyncio.run(scenario())


def test_a_damaged_file_is_set_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    damaged = b"this is no database, but long enough to be looked at as one" * 20

    async def scenario() -> None:
        seen = 1_000_000  # a consumer drops what is not above the last seq that it has seen
        for n in (1, 2):
            (tmp_path / "smsgw.db").write_bytes(damaged)
            async with opened(tmp_path) as store:
                assert store.set_aside == tmp_path / f"smsgw.damaged-{n}"
                assert store.set_aside.read_bytes() == damaged
                first = await store.write(lambda tx: tx.events.add(event(1), NOW))
                assert first > seen
                seen = await store.write(lambda tx: tx.events.add(event(2), NOW))
                assert seen == first + 1
            async with opened(tmp_path) as store:
                assert store.set_aside is None
                assert await store.read(lambda tx: tx.events.last()) == seen

    asyncio.run(scenario())


def test_a_new_file_goes_on_where_the_damaged_one_ended_also_after_a_crash_and_with_a_wrong_clock(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        aside = tmp_path / "smsgw.damaged-1"  # and the run that set it aside ended there
        aside.write_bytes(b"")
        last = 4_000_000_000
        os.utime(aside, (last, last))
        async with opened(tmp_path) as store:
            assert store.set_aside == aside
            assert await store.write(lambda tx: tx.events.add(event(1), NOW)) > last * 1000
        async with opened(tmp_path) as store:
            assert store.set_aside is None

    asyncio.run(scenario())


@pytest.mark.parametrize("clean", [True, False])
def test_damage_deep_in_the_file_keeps_no_gateway_from_starting(tmp_path: Path, clean: bool) -> None:
    """One page after another is lost. A start may meet that; the next one begins anew at the latest."""

    async def scenario() -> None:
        async with opened(tmp_path) as store:
            await store.write(lambda tx: [tx.events.add(event(n), NOW) for n in range(300)])
        whole = (tmp_path / "smsgw.db").read_bytes()
        set_aside = 0
        for page in range(1, len(whole) // 4096):
            place = tmp_path / f"page{page}"
            place.mkdir()
            (place / "smsgw.db").write_bytes(whole[: page * 4096] + b"\xff" * 4096 + whole[(page + 1) * 4096 :])
            if not clean:
                (place / "smsgw.db-wal").touch()
            starts = [await begins(place) for _ in range(2)]
            assert starts[1], f"page {page}"
            assert clean or starts[0], f"page {page}: what was cut off is looked at first"
            set_aside += (place / "smsgw.damaged-1").exists()
            assert not (place / "smsgw.doubt").exists()
        assert set_aside > 3

    async def begins(place: Path) -> bool:
        async with opened(place) as store:
            service = Service(store, ManualClock(), Settings(region=None, lines=()))
            try:
                await service.start()
                await store.write(lambda tx: tx.events.add(event(1), NOW))
                await store.read(lambda tx: tx.events.after(0, 1000))
            except StoreError:
                return False
            return True

    asyncio.run(scenario())


def test_a_whole_file_is_kept_however_the_last_run_ended(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as store:
            await store.write(lambda tx: tx.events.add(event(1), NOW))
        (tmp_path / "smsgw.db-wal").touch()
        (tmp_path / "smsgw.doubt").touch()
        async with opened(tmp_path) as store:
            assert store.set_aside is None
            assert await store.read(lambda tx: tx.events.last()) == 1
        assert sorted(os.listdir(tmp_path)) == ["smsgw.db"]

    asyncio.run(scenario())


def test_what_cannot_be_opened_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "smsgw.db").mkdir()

    async def scenario() -> None:
        with pytest.raises(StoreError, match="cannot open the database") as told:
            async with opened(tmp_path):
                pass
        assert "\n" not in str(told.value)

    asyncio.run(scenario())
