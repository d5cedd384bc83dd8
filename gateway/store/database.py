"""One writer thread with group commit; readers on a connection of their own.

Callers hand in functions of a transaction. The writer takes everything that waits, runs each function inside a savepoint
(so that one that fails takes nothing else with it) where there are several, commits once with synchronous=FULL, and only then resolves the
callers' futures. A commit that fails fails them all.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from gateway import crashpoints
from gateway.clock import SystemClock
from gateway.errors import StoreError
from gateway.messaging.model import StoredEvent
from gateway.messaging.ports import Tx
from gateway.store import survey
from gateway.store.accounts import AccountRows
from gateway.store.calls import Calls
from gateway.store.consent import Consents, Lists
from gateway.store.deliveries import Deliveries
from gateway.store.incoming import Parts
from gateway.store.media import FOLDER, MediaFiles
from gateway.store.outbox import Commands, Events
from gateway.store.outgoing import Messages, Queues, Reports, Segments
from gateway.store.records import RecordRows
from gateway.store.retention import Old
from gateway.store.rows import ms
from gateway.store.tail import EventTail
from gateway.store.twilio import TwilioRows

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_BATCH = 256
"""Most changes in one commit: bounds how long the first of them waits."""

PROBE_S = 5.0
"""After a commit that failed, and with nothing else to commit, whether changes are taken again is tried so often."""

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "busy_timeout = 5000",
    "temp_store = MEMORY",
)


def _is_damage(exc: sqlite3.Error) -> bool:
    return (
        getattr(exc, "sqlite_errorcode", 0) & 0xFF in _DAMAGED
    )  # extended codes have the primary one in the low octet


def _damage(what: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(what)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


class Transaction:
    """The tables as one connection sees them; satisfies `messaging.ports.Tx`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.messages = Messages(db)
        self.queues = Queues(db)
        self.segments = Segments(db)
        self.parts = Parts(db)
        self.reports = Reports(db)
        self.commands = Commands(db)
        self.events = Events(db)
        self.calls = Calls(db)
        self.old = Old(db)
        self.deliveries = Deliveries(db)
        self.accounts = AccountRows(db)
        self.consent = Consents(db)
        self.lists = Lists(db)
        self.twilio = TwilioRows(db)
        self.records = RecordRows(db)


@dataclass(slots=True, eq=False)
class _Change:
    run: Callable[[Tx], Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = field(default=None)


class SqliteStore:
    """The database file. `await open()` first, `await close()` last; both on the event loop that uses it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.media_files = MediaFiles(path.parent / FOLDER)
        self._doubt = path.with_suffix(".doubt")
        self._queue: queue.SimpleQueue[_Change | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-reader")
        self._reader: Transaction | None = None
        self._reader_db: sqlite3.Connection | None = None
        self._callbacks: list[Callable[[int], None]] = []
        self._tail = EventTail(0)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._last_error: str = ""
        self._surveying = asyncio.Lock()
        self._damaged = asyncio.Event()
        self.set_aside: Path | None = None

    async def open(self, *, distrust: bool = False) -> None:
        """Makes or migrates the file and starts the writer. Raises StoreError with one clear line.

        A file that SQLite cannot read as a database is set aside under another name, which `set_aside` then tells, and
        a new one is begun: the gateway must not fail to start, for ever, over a bad SD card. `distrust`: so is one in
        which a check finds nothing.
        """
        self._loop = asyncio.get_running_loop()
        try:
            db = await asyncio.to_thread(self._connect_and_migrate, distrust)
        except (sqlite3.Error, OSError) as exc:
            raise StoreError(f"cannot open the database {self._path}: {exc}") from exc
        self._thread = threading.Thread(target=self._write_all, args=(db,), name="store-writer", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        """Commits what waits, takes nothing more, and stops the threads."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            await asyncio.to_thread(thread.join)
            self._readers.submit(self._close_reader)
        await asyncio.to_thread(self._readers.shutdown)

    @property
    def healthy(self) -> bool:
        return self._thread is not None and self._thread.is_alive() and not self._last_error

    @property
    def damaged(self) -> bool:
        """Whether the file turned out to be damaged since it was opened."""
        return self._damaged.is_set()

    async def damage(self) -> None:
        """Returns when the file turned out to be damaged: then nothing more is stored in it, and it has to be opened anew."""
        await self._damaged.wait()

    def on_events(self, callback: Callable[[int], None]) -> None:
        """`callback(seq)` is called on the event loop after each commit that added events."""
        self._callbacks.append(callback)

    def write(self, change: Callable[[Tx], T]) -> asyncio.Future[T]:
        """Queues a change; the future resolves with its result after the commit, or with its own error or a StoreError."""
        if self._loop is None or self._thread is None:
            raise StoreError("the database is not open")
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(_Change(change, future))
        return future

    async def read(self, question: Callable[[Tx], T]) -> T:
        """Runs a question on the reader's connection: it sees what is committed."""
        if self._loop is None or self._thread is None:
            raise StoreError("the database is not open")
        return await self._loop.run_in_executor(self._readers, self._ask, question)

    async def events(self, after: int, limit: int) -> list[StoredEvent]:
        """Committed events with seq > `after`, in order."""
        at_hand = self._tail.after(after, limit)
        return await self.read(lambda tx: tx.events.after(after, limit)) if at_hand is None else at_hand

    async def survey(self, question: Callable[[Tx], T]) -> T:
        """As `read`, for what may take long: one at a time, and no other question waits for it."""
        async with self._surveying:
            return await asyncio.to_thread(survey.ask, self._path, lambda db: question(Transaction(db)))

    def forget_events(self) -> None:
        """Events that are committed were changed: those in memory are not what they were."""
        self._tail.forget()

    # --- in the threads ---

    def _connect(self, *, read_only: bool = False) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, cached_statements=256)
        db.row_factory = sqlite3.Row
        for pragma in _PRAGMAS:
            db.execute(f"PRAGMA {pragma}")
        if read_only:
            db.execute("PRAGMA query_only = ON")
        return db

    def _connect_and_migrate(self, distrust: bool) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._tail = EventTail(0)
        try:
            if distrust:
                raise _damage("damage was met in it again and again")
            db = self._migrated()
            self._tail = EventTail(Events(db).last())
        except sqlite3.DatabaseError as exc:
            if not _is_damage(exc):
                raise
            log.error("the database %s is damaged and is set aside: %s", self._path, exc)
            self._rename_damaged()
            db = self._migrated()
        self.set_aside = self._begun_anew(db)
        return db

    def _begun_anew(self, db: sqlite3.Connection) -> Path | None:
        """The damaged file whose place this one takes, as long as there was no event in it, however the last run ended.

        Consumers drop events whose seq they have seen: the new ones begin above all that the old file gave out. The
        clock alone is not enough for that: a box without a battery may have begun at an old time.
        """
        aside = sorted(
            self._path.parent.glob(f"{self._path.stem}.damaged-*[0-9]"), key=lambda path: path.stat().st_mtime
        )
        if not aside or db.execute("SELECT 1 FROM sqlite_sequence WHERE name = 'events'").fetchone():
            return None
        first = max(ms(SystemClock().now()) or 0, int(aside[-1].stat().st_mtime * 1000))
        db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?)", (first,))
        return aside[-1]

    def _rename_damaged(self) -> None:
        number = next(n for n in itertools.count(1) if not self._path.with_suffix(f".damaged-{n}").exists())
        aside = self._path.with_suffix(f".damaged-{number}")
        self.media_files.set_aside(f"{aside.name}-{FOLDER}")
        for suffix in ("-wal", "-shm"):
            companion = Path(f"{self._path}{suffix}")
            if companion.exists():
                companion.rename(f"{aside}{suffix}")
        self._path.rename(aside)

    def _migrated(self) -> sqlite3.Connection:
        from sqlite_utils import Database  # only needed here, and not small

        from gateway.store.migrations import migrations

        self._check()
        migrating = self._connect()
        migrating.row_factory = None
        migrations.apply(Database(migrating))
        migrating.close()
        self._path.chmod(0o600)
        return self._connect()

    def _check(self) -> None:
        """Looks at the whole file, but only where the last run ended without a goodbye or had met damage.

        What is damaged deep inside would else be met later, at every start. Where damage was met, indexes are compared
        with their tables too.
        """
        check = "integrity_check" if self._doubt.exists() else "quick_check"
        signs = (Path(f"{self._path}-wal"), self._doubt)
        if not self._path.exists() or not any(sign.exists() for sign in signs):
            return
        db = self._connect()
        try:
            found = db.execute(f"PRAGMA {check}(1)").fetchone()[0]
        finally:
            db.close()
            self._doubt.unlink(missing_ok=True)
        if found != "ok":
            raise _damage(found)

    def _note_damage(self, exc: sqlite3.Error) -> None:
        if _is_damage(exc):
            with contextlib.suppress(OSError):  # the disk itself may be gone; the error is told in any case
                self._doubt.touch()
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._damaged.set)

    def _ask(self, question: Callable[[Tx], T]) -> T:
        if self._reader is None:
            self._reader_db = self._connect(read_only=True)
            self._reader = Transaction(self._reader_db)
        try:
            return question(self._reader)
        except sqlite3.Error as exc:
            self._note_damage(exc)
            raise StoreError(f"cannot read the database: {exc}") from exc

    def _close_reader(self) -> None:
        if self._reader_db is not None:
            self._reader_db.close()

    def _write_all(self, db: sqlite3.Connection) -> None:
        tx = Transaction(db)
        open_for_more = True
        while open_for_more:
            batch, open_for_more = self._take()
            if batch:
                events = self._commit(db, tx, batch)
                assert self._loop is not None
                self._loop.call_soon_threadsafe(self._resolve, batch, events)
            elif open_for_more:
                self._probe(db)
        db.close()

    def _take(self) -> tuple[list[_Change], bool]:
        """Waits for a change, then takes all that wait. False when it is time to stop. Nothing: it is time to probe."""
        batch: list[_Change] = []
        try:
            change = self._queue.get(timeout=PROBE_S if self._last_error else None)
        except queue.Empty:
            return batch, True
        while change is not None:
            batch.append(change)
            if len(batch) >= MAX_BATCH:
                return batch, True
            try:
                change = self._queue.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _probe(self, db: sqlite3.Connection) -> None:
        """After trouble, with nothing to write: is there room again? Else a quiet box would call itself ill for ever."""
        try:
            self._roll_back(db)
            db.execute("UPDATE counters SET n = n WHERE name = 'submits'")
        except sqlite3.Error as exc:
            self._last_error = str(exc)
        else:
            self._last_error = ""

    def _commit(self, db: sqlite3.Connection, tx: Transaction, batch: list[_Change]) -> list[StoredEvent]:
        """Runs a batch in one transaction. Returns the events that it added."""
        tx.events.added = []
        try:
            self._roll_back(db)  # what could not be rolled back when it failed
            db.execute("BEGIN IMMEDIATE")
            for change in batch:
                self._run(db, tx, change, alone=len(batch) == 1)
            crashpoints.at("store.open")
            db.execute("COMMIT")
            crashpoints.at("store.committed")
        except sqlite3.Error as exc:
            log.error("the database did not take a commit: %s", exc)
            self._note_damage(exc)
            self._last_error = str(exc)
            with contextlib.suppress(sqlite3.Error):  # it is told above why; the next commit begins with it
                self._roll_back(db)
            for change in batch:
                change.error = StoreError(f"not committed: {exc}")
            return []
        self._last_error = ""
        return tx.events.added

    def _roll_back(self, db: sqlite3.Connection) -> None:
        if db.in_transaction:
            db.execute("ROLLBACK")

    def _run(self, db: sqlite3.Connection, tx: Transaction, change: _Change, *, alone: bool) -> None:
        """`alone`: nothing else is in the transaction, which is its own savepoint then."""
        added = len(tx.events.added)
        if not alone:
            db.execute("SAVEPOINT change")
        try:
            change.result = change.run(tx)
        except Exception as exc:
            change.error = exc
            if isinstance(exc, sqlite3.Error):
                self._note_damage(exc)
                change.error = StoreError(f"not stored: {exc}")
            elif isinstance(exc, StopIteration):  # no future takes it, and all behind it would wait for ever
                change.error = RuntimeError("the change found no next one")
                change.error.__cause__ = exc
            if not db.in_transaction:  # SQLite itself gave up the whole transaction: disk full, I/O error
                raise sqlite3.OperationalError(f"the transaction was given up: {exc}") from exc
            del tx.events.added[added:]
            for statement in ("ROLLBACK", "BEGIN IMMEDIATE") if alone else ("ROLLBACK TO change",):
                db.execute(statement)
        if not alone:
            db.execute("RELEASE change")

    def _resolve(self, batch: list[_Change], events: list[StoredEvent]) -> None:
        self._tail.extend(events)
        for change in batch:
            if change.future.done():  # its caller was cancelled meanwhile
                continue
            if change.error is not None:
                change.future.set_exception(change.error)
            else:
                change.future.set_result(change.result)
        if events:
            for callback in self._callbacks:
                callback(events[-1].seq)
