"""`/api/v1/messages/bulk`: many commands in one request, each with its own result."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from gateway.accounts import Permission, Principal
from gateway.errors import RequestError, StoreError
from gateway.messaging.model import MAX_CLIENT_ID, CommandResult, Origin
from gateway.web.auth import principal_of, requires
from gateway.web.body import body_of, idempotency_key
from gateway.web.messages import check_limits
from gateway.web.ports import Service
from gateway.web.schema import IDEMPOTENCY_KEY, Answer, Error, documented
from gateway.wire import Payload, SendPayload, error_json, read, read_object, request_error_json, result_json

MAX_COMMANDS = 1000
MAX_BODY = 2 * 1024 * 1024
"""Octets."""
MAX_KEY = MAX_CLIENT_ID - len(f"/{MAX_COMMANDS}")


class BulkPayload(Payload):
    """Commands as `POST /api/v1/messages` takes them."""

    messages: list[SendPayload] = Field(min_length=1, max_length=MAX_COMMANDS)


class _Commands(Payload):
    messages: list[Any] = Field(min_length=1, max_length=MAX_COMMANDS)


class BulkResult(Answer):
    """What became of one of the commands."""

    id: str | None
    status: Literal["accepted", "duplicate", "rejected"]
    message_ids: list[str]
    error: Error | None = None


class BulkResults(Answer):
    """One result for each command, in their order."""

    results: list[BulkResult]
    accepted: int
    duplicate: int
    rejected: int


def bulk_routes(service: Service) -> APIRouter:
    """Many commands at once."""
    router = APIRouter(prefix="/api/v1/messages")

    @router.post(
        "/bulk",
        **documented(BulkResults, body=BulkPayload, parameters=[IDEMPOTENCY_KEY]),
        dependencies=[requires(Permission.SEND)],
    )
    async def bulk(request: Request) -> JSONResponse:
        """Each command is taken or rejected by itself. With an Idempotency-Key the n-th, from 1, has the id `<key>/<n>` if it has none: after a lost answer the whole request can be repeated."""  # noqa: E501 - one line in the description
        key = idempotency_key(request)
        if key is not None and len(key) > MAX_KEY:
            raise RequestError(f"an Idempotency-Key for many commands has at most {MAX_KEY} characters", field="id")
        commands = read(_Commands, read_object(await body_of(request, MAX_BODY), MAX_BODY)).messages
        results = await _send_all(service, principal_of(request), key, commands)
        counts = {
            word: sum(result["status"] == word for result in results) for word in ("accepted", "duplicate", "rejected")
        }
        return JSONResponse({"results": results, **counts})

    return router


async def _send_all(
    service: Service, principal: Principal, key: str | None, commands: Sequence[Any]
) -> list[dict[str, Any]]:
    """In their order, and together, so that they share commits. Raises StoreError where the database takes none of them.

    One that it does not take is rejected by itself: who repeats all of them would send the others twice.
    """
    failed: list[StoreError] = []
    origin = Origin(edge="api", client=principal.name)

    async def send(number: int, command: Any) -> dict[str, Any]:
        given = command.get("id") if isinstance(command, dict) else None
        try:
            if not isinstance(command, dict):
                raise RequestError("a command is a JSON object", field="messages")
            payload = read(SendPayload, command)
            check_limits(principal, payload)
            own = f"{key}/{number}" if key is not None and payload.id is None else None
            return _result(await service.send(payload.request(own), origin))
        except RequestError as exc:
            return _rejected(given if isinstance(given, str) else None, exc)
        except StoreError as exc:
            failed.append(exc)
            error = RequestError(str(exc), code="store_error")
            return _rejected(given if isinstance(given, str) else None, error)

    results = await asyncio.gather(*(send(number, command) for number, command in enumerate(commands, 1)))
    if len(failed) == len(commands):
        raise failed[0]
    return list(results)


def _result(result: CommandResult) -> dict[str, Any]:
    return result_json(result) | ({"error": error_json(result.error)} if result.error is not None else {})


def _rejected(given: str | None, error: RequestError) -> dict[str, Any]:
    return {"id": given, "status": "rejected", "message_ids": [], "error": request_error_json(error)}
