"""Where an application listens: what is set for a number, or for the messaging service that it is in."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.messaging.model import Message
from gateway.messaging.ports import Tx
from gateway.messaging.twilio import NumberSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """Where a received text goes, and where when that fails. `service`: the sid of the number's service, or ""."""

    url: str
    method: str
    fallback_url: str
    fallback_method: str
    service: str = ""


def hooks_of(tx: Tx, iccid: str) -> Hooks | None:
    """Of a SIM; None where no application is told. A service without an address of its own leaves it to its numbers."""
    number, service = tx.twilio.number(iccid), tx.twilio.service_of(iccid)
    sid = service.sid if service is not None else ""
    if service is not None and service.inbound_url and not service.use_number_webhook:
        return Hooks(
            url=service.inbound_url,
            method=service.inbound_method,
            fallback_url=service.fallback_url,
            fallback_method=service.fallback_method,
            service=sid,
        )
    if number is None or not number.sms_url:
        return None
    return Hooks(
        url=number.sms_url,
        method=number.sms_method,
        fallback_url=number.sms_fallback_url,
        fallback_method=number.sms_fallback_method,
        service=sid,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """Where the statuses of a text go. `sender`: the own number it is shown with, "" where that is not known yet."""

    url: str
    method: str
    sender: str
    service: str


def callback_of(tx: Tx, message: Message) -> Callback | None:
    """Of an outbound text: its own address, that of its service, or that of its number; None where nobody is told."""
    beside = tx.twilio.beside(message.id)
    if beside is None:
        return None
    number = _number(tx, message, beside.sender)
    sender = message.own_number or (number.number if number is not None else "") or beside.sender
    url, method = beside.status_callback, beside.status_callback_method
    if not url and beside.service and (service := tx.twilio.service(beside.service)) is not None:
        url, method = service.status_callback, "POST"
    if not url and number is not None:
        url, method = number.status_callback, number.status_callback_method
    return Callback(url=url, method=method, sender=sender, service=beside.service) if url else None


def _number(tx: Tx, message: Message, sender: str) -> NumberSettings | None:
    """The number a text leaves by: the SIM it is bound to, or else the one that was asked for."""
    if message.iccid:
        return tx.twilio.number(message.iccid)
    return next((each for each in tx.twilio.numbers() if sender and each.number == sender), None)
