"""`/api/v1/error-codes`: what the codes mean."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from gateway.accounts import Permission
from gateway.errors import CODES
from gateway.web import schema
from gateway.web.auth import requires
from gateway.web.schema import documented


def code_routes() -> APIRouter:
    router = APIRouter(prefix="/api/v1/error-codes")

    @router.get("", **documented(schema.ErrorCodes), dependencies=[requires(*Permission)])
    async def codes() -> JSONResponse:
        """Every code that an `error` can have, with its meaning."""
        found = [
            {"code": code, "meaning": info.meaning, "retryable": info.retryable, "twilio": info.twilio}
            for code, info in sorted(CODES.items())
        ]
        return JSONResponse({"codes": found})

    return router
