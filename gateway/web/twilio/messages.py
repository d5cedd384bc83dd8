"""`/2010-04-01/Accounts/<sid>/Messages`: create, list, fetch, update, delete; and the media of one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.errors import RequestError
from gateway.messaging.model import MAX_CLIENT_ID, TWILIO, Origin, SendRequest
from gateway.messaging.numbers import normalise
from gateway.messaging.ports import Tx
from gateway.messaging.removal import redact
from gateway.messaging.twilio import Beside, Search, Shown
from gateway.web.auth import principal_of
from gateway.web.twilio import errors, shapes
from gateway.web.twilio.context import Context
from gateway.web.twilio.draft import Draft, read_draft
from gateway.web.twilio.errors import TwilioError, not_found
from gateway.web.twilio.form import Form, read_form
from gateway.web.twilio.paging import Around, Page, cut, listed, page_of
from gateway.web.twilio.senders import Choice, check_limits, choose, service_of

STEP = 2000
"""Rows that a search looks at before others have their turn."""

SHORTEST_VALIDITY_S = 300
"""3GPP TS 23.040 clause 9.2.3.12.1: a service centre knows no shorter one."""


class Messages:
    """The handlers."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def create(self, request: Request) -> Response:
        context, sid = self._context, self._context.check_account(request)
        draft = read_draft(await read_form(request), context.clock.now())
        service = await service_of(context, draft.service)
        to = normalise(draft.to, context.account.region)
        client_id = client_id_of(request.headers.get("i-twilio-idempotency-token"))
        if client_id is not None and (before := await self._taken_before(client_id, to, draft)) is not None:
            return JSONResponse(shapes.message(before, sid), 201)
        choice = await choose(context, draft, to, service)
        principal = principal_of(request)
        check_limits(principal, choice, to)
        validity_s = draft.validity_s or (service.validity_s if service is not None else 0) or None
        beside = Beside(
            message_id="", sender=choice.number, service=draft.service, status_callback=draft.status_callback
        )
        result = await context.service.send(
            self._request(draft, choice, validity_s, client_id),
            Origin(edge=TWILIO, client=principal.name),
            partial(_keep, beside),
        )
        if result.error is not None:
            raise errors.of_code(*result.error)
        return JSONResponse(shapes.message(await self._shown(request, result.message_ids[0]), sid), 201)

    async def _taken_before(self, client_id: str, to: str, draft: Draft) -> Shown | None:
        """The text that a request is a repeat of. What was made of the first one, as its expiry or its modem, is its own."""

        def look(tx: Tx) -> Shown | None:
            known = tx.commands.by_client_id(client_id)
            return tx.twilio.shown(known[1][0]) if known is not None and known[1] else None

        found = await self._context.store.read(look)
        if found is None or found.beside is None:
            return None
        same = (found.message.peer, found.message.text, found.beside.service) == (to, draft.body, draft.service)
        return found if same else None

    def _request(self, draft: Draft, choice: Choice, validity_s: int | None, client_id: str | None) -> SendRequest:
        begins = draft.send_at or self._context.clock.now()
        return SendRequest(
            to=(draft.to,),
            text=draft.body,
            client_id=client_id,
            modem=choice.modem,
            send_at=draft.send_at,
            expires_at=begins + timedelta(seconds=validity_s) if validity_s else None,
            validity_s=max(validity_s, SHORTEST_VALIDITY_S) if validity_s else None,
        )

    async def index(self, request: Request) -> Response:
        sid, page = self._context.check_account(request), page_of(request)
        if page.number and page.after is None and page.behind is None:
            raise TwilioError(errors.BAD_REQUEST, "a page after the first is asked for by its PageToken")
        found = await self._search(search_of(request, page, self._context.account.region), page.size + 1)
        shown, around = found[: page.size], Around()
        more = len(found) > page.size
        if page.behind is not None:
            shown.reverse()
        if shown:
            first, last = shown[0].message.n, shown[-1].message.n
            older = last if more or page.behind is not None else None
            newer = (
                first
                if (page.behind is None and page.after is not None) or (page.behind is not None and more)
                else None
            )
            around = Around(after=older, before=newer)
        items = [shapes.message(each, sid) for each in shown]
        return JSONResponse(listed(page, "messages", items, around))

    async def _search(self, wanted: Search, count: int) -> list[Shown]:
        """As many as that, looked for in steps."""
        found: list[Shown] = []
        while True:
            step = replace(wanted, limit=count - len(found))
            some, more = await self._context.store.read(partial(_step, step))
            found += some
            if more is None or len(found) >= count:
                return found
            wanted = replace(wanted, after=more) if wanted.behind is None else replace(wanted, behind=more)

    async def fetch(self, request: Request) -> Response:
        sid = self._context.check_account(request)
        return JSONResponse(shapes.message(await self._shown(request, request.path_params["sid"]), sid))

    async def update(self, request: Request) -> Response:
        """Cancels, or blanks the body. Raises TwilioError (30409, 20009)."""
        sid, form, message_id = (
            self._context.check_account(request),
            await read_form(request),
            request.path_params["sid"],
        )
        await self._shown(request, message_id)
        if form.has("Status"):
            if form.text("Status") != "canceled":
                raise TwilioError(errors.BAD_REQUEST, "Status can only be set to 'canceled'.")
            await self._cancel(message_id)
        elif form.has("Body"):
            await self._redact(form, message_id)
        else:
            raise TwilioError(errors.BAD_REQUEST, "Status or Body is required.")
        return JSONResponse(shapes.message(await self._shown(request, message_id), sid))

    async def _cancel(self, message_id: str) -> None:
        try:
            await self._context.service.cancel(message_id)
        except RequestError as exc:
            if exc.code == "unknown_message":  # an inbound one
                raise TwilioError(errors.number_of("not_cancelable"), "This message cannot be canceled.") from exc
            raise

    async def _redact(self, form: Form, message_id: str) -> None:
        if form.text("Body"):
            raise TwilioError(errors.BAD_REQUEST, "The body of a message can only be replaced by nothing.")
        await self._context.service.removal.redact(message_id)

    async def delete(self, request: Request) -> Response:
        """Blanked and not shown any more. The row itself stays until its time: a status report may still come for it."""
        self._context.check_account(request)
        message_id, now = request.path_params["sid"], self._context.clock.now()
        await self._shown(request, message_id)

        def change(tx: Tx) -> None:
            redact(tx, message_id, now)
            tx.twilio.put_beside(replace(tx.twilio.beside(message_id) or Beside(message_id=message_id), deleted=True))

        await self._context.store.write(change)
        self._context.store.forget_events()
        return Response(status_code=204)

    async def media(self, request: Request) -> Response:
        """Of a text there is none."""
        self._context.check_account(request)
        await self._shown(request, request.path_params["sid"])
        page = page_of(request)
        return JSONResponse(listed(page, "media_list", *cut(page, [])))

    async def medium(self, request: Request) -> Response:
        self._context.check_account(request)
        raise not_found(request.url.path)

    async def _shown(self, request: Request, message_id: str) -> Shown:
        found = await self._context.store.read(lambda tx: tx.twilio.shown(message_id))
        if found is None:
            raise not_found(request.url.path)
        return found


def _keep(beside: Beside, tx: Tx, ids: Sequence[str]) -> None:
    for message_id in ids:
        tx.twilio.put_beside(replace(beside, message_id=message_id))


def _step(wanted: Search, tx: Tx) -> tuple[list[Shown], int | None]:
    return tx.twilio.search(wanted, STEP)


def client_id_of(token: str | None) -> str | None:
    """The idempotency key that a client's token stands for; None where it gives none. No two tokens share one."""
    if not token:
        return None
    whole = f"twilio:{token}"
    return whole if len(whole) <= MAX_CLIENT_ID else f"twilio:{hashlib.sha256(token.encode()).hexdigest()[:56]}"


def search_of(request: Request, page: Page, region: str | None) -> Search:
    """The filters of a list: To, From, DateSent with and without an inequality."""
    asked = request.query_params
    begin, end = None, None
    if text := asked.get("DateSent"):
        begin = _moment(text, "DateSent")[0].replace(hour=0, minute=0, second=0, microsecond=0)
        end = begin + timedelta(days=1)
    if text := asked.get("DateSent>"):
        begin = _moment(text, "DateSent>")[0]
    if text := asked.get("DateSent<"):
        moment, length = _moment(text, "DateSent<")
        end = moment + length
    return Search(
        to=_number(asked.get("To"), region),
        sender=_number(asked.get("From"), region),
        sent_from=begin,
        sent_before=end,
        after=page.after,
        behind=page.behind,
    )


def _number(written: str | None, region: str | None) -> str | None:
    """A number as it is stored; a word as it stands (an alphanumeric sender)."""
    if not written:
        return None
    written = f"+{written[1:]}" if written.startswith(" ") else written  # "+" in a query string means a space
    try:
        return normalise(written, region)
    except RequestError:
        return written


def _moment(text: str, name: str) -> tuple[datetime, timedelta]:
    """A day or a second in UTC, and how long that is. Twilio's inequalities include what is named."""
    try:
        moment = datetime.fromisoformat(text.strip())
        if not MINYEAR < moment.year < MAXYEAR:  # there has to be room for an offset and a day
            raise ValueError(moment.year)
    except ValueError as exc:
        raise TwilioError(errors.BAD_REQUEST, f"{name} must be a date or time in ISO 8601") from exc
    length = timedelta(days=1) if len(text.strip()) <= len("2026-01-01") else timedelta(seconds=1)
    return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)), length
