"""What is to be sent → segments; and the checks that a command must pass before it is accepted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gateway.clock import rfc3339
from gateway.errors import PduError, RequestError
from gateway.messaging.model import Message, SendRequest
from gateway.messaging.numbers import is_emergency, normalise
from gateway.pdu import (
    Address,
    Alphabet,
    Direction,
    Ports,
    Segmentation,
    Submit,
    ValidityPeriod,
    decode_frame,
    encode_frame,
    segment,
    with_reference,
)

_ENCODINGS: dict[str, Alphabet | None] = {
    "auto": None,
    "gsm7": Alphabet.GSM7,
    "ucs2": Alphabet.UCS2,
    "8bit": Alphabet.DATA,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the configuration says about commands. `numbers`: own number → modem name."""

    region: str | None
    max_characters: int
    allow_emergency: bool
    modems: Collection[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A command that can be carried out: normalised recipients, the modem it is bound to, and how it will be cut."""

    recipients: tuple[str, ...]
    modem: str | None
    encoding: str
    segments: int


def check(request: SendRequest, rules: Rules, own_numbers: Mapping[str, str], now: datetime) -> Checked:
    """Checks a command's content. `own_numbers`: E.164 → modem name. Raises RequestError with code and field."""
    if request.media:
        raise RequestError("media cannot be sent by this release", code="unsupported", field="media")
    if (request.text is None) == (request.data is None):
        both = request.text is not None
        raise RequestError(
            "give text or data_hex, not both" if both else "give text or data_hex",
            code="bad_request" if both else "no_body",
            field="text",
        )
    modem = _modem(request, rules, own_numbers)
    recipients = tuple(_recipient(to, rules) for to in request.to)
    if not recipients:
        raise RequestError("there is no recipient", field="to")
    if request.expires_at is not None:
        if request.expires_at <= now:
            raise RequestError("expires_at has passed", code="expired", field="expires_at")
        if request.send_at is not None and request.expires_at <= request.send_at:
            raise RequestError("expires_at is before send_at", field="expires_at")
    if request.text is not None and len(request.text) > rules.max_characters:
        raise RequestError(
            f"the text has {len(request.text)} characters; at most {rules.max_characters} are allowed",
            code="text_too_long",
            field="text",
        )
    return layout(request, recipients, modem)


def layout(request: SendRequest, recipients: tuple[str, ...], modem: str | None) -> Checked:
    """How a command's content will be cut. Raises RequestError (no_body, not_encodable, too_many_segments)."""
    cut = _cut(request.text if request.text is not None else request.data or b"", request)
    return Checked(recipients=recipients, modem=modem, encoding=cut.encoding.value, segments=len(cut.parts))


def _modem(request: SendRequest, rules: Rules, own_numbers: Mapping[str, str]) -> str | None:
    if request.modem is not None and request.modem not in rules.modems:
        known = ", ".join(sorted(rules.modems)) or "none"
        raise RequestError(
            f"there is no modem {request.modem[:40]!r}; configured: {known}", code="unknown_modem", field="modem"
        )
    if request.sender is None:
        return request.modem
    owner = own_numbers.get(normalise(request.sender, rules.region))
    if owner is None or request.modem not in (None, owner):
        raise RequestError("no such modem has the number in `from`", code="unknown_modem", field="from")
    return owner


def _recipient(written: str, rules: Rules) -> str:
    number = normalise(written, rules.region)
    if not rules.allow_emergency and is_emergency(number, rules.region):
        raise RequestError(f"{number} is an emergency number", code="emergency_number", field="to")
    return number


def _cut(content: str | bytes, source: SendRequest | Message, ref: int = 0) -> Segmentation:
    if not content:
        raise RequestError("there is nothing to send", code="no_body", field="text")
    ports = Ports(destination=source.ports[0], source=source.ports[1]) if source.ports else None
    encoding = Alphabet.DATA if isinstance(content, bytes) else _ENCODINGS[source.encoding]
    try:
        return segment(content, encoding=encoding, message_class=source.message_class, ports=ports, ref=ref)
    except PduError as exc:
        raise RequestError(str(exc), code=exc.code, field="text" if isinstance(content, str) else "data_hex") from exc


def build_pdus(message: Message, *, ref: int, reports: bool) -> list[tuple[str, int]]:
    """The SMS-SUBMITs of a message as (AT hex, TPDU octets), in order. `ref`: concatenation reference.

    The reference does not change any length. Reports are asked for on every segment, since any of them can be the one lost.
    """
    cut = _cut(message.text if message.text is not None else message.data or b"", message, ref)
    address = Address.parse(message.peer)
    validity = ValidityPeriod.at_most(message.validity_s) if message.validity_s else None
    parts = with_reference(cut.parts, ref) if len(cut.parts) > 1 else cut.parts
    return [
        encode_frame(Submit(da=address, ud=ud, dcs=cut.dcs, validity=validity, status_report_request=reports))
        for ud in parts
    ]


def without_validity(pdu: str) -> tuple[str, int] | None:
    """An SMS-SUBMIT (AT hex) without its validity period, and its TPDU octets. None when it has none."""
    tpdu = decode_frame(pdu, Direction.MO).tpdu
    if not isinstance(tpdu, Submit) or tpdu.validity is None:
        return None
    return encode_frame(replace(tpdu, validity=None))


def digest(request: SendRequest) -> str:
    """A hash over everything that a command says except its idempotency key, for telling `duplicate` from `id_conflict`."""

    def plain(value: Any) -> Any:
        if isinstance(value, bytes):
            return value.hex()
        if isinstance(value, datetime):
            return rfc3339(value)
        return dict(value) if isinstance(value, Mapping) else value

    fields = {name: plain(getattr(request, name)) for name in SendRequest.__slots__ if name not in ("client_id",)}
    canonical = json.dumps(fields, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
