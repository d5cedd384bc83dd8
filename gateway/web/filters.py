"""The query parameters that choose messages, of the list and of the export."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from pydantic import BeforeValidator

from gateway.messaging.model import MAX_CLIENT_ID, MessageFilter, Status
from gateway.wire import Moment

MAX_PAGE = 200
MAX_WORDS = 200
"""Characters of a search."""

Place = Annotated[str | None, Query(pattern=r"^[0-9]{1,18}$", description="`next` of the page before.")]


def _with_plus(text: object) -> object:
    return text[:11] + text[11:].replace(" ", "+") if isinstance(text, str) else text  # "+" in a query means a space


Time = Annotated[Moment, BeforeValidator(_with_plus)]


def chosen(
    direction: Literal["outbound", "inbound"] | None = None,
    status: Annotated[list[Status] | None, Query(max_length=len(Status))] = None,
    peer: Annotated[
        str | None, Query(max_length=64, description="All of it (`+49…`), or digits that it ends with.")
    ] = None,
    modem: Annotated[str | None, Query(max_length=64)] = None,
    number: Annotated[str | None, Query(max_length=64, description="Our own number.")] = None,
    since: Annotated[Time | None, Query(description="Accepted or received then or later.")] = None,
    until: Annotated[Time | None, Query(description="Accepted or received before then.")] = None,
    tag: Annotated[str | None, Query(max_length=200, description="`name`, or `name=value`.")] = None,
    kind: Literal["text", "data", "flash"] | None = None,
    has_error: bool | None = None,
    id: Annotated[str | None, Query(max_length=MAX_CLIENT_ID, description="The client's own id.")] = None,  # noqa: A002
    q: Annotated[
        str | None,
        Query(max_length=MAX_WORDS, description='Words that occur in the text; `"a phrase"`, `begin*`.'),
    ] = None,
    blocked: Annotated[bool, Query(description="Those of blocked senders instead.")] = False,
) -> MessageFilter:
    """The filter that a request asks for, without its page. Every parameter that is given must match."""
    name, equals, value = (tag or "").partition("=")
    other = _number(peer) if peer else None
    ends = other is not None and other.isascii() and other.isdigit()
    return MessageFilter(
        direction=direction,
        status=tuple(each.value for each in status or ()),
        peer=None if ends else other,
        peer_ends=other if ends else None,
        line=modem,
        number=_number(number) if number else None,
        since=since,
        until=until,
        tag=(name, value if equals else None) if tag else None,
        kind=kind,
        failed=has_error,
        client_id=id,
        words=q or None,
        blocked=blocked,
    )


def _number(text: str) -> str:
    return text.replace(" ", "+")  # "+" in a query string means a space
