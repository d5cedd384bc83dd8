"""Requests to an application: signed, to allowed addresses only, and what went wrong in Twilio's numbers."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from dataclasses import dataclass
from urllib.parse import unquote, urlencode, urljoin, urlsplit, urlunsplit

import httpx

from gateway.errors import PermanentError
from gateway.web.twilio import twiml
from gateway.web.twilio.account import Account
from gateway.web.twilio.parameters import Fields
from gateway.web.twilio.signature import HEADER, sign
from gateway.webhooks.post import Poster

TIMEOUT_S = 15.0
"""For one document, with all that it is redirected to."""

MAX_HOPS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAME_AGAIN = frozenset({307, 308})  # the others turn a post into a GET


class Failed(Exception):
    """A request that came to nothing. `number`: Twilio's number; `status`: what was answered, if anything was.

    `final`: the application has had the request, and a repeat would only be answered so again.
    """

    def __init__(self, number: int, url: str, message: str, *, status: int | None = None, final: bool = False) -> None:
        super().__init__(f"{number} at {shown(url)}: {message}")
        self.number = number
        self.url = url
        self.status = status
        self.final = final


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """What was answered, and at which address."""

    url: str
    content: bytes
    content_type: str


class Client:
    """Speaks to the applications of one account. `delivery`, with each request, is the same over all its repeats."""

    def __init__(self, account: Account, *, allow_private: bool, timeout_s: float = TIMEOUT_S) -> None:
        self._account = account
        self._timeout_s = timeout_s
        self._poster = Poster(allow_private=allow_private, timeout_s=timeout_s)

    async def close(self) -> None:
        await self._poster.close()

    async def request(self, url: str, method: str, fields: Fields, delivery: str) -> Landed:
        """What an application answers with success. Raises Failed."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._follow(url, method, fields, delivery)
        except TimeoutError as error:
            message = f"no answer within {self._timeout_s:g} s"
            raise Failed(twiml.RETRIEVAL_FAILED, url, message) from error
        except PermanentError as error:
            raise Failed(twiml.CONNECTION_FAILED, url, str(error)) from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise Failed(_number_of(error), url, f"{type(error).__name__}: {error}"[:200]) from error

    async def _follow(self, url: str, method: str, fields: Fields, delivery: str) -> Landed:
        for _ in range(MAX_HOPS + 1):
            status, headers, content = await self._once(url, method, fields, delivery)
            if status in _REDIRECTS and "location" in headers:
                following = urljoin(url, headers["location"])
                if urlsplit(url).scheme == "https" != urlsplit(following).scheme:
                    raise Failed(twiml.RETRIEVAL_FAILED, url, "it redirects from https to something weaker")
                url, method = following, method if status in _SAME_AGAIN else "GET"
                continue
            if not 200 <= status < 300:
                raise Failed(twiml.RETRIEVAL_FAILED, url, f"it answered {status}", status=status)
            return Landed(url=url, content=content, content_type=headers.get("content-type", ""))
        raise Failed(twiml.TOO_MANY_HOPS, url, f"more than {MAX_HOPS} redirects")

    async def _once(self, url: str, method: str, fields: Fields, delivery: str) -> tuple[int, httpx.Headers, bytes]:
        headers = {
            "User-Agent": "smsgw",
            "Accept": "*/*",
            "Accept-Encoding": "identity",  # so that a small answer cannot become a large one
            "I-Twilio-Idempotency-Token": delivery,
        }
        if (user := urlsplit(url).username) is not None:
            pair = f"{unquote(user)}:{unquote(urlsplit(url).password or '')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"
        body = b""
        if method == "GET":
            url = _with_query(url, fields)
        else:
            headers["Content-Type"] = "application/x-www-form-urlencoded; charset=UTF-8"
            body = urlencode(fields).encode("ascii")
        url = str(httpx.URL(url))  # as it goes over the wire: that is what the receiver checks
        headers[HEADER] = sign(self._account.token, url, fields if body else ())
        return await self._poster.exchange(method, url, body, headers, twiml.MAX_OCTETS)


def _with_query(url: str, fields: Fields) -> str:
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, urlencode(fields))))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def _number_of(error: Exception) -> int:
    """Twilio's number for what kept a request from being answered."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return twiml.NO_TLS
        if isinstance(cause, socket.gaierror):
            return twiml.BAD_HOST
        cause = cause.__cause__ or cause.__context__
    return twiml.RETRIEVAL_FAILED if isinstance(error, httpx.TimeoutException) else twiml.CONNECTION_FAILED


def shown(url: str) -> str:
    """An address as it may stand in a log: without user, password and query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that is none"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))[:120]
