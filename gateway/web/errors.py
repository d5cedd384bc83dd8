"""Every error of the API as `{"error":{"code","message","field?"}}`."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from gateway.errors import CODES, RequestError, StoreError
from gateway.wire import bad_field, error_json, request_error_json

STATUS: dict[str, int] = {
    "unauthorized": 401,
    "forbidden": 403,
    "unknown_user": 404,
    "unknown_token": 404,
    "last_admin": 409,
    "unknown_message": 404,
    "unknown_webhook": 404,
    "unknown_delivery": 404,
    "id_conflict": 409,
    "not_cancelable": 409,
    "too_large": 413,
    "queue_full": 429,
    "unsupported": 501,
    "store_error": 503,
    "modem_not_ready": 503,
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


def http_error(_request: Request, exc: Exception) -> JSONResponse:
    """What the framework itself says: 404, 405 …"""
    assert isinstance(exc, HTTPException)
    name = HTTPStatus(exc.status_code).phrase
    code = name.lower().replace(" ", "_")
    return JSONResponse({"error": error_json((code, f"{name}."))}, exc.status_code, exc.headers)


def store_error(_request: Request, exc: Exception) -> JSONResponse:
    return JSONResponse({"error": error_json(("store_error", str(exc)))}, 503)


def defect(_request: Request, _exc: Exception) -> JSONResponse:
    return JSONResponse({"error": error_json(("internal_error", CODES["internal_error"].meaning))}, 500)


def install(app: FastAPI) -> None:
    for kind, handler in (
        (RequestError, request_error),
        (StoreError, store_error),
        (RequestValidationError, validation_error),
        (HTTPException, http_error),
        (Exception, defect),
    ):
        app.add_exception_handler(kind, handler)
