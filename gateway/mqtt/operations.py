"""The bridge operations: what `bridge/request/<op>` can ask for, each with the model of its payload and who answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.errors import RequestError
from gateway.mqtt.payloads import BridgeRequest, ForwardingRequest, MessageRequest, ModemRequest, UssdRequest
from gateway.mqtt.ports import Service
from gateway.wire import details_json, forwarding_json, message_json, modem_json, ussd_json

Answer = Callable[[Service, Any], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation. `slow`: a modem or a network answers it, in its own time.

    Commands are acknowledged in the order in which they came, and a broker waits for acknowledgements before it goes on.
    So a slow one is acknowledged when it is begun, and texts do not wait behind it. `once`: it is not begun when it was
    delivered before, since nobody wants to buy a tariff twice; the answer says that nothing is known of the first time.
    """

    model: type[BridgeRequest]
    answer: Answer
    slow: bool = False
    once: bool = False


async def _cancel(service: Service, request: MessageRequest) -> Mapping[str, Any]:
    return message_json(await service.cancel(request.message_id))


async def _status(service: Service, request: MessageRequest) -> Mapping[str, Any]:
    return details_json(*await service.message(request.message_id))


async def _modems(service: Service, _request: BridgeRequest) -> Mapping[str, Any]:
    return {"modems": [modem_json(line) for line in service.lines()]}


async def _ussd(service: Service, request: UssdRequest) -> Mapping[str, Any]:
    answer = await service.controls.ussd(request.modem, code=request.code, reply=request.reply, cancel=request.cancel)
    return {"modem": request.modem} | ussd_json(answer)


async def _reset(service: Service, request: ModemRequest) -> Mapping[str, Any]:
    await service.controls.reset(request.modem)
    return {"modem": request.modem}


async def _forwarding(service: Service, request: ForwardingRequest) -> Mapping[str, Any]:
    controls, modem, reason = service.controls, request.modem, request.reason
    if (request.number is not None or request.clear) and reason is None:
        raise RequestError("reason is missing", field="reason")
    if request.number is not None and request.clear:
        raise RequestError("give number or clear, not both", field="clear")
    if reason is not None and request.number is not None:
        await controls.forward(modem, reason, request.number, request.after_s)
    elif reason is not None and request.clear:
        await controls.forward_no_more(modem, reason)
    found = await controls.forwarding(modem, reason)
    return {"modem": modem, "forwarding": [forwarding_json(each) for each in found]}


OPERATIONS: dict[str, Operation] = {
    "message-cancel": Operation(model=MessageRequest, answer=_cancel),
    "message-status": Operation(model=MessageRequest, answer=_status),
    "modems": Operation(model=BridgeRequest, answer=_modems),
    "ussd": Operation(model=UssdRequest, answer=_ussd, slow=True, once=True),
    "call-forwarding": Operation(model=ForwardingRequest, answer=_forwarding, slow=True),
    "modem-reset": Operation(model=ModemRequest, answer=_reset, slow=True),
}
