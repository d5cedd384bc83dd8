"""Times in query strings."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query

from gateway.clock import parse_rfc3339
from gateway.errors import RequestError

Moment = Annotated[
    str | None,
    Query(max_length=40, description="RFC 3339, for example 2026-02-03T04:05:06Z", examples=["2026-02-03T04:05:06Z"]),
]
"""A parameter of a route."""

EARLIEST, LATEST = 1971, 9000
"""Years: with room for any offset."""


def moment_of(text: str | None, field: str) -> datetime | None:
    """The time of a parameter; None where none was given. Raises RequestError."""
    if text is None:
        return None
    try:
        moment = parse_rfc3339(text.replace(" ", "+"))  # "+" in a query string means a space
    except (ValueError, OverflowError) as exc:
        raise RequestError(f"{text!r:.60} is no time: {exc}", field=field) from exc
    if not EARLIEST <= moment.year <= LATEST:
        raise RequestError(f"times from {EARLIEST} to {LATEST} can be asked for", field=field)
    return moment
