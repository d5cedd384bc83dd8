"""Forms as Twilio takes them: x-www-form-urlencoded, a name for each parameter, lists by repeating it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request

from gateway.web.body import body_of
from gateway.web.twilio.errors import BAD_CALLBACK, BAD_REQUEST, TwilioError

MAX_FIELDS = 100
MAX_URL = 2048
MAX_NAME = 64
_WORDS = {"true": True, "false": False, "1": True, "0": False}
_CONTROL = re.compile(r"[\x00-\x20\x7f]")


class Form:
    """The parameters of a request. Unknown ones are left alone, as Twilio does."""

    def __init__(self, values: Mapping[str, list[str]]) -> None:
        self._values = values

    def has(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str, default: str = "") -> str:
        """The last one, if it is there several times."""
        found = self._values.get(name)
        return found[-1] if found else default

    def list(self, name: str) -> list[str]:
        return self._values.get(name, [])

    def flag(self, name: str, default: bool = False) -> bool:
        text = self.text(name)
        if not text:
            return default
        if text.lower() not in _WORDS:
            raise TwilioError(BAD_REQUEST, f"{name} must be true or false")
        return _WORDS[text.lower()]

    def whole(self, name: str, lowest: int, highest: int) -> int | None:
        """A whole number; None where it is not there."""
        text = self.text(name)
        if not text:
            return None
        if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) or not lowest <= int(text) <= highest:
            raise TwilioError(BAD_REQUEST, f"{name} must be a whole number from {lowest} to {highest}")
        return int(text)

    def url(self, name: str, default: str = "", code: int = BAD_CALLBACK) -> str:
        """An http or https address; "" takes one away."""
        if not self.has(name):
            return default
        text = self.text(name).strip()
        if text and not is_url(text):
            raise TwilioError(code, f"{name} is not a valid URL")
        return text

    def method(self, name: str, default: str = "POST") -> str:
        text = self.text(name, default).upper()
        if text not in ("GET", "POST"):
            raise TwilioError(BAD_REQUEST, f"{name} must be GET or POST")
        return text

    def name(self, name: str, default: str = "") -> str:
        text = self.text(name, default)
        if len(text) > MAX_NAME:
            raise TwilioError(BAD_REQUEST, f"{name} may have at most {MAX_NAME} characters")
        return text


def is_url(text: str) -> bool:
    """Whether it is an address that something can be fetched from or posted to."""
    if len(text) > MAX_URL or _CONTROL.search(text):
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


async def read_form(request: Request) -> Form:
    """The form of a request. Raises TwilioError, RequestError (too_large, too_slow)."""
    raw = await body_of(request)
    try:
        return Form(parse_qs(raw.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"))
    except ValueError as exc:  # UnicodeDecodeError too
        raise TwilioError(BAD_REQUEST, "the body is no form in UTF-8, or has too many parameters") from exc
