"""SQL for received parts and the assemblies of concatenated texts."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway.messaging.model import Assembly, Part
from gateway.store import rows
from gateway.store.rows import ms


class Parts:
    """Tables `parts` and `assemblies`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def insert(self, part: Part) -> int:
        cursor = self._db.execute(
            """INSERT INTO parts (line, iccid, memory, slot, listing, kind, pdu, fingerprint, received_at, message_id,
               assembly, seq, repeat_of) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (
                part.line,
                part.iccid,
                part.memory,
                part.slot,
                part.listing,
                part.kind,
                part.pdu,
                part.fingerprint,
                ms(part.received_at),
                part.message_id,
                part.assembly,
                part.seq,
                part.repeat_of,
            ),
        )
        return int(cursor.lastrowid or 0)

    def alike(self, iccid: str, fingerprint: bytes, since: datetime) -> list[Part]:
        """Earlier copies on this SIM: those since a time, and however old those that the modem has not let go. Newest first."""
        query = """SELECT * FROM parts WHERE iccid = ? AND fingerprint = ? AND (received_at >= ? OR released_at IS NULL)
                   ORDER BY n DESC LIMIT 1000"""
        return [rows.part(row) for row in self._db.execute(query, (iccid, fingerprint, ms(since)))]

    def of_assembly(self, assembly: int) -> list[Part]:
        query = "SELECT * FROM parts WHERE assembly = ? ORDER BY seq"
        return [rows.part(row) for row in self._db.execute(query, (assembly,))]

    def replaceable(self, iccid: str, kind: str) -> list[Part]:
        """The latest messages of a replace type on this SIM, newest first."""
        query = """SELECT * FROM parts INDEXED BY parts_replacing WHERE iccid = ? AND kind = ? AND kind >= 'replace-'
                   AND kind < 'replace.' ORDER BY n DESC LIMIT 100"""
        return [rows.part(row) for row in self._db.execute(query, (iccid, kind))]

    def leftover(self, limit: int) -> list[Part]:
        """What was kept raw because nothing could be made of it, newest first."""
        query = """SELECT * FROM parts INDEXED BY parts_leftover WHERE message_id IS NULL AND repeat_of IS NULL
                   AND kind IN ('undecodable', 'deliver') ORDER BY n DESC LIMIT ?"""
        return [rows.part(row) for row in self._db.execute(query, (limit,))]

    def in_place(self, assembly: int, seq: int) -> Part | None:
        """The part of an assembly that has this sequence number."""
        row = self._db.execute("SELECT * FROM parts WHERE assembly = ? AND seq = ?", (assembly, seq)).fetchone()
        return rows.part(row) if row else None

    def count_of(self, assembly: int) -> int:
        return int(self._db.execute("SELECT count(*) FROM parts WHERE assembly = ?", (assembly,)).fetchone()[0])

    def unreleased(self, iccid: str, memory: str) -> list[Part]:
        query = "SELECT * FROM parts WHERE iccid = ? AND memory = ? AND released_at IS NULL ORDER BY n"
        return [rows.part(row) for row in self._db.execute(query, (iccid, memory))]

    def release(self, numbers: Sequence[int], now: datetime) -> None:
        self._db.executemany("UPDATE parts SET released_at = ? WHERE n = ?", [(ms(now), n) for n in numbers])

    def release_slot(self, iccid: str, memory: str, slot: int | None, fingerprint: bytes, now: datetime) -> None:
        self._db.execute(
            """UPDATE parts SET released_at = ? WHERE iccid = ? AND memory = ? AND slot IS ? AND fingerprint = ?
               AND released_at IS NULL""",
            (ms(now), iccid, memory, slot, fingerprint),
        )

    def assemblies(self, iccid: str, key: str, ref: int, wide: bool, total: int) -> list[Assembly]:
        """Those that a part of this key may belong to, newest first."""
        query = """SELECT * FROM assemblies WHERE iccid = ? AND key = ? AND ref = ? AND wide = ? AND total = ?
                   ORDER BY n DESC LIMIT 8"""
        return [rows.assembly(row) for row in self._db.execute(query, (iccid, key, ref, wide, total))]

    def open_assemblies(self, iccid: str, key: str | None = None) -> int:
        query = """SELECT count(*) FROM assemblies INDEXED BY assemblies_open
                   WHERE delivered = 0 AND iccid = ? AND (? IS NULL OR key = ?)"""
        return int(self._db.execute(query, (iccid, key, key)).fetchone()[0])

    def start_assembly(self, assembly: Assembly) -> int:
        cursor = self._db.execute(
            """INSERT INTO assemblies (line, iccid, key, ref, wide, total, started_at, scts, message_id, delivered, revision)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)""",
            (
                assembly.line,
                assembly.iccid,
                assembly.key,
                assembly.ref,
                assembly.wide,
                assembly.total,
                ms(assembly.started_at),
                rows.iso(assembly.scts),
                assembly.message_id,
            ),
        )
        return int(cursor.lastrowid or 0)

    def deliver_assembly(self, assembly: int, revision: int) -> None:
        self._db.execute("UPDATE assemblies SET delivered = 1, revision = ? WHERE n = ?", (revision, assembly))

    def overdue_assemblies(self, started_before: datetime) -> list[Assembly]:
        query = "SELECT * FROM assemblies WHERE delivered = 0 AND started_at <= ? ORDER BY n LIMIT 500"
        return [rows.assembly(row) for row in self._db.execute(query, (ms(started_before),))]

    def postpone_assemblies(self, started_before: datetime, by: timedelta) -> None:
        """Those that wait for parts count as begun later."""
        query = "UPDATE assemblies SET started_at = started_at + ? WHERE delivered = 0 AND started_at <= ?"
        self._db.execute(query, (by // timedelta(milliseconds=1), ms(started_before)))

    def oldest_assembly(self) -> datetime | None:
        return rows.maybe_at(
            self._db.execute("SELECT min(started_at) FROM assemblies WHERE delivered = 0").fetchone()[0]
        )
