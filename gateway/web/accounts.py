"""`/api/v1/session`, `users`, `tokens`, `audit`: log in, and say who may do what."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from gateway.accounts import Accounts, AuditEntry, Permission, Role, Token, User
from gateway.accounts.model import Session
from gateway.accounts.service import LockedOut
from gateway.clock import rfc3339
from gateway.errors import RequestError
from gateway.web import schema
from gateway.web.auth import COOKIE, principal_of, requires, source_of
from gateway.web.body import body_of
from gateway.web.schema import documented, nothing
from gateway.wire import Moment, Payload, Short, read, read_object

MAX_PAGE = 200
Password = Annotated[str, Field(min_length=1, max_length=200)]


class LoginPayload(Payload):
    """Who logs in."""

    name: Short
    password: Password


class UserPayload(Payload):
    """A user as it shall be. Without `password` it stays."""

    role: Role = Field(strict=False)
    password: Password | None = None
    disabled: bool = False


class TokenPayload(Payload):
    """A token to be made. `modems`, `recipients`: all, unless some are named."""

    name: Short
    role: Role = Field(strict=False)
    modems: list[Short] = Field(default=[], max_length=64)
    recipients: list[Short] = Field(default=[], max_length=100)
    expires_at: Moment | None = None


def session_routes(accounts: Accounts) -> APIRouter:
    """Log in and out. The log-in is the one route of the API that asks for no credentials: it takes them."""
    router = APIRouter(prefix="/api/v1/session")

    @router.post("", **documented(schema.LoggedIn, 201, body=LoginPayload))
    async def log_in(request: Request) -> JSONResponse:
        asked = read(LoginPayload, read_object(await body_of(request)))
        try:
            made = await accounts.log_in(asked.name, asked.password, source_of(request.scope))
        except LockedOut as exc:
            error = {"error": {"code": exc.code, "message": str(exc)}}
            return JSONResponse(error, 429, {"retry-after": f"{exc.wait_s:.0f}"})
        if made is None:
            raise RequestError("name or password is wrong", code="unauthorized")
        cookie, session = made
        answer = JSONResponse({"name": session.user, "csrf_token": session.csrf}, 201)
        set_session(answer, cookie, session, secure=request.url.scheme == "https")
        return answer

    @router.get("", **documented(schema.Who), dependencies=[requires(*Permission)])
    async def who_am_i(request: Request) -> JSONResponse:
        return JSONResponse(_who(request))

    @router.delete("", **nothing(), dependencies=[requires(*Permission)])
    async def log_out(request: Request) -> Response:
        if cookie := request.cookies.get(COOKIE):
            await accounts.log_out(cookie)
        answer = Response(status_code=204)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    return router


def set_session(answer: Response, cookie: str, session: Session, *, secure: bool) -> None:
    """Hands the browser a session's cookie, which no script can read."""
    age = int((session.expires_at - session.created_at).total_seconds())
    answer.set_cookie(COOKIE, cookie, max_age=age, httponly=True, samesite="strict", secure=secure)


def account_routes(accounts: Accounts) -> APIRouter:
    """Users, tokens and the audit log."""
    router = APIRouter(prefix="/api/v1", dependencies=[requires(Permission.ADMIN)])

    @router.get("/users", **documented(schema.Users))
    async def users() -> JSONResponse:
        return JSONResponse({"users": [_user_json(user) for user in await accounts.users()]})

    @router.put("/users/{name}", **documented(schema.User, body=UserPayload))
    async def put_user(name: str, request: Request) -> JSONResponse:
        asked = read(UserPayload, read_object(await body_of(request)))
        return JSONResponse(
            _user_json(await accounts.put_user(name, asked.role, asked.password, disabled=asked.disabled))
        )

    @router.delete("/users/{name}", **nothing())
    async def delete_user(name: str) -> Response:
        await accounts.delete_user(name)
        return Response(status_code=204)

    @router.get("/tokens", **documented(schema.Tokens))
    async def tokens() -> JSONResponse:
        return JSONResponse({"tokens": [_token_json(token) for token in await accounts.tokens()]})

    @router.post("/tokens", **documented(schema.NewToken, 201, body=TokenPayload))
    async def make_token(request: Request) -> JSONResponse:
        """The answer has the `token` itself; it is told this once only."""
        asked = read(TokenPayload, read_object(await body_of(request)))
        who = principal_of(request)
        text, made = await accounts.make_token(_wanted(asked, f"{who.kind}:{who.name}"))
        return JSONResponse(_token_json(made) | {"token": text}, 201)

    @router.delete("/tokens/{token_id}", **nothing())
    async def delete_token(token_id: str) -> Response:
        await accounts.delete_token(token_id)
        return Response(status_code=204)

    @router.get("/audit", **documented(schema.Audit))
    async def audit(
        before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    ) -> JSONResponse:
        """Newest first. `next` of one page is `before` of the following one; null after the last."""
        found = await accounts.audit(before, limit)
        following = found[-1][0] if len(found) == limit else None
        return JSONResponse({"entries": [_entry_json(n, entry) for n, entry in found], "next": following})

    return router


def _who(request: Request) -> dict[str, Any]:
    principal = principal_of(request)
    told: dict[str, Any] = {"name": principal.name, "role": principal.role.value, "kind": principal.kind}
    return told | ({"csrf_token": principal.csrf} if principal.csrf is not None else {})


def _wanted(asked: TokenPayload, by: str) -> Token:
    return Token(
        id="",
        name=asked.name,
        role=asked.role,
        digest="",
        created_at=datetime.min.replace(tzinfo=UTC),  # the accounts say when
        created_by=by,
        modems=tuple(asked.modems),
        recipients=tuple(asked.recipients),
        expires_at=asked.expires_at,
    )


def _user_json(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "role": user.role.value,
        "disabled": user.disabled,
        "created_at": rfc3339(user.created_at),
    }


def _token_json(token: Token) -> dict[str, Any]:
    return {
        "token_id": token.id,
        "name": token.name,
        "role": token.role.value,
        "modems": list(token.modems),
        "recipients": list(token.recipients),
        "created_by": token.created_by,
        "created_at": rfc3339(token.created_at),
        "expires_at": rfc3339(token.expires_at) if token.expires_at else None,
        "last_used": rfc3339(token.last_used) if token.last_used else None,
    }


def _entry_json(n: int, entry: AuditEntry) -> dict[str, Any]:
    return {
        "n": n,
        "at": rfc3339(entry.at),
        "who": entry.who,
        "source": entry.source,
        "action": entry.action,
        "target": entry.target,
        "ok": entry.ok,
    }
