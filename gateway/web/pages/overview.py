"""`/`: the modems, what the gateway hangs on, and what needs a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastapi import APIRouter, Request
from fastapi.responses import Response

from gateway.accounts import Permission
from gateway.messaging.model import MessageFilter
from gateway.web.auth import requires
from gateway.web.pages.render import page, page_router
from gateway.web.pages.words import attention
from gateway.web.ports import Service

LATEST = 8
Troubles = Callable[[], Mapping[str, str]]
"""What keeps the gateway from its work now: part → why."""


def overview_pages(service: Service, troubles: Troubles) -> APIRouter:
    router = page_router()

    @router.get("/", dependencies=[requires(Permission.READ)])
    async def overview(request: Request) -> Response:
        missing, lines = troubles(), service.lines()
        return page(
            request,
            "overview.html",
            lines=lines,
            trouble=bool(missing.keys() - {"modems"}),
            attention=attention(lines, missing),
            waiting=await service.waiting(),
            latest=await service.messages(MessageFilter(limit=LATEST)),
        )

    return router
