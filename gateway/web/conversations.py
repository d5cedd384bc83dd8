"""`/api/v1/conversations`: what was said with whom. The messages of one are `/api/v1/messages?peer=…`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from gateway.messaging.conversations import Conversations
from gateway.web import schema
from gateway.web.body import body_of
from gateway.web.filters import MAX_PAGE, Place
from gateway.web.schema import Answer, documented, nothing
from gateway.wire import Payload, Short, message_json, read, read_object


class Conversation(Answer):
    """`unread`: received since it was marked as read, 1000 at most. `last`: its newest message."""

    peer: str
    unread: int
    last: schema.Message


class ConversationPage(Answer):
    """Newest first. `next`: `before` of the following page."""

    conversations: list[Conversation]
    next: str | None


class ReadPayload(Payload):
    """`message_id`: up to which message; without one, all of the conversation."""

    peer: Short
    message_id: Short | None = None


def conversation_routes(conversations: Conversations) -> APIRouter:
    """Conversations by number."""
    router = APIRouter(prefix="/api/v1/conversations")

    @router.get("", **documented(ConversationPage))
    async def page(before: Place = None, limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50) -> JSONResponse:
        found, following = await conversations.page(int(before) if before else None, limit)
        shown = [{"peer": each.last.peer, "unread": each.unread, "last": message_json(each.last)} for each in found]
        return JSONResponse({"conversations": shown, "next": str(following) if following is not None else None})

    @router.post("/read", **{**documented(Answer, body=ReadPayload), **nothing()})
    async def mark_read(request: Request) -> Response:
        """Marks a conversation as read."""
        asked = read(ReadPayload, read_object(await body_of(request)))
        await conversations.mark_read(asked.peer, asked.message_id)
        return Response(status_code=204)

    return router
