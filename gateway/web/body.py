"""What comes with a request: its body, as far as it may be that long, and its idempotency key."""

from __future__ import annotations

import asyncio

from fastapi import Request

from gateway.errors import RequestError
from gateway.wire import MAX_PAYLOAD, read_client_id

BODY_S = 30.0


async def body_of(request: Request, most: int = MAX_PAYLOAD) -> bytes:
    """The body, of at most `most` octets, if it comes in time. Raises RequestError (too_large, too_slow)."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise RequestError(f"at most {most} octets are allowed", code="too_large")
    except TimeoutError:
        raise RequestError(f"the body did not come within {BODY_S:g} s", code="too_slow") from None
    return bytes(body)


def idempotency_key(request: Request) -> str | None:
    """The header of that name. Raises RequestError."""
    text = request.headers.get("idempotency-key")
    if text is None:
        return None
    try:
        return read_client_id(text.encode("latin-1").decode())  # the framework decodes headers as Latin-1
    except UnicodeDecodeError as exc:
        raise RequestError("the Idempotency-Key header is not UTF-8", field="id") from exc
