"""What a browser's form says."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from fastapi import Request

from gateway.errors import RequestError
from gateway.web.body import body_of

MAX_FIELDS = 40


async def form_of(request: Request) -> Mapping[str, str]:
    """The fields of an urlencoded form; the last one of a name counts. Raises RequestError."""
    octets = await body_of(request)
    try:
        pairs = parse_qsl(octets.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError as exc:
        raise RequestError("the form cannot be read") from exc
    return dict(pairs)
