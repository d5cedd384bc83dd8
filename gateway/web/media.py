"""`/api/v1/media`: content for messages is put, listed, handed out and deleted.

What is handed out comes from anybody: no browser may show it as a page of ours, whatever it says it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, BinaryIO
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.requests import ClientDisconnect

from gateway.accounts import Permission
from gateway.clock import rfc3339
from gateway.errors import RequestError
from gateway.messaging.media import MAX_MEDIUM, MAX_NAME, UNKNOWN_TYPE, Media, Medium, too_large
from gateway.web.auth import requires
from gateway.web.filters import MAX_PAGE, Place
from gateway.web.schema import Answer, ErrorAnswer, documented, nothing

UPLOAD_S = 120.0
CHUNK = 256 * 1024

SAFE = frozenset({"text/plain", "text/vcard", "text/x-vcard", "text/calendar", "application/pdf"})
SAFE_FAMILIES = frozenset({"image", "audio", "video"})
UNSAFE = frozenset({"image/svg+xml"})
"""A picture that can have scripts in it."""

GUARDS = {
    "cache-control": "private, no-cache",
    "content-security-policy": "sandbox; default-src 'none'",
    "x-content-type-options": "nosniff",
}

CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}, "description": "The content."},
    304: {"description": "It is what `If-None-Match` names."},
    "default": {"model": ErrorAnswer},
}
BODY = {
    "requestBody": {"required": True, "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}},
}


class MediumAnswer(Answer):
    """What is known of a medium. `size`: octets."""

    media_id: str
    content_type: str
    size: int
    sha256: str
    name: str
    message_id: str | None
    created_at: datetime


class MediaPage(Answer):
    """Newest first. `next`: `before` of the following page."""

    media: list[MediumAnswer]
    next: str | None


def media_routes(media: Media) -> APIRouter:
    """`/api/v1/media` and below."""
    router = APIRouter(prefix="/api/v1/media")

    upload = documented(MediumAnswer, 201) | {"openapi_extra": BODY}

    @router.post("", **upload, dependencies=[requires(Permission.SEND)])
    async def put(
        request: Request, name: Annotated[str, Query(max_length=MAX_NAME, description="Of the file.")] = ""
    ) -> JSONResponse:
        """The body is the content, of at most 5 MiB, and `Content-Type` says of what kind it is."""
        if (request.headers.get("content-length") or "").isdecimal() and _length(request) > MAX_MEDIUM:
            raise too_large()
        kind = request.headers.get("content-type", "")
        return JSONResponse(medium_json(await media.put(_pieces(request), content_type=kind, name=name)), 201)

    @router.get("", **documented(MediaPage))
    async def page(before: Place = None, limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50) -> JSONResponse:
        found = await media.page(int(before) if before else None, limit)
        following = str(found[-1].n) if len(found) == limit else None
        return JSONResponse({"media": [medium_json(each) for each in found], "next": following})

    @router.get("/{media_id}", response_class=Response, responses=CONTENT)
    async def content(media_id: str, request: Request) -> Response:
        """The content, as a file to be saved. `ETag` is its SHA-256."""
        medium, file = await media.open(media_id)
        tag = f'"{medium.sha256}"'
        if tag in request.headers.get("if-none-match", ""):
            file.close()
            return Response(status_code=304, headers=GUARDS | {"etag": tag})
        headers = {"etag": tag, "content-length": str(medium.size), "content-disposition": _disposition(medium)}
        return StreamingResponse(
            _Chunks(file), headers=GUARDS | headers | {"content-type": served_type(medium.content_type)}
        )

    @router.delete("/{media_id}", **nothing())
    async def delete(media_id: str) -> Response:
        await media.delete(media_id)
        return Response(status_code=204)

    return router


def medium_json(medium: Medium) -> dict[str, object]:
    """A medium as the API shows it."""
    return {
        "media_id": medium.id,
        "content_type": medium.content_type,
        "size": medium.size,
        "sha256": medium.sha256,
        "name": medium.name,
        "message_id": medium.message_id,
        "created_at": rfc3339(medium.created_at),
    }


def served_type(content_type: str) -> str:
    """What it is handed out as: itself, or octets where a browser could carry it out."""
    bare = content_type.partition(";")[0]
    harmless = bare in SAFE or bare.partition("/")[0] in SAFE_FAMILIES
    return content_type if harmless and bare not in UNSAFE else UNKNOWN_TYPE


def _disposition(medium: Medium) -> str:
    name = quote(medium.name or medium.id, safe="")
    return f"attachment; filename*=UTF-8''{name}"  # RFC 6266 4.3


def _length(request: Request) -> int:
    return int(request.headers["content-length"][:18])


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes. Raises RequestError(too_slow) when it does not, or not whole."""
    stream = aiter(request.stream())
    deadline = asyncio.get_running_loop().time() + UPLOAD_S
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise RequestError(f"the body did not come within {UPLOAD_S:g} s", code="too_slow") from None
        except ClientDisconnect as exc:
            raise RequestError("the body ended before its end", code="too_slow") from exc
        if chunk is None:
            return
        yield chunk


class _Chunks:
    """The content of an open file, read in threads. Closed at its end, and when nobody holds it any more."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with self._file:
            while chunk := await asyncio.to_thread(self._file.read, CHUNK):
                yield chunk
