"""`/2010-04-01/Accounts/<sid>` and its IncomingPhoneNumbers: each SIM is a number."""

from __future__ import annotations

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.errors import RequestError
from gateway.messaging.numbers import normalise
from gateway.messaging.twilio import NumberSettings
from gateway.web.twilio import shapes
from gateway.web.twilio.context import Context
from gateway.web.twilio.errors import not_found
from gateway.web.twilio.form import Form, read_form
from gateway.web.twilio.paging import cut, listed, page_of
from gateway.web.twilio.shapes import Number


class Numbers:
    """The handlers."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._begun = context.clock.now()

    async def account(self, request: Request) -> Response:
        return JSONResponse(shapes.account(self._context.check_account(request), self._begun))

    async def accounts(self, request: Request) -> Response:
        page = page_of(request)
        found, around = cut(page, [shapes.account(self._context.account.sid, self._begun)])
        return JSONResponse(listed(page, "accounts", found, around))

    async def index(self, request: Request) -> Response:
        sid, page, asked = self._context.check_account(request), page_of(request), request.query_params
        numbers = await self._context.numbers()
        if written := asked.get("PhoneNumber"):
            wanted = _written(written.replace(" ", "+", 1) if written.startswith(" ") else written, self._context)
            numbers = [each for each in numbers if wanted in each.number]
        if name := asked.get("FriendlyName"):
            numbers = [each for each in numbers if name == (each.settings.friendly_name or each.number)]
        found, around = cut(page, [shapes.number(each, sid) for each in numbers])
        return JSONResponse(listed(page, "incoming_phone_numbers", found, around))

    async def fetch(self, request: Request) -> Response:
        sid = self._context.check_account(request)
        return JSONResponse(shapes.number(await self._number(request), sid))

    async def update(self, request: Request) -> Response:
        """Sets what is given and leaves the rest. What is about voice is taken and has no effect yet."""
        sid, form = self._context.check_account(request), await read_form(request)
        number, now = await self._number(request), self._context.clock.now()

        def change(settings: NumberSettings) -> NumberSettings:
            return replace(
                settings,
                number=number.number,
                friendly_name=form.name("FriendlyName", settings.friendly_name),
                created_at=settings.created_at or now,
                updated_at=now,
                **_urls(form, settings),
            )

        change(number.settings)  # mistakes are told before anything is written
        iccid = number.settings.iccid
        await self._context.rewire(lambda tx: tx.twilio.put_number(change(tx.twilio.number(iccid) or number.settings)))
        return JSONResponse(shapes.number(await self._number(request), sid))

    async def _number(self, request: Request) -> Number:
        found = await self._context.number(request.path_params["sid"])
        if found is None:
            raise not_found(request.url.path)
        return found


def _urls(form: Form, settings: NumberSettings) -> dict[str, str]:
    return {
        "sms_url": form.url("SmsUrl", settings.sms_url),
        "sms_method": form.method("SmsMethod", settings.sms_method),
        "sms_fallback_url": form.url("SmsFallbackUrl", settings.sms_fallback_url),
        "sms_fallback_method": form.method("SmsFallbackMethod", settings.sms_fallback_method),
        "status_callback": form.url("StatusCallback", settings.status_callback),
        "status_callback_method": form.method("StatusCallbackMethod", settings.status_callback_method),
    }


def _written(text: str, context: Context) -> str:
    """A number as it is stored; a part of one stays as it is."""
    try:
        return normalise(text, context.account.region)
    except RequestError:
        return text
