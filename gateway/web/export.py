"""`/api/v1/messages/export`: all messages that a filter chooses, as CSV or JSON lines, however many they are."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse

from gateway.clock import rfc3339
from gateway.messaging.model import Message, MessageFilter
from gateway.web.filters import MAX_PAGE, chosen
from gateway.web.ports import Service
from gateway.wire import message_json

COLUMNS = ("time", "direction", "number", "modem", "status", "segments", "text", "error", "message_id")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export_routes(service: Service) -> APIRouter:
    """Wants its place in front of the routes of single messages."""
    router = APIRouter(prefix="/api/v1/messages")

    @router.get(
        "/export",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/csv": {}, "application/x-ndjson": {}}, "description": "Newest first."}},
    )
    async def export(
        wanted: Annotated[MessageFilter, Depends(chosen)],
        format: Literal["csv", "ndjson"] = "csv",  # noqa: A002
    ) -> StreamingResponse:
        """With the filters of the list. A text that a spreadsheet would take for a formula gets an apostrophe in front."""
        return streamed(service, wanted, format)

    return router


def streamed(service: Service, wanted: MessageFilter, form: str) -> StreamingResponse:
    """The answer, made a page at a time while it is sent."""
    kind, lines = _FORMS[form]
    headers = {"content-disposition": f'attachment; filename="messages.{form}"', "cache-control": "no-store"}
    return StreamingResponse(_pages(service, wanted, lines), media_type=kind, headers=headers)


async def _pages(
    service: Service, wanted: MessageFilter, lines: Callable[[Sequence[Message], bool], str]
) -> AsyncIterator[str]:
    before, first = wanted.before, True
    while True:
        found = await service.messages(replace(wanted, before=before, limit=MAX_PAGE))
        yield lines(found, first)
        if len(found) < MAX_PAGE:
            return
        before, first = found[-1].n, False


def csv_lines(messages: Sequence[Message], head: bool) -> str:
    """RFC 4180."""
    out = io.StringIO()
    writer = csv.writer(out)
    if head:
        writer.writerow(COLUMNS)
    for each in messages:
        text = each.text if each.data is None else each.data.hex()
        row = (rfc3339(each.created_at), each.direction, _number(each.peer), each.line or "", each.status.value)
        writer.writerow([*row, each.segments, _plain(text or ""), _plain(each.error[1] if each.error else ""), each.id])
    return out.getvalue()


def json_lines(messages: Sequence[Message], _head: bool) -> str:
    """A message a line, as the list shows it."""
    return "".join(json.dumps(message_json(each), ensure_ascii=False) + "\n" for each in messages)


_FORMS: dict[str, tuple[str, Callable[[Sequence[Message], bool], str]]] = {
    "csv": ("text/csv; charset=utf-8", csv_lines),
    "ndjson": ("application/x-ndjson", json_lines),
}


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _number(peer: str) -> str:
    """A number begins with + and is none the less no formula; the name of a sender can be one."""
    return peer if peer[:1] == "+" and peer[1:].isascii() and peer[1:].isdigit() else _plain(peer)
