"""Media: rows of what is known of them, and their files in a folder of the service's user alone."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import logging
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

from gateway.errors import RequestError, StoreError
from gateway.messaging.media import Medium
from gateway.store.rows import at, ms

log = logging.getLogger(__name__)

T = TypeVar("T")

FOLDER = "media"
MARGIN = 64 * 1024 * 1024
"""Octets that stay free: media must not fill the disk that texts are written to."""

_PART = ".part"
_FILE = re.compile(r"(ME[0-9a-f]{32})(?:\.part)?")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_END = 2**62


class MediaRows:
    """Table `media`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def add(self, medium: Medium) -> None:
        self._db.execute(
            """INSERT INTO media (id, content_type, size, sha256, created_at, message_id, name)
               VALUES (?, ?, ?, ?, ?, ?, ?)""",
            (
                medium.id,
                medium.content_type,
                medium.size,
                medium.sha256,
                ms(medium.created_at),
                medium.message_id,
                medium.name,
            ),
        )

    def get(self, media_id: str) -> Medium | None:
        row = self._db.execute("SELECT * FROM media WHERE id = ?", (media_id,)).fetchone()
        return _medium(row) if row else None

    def page(self, before: int | None, limit: int) -> list[Medium]:
        query = "SELECT * FROM media WHERE n < ? ORDER BY n DESC LIMIT ?"
        return [_medium(row) for row in self._db.execute(query, (_END if before is None else before, limit))]

    def delete(self, media_id: str) -> bool:
        """False when there is none."""
        return self._db.execute("DELETE FROM media WHERE id = ?", (media_id,)).rowcount > 0

    def delete_of(self, message_id: str) -> None:
        self._db.execute("DELETE FROM media WHERE message_id = ?", (message_id,))


def _medium(row: sqlite3.Row) -> Medium:
    return Medium(
        id=row["id"],
        content_type=row["content_type"],
        size=row["size"],
        sha256=row["sha256"],
        created_at=at(row["created_at"]),
        message_id=row["message_id"],
        name=row["name"],
        n=row["n"],
    )


class MediaFiles:
    """Satisfies `messaging.media.MediaFiles`. The folder is made with the first file. Everything runs in threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def begin(self, media_id: str) -> Upload:
        return await asyncio.to_thread(self._begin, media_id)

    def _begin(self, media_id: str) -> Upload:
        with _told(self._folder):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            return Upload(self._folder, media_id)

    async def open(self, media_id: str) -> BinaryIO | None:
        """None where there is no such file."""
        return await asyncio.to_thread(self._open, media_id)

    def _open(self, media_id: str) -> BinaryIO | None:
        with _told(self._folder):
            try:
                return (self._folder / media_id).open("rb")
            except FileNotFoundError:
                return None

    async def ids(self) -> list[str]:
        """Of all files that are ours, finished or not."""
        return await asyncio.to_thread(self._ids)

    def _ids(self) -> list[str]:
        with _told(self._folder):
            if not self._folder.exists():
                return []
            found = (_FILE.fullmatch(path.name) for path in self._folder.iterdir())
            return sorted({match[1] for match in found if match})

    async def remove(self, media_ids: Collection[str]) -> None:
        """What is not there any more is gone already."""
        await asyncio.to_thread(self._remove, media_ids)

    def _remove(self, media_ids: Collection[str]) -> None:
        with _told(self._folder):
            for media_id in media_ids:
                for suffix in ("", _PART):
                    (self._folder / f"{media_id}{suffix}").unlink(missing_ok=True)

    def set_aside(self, name: str) -> None:
        """The database is begun anew, and none of these files has a row in it: kept beside the old one."""
        try:
            if self._folder.exists():
                self._folder.rename(self._folder.with_name(name))
        except OSError as exc:  # texts must go on
            log.error("the media in %s could not be set aside: %s", self._folder, exc)


class Upload:
    """One file, under a name of its own until it is whole. Satisfies `messaging.media.Upload`."""

    def __init__(self, folder: Path, media_id: str) -> None:
        self._folder = folder
        self._path = folder / media_id
        self._part = folder / f"{media_id}{_PART}"
        self._hash = hashlib.sha256()
        handle = os.open(self._part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
        self._file = os.fdopen(handle, "wb", buffering=0)

    async def write(self, chunk: bytes) -> None:
        """Raises RequestError(disk_full), StoreError."""
        await _in_thread(lambda: self._write(chunk))

    def _write(self, chunk: bytes) -> None:
        with _told(self._folder):
            if shutil.disk_usage(self._folder).free < MARGIN + len(chunk):
                raise RequestError(f"{self._folder} has too little room for that", code="disk_full")
            left = memoryview(chunk)
            while left:  # a raw file may take less than all of it
                left = left[self._file.write(left) or 0 :]
            self._hash.update(chunk)

    async def finish(self) -> str:
        """In its place and on the disk; returns the SHA-256. Raises RequestError(disk_full), StoreError."""
        return await _in_thread(self._finish)

    def _finish(self) -> str:
        with _told(self._folder):
            os.fsync(self._file.fileno())
            self._file.close()
            self._part.rename(self._path)
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
            return self._hash.hexdigest()

    def drop(self) -> None:
        """Takes away what is not in its place yet; what is there, the next sweep looks at."""
        with contextlib.suppress(OSError):  # a sweep removes what is left
            self._file.close()
        with contextlib.suppress(OSError):
            self._part.unlink(missing_ok=True)


async def _in_thread(work: Callable[[], T]) -> T:
    """As `asyncio.to_thread`, but a cancellation waits for the end: the file must not be closed under the thread."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,))
        if not task.cancelled():
            task.exception()  # seen: the caller is going away
        raise


@contextlib.contextmanager
def _told(folder: Path) -> Iterator[None]:
    """The disk's errors in the gateway's words."""
    try:
        yield
    except OSError as exc:
        if exc.errno in _FULL:
            raise RequestError(f"{folder} has too little room for that", code="disk_full") from exc
        raise StoreError(f"cannot use {folder}: {exc}") from exc
