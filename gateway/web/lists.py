"""`/api/v1/lists` and `/api/v1/consent`: who is blocked or allowed, and who asked for no more texts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from gateway.clock import rfc3339
from gateway.messaging.consent import Consent, ConsentFilter, Entry, ListName, Way
from gateway.messaging.words import Change
from gateway.web.auth import principal_of
from gateway.web.body import body_of
from gateway.web.ports import Service
from gateway.web.schema import Answer, documented, nothing
from gateway.wire import Payload, Short, read, read_object

MAX_PAGE = 200


class EntryPayload(Payload):
    """An entry to be made. `pattern`: a number, the beginning of numbers with `*`, or for `in` a sender's name."""

    pattern: Short
    direction: Literal["out", "in"] = "out"
    note: Annotated[str, Field(max_length=200)] = ""


class EntryAnswer(Answer):
    """One entry. `entry_id` is null for what stands in the configuration, which is changed there."""

    entry_id: int | None
    list: Literal["block", "allow"]
    direction: Literal["out", "in"]
    pattern: str
    note: str
    created_at: datetime | None
    created_by: str | None


class EntriesAnswer(Answer):
    """All entries of both lists."""

    entries: list[EntryAnswer]


class ConsentAnswer(Answer):
    """Who asked whom for what, by which word. `reply_id`: the message that answers it."""

    n: int
    at: datetime
    number: str
    own_number: str
    iccid: str
    modem: str
    change: Change
    word: str
    message_id: str
    reply_id: str | None


class ConsentsAnswer(Answer):
    """A page, newest first. `next`: `before` of the following page."""

    consent: list[ConsentAnswer]
    next: int | None


def list_routes(service: Service) -> APIRouter:
    """`/api/v1/lists` and below, and `/api/v1/consent`."""
    router = APIRouter(prefix="/api/v1")
    lists = service.lists

    @router.get("/lists", **documented(EntriesAnswer))
    async def entries(
        pattern: Annotated[str | None, Query(min_length=1, max_length=64)] = None, direction: Way | None = None
    ) -> JSONResponse:
        """Those of the configuration first. `pattern`: entries that say just that, however it is written."""
        found = await lists.entries(_plus(pattern), direction)
        return JSONResponse({"entries": [_entry_json(entry) for entry in found]})

    @router.post("/lists/{name}", **documented(EntryAnswer, 201, body=EntryPayload))
    async def add(name: ListName, request: Request) -> JSONResponse:
        """Counts at once, also for what waits. An entry that is there already is answered as it is."""
        asked = read(EntryPayload, read_object(await body_of(request)))
        who = principal_of(request)
        entry = await lists.add(name, Way(asked.direction), asked.pattern, asked.note, f"{who.kind}:{who.name}")
        return JSONResponse(_entry_json(entry), 201)

    @router.delete("/lists/{name}/{entry_id}", **nothing())
    async def remove(name: ListName, entry_id: Annotated[int, Path(ge=1, lt=2**63)]) -> Response:
        await lists.remove(name, entry_id)
        return Response(status_code=204)

    @router.get("/consent", **documented(ConsentsAnswer))
    async def consent(
        number: str | None = None,
        own_number: str | None = None,
        before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    ) -> JSONResponse:
        """The log of opt-outs and opt-ins, newest first. `number`: who asked; `own_number`: whom."""
        wanted = ConsentFilter(peer=_number(number), own_number=_number(own_number), before=before, limit=limit)
        found = await lists.consent(wanted)
        following = found[-1].n if len(found) == limit else None
        return JSONResponse({"consent": [_consent_json(one) for one in found], "next": following})

    def _number(written: str | None) -> str | None:
        text = _plus(written)
        return lists.number(text) if text else None

    return router


def _plus(written: str | None) -> str | None:
    """A number in a query string, where "+" means a space."""
    return f"+{written[1:]}" if written and written.startswith(" ") else written


def _entry_json(entry: Entry) -> dict[str, Any]:
    return {
        "entry_id": entry.n or None,
        "list": entry.name.value,
        "direction": entry.way.value,
        "pattern": entry.pattern,
        "note": entry.note,
        "created_at": rfc3339(entry.created_at) if entry.created_at else None,
        "created_by": entry.created_by or None,
    }


def _consent_json(one: Consent) -> dict[str, Any]:
    return {
        "n": one.n,
        "at": rfc3339(one.at),
        "number": one.peer,
        "own_number": one.own_number,
        "iccid": one.iccid,
        "modem": one.line,
        "change": one.change.value,
        "word": one.word,
        "message_id": one.message_id,
        "reply_id": one.reply_id,
    }
