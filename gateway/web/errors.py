"""Every error of the API as `{"error":{"code","message","field?"}}`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from gateway.errors import CODES, RequestError, StoreError
from gateway.wire import bad_field, error_json, request_error_json

STATUS: dict[str, int] = {
    "unauthorized": 401,
    "forbidden": 403,
    "unknown_user": 404,
    "unknown_token": 404,
    "unknown_session": 404,
    "last_admin": 409,
    "unknown_message": 404,
    "unknown_webhook": 404,
    "backup_busy": 409,
    "disk_full": 507,
    "unknown_media": 404,
    "unknown_alert": 404,
    "alert_lasts": 409,
    "unknown_delivery": 404,
    "unknown_entry": 404,
    "list_full": 409,
    "id_conflict": 409,
    "not_cancelable": 409,
    "not_finished": 409,
    "too_large": 413,
    "too_slow": 408,
    "queue_full": 429,
    "rate_limited": 429,
    "opted_out": 403,
    "recipient_blocked": 403,
    "store_error": 503,
    "modem_not_ready": 409,
    "modem_error": 502,
    "service_refused": 502,
    "service_unsupported": 502,
    "service_timeout": 504,
    "phonebook_full": 409,
    "ussd_busy": 409,
    "ussd_no_dialogue": 409,
    "ussd_unsupported": 502,
    "ussd_terminated": 502,
    "ussd_failed": 502,
    "ussd_timeout": 504,
}
"""HTTP statuses of our codes; every other one is 400."""


def status_of(code: str) -> int:
    return STATUS.get(code, 400)


def request_error(_request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, RequestError)
    return JSONResponse({"error": request_error_json(exc)}, status_of(exc.code))


def validation_error(request: Request, exc: Exception) -> JSONResponse:
    """Query parameters: pydantic's location starts with where the value stood."""
    assert isinstance(exc, RequestValidationError)
    errors = [{**error, "loc": tuple(error["loc"][1:]) or error["loc"]} for error in exc.errors()]
    return request_error(request, bad_field(errors))


def http_error(request: Request, exc: Exception, routes: Sequence[BaseRoute] = ()) -> JSONResponse:
    """What the framework itself says: 404, 405 … The framework's Allow names the methods of one route only."""
    assert isinstance(exc, HTTPException)
    name = HTTPStatus(exc.status_code).phrase
    code = name.lower().replace(" ", "_")
    headers = dict(exc.headers or {})
    if exc.status_code == HTTPStatus.METHOD_NOT_ALLOWED and (methods := _methods(request.url.path, routes)):
        headers["Allow"] = ", ".join(sorted(methods))
    return JSONResponse({"error": error_json((code, f"{name}."))}, exc.status_code, headers)


def _methods(path: str, routes: Sequence[BaseRoute]) -> set[str]:
    """Every method that a path takes."""
    found = [route for route in routes if isinstance(route, APIRoute) and route.path_regex.match(path)]
    return {method for route in found for method in route.methods or ()}


def store_error(_request: Request, exc: Exception) -> JSONResponse:
    return JSONResponse({"error": error_json(("store_error", str(exc)))}, 503)


def defect(_request: Request, _exc: Exception) -> JSONResponse:
    return JSONResponse({"error": error_json(("internal_error", CODES["internal_error"].meaning))}, 500)


def install(app: FastAPI, routes: Sequence[BaseRoute] = ()) -> None:
    """`routes`: all that the application offers, for the Allow header."""
    for kind, handler in (
        (RequestError, request_error),
        (StoreError, store_error),
        (RequestValidationError, validation_error),
        (HTTPException, partial(http_error, routes=routes)),
        (Exception, defect),
    ):
        app.add_exception_handler(kind, handler)
