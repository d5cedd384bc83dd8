"""`/api/v1/webhooks`: how deliveries stand, what is dead, and making one again."""

from __future__ import annotations

from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from gateway.clock import rfc3339
from gateway.messaging.deliveries import Delivery, DeliveryState
from gateway.web import schema
from gateway.web.schema import documented

MAX_PAGE = 200


class Webhook(Protocol):
    """What is shown of a webhook; its secret is not. `url`: "" where each number and text has one of its own."""

    @property
    def name(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def events(self) -> frozenset[str]: ...


class Webhooks(Protocol):
    """The dispatcher, as this edge sees it. Its methods raise RequestError (unknown_webhook, unknown_delivery)."""

    async def overview(self) -> list[tuple[Any, dict[str, int]]]: ...

    async def find(
        self, webhook: str, state: DeliveryState | None = None, before: int | None = None, limit: int = 50
    ) -> list[Delivery]: ...

    async def replay(self, webhook: str, delivery_id: str) -> Delivery: ...


def webhook_routes(webhooks: Webhooks) -> APIRouter:
    """`/api/v1/webhooks` and below."""
    router = APIRouter(prefix="/api/v1/webhooks")

    @router.get("", **documented(schema.Webhooks))
    async def overview() -> JSONResponse:
        return JSONResponse({"webhooks": [_hook_json(hook, counts) for hook, counts in await webhooks.overview()]})

    @router.get("/{name}/deliveries", **documented(schema.Deliveries))
    async def deliveries(
        name: str,
        state: DeliveryState | None = None,
        before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    ) -> JSONResponse:
        """Newest first. `next` of one page is `before` of the following one; null after the last."""
        found = await webhooks.find(name, state, before, limit)
        following = found[-1].seq if len(found) == limit else None
        return JSONResponse({"deliveries": [_delivery_json(one) for one in found], "next": following})

    @router.post("/{name}/deliveries/{delivery_id}/replay", **documented(schema.Delivery))
    async def replay(name: str, delivery_id: str) -> JSONResponse:
        return JSONResponse(_delivery_json(await webhooks.replay(name, delivery_id)))

    return router


def _hook_json(hook: Webhook, counts: dict[str, int]) -> dict[str, Any]:
    states = {state.value: counts.get(state.value, 0) for state in DeliveryState}
    return {"name": hook.name, "url": hook.url, "events": sorted(hook.events)} | states


def _delivery_json(delivery: Delivery) -> dict[str, Any]:
    return {
        "delivery_id": delivery.id,
        "event": delivery.kind,
        "seq": delivery.seq,
        "subject": delivery.subject,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "status": delivery.status,
        "error": delivery.error or None,
        "next_at": rfc3339(delivery.next_at) if delivery.state is DeliveryState.WAITING and delivery.next_at else None,
        "created_at": rfc3339(delivery.created_at),
        "updated_at": rfc3339(delivery.updated_at) if delivery.updated_at else None,
    }
