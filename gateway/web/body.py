"""The body of a request, as far as it may be that long."""

from __future__ import annotations

from fastapi import Request

from gateway.errors import RequestError
from gateway.wire import MAX_PAYLOAD


async def body_of(request: Request) -> bytes:
    """The body, as far as it may be that long. Raises RequestError(too_large)."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_PAYLOAD:
            raise RequestError(f"at most {MAX_PAYLOAD} octets are allowed", code="too_large")
    return bytes(body)
