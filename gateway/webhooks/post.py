"""One attempt to deliver: connect to a judged address, post, look at the status."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx

from gateway.errors import PermanentError
from gateway.webhooks.guard import resolve

MAX_REDIRECTS = 3
_REDIRECTS = (307, 308)  # the others would drop the body
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LAST_PORT = 0xFFFF
MAX_LOOK_UPS = 4
"""Names that one poster asks for at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of an attempt. `status` is None when there was no answer; `retry_after_s` is what the receiver asks.

    `final`: what went wrong would go wrong again.
    """

    status: int | None
    error: str = ""
    retry_after_s: float | None = None
    final: bool = False

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300 and not self.error

    @property
    def gone(self) -> bool:
        """The receiver says that it will never want this, or made of it what a repeat would not change."""
        return self.final or self.status == 410


class Poster:
    """Posts for one webhook. Proxies of the environment are not used: they would connect past the guard."""

    def __init__(self, *, allow_private: bool, timeout_s: float) -> None:
        self._allow_private = allow_private
        self._timeout_s = timeout_s
        # With the internet down each look-up takes half a minute, and modems that come back use the common threads.
        self._threads = ThreadPoolExecutor(MAX_LOOK_UPS, "look-up")
        self._client = httpx.AsyncClient(
            trust_env=False,
            follow_redirects=False,
            timeout=timeout_s,
            # a kept connection would be taken for another name at the same address
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self._client.aclose()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Never raises for what the network or the receiver does."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._follow(httpx.URL(url), body, headers)
        except TimeoutError:
            return Answer(status=None, error=f"no answer within {self._timeout_s:g} s")
        except PermanentError as error:
            return Answer(status=None, error=str(error))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return Answer(status=None, error=_words(error))

    async def _follow(self, url: httpx.URL, body: bytes, headers: Mapping[str, str]) -> Answer:
        for _ in range(MAX_REDIRECTS + 1):
            status, answered = await self._once(url, body, headers)
            if status not in _REDIRECTS or "location" not in answered:
                return _judged(status, answered)
            following = url.join(answered["location"])
            if following.scheme not in ("https", url.scheme):
                return Answer(status=status, error="it redirects from https to something weaker")
            url = following
        return Answer(status=status, error=f"more than {MAX_REDIRECTS} redirects")

    async def _once(self, url: httpx.URL, body: bytes, headers: Mapping[str, str]) -> tuple[int, httpx.Headers]:
        answer = await self._request("POST", url, body, headers)
        await answer.aclose()  # what it says is not our business, however long it is
        return answer.status_code, answer.headers

    async def exchange(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], limit: int
    ) -> tuple[int, httpx.Headers, bytes]:
        """One request and what is answered, at most `limit` + 1 octets of it; redirects are not followed.

        Raises PermanentError (the guard), OSError, ValueError and httpx's errors.
        """
        answer = await self._request(method, httpx.URL(url), body, headers)
        content = bytearray()
        try:
            async for piece in answer.aiter_raw():
                content += piece
                if len(content) > limit:
                    break
        finally:
            await answer.aclose()
        return answer.status_code, answer.headers, bytes(content[: limit + 1])

    async def _request(self, method: str, url: httpx.URL, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        if url.scheme not in _DEFAULT_PORTS or not url.host:
            raise httpx.UnsupportedProtocol("only http:// and https:// are possible")
        port = url.port or _DEFAULT_PORTS[url.scheme]
        if port > _LAST_PORT:
            raise httpx.UnsupportedProtocol(f"there is no port {port}"[:80])
        address = await resolve(url.host, port, allow_private=self._allow_private, threads=self._threads)
        request = self._client.build_request(
            method,
            url.copy_with(host=address, userinfo=b""),
            content=body or None,
            headers={**headers, "Host": url.netloc.decode("ascii")},
            extensions={"sni_hostname": url.host},  # the certificate is checked against the name, not the address
        )
        return await self._client.send(request, stream=True)


def _judged(status: int, headers: httpx.Headers) -> Answer:
    wish = headers.get("retry-after", "")
    return Answer(
        status=status,
        error="" if 200 <= status < 300 else f"it answered {status}",
        retry_after_s=float(wish) if wish.isascii() and wish.isdecimal() and len(wish) < 7 else None,
    )


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200] if str(error) else type(error).__name__
