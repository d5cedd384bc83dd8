"""Pages of lists, in the two shapes that Twilio has. A page token says where a page begins, so that new items move nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from gateway.web.twilio.errors import BAD_REQUEST, TwilioError

DEFAULT_SIZE = 50
MAX_SIZE = 1000
_PAGING = frozenset({"Page", "PageSize", "PageToken"})
_TOKEN = re.compile(r"P([AB])([0-9]{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What is asked for. `after`, `behind`: the list goes on after an item, or ends just before one."""

    path: str
    filters: tuple[tuple[str, str], ...]
    number: int
    size: int
    after: int | None = None
    behind: int | None = None

    def uri(self, number: int, token: str = "") -> str:
        query = [*self.filters, ("PageSize", str(self.size)), ("Page", str(number))]
        return f"{self.path}?{urlencode([*query, ('PageToken', token)] if token else query)}"


def page_of(request: Request) -> Page:
    """Raises TwilioError where a page is asked for that there cannot be."""
    asked = request.query_params
    token = asked.get("PageToken", "")
    found = _TOKEN.fullmatch(token) if token else None
    if token and found is None:
        raise TwilioError(BAD_REQUEST, "PageToken is none that was given out")
    place = int(found[2]) if found else None
    return Page(
        path=request.url.path,
        filters=tuple((name, value) for name, value in asked.multi_items() if name not in _PAGING),
        number=_whole(asked.get("Page", "0"), "Page", 0, 10**9),
        size=_whole(asked.get("PageSize", str(DEFAULT_SIZE)), "PageSize", 1, 10**9, at_most=MAX_SIZE),
        after=place if found and found[1] == "A" else None,
        behind=place if found and found[1] == "B" else None,
    )


def _whole(text: str, name: str, lowest: int, highest: int, at_most: int | None = None) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text, re.ASCII) or not lowest <= int(text) <= highest:
        raise TwilioError(BAD_REQUEST, f"{name} must be a whole number from {lowest} on")
    return min(int(text), at_most) if at_most is not None else int(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """Whether there is something after and before a page, as the places where those begin and end."""

    after: int | None = None
    before: int | None = None


def listed(page: Page, key: str, items: Sequence[Mapping[str, Any]], around: Around) -> dict[str, Any]:
    """A page of the API of 2010: one key beside those of paging."""
    start = page.number * page.size
    return {
        "end": start + max(len(items) - 1, 0),
        "first_page_uri": page.uri(0),
        "next_page_uri": None if around.after is None else page.uri(page.number + 1, f"PA{around.after}"),
        "page": page.number,
        "page_size": page.size,
        "previous_page_uri": _before(page, around),
        "start": start,
        "uri": page.uri(page.number),
        key: list(items),
    }


def _before(page: Page, around: Around) -> str | None:
    if around.before is None:
        return None
    return page.uri(max(page.number - 1, 0), f"PB{around.before}")


def listed_anew(page: Page, key: str, items: Sequence[Mapping[str, Any]], around: Around, base: str) -> dict[str, Any]:
    """A page of the newer APIs, with addresses in full under `meta`."""
    before = _before(page, around)
    meta = {
        "first_page_url": base + page.uri(0),
        "key": key,
        "next_page_url": None if around.after is None else base + page.uri(page.number + 1, f"PA{around.after}"),
        "page": page.number,
        "page_size": page.size,
        "previous_page_url": None if before is None else base + before,
        "url": base + page.uri(page.number),
    }
    return {"meta": meta, key: list(items)}


def cut(page: Page, items: Sequence[Mapping[str, Any]]) -> tuple[Sequence[Mapping[str, Any]], Around]:
    """A page out of a short list: its places are counted."""
    if page.behind is not None:
        end = min(page.behind, len(items))
        begin = max(end - page.size, 0)
    else:
        begin = page.after if page.after is not None else page.number * page.size
        end = begin + page.size
    after = end if end < len(items) else None
    return items[begin:end], Around(after=after, before=begin if begin > 0 else None)
