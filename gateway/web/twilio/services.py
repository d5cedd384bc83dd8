"""`/v1/Services`: messaging services, each with a pool of own numbers that texts leave by."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.messaging.numbers import country_of
from gateway.messaging.ports import Tx
from gateway.messaging.twilio import MessagingService
from gateway.web.twilio import shapes
from gateway.web.twilio.context import Context, base_of
from gateway.web.twilio.errors import BAD_REQUEST, NUMBER_IN_SERVICE, TwilioError, not_found
from gateway.web.twilio.form import Form, read_form
from gateway.web.twilio.paging import cut, listed_anew, page_of
from gateway.web.twilio.shapes import LONGEST_VALIDITY_S, Number

MAX_SERVICES = 100


class Services:
    """The handlers."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def create(self, request: Request) -> Response:
        form, now = await read_form(request), self._context.clock.now()
        if not form.name("FriendlyName"):
            raise TwilioError(BAD_REQUEST, "FriendlyName is required")
        empty = MessagingService(sid=f"MG{secrets.token_hex(16)}", friendly_name="", created_at=now, updated_at=now)
        made = filled(empty, form)

        def change(tx: Tx) -> None:
            if len(tx.twilio.services()) >= MAX_SERVICES:
                raise TwilioError(BAD_REQUEST, f"there are {MAX_SERVICES} services already")
            tx.twilio.put_service(made)

        await self._context.store.write(change)
        return JSONResponse(self._shape(made, request), 201)

    async def index(self, request: Request) -> Response:
        page = page_of(request)
        services = await self._context.store.read(lambda tx: tx.twilio.services())
        found, around = cut(page, [self._shape(each, request) for each in services])
        return JSONResponse(listed_anew(page, "services", found, around, base_of(request)))

    async def fetch(self, request: Request) -> Response:
        return JSONResponse(self._shape(await self._service(request), request))

    async def update(self, request: Request) -> Response:
        form, found, now = await read_form(request), await self._service(request), self._context.clock.now()
        filled(found, form)  # mistakes are told before anything is written
        await self._change(request, lambda service: replace(filled(service, form), updated_at=now))
        return await self.fetch(request)

    async def delete(self, request: Request) -> Response:
        """Texts that were accepted through it still leave."""
        sid = (await self._service(request)).sid
        await self._context.rewire(lambda tx: tx.twilio.delete_service(sid))
        return Response(status_code=204)

    async def add_number(self, request: Request) -> Response:
        form, service = await read_form(request), await self._service(request)
        number = await self._context.number(form.text("PhoneNumberSid"))
        if number is None:
            raise not_found(f"PhoneNumberSid {form.text('PhoneNumberSid')[:40]}")
        iccid = number.settings.iccid

        def add(tx: Tx) -> None:
            if tx.twilio.service_of(iccid) is not None:
                raise TwilioError(NUMBER_IN_SERVICE, "The phone number is in a Messaging Service already.")
            current = tx.twilio.service(service.sid)
            if current is None:
                raise not_found(request.url.path)
            tx.twilio.put_service(replace(current, senders=(*current.senders, iccid)))

        await self._context.rewire(add)
        return JSONResponse(self._number_shape(number, service, request), 201)

    async def numbers(self, request: Request) -> Response:
        service, page = await self._service(request), page_of(request)
        found, around = cut(page, [self._number_shape(each, service, request) for each in await self._senders(service)])
        return JSONResponse(listed_anew(page, "phone_numbers", found, around, base_of(request)))

    async def number(self, request: Request) -> Response:
        service = await self._service(request)
        return JSONResponse(self._number_shape(await self._sender(request, service), service, request))

    async def remove_number(self, request: Request) -> Response:
        iccid = (await self._sender(request, await self._service(request))).settings.iccid
        await self._change(
            request, lambda service: replace(service, senders=tuple(each for each in service.senders if each != iccid))
        )
        return Response(status_code=204)

    async def _change(self, request: Request, change: Callable[[MessagingService], MessagingService]) -> None:
        sid = request.path_params["service"]

        def write(tx: Tx) -> None:
            current = tx.twilio.service(sid)
            if current is None:
                raise not_found(request.url.path)
            tx.twilio.put_service(change(current))

        await self._context.rewire(write)

    async def _service(self, request: Request) -> MessagingService:
        sid = request.path_params["service"]
        found = await self._context.store.read(lambda tx: tx.twilio.service(sid))
        if found is None:
            raise not_found(request.url.path)
        return found

    async def _senders(self, service: MessagingService) -> list[Number]:
        return [each for each in await self._context.numbers() if each.settings.iccid in service.senders]

    async def _sender(self, request: Request, service: MessagingService) -> Number:
        wanted = request.path_params["sid"]
        found = next((each for each in await self._senders(service) if each.sid == wanted), None)
        if found is None:
            raise not_found(request.url.path)
        return found

    def _shape(self, service: MessagingService, request: Request) -> dict[str, object]:
        return shapes.service(service, self._context.account.sid, base_of(request))

    def _number_shape(self, number: Number, service: MessagingService, request: Request) -> dict[str, object]:
        country = country_of(number.number)
        return shapes.service_number(number, service, self._context.account.sid, country, base_of(request))


def filled(service: MessagingService, form: Form) -> MessagingService:
    """A service with what a form says of it; what it does not say stays."""
    return replace(
        service,
        friendly_name=form.name("FriendlyName", service.friendly_name),
        inbound_url=form.url("InboundRequestUrl", service.inbound_url),
        inbound_method=form.method("InboundMethod", service.inbound_method),
        fallback_url=form.url("FallbackUrl", service.fallback_url),
        fallback_method=form.method("FallbackMethod", service.fallback_method),
        status_callback=form.url("StatusCallback", service.status_callback),
        sticky_sender=form.flag("StickySender", service.sticky_sender),
        validity_s=form.whole("ValidityPeriod", 1, LONGEST_VALIDITY_S) or service.validity_s,
        use_number_webhook=form.flag("UseInboundWebhookOnNumber", service.use_number_webhook),
    )
