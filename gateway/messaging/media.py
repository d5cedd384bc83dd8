"""Media: content that goes with messages, by id. The octets are in files, what is known of them is in the database.

A file is whole and safe on the disk before its row is committed, and a row goes before its file. So whatever a crash
leaves is a file without a row, which nobody can ask for, and which is swept away.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO, Protocol

from gateway.clock import Clock
from gateway.errors import RequestError, StoreError
from gateway.messaging.ids import id_maker

if TYPE_CHECKING:
    from gateway.messaging.ports import Store, Tx

log = logging.getLogger(__name__)

MAX_MEDIUM = 5 * 1024 * 1024
"""Octets of one medium: what Twilio's clients may upload, and far more than an MMSC takes."""

MAX_NAME = 200
SWEEP_S = 3600.0
BATCH = 200
"""Files that one question of a sweep is about."""

UNKNOWN_TYPE = "application/octet-stream"
_WORD = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,63}"
_TYPE = re.compile(rf"({_WORD}/{_WORD})\s*(?:;(.{{0,200}}))?")  # RFC 6838 4.2
_CHARSET = re.compile(rf"(?:^|;)\s*charset=\"?({_WORD})\"?\s*(?:;|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """What is known of a medium. `size` in octets; `sha256` in hex digits; `n`: its place in the list, 0 for a new one."""

    id: str
    content_type: str
    size: int
    sha256: str
    created_at: datetime
    message_id: str | None = None
    name: str = ""
    n: int = 0


class MediaTable(Protocol):
    """Rows of media."""

    def add(self, medium: Medium) -> None: ...
    def get(self, media_id: str) -> Medium | None: ...
    def page(self, before: int | None, limit: int) -> list[Medium]: ...
    def delete(self, media_id: str) -> bool: ...
    def delete_of(self, message_id: str) -> None: ...


class Upload(Protocol):
    """A file on its way. Both raise RequestError(disk_full) or StoreError."""

    async def write(self, chunk: bytes) -> None: ...
    async def finish(self) -> str:
        """Puts the file in its place, safe from a power cut; returns its SHA-256."""
        ...

    def drop(self) -> None:
        """Takes away what is not in its place yet."""
        ...


class MediaFiles(Protocol):
    """The files, by the id of the medium. All raise StoreError where the disk does not do as asked."""

    async def begin(self, media_id: str) -> Upload: ...
    async def open(self, media_id: str) -> BinaryIO | None: ...
    async def ids(self) -> list[str]:
        """Of all files, unfinished ones too."""
        ...

    async def remove(self, media_ids: Collection[str]) -> None: ...


class Media:
    """For the edges."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._new_id = id_maker(clock, "ME")
        self._coming: set[str] = set()
        self._wake = asyncio.Event()

    async def put(
        self, chunks: AsyncIterator[bytes], *, content_type: str = "", name: str = "", message_id: str | None = None
    ) -> Medium:
        """Stores what comes; returns after the commit. Raises RequestError (too_large, disk_full, bad field), StoreError."""
        kind, name = checked_type(content_type), checked_name(name)
        media_id = self._new_id()
        self._coming.add(media_id)
        upload = None
        try:
            upload = await self._store.media_files.begin(media_id)
            size = await _copy(chunks, upload)
            digest = await upload.finish()
            medium = Medium(
                id=media_id,
                content_type=kind,
                size=size,
                sha256=digest,
                created_at=self._clock.now(),
                message_id=message_id,
                name=name,
            )
            await self._store.write(lambda tx: tx.records.media.add(medium))
        except BaseException:  # a cancelled commit may still come about: only the sweep, behind it, knows
            if upload is not None:
                upload.drop()
            self.sweep_soon()
            raise
        finally:
            self._coming.discard(media_id)
        return medium

    async def get(self, media_id: str) -> Medium:
        """Raises RequestError(unknown_media)."""
        medium = await self._store.read(lambda tx: tx.records.media.get(media_id))
        if medium is None:
            raise _unknown(media_id)
        return medium

    async def open(self, media_id: str) -> tuple[Medium, BinaryIO]:
        """The medium and its content, which the caller closes. Raises RequestError(unknown_media), StoreError."""
        medium = await self.get(media_id)
        content = await self._store.media_files.open(medium.id)
        if content is None:  # deleted at this moment, or a row of a restored backup, in which no files are
            raise _unknown(media_id)
        return medium, content

    async def page(self, before: int | None, limit: int) -> list[Medium]:
        """Those with a number below `before`, newest first."""
        return await self._store.read(lambda tx: tx.records.media.page(before, limit))

    async def delete(self, media_id: str) -> None:
        """Raises RequestError(unknown_media), StoreError."""
        if not await self._store.write(lambda tx: tx.records.media.delete(media_id)):
            raise _unknown(media_id)
        await self._store.media_files.remove([media_id])

    def sweep_soon(self) -> None:
        """Rows may have gone: their files are to go as well."""
        self._wake.set()

    async def run(self) -> None:
        """Sweeps at the start, when something went, and every hour; serves for ever."""
        while True:
            self._wake.clear()
            try:
                await self.sweep()
            except StoreError as exc:
                log.error("files of deleted media stay for another hour: %s", exc)
            except Exception:
                log.exception("sweeping media met a defect")  # which must not end the senders
            try:
                async with asyncio.timeout(SWEEP_S):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def sweep(self) -> None:
        """Removes files that have no row and are not about to get one. Raises StoreError.

        The order matters: of a file that was listed, the upload is either still known as coming, or its row was handed
        to the writer before, which answers in order.
        """
        listed = await self._store.media_files.ids()
        idle = [media_id for media_id in listed if media_id not in self._coming]
        for start in range(0, len(idle), BATCH):
            some = idle[start : start + BATCH]
            gone = await self._store.write(lambda tx, some=some: _without_row(tx, some))  # type: ignore[misc]
            await self._store.media_files.remove(gone)


async def _copy(chunks: AsyncIterator[bytes], upload: Upload) -> int:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > MAX_MEDIUM:
            raise too_large()
        await upload.write(chunk)
    if not size:
        raise RequestError("the medium is empty")
    return size


def _without_row(tx: Tx, media_ids: list[str]) -> list[str]:
    return [media_id for media_id in media_ids if tx.records.media.get(media_id) is None]


def too_large() -> RequestError:
    return RequestError(f"at most {MAX_MEDIUM} octets are allowed", code="too_large")


def _unknown(media_id: str) -> RequestError:
    return RequestError(f"there is no medium {media_id[:40]!r}", code="unknown_media")


def checked_type(text: str) -> str:
    """A media type in small letters, with its charset if it has one. Raises RequestError."""
    if not text.strip():
        return UNKNOWN_TYPE
    found = _TYPE.fullmatch(text.strip())
    if found is None or found[1].lower().startswith("multipart/"):
        wanted = "the media type of the body, such as image/jpeg; the body is the content itself"
        raise RequestError(f"{text[:80]!r} is not {wanted}", field="content-type")
    charset = _CHARSET.search(found[2] or "")
    return found[1].lower() + (f"; charset={charset[1].lower()}" if charset else "")


def checked_name(text: str) -> str:
    """A file's name without a path and without what no file is called. Raises RequestError."""
    if len(text) > MAX_NAME:
        raise RequestError(f"at most {MAX_NAME} characters are allowed", field="name")
    return "".join(char if char.isprintable() and char not in '/\\:"' else "_" for char in text).strip()
