"""Long questions to the database, in a thread and on a connection of their own: short ones do not wait behind them."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from gateway.errors import StoreError

T = TypeVar("T")

CACHE_KIB = 8192


def ask(path: Path, question: Callable[[sqlite3.Connection], T]) -> T:
    """What `question` makes of what is committed now. Raises StoreError."""
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA query_only = ON")
            db.execute("PRAGMA temp_store = MEMORY")
            db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            db.execute("BEGIN")
            return question(db)
    except sqlite3.Error as exc:
        raise StoreError(f"cannot read the database: {exc}") from exc
