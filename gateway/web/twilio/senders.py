"""Which own number a text leaves by: the one that is asked for, or one of a messaging service's pool."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.accounts import Principal
from gateway.errors import RequestError
from gateway.messaging.model import LineStatus
from gateway.messaging.numbers import normalise
from gateway.messaging.twilio import MessagingService
from gateway.web.twilio.context import Context
from gateway.web.twilio.draft import Draft
from gateway.web.twilio.errors import BAD_FROM, FROM_NOT_OURS, NO_SENDER, NO_SERVICE, TwilioError


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """`modem`: None where any may take it; `number`: the own number that was chosen, "" where it is not known."""

    modem: str | None
    number: str = ""


async def choose(context: Context, draft: Draft, to: str, service: MessagingService | None) -> Choice:
    """`to`: the recipient, normalised. Raises TwilioError where there is no such sender."""
    lines = context.service.lines()
    if service is not None:
        lines = [line for line in lines if line.iccid in service.senders]
        if not lines:
            raise TwilioError(NO_SENDER, "The Messaging Service has no phone number available to send a message.")
    if draft.sender:
        line = _named(context, draft.sender, lines)
        return Choice(modem=line.name, number=line.number)
    assert service is not None
    if service.sticky_sender:
        iccids = [line.iccid for line in lines]
        last = await context.store.read(lambda tx: tx.twilio.last_sender(to, iccids))
        for line in lines:
            if line.iccid == last and line.able:
                return Choice(modem=line.name, number=line.number)
    if len(lines) == len(context.service.lines()):
        return Choice(modem=None)  # whoever is free takes it, and another if that one fails
    free = min(lines, key=lambda line: (not line.able, line.queue))
    return Choice(modem=free.name, number=free.number)


def _named(context: Context, written: str, lines: list[LineStatus]) -> LineStatus:
    try:
        number = normalise(written, context.account.region)
    except RequestError as exc:
        code = FROM_NOT_OURS if any(map(str.isalpha, written)) else BAD_FROM
        raise TwilioError(code, f"The 'From' number {written[:40]} is no number of this gateway.") from exc
    found = next((line for line in lines if line.number == number), None)
    if found is None:
        raise TwilioError(FROM_NOT_OURS, f"The 'From' number {number} is no number of this gateway.")
    return found


async def service_of(context: Context, sid: str) -> MessagingService | None:
    """Raises TwilioError where there is no service of that sid; None for ""."""
    if not sid:
        return None
    found = await context.store.read(lambda tx: tx.twilio.service(sid))
    if found is None:
        raise TwilioError(NO_SERVICE, f"The Messaging Service {sid} does not exist.")
    return found


def check_limits(principal: Principal, choice: Choice, to: str) -> None:
    """What the token may send through and to. Raises RequestError(forbidden)."""
    if principal.modems and choice.modem not in principal.modems:
        raise RequestError("this token does not send through that number", code="forbidden", field="from")
    if principal.recipients and not to.startswith(principal.recipients):
        raise RequestError("this token does not send to that number", code="forbidden", field="to")
