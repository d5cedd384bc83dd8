"""Payloads that only MQTT has: bridge requests in, states out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StrictInt, StrictStr

from gateway.clock import rfc3339
from gateway.errors import RequestError
from gateway.messaging.model import LineStatus, StoredEvent
from gateway.wire import Payload, Short, UssdString, line_json, request_error_json

SCHEMA = 1
"""Version of all payloads, told in `bridge/info`."""

ONLINE = '{"state":"online"}'
OFFLINE = '{"state":"offline"}'

Transaction = Annotated[StrictStr, Field(max_length=128)] | StrictInt


class BridgeRequest(Payload):
    """What every request has: `transaction` comes back in the response."""

    transaction: Transaction | None = None


class MessageRequest(BridgeRequest):
    """A request about one message."""

    message_id: Short


class ModemRequest(BridgeRequest):
    """A request about one modem."""

    modem: Short


class UssdRequest(ModemRequest):
    """A USSD dialogue: one of `code`, `reply` and `cancel`."""

    code: UssdString | None = None
    reply: UssdString | None = None
    cancel: bool = False


class ForwardingRequest(ModemRequest):
    """Call forwarding: asked where only `reason` or nothing is given, set with `number`, taken back with `clear`."""

    reason: Literal["unconditional", "busy", "no-reply", "unreachable"] | None = None
    number: Short | None = None
    after_s: int | None = None
    clear: bool = False


class _TransactionOnly(BridgeRequest):
    model_config = ConfigDict(extra="ignore")


def transaction_of(value: Mapping[str, Any]) -> str | int | None:
    """The transaction of a request that may have other mistakes."""
    try:
        return _TransactionOnly.model_validate(value).transaction
    except ValueError:
        return None


def dump(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def response(transaction: str | int | None, outcome: Mapping[str, Any] | RequestError) -> str:
    """`{transaction, status, data?, error?}`"""
    if isinstance(outcome, RequestError):
        return dump({"transaction": transaction, "status": "error", "error": request_error_json(outcome)})
    return dump({"transaction": transaction, "status": "ok", "data": outcome})


def with_seq(stored: StoredEvent) -> str:
    """An event's payload with its `seq` as the last field."""
    text = stored.event.payload.rstrip()
    separator = "" if text == "{}" else ","
    return f'{text[:-1]}{separator}"seq":{stored.seq}}}'


def info(version: str, gateway: str, modems: list[str]) -> str:
    return dump({"version": version, "gateway": gateway, "modems": modems, "schema": SCHEMA})


def line_state(line: LineStatus, now: datetime) -> str:
    return dump(line_json(line) | {"ts": rfc3339(now)})


def availability(line: LineStatus) -> str:
    return "online" if line.able else "offline"
