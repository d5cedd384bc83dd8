"""`/login`, `/logout`: the same sessions as `/api/v1/session` makes."""

from __future__ import annotations

import re

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from gateway.accounts import Accounts, Permission
from gateway.accounts.service import LockedOut
from gateway.web.accounts import set_session
from gateway.web.auth import COOKIE, requires
from gateway.web.pages.forms import form_of
from gateway.web.pages.render import HEADERS, page, page_router

_OURS = re.compile(r"/(?:(?:messages|modems)(?:/[A-Za-z0-9._~%+-]{1,80}){0,2})?", re.ASCII)
"""Where a log-in may lead to. Anything else leads to the overview, never to another site."""


def own_page(path: str) -> str:
    return path if _OURS.fullmatch(path) else "/"


def login_routes(accounts: Accounts) -> APIRouter:
    """The only page that is shown to strangers."""
    router = page_router()

    @router.get("/login")
    async def form(request: Request) -> Response:
        after = own_page(request.query_params.get("next", "/"))
        return page(request, "login.html", after=after, name="", wrong="")

    @router.post("/login")
    async def log_in(request: Request) -> Response:
        said = await form_of(request)
        name, after = said.get("name", "").strip(), own_page(said.get("next", "/"))
        try:
            made = await accounts.log_in(name, said.get("password", ""), request.client.host if request.client else "")
        except LockedOut as exc:
            wrong = f"Too many attempts. Try again in {exc.wait_s:.0f} seconds."
            return page(request, "login.html", 429, after=after, name=name, wrong=wrong)
        if made is None:
            return page(request, "login.html", 401, after=after, name=name, wrong="Name or password is wrong.")
        answer = RedirectResponse(after, 303, dict(HEADERS))
        set_session(answer, *made, secure=request.url.scheme == "https")
        return answer

    return router


def logout_routes(accounts: Accounts) -> APIRouter:
    router = page_router()

    @router.post("/logout", dependencies=[requires(*Permission)])
    async def log_out(request: Request) -> Response:
        if cookie := request.cookies.get(COOKIE):
            await accounts.log_out(cookie)
        answer = Response(status_code=204, headers={**HEADERS, "hx-redirect": "/login"})
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    return router
