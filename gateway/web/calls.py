"""The route of the own API that lists calls."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from gateway.messaging.model import CallFilter
from gateway.web import schema
from gateway.web.ports import Service
from gateway.web.schema import documented
from gateway.wire import call_json

MAX_PAGE = 200


def call_routes(service: Service) -> APIRouter:
    """`/api/v1/calls`."""
    router = APIRouter(prefix="/api/v1/calls")

    @router.get("", **documented(schema.Calls))
    async def calls(
        number: str | None = None,
        modem: str | None = None,
        before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    ) -> JSONResponse:
        """Newest first. `next` of one page is `before` of the following one; null after the last."""
        peer = number.replace(" ", "+") if number else None  # "+" in a query string means a space
        found = await service.calls(CallFilter(peer=peer, line=modem, before=before, limit=limit))
        following = found[-1].n if len(found) == limit else None
        return JSONResponse({"calls": [call_json(call) for call in found], "next": following})

    return router
