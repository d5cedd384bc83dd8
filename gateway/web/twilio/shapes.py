"""What is shown, in the shape that Twilio's clients read. Dates are RFC 2822 in the older API, ISO 8601 in the newer ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from gateway.messaging.model import LineStatus, Status
from gateway.messaging.twilio import MessagingService, NumberSettings, Shown
from gateway.web.twilio.account import API_VERSION as VERSION
from gateway.web.twilio.errors import outcome_number


def sid_of(kind: str, *key: str) -> str:
    """A sid that is the same whenever it is asked for: two letters and 32 hexadecimal digits."""
    return kind + hashlib.sha256("/".join((kind, *key)).encode()).hexdigest()[:32]


def rfc2822(moment: datetime | None) -> str | None:
    return None if moment is None else format_datetime(moment.astimezone(UTC).replace(microsecond=0))


def iso8601(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def message(shown: Shown, account: str) -> dict[str, Any]:
    """A message. What has no price here has none; a text of unknown outcome is still `sending`."""
    found, beside = shown.message, shown.beside
    inbound = found.direction == "inbound"
    own = found.own_number or (beside.sender if beside is not None else "")
    uri = f"/{VERSION}/Accounts/{account}/Messages/{found.id}"
    reply = beside is not None and beside.reply_to
    return {
        "account_sid": account,
        "api_version": VERSION,
        "body": found.text if found.text is not None else "",
        "date_created": rfc2822(found.created_at),
        "date_sent": rfc2822(shown.sent_at),
        "date_updated": rfc2822(found.updated_at),
        "direction": "inbound" if inbound else "outbound-reply" if reply else "outbound-api",
        "error_code": outcome_number(found.error[0]) if found.error else None,
        "error_message": found.error[1] if found.error else None,
        "from": found.peer if inbound else own or None,
        "messaging_service_sid": (beside.service or None) if beside is not None else None,
        "num_media": "0",
        "num_segments": str(found.segments),
        "price": None,
        "price_unit": None,
        "sid": found.id,
        "status": (Status.SENDING if found.status is Status.UNKNOWN else found.status).value,
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": own if inbound else found.peer,
        "uri": f"{uri}.json",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A SIM: its settings, and the modem that it is in (None: in none now)."""

    settings: NumberSettings
    line: LineStatus | None

    @property
    def sid(self) -> str:
        return sid_of("PN", self.settings.iccid)

    @property
    def number(self) -> str:
        return (self.line.number if self.line is not None else "") or self.settings.number


def number(found: Number, account: str) -> dict[str, Any]:
    settings = found.settings
    uri = f"/{VERSION}/Accounts/{account}/IncomingPhoneNumbers/{found.sid}.json"
    since = settings.created_at or (found.line.since if found.line is not None else None)
    absent = dict.fromkeys(
        f"{kind}_sid" for kind in ("address", "identity", "trunk", "bundle", "emergency_address", "sms_application")
    )
    return {
        **absent,
        "account_sid": account,
        "address_requirements": "none",
        "api_version": VERSION,
        "beta": False,
        "capabilities": {"voice": False, "sms": True, "mms": False, "fax": False},
        "date_created": rfc2822(since),
        "date_updated": rfc2822(settings.updated_at or since),
        "emergency_address_status": "unregistered",
        "emergency_status": "Inactive",
        "friendly_name": settings.friendly_name or found.number,
        "origin": "hosted",
        "phone_number": found.number,
        "sid": found.sid,
        "sms_fallback_method": settings.sms_fallback_method,
        "sms_fallback_url": settings.sms_fallback_url,
        "sms_method": settings.sms_method,
        "sms_url": settings.sms_url,
        "status": "in-use" if found.line is not None else "released",
        "status_callback": settings.status_callback,
        "status_callback_method": settings.status_callback_method,
        "subresource_uris": {},
        "type": "mobile",
        "uri": uri,
        **_VOICE,
    }


_VOICE: Mapping[str, Any] = {
    "voice_application_sid": None,
    "voice_caller_id_lookup": False,
    "voice_fallback_method": "POST",
    "voice_fallback_url": None,
    "voice_method": "POST",
    "voice_receive_mode": "voice",
    "voice_url": None,
}


def account(sid: str, now: datetime) -> dict[str, Any]:
    """The one account. Its token is in the secrets file, and nowhere else."""
    uri = f"/{VERSION}/Accounts/{sid}"
    return {
        "auth_token": None,
        "date_created": rfc2822(now),
        "date_updated": rfc2822(now),
        "friendly_name": "smsgw",
        "owner_account_sid": sid,
        "sid": sid,
        "status": "active",
        "subresource_uris": {
            "incoming_phone_numbers": f"{uri}/IncomingPhoneNumbers.json",
            "messages": f"{uri}/Messages.json",
        },
        "type": "Full",
        "uri": f"{uri}.json",
    }


LONGEST_VALIDITY_S = 36_000
"""What Twilio itself allows, and shows where nothing is set. Here a text without a validity waits as long as it takes."""


def service(found: MessagingService, account_sid: str, base: str) -> dict[str, Any]:
    url = f"{base}/v1/Services/{found.sid}"
    return {
        "account_sid": account_sid,
        "area_code_geomatch": False,
        "date_created": iso8601(found.created_at),
        "date_updated": iso8601(found.updated_at),
        "fallback_method": found.fallback_method,
        "fallback_to_long_code": False,
        "fallback_url": found.fallback_url or None,
        "friendly_name": found.friendly_name,
        "inbound_method": found.inbound_method,
        "inbound_request_url": found.inbound_url or None,
        "links": {"phone_numbers": f"{url}/PhoneNumbers"},
        "mms_converter": False,
        "scan_message_content": "disable",
        "sid": found.sid,
        "smart_encoding": False,
        "status_callback": found.status_callback or None,
        "sticky_sender": found.sticky_sender,
        "synchronous_validation": False,
        "url": url,
        "us_app_to_person_registered": False,
        "use_inbound_webhook_on_number": found.use_number_webhook,
        "usecase": "undeclared",
        "validity_period": found.validity_s or LONGEST_VALIDITY_S,
    }


def service_number(
    found: Number, service_: MessagingService, account_sid: str, country: str, base: str
) -> dict[str, Any]:
    return {
        "account_sid": account_sid,
        "capabilities": ["SMS"],
        "country_code": country,
        "date_created": iso8601(service_.created_at),
        "date_updated": iso8601(service_.updated_at),
        "phone_number": found.number,
        "service_sid": service_.sid,
        "sid": found.sid,
        "url": f"{base}/v1/Services/{service_.sid}/PhoneNumbers/{found.sid}",
    }
