"""The body of a request, as far as it may be that long."""

from __future__ import annotations

import asyncio

from fastapi import Request

from gateway.errors import RequestError
from gateway.wire import MAX_PAYLOAD

BODY_S = 30.0


async def body_of(request: Request) -> bytes:
    """The body, as far as it may be that long and comes in time. Raises RequestError (too_large, too_slow)."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_PAYLOAD:
                    raise RequestError(f"at most {MAX_PAYLOAD} octets are allowed", code="too_large")
    except TimeoutError:
        raise RequestError(f"the body did not come within {BODY_S:g} s", code="too_slow") from None
    return bytes(body)
