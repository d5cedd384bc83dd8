"""Every error in Twilio's shape: `{code, message, more_info, status}` and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.errors import CODES, RequestError, StoreError
from gateway.web.auth import Refused, Scope, Send

MORE_INFO = "https://www.twilio.com/docs/errors/"

BAD_REQUEST = 20001
AUTHENTICATE = 20003
METHOD_NOT_ALLOWED = 20004
NOT_FINISHED = 20009
NOT_FOUND = 20404
BAD_FROM = 21212
BAD_TO = 21211
NO_BODY = 21602
NO_FROM = 21603
NO_TO = 21604
FROM_NOT_OURS = 21606
BAD_CALLBACK = 21609
NOT_MOBILE = 21614
BAD_MEDIA = 21620
TOO_MANY_MEDIA = 21623
NO_CONTENT_TEMPLATES = 21655
NO_SERVICE = 21701
NO_SENDER = 21703
NUMBER_IN_SERVICE = 21710
NO_MMS = 30011
NO_MMS_WHY = "This gateway cannot send MMS; nothing was sent."
"""Of media in a request, and of media in an answer: the text beside it is not sent alone."""
UNKNOWN = 30008
NO_SEND_AT = 35111
BAD_SEND_AT = 35114
SCHEDULE_NEEDS_SERVICE = 35118
BAD_SCHEDULE = 35126

STATUS: Mapping[int, int] = {
    AUTHENTICATE: 401,
    METHOD_NOT_ALLOWED: 405,
    NOT_FINISHED: 409,
    NOT_FOUND: 404,
    20429: 429,
    20500: 500,
    20503: 503,
    21611: 429,
    NUMBER_IN_SERVICE: 409,
    30409: 409,
}
"""HTTP statuses of Twilio's codes; every other one is 400."""

_NUMBERS: Mapping[str, int] = {"store_error": 20503, "internal_error": 20500}
_STATUSES: Mapping[str, int] = {"forbidden": 403, "too_large": 413, "too_slow": 408}
"""Where the number alone does not tell which HTTP status it is."""


class TwilioError(Exception):
    """A request that is refused with one of Twilio's numbers."""

    def __init__(self, code: int, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status or STATUS.get(code, 400)


def number_of(code: str) -> int:
    """Twilio's number of one of our codes, for a request."""
    info = CODES.get(code)
    return _NUMBERS.get(code) or (info.twilio if info is not None else None) or BAD_REQUEST


def outcome_number(code: str) -> int:
    """Twilio's number of what became of a message."""
    info = CODES.get(code)
    return (info.twilio if info is not None else None) or UNKNOWN


def of_code(code: str, message: str) -> TwilioError:
    """One of our errors in Twilio's numbers."""
    return TwilioError(number_of(code), message, _STATUSES.get(code))


def content(status: int, code: int, message: str) -> dict[str, Any]:
    return {"code": code, "message": message, "more_info": f"{MORE_INFO}{code}", "status": status}


def twilio_error(_request: Request, exc: Exception) -> Response:
    assert isinstance(exc, TwilioError)
    return JSONResponse(content(exc.status, exc.code, str(exc)), exc.status)


def request_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestError)
    return twilio_error(request, of_code(exc.code, str(exc)))


def store_error(request: Request, exc: Exception) -> Response:
    return twilio_error(request, of_code("store_error", str(exc)))


def defect(request: Request, _exc: Exception) -> Response:
    return twilio_error(request, of_code("internal_error", CODES["internal_error"].meaning))


def http_error(request: Request, exc: Exception) -> Response:
    """What the framework says by itself: 404 and 405."""
    assert isinstance(exc, HTTPException)
    if exc.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return twilio_error(request, TwilioError(METHOD_NOT_ALLOWED, "Method not allowed"))
    return twilio_error(request, not_found(request.url.path))


def not_found(path: str) -> TwilioError:
    return TwilioError(NOT_FOUND, f"The requested resource {path} was not found")


HANDLERS: dict[Any, Any] = {
    TwilioError: twilio_error,
    RequestError: request_error,
    StoreError: store_error,
    HTTPException: http_error,
    Exception: defect,
}


async def refuse(scope: Scope, send: Send, refused: Refused) -> None:
    """What does not even get in."""
    code = refused.body["error"]["code"]
    message = "Authenticate" if code == "unauthorized" else refused.body["error"]["message"]
    body = json.dumps(content(refused.status, number_of(code), message)).encode()
    headers = {**refused.headers, "content-type": "application/json", "content-length": str(len(body))}
    if refused.status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = 'Basic realm="Twilio API"'
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refused.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
