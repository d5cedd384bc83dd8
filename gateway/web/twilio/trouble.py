"""An application that does not answer as it should is an alert of the modem whose texts it gets, until it takes one.

Each cause is an alert of its own and told once: an application that is down is asked again and again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from gateway.messaging import alerts
from gateway.messaging.alerts import AlertFilter
from gateway.messaging.model import Message
from gateway.messaging.ports import Tx
from gateway.web.twilio import twiml
from gateway.web.twilio.client import Failed

ALERTS: Mapping[int, str] = {
    twiml.RETRIEVAL_FAILED: "application_failed",
    twiml.CONNECTION_FAILED: "application_unreachable",
    twiml.BAD_HOST: "application_unknown_host",
    twiml.TOO_MANY_HOPS: "application_redirects",
    twiml.NO_TLS: "application_untrusted",
    twiml.TOO_LARGE: "application_too_large",
    twiml.NO_XML: "application_bad_xml",
    twiml.NOT_IN_SCHEMA: "application_bad_xml",
    twiml.BAD_CONTENT_TYPE: "application_bad_type",
    twiml.TOO_MANY_DOCUMENTS: "application_endless",
}
"""Twilio's number of what ends a conversation → the code of the alert."""


def tell(tx: Tx, message: Message, failures: Collection[Failed], now: datetime) -> None:
    """What an attempt to have `message` taken failed for, where it is not told already."""
    for failure in failures:
        code = ALERTS.get(failure.number, ALERTS[twiml.RETRIEVAL_FAILED])
        if tx.records.alerts.active(code, message.line or "") is None:
            text = f"the application of {message.own_number or message.line} failed: {failure}"
            alerts.tell(tx, code, text, message.line, now, lasting=True)


def end(tx: Tx, line: str | None, why: str, now: datetime) -> None:
    """The application took a text, or another one is told now."""
    for alert in tx.records.alerts.find(AlertFilter(active=True, line=line or "")):
        if alert.code in ALERTS.values():
            alerts.tell(tx, alert.code, why, line, now, over=True)
