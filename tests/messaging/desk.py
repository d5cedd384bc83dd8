"""The rules on a database of their own, one transaction a call and without a task in sight: for tests that play a model."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlite_utils import Database

from gateway.messaging.ports import Tx
from gateway.store.database import Transaction
from gateway.store.migrations import migrations

T = TypeVar("T")


class Desk:
    """`now` is the wall clock, which may go back; `at_network` is the service centre's, which does not."""

    def __init__(self) -> None:
        self.db = sqlite3.connect(":memory:", isolation_level=None)
        migrations.apply(Database(self.db))
        self.db.row_factory = sqlite3.Row
        self.tx: Tx = Transaction(self.db)
        self.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
        self.at_network = self.now

    def do(self, change: Callable[[Tx], T]) -> T:
        """Runs a change as the store does: all or nothing."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            result = change(self.tx)
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")
        return result

    def pass_time(self, seconds: float, *, back: float = 0) -> None:
        """`back`: so much the wall clock is set back besides."""
        self.now += timedelta(seconds=seconds - back)
        self.at_network += timedelta(seconds=seconds)

    def close(self) -> None:
        self.db.close()
