"""The parameters of a new message, checked: what is meant and cannot be done here is refused, never quietly left out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.web.twilio import errors
from gateway.web.twilio.errors import BAD_REQUEST, TwilioError
from gateway.web.twilio.form import Form, is_url
from gateway.web.twilio.shapes import LONGEST_VALIDITY_S

MAX_MEDIA = 10
FURTHEST = timedelta(days=35)
"""How far ahead a text can be scheduled, as at Twilio; any moment before is fine, also one that is nearer than there."""

_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")
_SENDER = re.compile(r"\+?[0-9(][0-9 ()./-]{2,39}|(?=.*[A-Za-z])[A-Za-z0-9 +&_-]{1,11}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a client asks for. `sender` and `service`: "" where none is named; `send_at` is aware."""

    to: str
    body: str
    sender: str
    service: str
    status_callback: str
    validity_s: int | None
    send_at: datetime | None


def read_draft(form: Form, now: datetime) -> Draft:
    """Raises TwilioError with the number that Twilio gives for it."""
    to, sender, service = form.text("To").strip(), form.text("From").strip(), form.text("MessagingServiceSid").strip()
    if _SERVICE.fullmatch(sender) and not service:  # Twilio takes a service in From too
        sender, service = "", sender
    if not to:
        raise TwilioError(errors.NO_TO, "A 'To' phone number is required.")
    if ":" in to:
        raise TwilioError(errors.NOT_MOBILE, f"'To' number is not a valid mobile number: {to[:40]}")
    if not sender and not service:
        raise TwilioError(errors.NO_FROM, "A 'From' phone number or a MessagingServiceSid is required.")
    if sender and not _SENDER.fullmatch(sender):
        raise TwilioError(
            errors.BAD_FROM, f"The 'From' number {sender[:40]} is not a valid phone number or short code."
        )
    if service and not _SERVICE.fullmatch(service):
        raise TwilioError(errors.NO_SERVICE, f"The Messaging Service {service[:40]} does not exist.")
    _check_content(form)
    return Draft(
        to=to,
        body=form.text("Body"),
        sender=sender,
        service=service,
        status_callback=form.url("StatusCallback"),
        validity_s=form.whole("ValidityPeriod", 1, LONGEST_VALIDITY_S),
        send_at=_send_at(form, service, now),
    )


def _check_content(form: Form) -> None:
    media = form.list("MediaUrl")
    if len(media) > MAX_MEDIA:
        raise TwilioError(errors.TOO_MANY_MEDIA, f"At most {MAX_MEDIA} media files are allowed.")
    if not all(map(is_url, media)):
        raise TwilioError(errors.BAD_MEDIA, "Invalid media URL(s)")
    if media or form.flag("SendAsMms"):
        raise TwilioError(errors.NO_MMS, errors.NO_MMS_WHY)
    if form.text("ContentSid"):
        raise TwilioError(errors.NO_CONTENT_TEMPLATES, "There are no content templates here; give a Body.")
    for name, kept in (("ContentRetention", "retain"), ("AddressRetention", "retain")):
        if form.text(name, kept) not in (kept, ""):
            raise TwilioError(BAD_REQUEST, f"{name} can only be {kept!r}; redact or delete the message instead.")
    if not form.text("Body"):
        raise TwilioError(errors.NO_BODY, "Message body is required.")


def _send_at(form: Form, service: str, now: datetime) -> datetime | None:
    kind, text = form.text("ScheduleType"), form.text("SendAt")
    if not kind and not text:
        return None
    if kind not in ("", "fixed"):
        raise TwilioError(errors.BAD_SCHEDULE, "ScheduleType can only be 'fixed'.")
    if not text:
        raise TwilioError(errors.NO_SEND_AT, "SendAt is required where ScheduleType is 'fixed'.")
    if not kind:
        raise TwilioError(errors.BAD_SCHEDULE, "SendAt needs ScheduleType 'fixed'.")
    if not service:
        raise TwilioError(errors.SCHEDULE_NEEDS_SERVICE, "MessagingServiceSid is required to schedule a message.")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise TwilioError(errors.BAD_SEND_AT, "SendAt must be a time in ISO 8601.") from exc
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    if not now < moment <= now + FURTHEST:
        raise TwilioError(errors.BAD_SEND_AT, f"SendAt must be in the future, by at most {FURTHEST.days} days.")
    return moment.astimezone(UTC)
