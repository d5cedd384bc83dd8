"""A real database file, opened; and a look at it from elsewhere."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from gateway.messaging.model import Event, EventKind
from gateway.messaging.ports import Tx
from gateway.store import SqliteStore

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path / "smsgw.db")
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def event(n: int, payload: str = "") -> Event:
    return Event(kind=EventKind.ALERT, subject="x", payload=payload or f'{{"n":{n}}}')


async def add(store: SqliteStore, n: int) -> int:
    return await store.write(lambda tx: tx.events.add(event(n), NOW))


async def kept(store: SqliteStore) -> list[str]:
    return [stored.event.payload for stored in await store.read(lambda tx: tx.events.after(0, 10_000))]


def raw(tx: Tx) -> sqlite3.Connection:
    """The connection behind a transaction, for what no rule ever does."""
    db = tx.events._db  # type: ignore[attr-defined]
    assert isinstance(db, sqlite3.Connection)
    return db


def elsewhere(path: Path, statement: str) -> list[tuple[object, ...]]:
    """Runs a statement as another program would."""
    db = sqlite3.connect(path / "smsgw.db", timeout=5)
    try:
        rows = db.execute(statement).fetchall()
        db.commit()
        return rows
    finally:
        db.close()


class Plug:
    """Keeps the writer busy, so that what is handed in meanwhile becomes one batch."""

    def __init__(self, store: SqliteStore) -> None:
        import threading

        self._in = threading.Event()
        self._out = threading.Event()
        self._future = store.write(self._wait)

    def _wait(self, tx: Tx) -> None:
        self._in.set()
        assert self._out.wait(10)

    async def __aenter__(self) -> Plug:
        await asyncio.to_thread(self._in.wait, 10)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._out.set()
        await self._future
