"""`/api/v1/backup`: a copy of the database, for whoever may have everything that is in it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any, Protocol

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from gateway.accounts import Accounts, Permission
from gateway.clock import Clock
from gateway.web.auth import principal_of, requires, source_of
from gateway.web.schema import ErrorAnswer

CHUNK = 256 * 1024
MEDIA_TYPE = "application/vnd.sqlite3"

ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        "description": "A SQLite database.",
    },
    "default": {"model": ErrorAnswer},
}


class Backups(Protocol):
    """Makes copies: `make` gives a descriptor to read one from. Raises RequestError (backup_busy, disk_full), StoreError."""

    async def make(self) -> int: ...


def backup_routes(backups: Backups, gateway: str, accounts: Accounts, clock: Clock) -> APIRouter:
    """`/api/v1/backup`. `gateway`: its id, for the file's name."""
    router = APIRouter(prefix="/api/v1/backup")

    @router.get("", response_class=StreamingResponse, responses=ANSWERS, dependencies=[requires(Permission.ADMIN)])
    async def backup(request: Request) -> StreamingResponse:
        """A consistent copy of the database as a file. `smsgw db restore` puts it back."""
        who = principal_of(request)
        handle = await backups.make()
        try:
            await accounts.note(
                "backup", who=f"{who.kind}:{who.name}", source=source_of(request.scope), target="", ok=True
            )
        except BaseException:
            os.close(handle)
            raise
        name = f"smsgw-{gateway}-{clock.now():%Y%m%dT%H%M%SZ}.db"
        headers = {
            "content-length": str(os.fstat(handle).st_size),
            "content-disposition": f'attachment; filename="{name}"',
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
        }
        return StreamingResponse(_Chunks(handle), media_type=MEDIA_TYPE, headers=headers)

    return router


class _Chunks:
    """The content of an open file, read in threads. Closed at its end, and when nobody holds it any more."""

    def __init__(self, handle: int) -> None:
        self._file = os.fdopen(handle, "rb")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with self._file:
            while chunk := await asyncio.to_thread(self._file.read, CHUNK):
                yield chunk
