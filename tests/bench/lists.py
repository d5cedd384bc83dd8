"""Figures of lists and searches over many messages, and of what the full-text index costs a commit.

Run as `python -m tests.bench.lists [MESSAGES]`: it fills a database of its own, in a temporary folder.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.messaging.model import Message, MessageFilter, Status
from gateway.messaging.ports import Tx
from gateway.store import SqliteStore
from gateway.store.listing import find
from tests.store.opening import raw

START = datetime(2026, 1, 1, tzinfo=UTC)
SYLLABLES = ("ka", "lo", "mi", "ren", "sta", "ver", "dom", "pi", "tu", "bek", "an", "sol")
VOCABULARY = tuple(a + b + c for a in SYLLABLES for b in SYLLABLES for c in SYLLABLES)
COMMIT = 2_000
ROUNDS = 20


def a_message(n: int, chance: random.Random) -> Message:
    """The n-th of a made-up traffic: a third comes in, a few fail, texts of a small language."""
    inbound = n % 3 == 0
    status = Status.RECEIVED if inbound else Status.FAILED if n % 500 == 1 else Status.DELIVERED
    return Message(
        id=f"SM{n:032x}",
        direction="inbound" if inbound else "outbound",
        peer=f"+49170{chance.randrange(5_000):07d}",
        status=status,
        created_at=START + timedelta(seconds=n),
        updated_at=START + timedelta(seconds=n + 5),
        own_number=f"+4916000000{n % 4}",
        line=f"modem{n % 4}",
        iccid=f"8949{n % 4}",
        text=" ".join(chance.choices(VOCABULARY, k=12)) + (" needle" if n % 10_000 == 7 else " alarm"),
        tags={"house": f"h{n % 100}"} if n % 50 == 2 else {},
        error=("network_rejected", "no") if status is Status.FAILED else None,
    )


async def seed(store: SqliteStore, count: int, first: int = 0) -> None:
    """Adds messages."""
    chance = random.Random(first)
    for begin in range(first, first + count, COMMIT):
        batch = [a_message(n, chance) for n in range(begin, min(begin + COMMIT, first + count))]
        await store.write(lambda tx, batch=batch: [tx.messages.insert(each) for each in batch])  # type: ignore[misc]


def filters(count: int) -> dict[str, MessageFilter]:
    """What is asked for, by name."""
    middle = START + timedelta(seconds=count / 2)
    return {
        "newest": MessageFilter(),
        "inbound": MessageFilter(direction="inbound"),
        "failed": MessageFilter(status="failed"),
        "none waits": MessageFilter(status=("queued", "scheduled")),
        "none unknown": MessageFilter(status="unknown"),
        "one number": MessageFilter(peer="+491700000042"),
        "number's end": MessageFilter(peer_ends="00042"),
        "number unknown": MessageFilter(peer_ends="99999999"),
        "modem": MessageFilter(line="modem3"),
        "own number": MessageFilter(number="+49160000003"),
        "an hour": MessageFilter(since=middle, until=middle + timedelta(minutes=30)),
        "before the middle": MessageFilter(until=middle),
        "tag": MessageFilter(tag=("house", "h52")),
        "with error": MessageFilter(failed=True),
        "binary (none)": MessageFilter(kind="data"),
        "search: common word": MessageFilter(words="alarm"),
        "search: rare word": MessageFilter(words="needle"),
        "search: two words": MessageFilter(words="kalomi stavermi"),
        "search: beginning": MessageFilter(words="kalo*"),
        "search: nothing": MessageFilter(words="nobody"),
        "search: rare, one modem": MessageFilter(words="needle", line="modem3"),
        "search: common, unknown modem": MessageFilter(words="alarm", line="modem9"),
    }


def ask(db: sqlite3.Connection, wanted: MessageFilter) -> tuple[int, float]:
    """Takes a list to its first full page. Returns how many it has, and the longest step in seconds."""
    found, longest, before = 0, 0.0, wanted.before
    while True:
        begun = time.perf_counter()
        more, before = find(db, replace(wanted, before=before, limit=wanted.limit - found))
        longest = max(longest, time.perf_counter() - begun)
        found += len(more)
        if before is None or found >= wanted.limit:
            return found, longest


def measure(db: sqlite3.Connection, count: int) -> None:
    for name, wanted in filters(count).items():
        taken, longest, found = [], 0.0, 0
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            found, step = ask(db, wanted)
            taken.append(1000 * (time.perf_counter() - begun))
            longest = max(longest, 1000 * step)
        p95 = sorted(taken)[int(0.95 * len(taken)) - 1]
        print(
            f"{name:32} {found:4} found, median {statistics.median(taken):8.2f} ms, 95 % {p95:8.2f} ms, "
            f"longest step {longest:7.2f} ms"
        )


async def commits(store: SqliteStore, first: int, size: int) -> float:
    """Milliseconds that a commit of `size` messages takes."""
    chance, taken = random.Random(1), []
    for n in range(100):
        batch = [a_message(first + n * size + k, chance) for k in range(size)]
        begun = time.perf_counter()
        await store.write(lambda tx, batch=batch: [tx.messages.insert(each) for each in batch])  # type: ignore[misc]
        taken.append(1000 * (time.perf_counter() - begun))
    return statistics.median(taken)


def triggers(tx: Tx, drop: bool) -> None:
    """Takes the index's trigger away, or puts it back."""
    db = raw(tx)
    if drop:
        db.execute("DROP TRIGGER messages_text_insert")
    elif not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'messages_text_insert'").fetchone():
        db.execute(
            """CREATE TRIGGER messages_text_insert AFTER INSERT ON messages WHEN new.text <> '' BEGIN
               INSERT INTO messages_text (rowid, text) VALUES (new.n, new.text); END"""
        )


async def run(count: int) -> None:
    with tempfile.TemporaryDirectory(prefix="smsgw-lists-") as directory:
        path = Path(directory) / "lists.db"
        store = SqliteStore(path)
        await store.open()
        begun = time.perf_counter()
        await seed(store, count)
        print(f"{count} messages in {time.perf_counter() - begun:.1f} s, {path.stat().st_size >> 20} MiB")
        db = sqlite3.connect(path)
        db.row_factory = sqlite3.Row
        measure(db, count)
        first = count
        for size in (1, 16):
            for index in ("with", "without", "with", "without"):
                await store.write(lambda tx, drop=index == "without": triggers(tx, drop))  # type: ignore[misc]
                print(f"a commit of {size} messages {index} index: {await commits(store, first, size):.3f} ms")
                first += 100 * size
        db.close()
        await store.close()


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
