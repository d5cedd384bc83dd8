"""`/api/v1/sessions`: who is logged in at the page, and ending that."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from gateway.accounts import Accounts, Permission
from gateway.clock import rfc3339
from gateway.web.auth import requires
from gateway.web.schema import Answer, documented, nothing


class OpenSession(Answer):
    """A log-in that is not over."""

    session_id: str
    user: str
    created_at: datetime
    expires_at: datetime


class OpenSessions(Answer):
    """All of them, oldest first."""

    sessions: list[OpenSession]


def open_session_routes(accounts: Accounts) -> APIRouter:
    """Everybody's log-ins, for admins."""
    router = APIRouter(prefix="/api/v1/sessions", dependencies=[requires(Permission.ADMIN)])

    @router.get("", **documented(OpenSessions))
    async def sessions() -> JSONResponse:
        found = [
            {
                "session_id": session.id,
                "user": session.user,
                "created_at": rfc3339(session.created_at),
                "expires_at": rfc3339(session.expires_at),
            }
            for session in await accounts.sessions()
        ]
        return JSONResponse({"sessions": found})

    @router.delete("/{session_id}", **nothing())
    async def end_session(session_id: str) -> Response:
        await accounts.end_session(session_id)
        return Response(status_code=204)

    return router
