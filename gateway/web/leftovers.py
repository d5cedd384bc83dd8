"""The route of the own API that shows what came in and belongs to nothing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from gateway.web.ports import Service
from gateway.wire import part_json, report_json

MAX_PAGE = 200


def leftover_routes(service: Service) -> APIRouter:
    """`/api/v1/leftovers`."""
    router = APIRouter(prefix="/api/v1/leftovers")

    @router.get("")
    async def leftovers(limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50) -> JSONResponse:
        """Status reports that fit no text, and PDUs that are kept raw; newest first."""
        reports, parts = await service.leftovers(limit)
        return JSONResponse({"reports": list(map(report_json, reports)), "parts": list(map(part_json, parts))})

    return router
