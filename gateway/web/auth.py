"""Who asks, over TCP: credentials, Host, CSRF, rate, and what is written down of it. The routes say what they permit."""

from __future__ import annotations

import base64
import hmac
import ipaddress
import json
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit

from fastapi import Depends
from fastapi.params import Depends as Dependency
from fastapi.requests import HTTPConnection
from fastapi.routing import APIRoute

from gateway.accounts import Accounts, Permission, Principal
from gateway.accounts.service import LockedOut
from gateway.clock import Clock
from gateway.errors import CODES, RequestError, StoreError
from gateway.web.rate import Rates

log = logging.getLogger(__name__)

COOKIE = "smsgw_session"
CSRF_HEADER = "x-csrf-token"
SEND_PATH = "/api/v1/messages"
LOGIN = ("POST", "/api/v1/session")
LOGIN_PAGE = "/login"
STATIC = "/static/"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
UNNOTED = frozenset({"/messages/new", "/messages/draft"})
"""Of the page, what is not written into the audit log: messages tell their own life, and a draft changes nothing."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Passwords = Callable[[str, str, str], Awaitable[Principal | None]]
"""Name, password and the client's address: who it is. Raises LockedOut."""


class Refused(Exception):
    """The request goes no further."""

    def __init__(self, status: int, code: str, message: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.body = {"error": {"code": code, "message": message or CODES[code].meaning}}
        self.headers = dict(headers or {})


Refuse = Callable[[Scope, Send, Refused], Awaitable[None]]


def principal_of(connection: HTTPConnection) -> Principal:
    """Who asks. Every request that reaches a route has one."""
    principal = connection.scope["principal"]
    assert isinstance(principal, Principal)
    return principal


def requires(*permissions: Permission) -> Dependency:
    """A dependency of a route or router: who has one of the permissions gets in. Raises RequestError(forbidden)."""
    dependency = Depends(Requirement(permissions))
    assert isinstance(dependency, Dependency)
    return dependency


class Requirement:
    """One of some permissions."""

    def __init__(self, permissions: tuple[Permission, ...]) -> None:
        self.permissions = permissions

    async def __call__(
        self, connection: HTTPConnection
    ) -> None:  # a plain function would be run in a thread of its own
        self.check(connection)

    def check(self, connection: HTTPConnection) -> None:
        """Raises RequestError(forbidden)."""
        principal = principal_of(connection)
        if not any(principal.may(permission) for permission in self.permissions):
            raise RequestError(CODES["forbidden"].meaning, code="forbidden")


def permissions_of(route: APIRoute, method: str) -> tuple[Permission, ...]:
    """Of which one is asked for; a route that says nothing asks for `read` to look, `operate` to change anything."""
    said = [dep.dependency for dep in route.dependencies if isinstance(dep.dependency, Requirement)]
    if said:
        return said[-1].permissions
    return (Permission.READ,) if method in SAFE else (Permission.OPERATE,)


async def check_permission(connection: HTTPConnection) -> None:
    """The dependency of the whole application: a route without a word of its own is never open by mistake."""
    route = connection.scope["route"]
    if connection.scope.get("open") or connection.scope["type"] == "websocket":
        return  # log-in takes credentials; a WebSocket refuses before its handshake
    assert isinstance(route, APIRoute)
    Requirement(permissions_of(route, connection.scope["method"])).check(connection)


class Gate:
    """In front of an API on TCP. `hosts`: names beside the loopback's and addresses by which we may be called.

    `passwords`: whose names and passwords count, those of the users where nothing is said; `refuse`: how it says no.
    """

    def __init__(
        self,
        app: App,
        accounts: Accounts,
        clock: Clock,
        *,
        hosts: Collection[str],
        per_minute: int,
        passwords: Passwords | None = None,
        refuse: Refuse | None = None,
    ) -> None:
        self._app = app
        self._accounts = accounts
        self._passwords = passwords or accounts.by_password
        self._refuse = refuse or _refuse
        self._hosts = frozenset(host.lower() for host in hosts)
        self._rates = Rates(per_minute, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        try:
            self._check_host(headers)
            if is_open(scope):
                if scope["method"] not in SAFE:
                    # It must not log a browser in, as somebody of its own choice: there is no CSRF token yet.
                    self._check_origin(headers)
                scope["open"] = True
                await self._app(scope, receive, send)
                return
            principal = await self._who(scope, headers)
            self._check_csrf(scope, headers, principal)
            limits = self._rates.take(f"{principal.kind}:{principal.name}")
            if limits.exceeded:
                raise Refused(429, "rate_limited", headers=limits.headers())
        except Refused as refused:
            await self._refuse(scope, send, refused)
            return
        scope["principal"] = principal
        if scope["type"] == "http":
            send = noted(self._accounts, scope, principal, send, limits.headers())
        await self._app(scope, receive, send)

    def _check_host(self, headers: Mapping[str, str]) -> None:
        """A page elsewhere that has its name point here (DNS rebinding) has a Host that we do not know."""
        host = headers.get("host", "")
        name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
        if name.lower() not in self._hosts and name.lower() != "localhost" and not _is_address(name):
            raise Refused(403, "forbidden", f"the Host {host[:80]!r} is not known here; add it to web.hosts")

    def _check_origin(self, headers: Mapping[str, str]) -> None:
        """Of what a browser does whoever asked it to, a page elsewhere must not be the one that asks."""
        if not own_origin(headers.get("origin"), headers.get("host", "")):
            raise Refused(403, "forbidden", "a page from elsewhere can neither log in nor change anything here")

    async def _who(self, scope: Scope, headers: Mapping[str, str]) -> Principal:
        source = source_of(scope)
        kind, _, value = headers.get("authorization", "").partition(" ")
        try:
            if kind.lower() == "bearer":
                found = await self._accounts.by_token(value.strip())
            elif kind.lower() == "basic":
                found = await self._passwords(*_basic(value), source)
            elif cookie := _cookie(headers):
                found = await self._accounts.by_session(cookie)
            else:
                found = None
        except LockedOut as error:
            raise Refused(429, "locked_out", str(error), {"retry-after": f"{error.wait_s:.0f}"}) from error
        except StoreError as error:
            raise Refused(503, "store_error", str(error)) from error
        if found is None:
            raise Refused(401, "unauthorized", headers={"www-authenticate": 'Bearer realm="smsgw"'})
        return found

    def _check_csrf(self, scope: Scope, headers: Mapping[str, str], principal: Principal) -> None:
        """A browser sends the cookie whoever asked it to; the token only a page of ours can know.

        It sends a password too that it was once told when we asked for one (RFC 7617 2.2).
        """
        if scope.get("method", "GET") in SAFE:
            return
        if principal.csrf is None:
            if headers.get("authorization", "").lower().startswith("basic"):
                self._check_origin(headers)
            return
        if not hmac.compare_digest(headers.get(CSRF_HEADER, "").encode(), principal.csrf.encode()):
            raise Refused(403, "forbidden", f"the {CSRF_HEADER} header is missing or wrong")


def noted(accounts: Accounts, scope: Scope, principal: Principal, send: Send, headers: Mapping[str, str]) -> Send:
    """`send` with more headers; what changed something is noted in the audit log before the answer leaves."""
    added = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def noting(event: MutableMapping[str, Any]) -> None:
        if event["type"] == "http.response.start":
            event["headers"] = [*event.get("headers", ()), *added]
            if scope["method"] not in SAFE and scope["path"] not in UNNOTED and not _sends(scope["path"]):
                await _note(accounts, scope, principal, ok=event["status"] < 400)
        await send(event)

    return noting


def _sends(path: str) -> bool:
    return path == SEND_PATH or (path.startswith("/2010-04-01/") and path.endswith("/Messages.json"))


async def _note(accounts: Accounts, scope: Scope, principal: Principal, *, ok: bool) -> None:
    who, what, target = f"{principal.kind}:{principal.name}", scope["method"], scope["path"]
    try:
        await accounts.note(what, who=who, source=source_of(scope), target=target, ok=ok)
    except StoreError as exc:  # what was done is done, and has to be answered
        log.error("the audit log lacks that %s did %s %.200s: %s", who, what, target, exc)


def is_open(scope: Scope) -> bool:
    """What takes credentials, and the files of the page that asks for them."""
    if scope["type"] != "http":
        return False
    method, path = scope["method"], scope["path"]
    if (method, path) == LOGIN or (method in ("GET", "POST") and path == LOGIN_PAGE):
        return True
    return method == "GET" and str(path).startswith(STATIC)


def own_origin(origin: str | None, host: str) -> bool:
    """Whether a request comes from a page of ours, by what browsers say of it (RFC 6454 7), or from no page."""
    return origin is None or urlsplit(origin).netloc.lower() == host.lower()


def source_of(scope: Scope) -> str:
    """The client's address."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _basic(value: str) -> tuple[str, str]:
    try:
        name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:  # no base64, or no UTF-8
        return "", ""
    return name, password


def _cookie(headers: Mapping[str, str]) -> str:
    try:
        jar = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return jar[COOKIE].value if COOKIE in jar else ""


async def _refuse(scope: Scope, send: Send, refused: Refused) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": refused.body["error"]["code"]})
        return
    if refused.status == 401 and scope["method"] == "GET" and "text/html" in _headers(scope).get("accept", ""):
        # A person with a browser, and not a program, is to be shown the way in.
        there = f"{LOGIN_PAGE}?{urlencode({'next': scope['path']})}"
        await send({"type": "http.response.start", "status": 303, "headers": [(b"location", there.encode())]})
        await send({"type": "http.response.body", "body": b""})
        return
    body = json.dumps(refused.body).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), **refused.headers}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refused.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
