"""`/api/v1/messages`: send, list, look at, cancel."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from gateway.accounts import Permission, Principal
from gateway.errors import RequestError
from gateway.messaging.model import MessageFilter, Origin
from gateway.web import errors, schema
from gateway.web.auth import principal_of, requires
from gateway.web.body import body_of, idempotency_key
from gateway.web.filters import MAX_PAGE, Place, chosen
from gateway.web.ports import Service
from gateway.web.schema import IDEMPOTENCY_KEY, documented, nothing
from gateway.wire import (
    SendPayload,
    details_json,
    error_json,
    message_json,
    read,
    read_object,
    result_json,
)


def message_routes(service: Service) -> APIRouter:
    """`/api/v1/messages` and below."""
    router = APIRouter(prefix="/api/v1/messages")

    @router.post(
        "",
        **documented(schema.Result, 201, body=SendPayload, parameters=[IDEMPOTENCY_KEY]),
        dependencies=[requires(Permission.SEND)],
    )
    async def send(request: Request) -> JSONResponse:
        key = idempotency_key(request)
        payload = read(SendPayload, read_object(await body_of(request)))
        if key is not None and payload.id not in (None, key):
            raise RequestError("the Idempotency-Key header and id differ", field="id")
        check_limits(principal_of(request), payload)
        result = await service.send(payload.request(key), Origin(edge="api", client=principal_of(request).name))
        if result.error is not None:
            return JSONResponse({"error": error_json(result.error)}, errors.status_of(result.error[0]))
        return JSONResponse(result_json(result), 201 if result.status == "accepted" else 200)

    @router.get("", **documented(schema.Messages))
    async def messages(
        wanted: Annotated[MessageFilter, Depends(chosen)],
        before: Place = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    ) -> JSONResponse:
        """Newest first. `next` of one page is `before` of the following one; null after the last."""
        found = await service.messages(replace(wanted, before=int(before) if before else None, limit=limit))
        following = str(found[-1].n) if len(found) == limit else None
        return JSONResponse({"messages": [message_json(message) for message in found], "next": following})

    @router.get(
        "/{message_id}", **documented(schema.MessageDetails), dependencies=[requires(Permission.READ, Permission.SEND)]
    )
    async def message(message_id: str, request: Request) -> JSONResponse:
        """Who may only send is shown what was sent, by an id that nobody can guess; nothing that came in."""
        message, segments, timeline = await service.message(message_id)
        if message.direction != "outbound" and not principal_of(request).may(Permission.READ):
            raise RequestError(f"there is no message {message_id[:40]!r}", code="unknown_message")
        return JSONResponse(details_json(message, segments, timeline))

    @router.post("/{message_id}/cancel", **documented(schema.Message))
    async def cancel(message_id: str) -> JSONResponse:
        return JSONResponse(message_json(await service.cancel(message_id)))

    @router.delete("/{message_id}", **nothing())
    async def delete(message_id: str) -> Response:
        """Only what is finished; what waits has to be cancelled before."""
        await service.removal.delete(message_id)
        return Response(status_code=204)

    @router.post("/{message_id}/redact", **documented(schema.Message))
    async def redact(message_id: str) -> JSONResponse:
        """Blanks what a finished message said, its PDUs too; the rest of it stays."""
        return JSONResponse(message_json(await service.removal.redact(message_id)))

    return router


def check_limits(principal: Principal, payload: SendPayload) -> None:
    """What the token may send through and to. Raises RequestError(forbidden)."""
    if principal.modems and payload.modem not in principal.modems:
        names = ", ".join(principal.modems)
        raise RequestError(f"this token sends through {names}; name one as modem", code="forbidden", field="modem")
    if principal.recipients and not all(one.startswith(principal.recipients) for one in payload.to):
        allowed = ", ".join(principal.recipients)
        raise RequestError(f"this token sends to numbers that begin with {allowed}", code="forbidden", field="to")
