"""`/messages…`: conversations, all texts as a table, one text in every detail, and the way to write a new one."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from gateway.accounts import Permission
from gateway.errors import CODES, RequestError
from gateway.messaging.model import MessageFilter, Origin, Status
from gateway.web.auth import principal_of, requires
from gateway.web.export import streamed
from gateway.web.messages import check_limits
from gateway.web.pages.draft import draft_of
from gateway.web.pages.forms import form_of
from gateway.web.pages.render import page, page_router
from gateway.web.pages.tracker import decoded
from gateway.web.ports import Service
from gateway.wire import SendPayload, read

RECENT = 100
"""Conversations that are listed."""
THREAD = 100
PAGE = 50
EDGE = "page"


def message_pages(service: Service) -> APIRouter:
    """Reading asks for `read`, writing for `send`."""
    router = page_router()
    _conversations(router, service)
    _table(router, service)
    _composer(router, service)
    _one(router, service)
    return router


def _conversations(router: APIRouter, service: Service) -> None:
    @router.get("/messages", dependencies=[requires(Permission.READ)])
    async def conversations(
        request: Request, peer: Annotated[str, Query(alias="with", max_length=64)] = "", to: str = ""
    ) -> Response:
        peer = _number(peer)
        recent, _ = await service.conversations.page(None, RECENT)
        thread = await service.messages(MessageFilter(peer=peer, limit=THREAD)) if peer else []
        return page(
            request,
            "messages.html",
            conversations=recent,
            peer=peer,
            to=_number(to[:64]),
            writing=bool(peer) or "to" in request.query_params,
            thread=thread[::-1],
            lines=service.lines(),
            key=_new_key(),
            sent=None,
        )


def _table(router: APIRouter, service: Service) -> None:
    @router.get("/messages/all", dependencies=[requires(Permission.READ)])
    async def table(
        request: Request,
        direction: str = "",
        status: str = "",
        peer: str = "",
        modem: str = "",
        before: Annotated[int | None, Query(ge=1)] = None,
    ) -> Response:
        wanted = _filter(direction, status, peer, modem, before, PAGE)
        found = await service.messages(wanted)
        return page(
            request,
            "table.html",
            found=found,
            wanted=wanted,
            statuses=list(Status),
            lines=service.lines(),
            following=found[-1].n if len(found) == PAGE else None,
        )

    @router.get("/messages/export.csv", dependencies=[requires(Permission.READ)])
    async def export(direction: str = "", status: str = "", peer: str = "", modem: str = "") -> Response:
        return streamed(service, _filter(direction, status, peer, modem, None, PAGE), "csv")


def _composer(router: APIRouter, service: Service) -> None:
    @router.post("/messages/draft", dependencies=[requires(Permission.SEND)])
    async def draft(request: Request) -> Response:
        said = await form_of(request)
        return page(request, "draft.html", draft=draft_of(said.get("text", "")))

    @router.post("/messages/new", dependencies=[requires(Permission.SEND)])
    async def new(request: Request) -> Response:
        """The form has an idempotency key: pressed twice, it sends once. After an answer it gets another one."""
        said = await form_of(request)
        fields: dict[str, object] = {"to": said.get("to", "").strip(), "text": said.get("text", "")}
        fields |= {name: said[name] for name in ("id", "modem", "send_at") if said.get(name)}
        fields |= {"delivery_report": True} if said.get("report") else {}
        payload = read(SendPayload, fields)
        check_limits(principal_of(request), payload)
        result = await service.send(payload.request(), Origin(edge=EDGE, client=principal_of(request).name))
        if result.error is not None:
            raise RequestError(result.error[1], code=result.error[0] if result.error[0] in CODES else "bad_request")
        message, _, _ = await service.message(result.message_ids[0])
        return page(request, "sent.html", message=message, key=_new_key())

    @router.post("/messages/{message_id}/cancel", dependencies=[requires(Permission.OPERATE)])
    async def cancel(message_id: str, request: Request) -> Response:
        await service.cancel(message_id)
        return page(request, "note.html", message="It is canceled; nothing of it has left.")


def _one(router: APIRouter, service: Service) -> None:
    @router.get("/messages/{message_id}", dependencies=[requires(Permission.READ)])
    async def one(message_id: str, request: Request) -> Response:
        message, segments, timeline = await service.message(message_id)
        return page(
            request,
            "tracker.html",
            message=message,
            segments=[(segment, decoded(segment.pdu)) for segment in segments],
            timeline=timeline,
        )


def _filter(direction: str, status: str, peer: str, modem: str, before: int | None, limit: int) -> MessageFilter:
    """An empty field of the form asks for nothing; neither does a word that there is not."""
    return MessageFilter(
        direction=direction if direction in ("inbound", "outbound") else None,
        status=status if status in set(Status) else None,
        peer=_number(peer[:64]) or None,
        line=modem[:64] or None,
        before=before,
        limit=limit,
    )


def _number(text: str) -> str:
    """`+` of a query string means a space."""
    return f"+{text[1:].strip()}" if text.startswith(" ") else text.strip()


def _new_key() -> str:
    return f"page-{uuid.uuid4().hex}"
