"""SQL for the history of modems."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from gateway.messaging.history import Change, Sample
from gateway.store.rows import at, ms

_SAMPLES = """SELECT :since + (at - :since) / :width * :width AS begin, avg(rssi_dbm) AS rssi_dbm, avg(bars) AS bars,
avg(registered) AS registered, avg(able) AS able, avg(temperature_c) AS temperature_c, avg(voltage_mv) AS voltage_mv
FROM modem_samples WHERE line = :line AND at >= :since AND at < :until GROUP BY 1 ORDER BY 1"""


class HistoryRows:
    """Tables `modem_samples` and `modem_changes`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def add(self, samples: Sequence[tuple[str, Sample]], changes: Sequence[Change]) -> None:
        self._db.executemany(
            """INSERT OR REPLACE INTO modem_samples (line, at, rssi_dbm, bars, registered, able, temperature_c, voltage_mv)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                (
                    *(line, ms(one.at), one.rssi_dbm, one.bars, one.registered, one.able),
                    *(one.temperature_c, one.voltage_mv),
                )
                for line, one in samples
            ],
        )
        self._db.executemany(
            "INSERT INTO modem_changes (line, at, what, before, after, error) VALUES (?, ?, ?, ?, ?, ?)",
            [(one.line, ms(one.at), one.what, one.before, one.after, one.error) for one in changes],
        )

    def prune(self, before: datetime, after: datetime) -> None:
        """What is older, and what a wrong clock has written into the future; a part of it at a time."""
        times = ms(before), ms(after)
        for table in ("modem_samples", "modem_changes"):
            rows = f"SELECT n FROM {table} WHERE at < ?1 UNION ALL SELECT n FROM {table} WHERE at > ?2 LIMIT 500"  # noqa: S608 - own names
            self._db.execute(f"DELETE FROM {table} WHERE n IN ({rows})", times)  # noqa: S608 - own names

    def samples(self, line: str, since: datetime, until: datetime, points: int) -> list[Sample]:
        """Averages over equal parts of the time, at most `points` of them; parts without a sample are left out."""
        first, end = ms(since) or 0, ms(until) or 0
        width = max(-(-(end - first) // points), 1)
        values = {"line": line, "since": first, "until": end, "width": width}
        return [
            Sample(
                at=at(row["begin"]),
                rssi_dbm=row["rssi_dbm"],
                bars=row["bars"],
                registered=row["registered"],
                able=row["able"],
                temperature_c=row["temperature_c"],
                voltage_mv=row["voltage_mv"],
            )
            for row in self._db.execute(_SAMPLES, values)
        ]

    def changes(self, line: str, since: datetime, until: datetime, limit: int) -> list[Change]:
        """The newest, oldest first."""
        query = """SELECT * FROM (SELECT * FROM modem_changes WHERE line = ? AND at >= ? AND at < ?
                   ORDER BY at DESC, n DESC LIMIT ?) ORDER BY at, n"""
        return [
            Change(
                at=at(row["at"]),
                line=row["line"],
                what=row["what"],
                before=row["before"],
                after=row["after"],
                error=row["error"],
            )
            for row in self._db.execute(query, (line, ms(since), ms(until), limit))
        ]
