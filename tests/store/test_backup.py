"""Copies of the database while it is written to, and what a restored one does with texts."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.errors import RequestError, StoreError
from gateway.messaging.restored import WHY
from gateway.store import Backups, backup
from tests.messaging.rig import UNKNOWN, Rig, rig, run
from tests.store.opening import NOW, add, elsewhere, event, opened, raw

DATABASE = "smsgw.db"


def copied(path: Path, name: str = "copy.db") -> Path:
    backup.copy(path / DATABASE, path / name, threading.Event())
    return path / name


def rows(file: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as db:
        return db.execute(query).fetchall()


def files(path: Path) -> set[str]:
    return {file.name for file in path.iterdir()}


def test_a_copy_made_while_everything_is_written_to_is_one_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer goes on between any two steps, and the copy does not begin anew each time."""
    monkeypatch.setattr(backup, "STEP_PAGES", 2)
    steps, written = [], []

    def pacing(stop: threading.Event) -> Callable[[int, int, int], None]:
        def step(_status: int, left: int, _all: int) -> None:
            steps.append(left)
            future = asyncio.run_coroutine_threadsafe(add(store, 1000 + len(steps)), loop)
            written.append(future.result(10))

        return step

    async def scenario() -> None:
        nonlocal store, loop
        loop = asyncio.get_running_loop()
        async with opened(tmp_path) as store:
            await store.write(lambda tx: [tx.events.add(event(n, "x" * 1000), NOW) for n in range(200)])
            await asyncio.to_thread(copied, tmp_path)

    store = loop = None  # type: ignore[assignment]
    monkeypatch.setattr(backup, "_pacing", pacing)
    asyncio.run(scenario())
    assert len(written) == len(steps) > 20
    assert steps == sorted(steps, reverse=True)
    copy = tmp_path / "copy.db"
    assert rows(copy, "SELECT count(*), max(seq) FROM events") == [(200, 200)]
    assert rows(copy, "PRAGMA integrity_check") == [("ok",)]
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert not {name for name in files(tmp_path) if name.startswith("copy.db-")}


def test_a_copy_has_no_sessions(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as store:
            await store.write(
                lambda tx: raw(tx).execute("INSERT INTO sessions VALUES ('digest-of-a-cookie', 'ann', 'csrf', 0, 1)")
            )
            copied(tmp_path)

    asyncio.run(scenario())
    assert rows(tmp_path / "copy.db", "SELECT * FROM sessions") == []
    assert b"digest-of-a-cookie" not in (tmp_path / "copy.db").read_bytes()


def test_a_disk_with_too_little_room_is_not_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with opened(tmp_path):
            monkeypatch.setattr(backup, "MARGIN", 2**60)
            with pytest.raises(RequestError) as refused:
                await Backups(tmp_path / DATABASE).make()
            assert refused.value.code == "disk_full"
            assert "backup.part" not in files(tmp_path)

    asyncio.run(scenario())


def test_there_is_one_backup_at_a_time_and_its_room_is_free_when_it_was_read(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as store:
            await add(store, 1)
            backups = Backups(tmp_path / DATABASE)
            made = await asyncio.gather(backups.make(), backups.make(), return_exceptions=True)
            (handle,) = [one for one in made if isinstance(one, int)]
            (refused,) = [one for one in made if isinstance(one, RequestError)]
            assert refused.code == "backup_busy"
            assert os.read(handle, 15) == b"SQLite format 3"
            assert os.fstat(handle).st_nlink == 0
            os.close(handle)
            os.close(await backups.make())

    asyncio.run(scenario())


def test_a_backup_that_nobody_waits_for_any_more_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    def pacing(stop: threading.Event) -> Callable[[int, int, int], None]:
        def step(_status: int, _left: int, _all: int) -> None:
            begun.set()
            assert stop.wait(10)
            raise backup._Stopped

        return step

    async def scenario() -> None:
        async with opened(tmp_path):
            backups = Backups(tmp_path / DATABASE)
            monkeypatch.setattr(backup, "_pacing", pacing)
            making = asyncio.create_task(backups.make())
            assert await asyncio.to_thread(begun.wait, 10)
            making.cancel()
            with pytest.raises(asyncio.CancelledError):
                await making
            assert "backup.part" not in files(tmp_path)

    asyncio.run(scenario())


async def outbox(box: Rig) -> dict[str, str]:
    """One message of every kind that is not finished, and one that is: what was said of it → its id."""
    found = {}
    box.ports["one"].answers.append(UNKNOWN)
    for name, more in (("unknown", {}), ("sent", {"to": "+491702222222"})):
        found[name] = (await box.send(text=name, client_id=name, **more)).message_ids[0]
        await box.ready()
        await box.becomes(found[name], name)
    box.down()
    later = box.clock.now() + timedelta(hours=1)
    for name, more in (("queued", {}), ("scheduled", {"send_at": later})):
        found[name] = (await box.send(to="+491703333333", text=name, client_id=name, **more)).message_ids[0]
    return found


def test_what_waited_in_a_backup_is_never_sent_again(tmp_path: Path) -> None:
    async def before() -> None:
        async with rig(tmp_path) as box:
            ids.update(await outbox(box))
            copied(tmp_path)
            await box.ready()  # what waited leaves after the backup was made
            await box.becomes(ids["queued"], "sent")
            new = await box.send(to="+491704444444", text="newer", client_id="newer")
            await box.becomes(new.message_ids[0], "sent")
            seqs.append(await box.service.last_event())

    async def after() -> None:
        async with rig(tmp_path) as box:
            await box.ready()
            box.pass_time(7200)
            await box.idle()
            assert box.ports["one"].offered == []
            for name in ("queued", "scheduled", "unknown"):
                message, segments, timeline = await box.service.message(ids[name])
                assert (message.status, message.error) == ("failed", ("outcome_unknown", WHY)), name
                assert {segment.state for segment in segments} <= {"failed"}
                assert (timeline[-1].what, timeline[-1].detail) == ("failed", WHY)
            assert (await box.service.message(ids["sent"]))[0].status == "sent"
            told = await box.service.events(seqs[0], 100)
            assert sorted(each.event.kind for each in told) == ["alert", *["message.status"] * 3]
            for name in ("queued", "newer"):  # a client that did not hear of it asks again
                to = "+491703333333" if name == "queued" else "+491704444444"
                assert (await box.send(to=to, text=name, client_id=name)).status == "duplicate"
            fresh = await box.send(text="a text after it")
            await box.becomes(fresh.message_ids[0], "sent")

    ids: dict[str, str] = {}
    seqs: list[int] = []
    run(before())
    done = backup.restore(tmp_path / "copy.db", tmp_path / DATABASE, NOW)
    assert done.aside == tmp_path / "smsgw.replaced-1"
    assert (done.ended, done.kept) == (3, 1)
    assert rows(done.aside, "SELECT count(*) FROM messages WHERE text = 'newer'") == [(1,)]
    run(after())


def test_a_report_still_puts_right_what_was_submitted_before_the_backup(tmp_path: Path) -> None:
    from tests.messaging.rig import report

    async def before() -> None:
        async with rig(tmp_path) as box:
            box.ports["one"].answers.append(UNKNOWN)
            ids.append((await box.send()).message_ids[0])
            await box.ready()
            await box.becomes(ids[0], "unknown")

    async def after() -> None:
        async with rig(tmp_path) as box:
            await box.ready()
            await box.receive(report(7, at=box.clock.now()))
            assert "delivered" in await box.becomes(ids[0], "delivered")

    ids: list[str] = []
    run(before())
    copied(tmp_path)
    backup.restore(tmp_path / "copy.db", tmp_path / DATABASE, NOW)
    run(after())


def test_opt_outs_since_the_backup_are_kept(tmp_path: Path) -> None:
    stop = """INSERT INTO consent (at, peer, own_number, iccid, line, change, word, message_id)
              VALUES ({}, '+49170', '+49', '89', 'one', 'opt_out', 'STOP', 'SM1')"""

    async def scenario() -> None:
        async with opened(tmp_path):
            elsewhere(tmp_path, stop.format(1))
            copied(tmp_path)
            elsewhere(tmp_path, stop.format(2))

    asyncio.run(scenario())
    assert backup.restore(tmp_path / "copy.db", tmp_path / DATABASE, NOW).kept == 1
    assert elsewhere(tmp_path, "SELECT at FROM consent ORDER BY n") == [(1,), (2,)]


def test_a_restore_in_the_place_of_a_damaged_database_or_of_none(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as store:
            await add(store, 1)
            copied(tmp_path)

    asyncio.run(scenario())
    database = tmp_path / DATABASE
    database.write_bytes(b"no database at all" * 1000)
    done = backup.restore(tmp_path / "copy.db", database, NOW)
    assert done.kept is None
    assert done.aside is not None
    assert done.aside.read_bytes().startswith(b"no database")
    (seq,) = elsewhere(tmp_path, "SELECT max(seq) FROM events")[0]
    assert isinstance(seq, int)
    assert seq > NOW.timestamp() * 1000  # above whatever the damaged file gave out
    database.unlink()
    assert backup.restore(tmp_path / "copy.db", database, NOW).aside is None
    assert stat.S_IMODE(database.stat().st_mode) == 0o600


def test_what_is_no_backup_of_ours_changes_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as store:
            await add(store, 1)
            copied(tmp_path)

    asyncio.run(scenario())
    copy, other = tmp_path / "copy.db", tmp_path / "other.db"
    sqlite3.connect(other).executescript("CREATE TABLE t (a)").close()
    newer = tmp_path / "newer.db"
    newer.write_bytes(copy.read_bytes())
    with sqlite3.connect(newer) as db:
        db.execute("INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('smsgw', 'm999_x', '')")
    broken = tmp_path / "broken.db"
    content = bytearray(copy.read_bytes())
    content[8192:20480] = bytes(12288)
    broken.write_bytes(content)
    for file, why in ((other, "no backup"), (newer, "newer release"), (broken, "broken.db")):
        with pytest.raises(StoreError, match=why):
            backup.restore(file, tmp_path / DATABASE, NOW)
    assert elsewhere(tmp_path, "SELECT count(*) FROM events") == [(1,)]
    assert not {name for name in files(tmp_path) if "replaced" in name or "restoring" in name}
