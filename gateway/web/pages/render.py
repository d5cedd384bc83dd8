"""Templates to answers: everything is escaped, and the browser is told to run nothing that is not ours."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway import __version__
from gateway.accounts import Permission, Principal
from gateway.clock import rfc3339
from gateway.errors import RequestError, StoreError
from gateway.web.errors import status_of
from gateway.web.pages import assets, words

HEADERS: Mapping[str, str] = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # `no-referrer` would have the log-in form say that it comes from nowhere
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
FOREVER = "public, max-age=31536000, immutable"


def _static(name: str) -> str:
    return f"/static/{assets.assets()[name].name}"


def _stamp(moment: datetime | None) -> str:
    return rfc3339(moment) if moment is not None else ""


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.globals |= {"static": _static, "version": __version__, "words": words}
_ENVIRONMENT.filters |= {"stamp": _stamp}


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page of ours with who is logged in. `values` are what the template shows."""
    who = request.scope.get("principal")
    principal = who if isinstance(who, Principal) else None
    html = _ENVIRONMENT.get_template(template).render(
        who=principal,
        may_send=principal is not None and principal.may(Permission.SEND),
        may_operate=principal is not None and principal.may(Permission.OPERATE),
        status=status,
        path=request.url.path,
        here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        **values,
    )
    return HTMLResponse(html, status, dict(HEADERS))


Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class PageRoute(APIRoute):
    """A route whose errors are for people."""

    def get_route_handler(self) -> Handler:
        answer = super().get_route_handler()

        async def shown(request: Request) -> Response:
            try:
                return await answer(request)
            except RequestError as exc:
                return _error(request, status_of(exc.code), str(exc))
            except StoreError as exc:
                return _error(request, 503, f"the database does not answer: {exc}")

        return shown


def _error(request: Request, status: int, message: str) -> HTMLResponse:
    """A whole page, or the one line that a script asked for."""
    part = "hx-request" in request.headers
    return page(request, "note.html" if part else "error.html", status, message=message)


def page_router() -> APIRouter:
    """For pages: no part of the API's description."""
    return APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=HTMLResponse)


def static_routes() -> APIRouter:
    """`/static/…`: open to everybody, as they are the same for everybody."""
    router = page_router()

    @router.get("/static/{name}")
    async def static(name: str, request: Request) -> Response:
        asset = assets.by_hashed_name().get(name)
        if asset is None:
            raise RequestError("there is no such file", code="unknown_entry")
        headers = {"cache-control": FOREVER, "x-content-type-options": "nosniff", "vary": "accept-encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            return Response(asset.packed, media_type=asset.media_type, headers=headers)
        return Response(asset.body, media_type=asset.media_type, headers=headers)

    return router
