"""Copies of the database: made while the gateway writes, and put back while it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.errors import RequestError, StoreError
from gateway.messaging import restored
from gateway.store.database import Transaction
from gateway.store.rows import ms

STEP_PAGES = 256
PAUSE_S = 0.005
"""Between two steps the disk is the writer's."""

MARGIN = 64 * 1024 * 1024
"""Octets that stay free: a copy must not fill the disk that texts are written to."""

_PART = "backup.part"
_RESTORING = "smsgw.restoring"


class _Stopped(Exception):
    """The copy is not wanted any more."""


def check_room(source: Path, directory: Path) -> None:
    """Raises RequestError(disk_full) where a copy of `source` would leave too little room in `directory`."""
    files = [Path(f"{source}{suffix}") for suffix in ("", "-wal")]
    size = sum(file.stat().st_size for file in files if file.exists())
    free = shutil.disk_usage(directory).free
    if free < size + MARGIN:
        raise RequestError(
            f"a copy needs {(size + MARGIN) // 2**20} MiB and {directory} has {free // 2**20} MiB free",
            code="disk_full",
        )


def copy(source: Path, target: Path, stop: threading.Event) -> None:
    """A consistent copy of a database, in steps; who writes to `source` meanwhile waits for nothing.

    `target` is made with mode 0600 and is one whole file, without sessions. `stop` ends it with an exception. Raises
    RequestError(disk_full), sqlite3.Error, OSError; then no `target` is left.
    """
    check_room(source, target.parent)
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with contextlib.closing(sqlite3.connect(source, isolation_level=None)) as read:
            read.execute("PRAGMA query_only = ON")
            # One read transaction around all steps: each of them sees the same moment, whatever is written meanwhile.
            read.execute("BEGIN")
            read.execute("SELECT count(*) FROM sqlite_master").fetchone()
            with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as write:
                read.backup(write, pages=STEP_PAGES, progress=_pacing(stop))
                write.execute("PRAGMA journal_mode = DELETE")
                write.execute("PRAGMA secure_delete = ON")
                write.execute("DELETE FROM sessions")
        _sync(target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _pacing(stop: threading.Event) -> Callable[[int, int, int], None]:
    def pause(_status: int, _left: int, _all: int) -> None:
        if stop.wait(PAUSE_S):
            raise _Stopped

    return pause


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Backups:
    """Backups of a running gateway, one at a time."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._busy = False

    async def make(self) -> int:
        """A descriptor of a copy that has no name any more: its room is free again when it is closed.

        Raises RequestError (backup_busy, disk_full), StoreError.
        """
        if self._busy:
            raise RequestError("a backup is being made", code="backup_busy")
        self._busy, stop = True, threading.Event()
        making = asyncio.ensure_future(asyncio.to_thread(self._make, stop))
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            stop.set()
            with contextlib.suppress(_Stopped):
                os.close(await making)
            raise
        finally:
            self._busy = False

    def _make(self, stop: threading.Event) -> int:
        target = self._database.with_name(_PART)
        try:
            copy(self._database, target, stop)
            handle = os.open(target, os.O_RDONLY)
        except (sqlite3.Error, OSError) as exc:
            raise StoreError(f"no backup could be made: {exc}") from exc
        target.unlink()
        return handle


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What came of a restore. `aside`: the database before it; `ended`: messages that waited and are not sent again.

    `kept`: commands and opt-outs that the old database knew and the backup did not; None where it could not be read.
    """

    aside: Path | None
    ended: int
    kept: int | None


def check(file: Path) -> None:
    """Raises StoreError where `file` is no whole database of ours, or a newer release's."""
    from gateway.store.migrations import migrations  # what it imports is not small, and the daemon has no use for it

    known = {each.name for each in migrations._migrations}
    try:
        with contextlib.closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as db:
            found = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
            applied = {name for (name,) in db.execute("SELECT name FROM _sqlite_migrations")}
    except sqlite3.Error as exc:
        raise StoreError(f"{file} is no backup of a gateway: {exc}") from exc
    if found != "ok":
        raise StoreError(f"{file} is damaged: {found}")
    if newer := applied - known:
        raise StoreError(f"{file} was made by a newer release ({min(newer)}); update first")
    if not applied:
        raise StoreError(f"{file} is no backup of a gateway")


def migrate(file: Path) -> list[str]:
    """Applies what this release changed in the schema. Returns the names of the changes. The gateway must be stopped."""
    from sqlite_utils import Database

    from gateway.store.migrations import migrations

    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as db:
        before = _applied(db)
        migrations.apply(Database(db))
        return [name for name in _applied(db) if name not in before]


def _applied(db: sqlite3.Connection) -> list[str]:
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = '_sqlite_migrations'").fetchone():
        return []
    return [name for (name,) in db.execute("SELECT name FROM _sqlite_migrations ORDER BY id")]


def restore(file: Path, database: Path, now: datetime) -> Restored:
    """Puts a backup in the place of the database, which is kept aside. The gateway must be stopped.

    Nothing that waited in the backup is sent (`messaging.restored`). What the old database knows of commands and opt-outs since
    is carried over, so that a client that asks again sends nothing twice. Until the last step nothing has changed.
    Raises StoreError, RequestError(disk_full), OSError.
    """
    check(file)
    restoring = database.with_name(_RESTORING)
    try:
        copy(file, restoring, threading.Event())
        migrate(restoring)
        readable = _whole(database)
        with contextlib.closing(sqlite3.connect(restoring, isolation_level=None)) as db:
            db.row_factory = sqlite3.Row
            if readable:
                db.execute("ATTACH ? AS old", (str(database),))
            db.execute("BEGIN IMMEDIATE")
            _raise_seq(db, readable, now)
            kept = _carry_over(db) if readable else None
            ended = restored.settle(Transaction(db), now)
            db.execute("COMMIT")
    except sqlite3.Error as exc:
        restoring.unlink(missing_ok=True)
        raise StoreError(f"{file} was not restored: {exc}") from exc
    own_like(restoring, database.parent)
    _sync(restoring)
    aside = _set_aside(database)
    restoring.replace(database)
    database.with_suffix(".doubt").unlink(missing_ok=True)
    _sync(database.parent)
    return Restored(aside=aside, ended=ended, kept=kept)


def own_like(path: Path, model: Path) -> None:
    """Who works as root for another user leaves files that this one can use."""
    if os.geteuid() == 0:
        owner = model.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def _whole(database: Path) -> bool:
    """Whether the database that is to be replaced can be asked; then all of it is in the one file afterwards."""
    if not database.exists():
        return False
    try:
        migrate(database)
        with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as db:
            whole = bool(db.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
            db.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error:
        return False
    return whole


def _raise_seq(db: sqlite3.Connection, readable: bool, now: datetime) -> None:
    """Consumers drop events whose seq they have seen: new ones begin above all that was given out since the backup."""
    query = "SELECT seq FROM {}.sqlite_sequence WHERE name = 'events'"
    tables = ("main", "old") if readable else ("main",)
    seqs = [row[0] for table in tables for row in db.execute(query.format(table))]
    if not readable:
        seqs.append(ms(now) or 0)
    db.execute("DELETE FROM sqlite_sequence WHERE name = 'events'")
    db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?)", (max(seqs, default=0),))


_COMMANDS = """INSERT OR IGNORE INTO main.commands (client_id, digest, message_ids, delivery, at)
SELECT client_id, digest, message_ids, delivery, at FROM old.commands AS o
WHERE client_id IS NOT NULL OR delivery IS NOT NULL AND NOT EXISTS
  (SELECT 1 FROM main.commands AS c WHERE c.delivery = o.delivery AND c.at = o.at) ORDER BY n"""
_CONSENTS = """INSERT INTO main.consent (at, peer, own_number, iccid, line, change, word, message_id, reply_id)
SELECT at, peer, own_number, iccid, line, change, word, message_id, reply_id FROM old.consent AS o
WHERE NOT EXISTS (SELECT 1 FROM main.consent AS c WHERE c.peer = o.peer AND c.at = o.at AND c.change = o.change
  AND c.own_number = o.own_number AND c.iccid = o.iccid) ORDER BY n"""


def _carry_over(db: sqlite3.Connection) -> int:
    """What nobody can be asked to do again: which commands were taken, and who wants no more texts."""
    return sum(db.execute(query).rowcount for query in (_COMMANDS, _CONSENTS))


def _set_aside(database: Path) -> Path | None:
    """The old file gets a second name before the new one takes its place: at no moment is there none."""
    if not database.exists():
        return None
    number = next(n for n in itertools.count(1) if not database.with_suffix(f".replaced-{n}").exists())
    aside = database.with_suffix(f".replaced-{number}")
    for suffix in ("-wal", "-shm"):
        companion = Path(f"{database}{suffix}")
        if companion.exists():
            companion.rename(f"{aside}{suffix}")
    os.link(database, aside)
    return aside
