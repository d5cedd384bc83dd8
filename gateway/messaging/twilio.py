"""What the Twilio-compatible API keeps beside messages: settings of numbers, what a client said of a text, sender pools."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.messaging.model import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberSettings:
    """What is set for one own number. A number is a SIM, so that it keeps its settings in another modem.

    `number`: as it was last seen, E.164 or "". URLs are "" where none is set; methods are "GET" or "POST".
    """

    iccid: str
    number: str = ""
    friendly_name: str = ""
    sms_url: str = ""
    sms_method: str = "POST"
    sms_fallback_url: str = ""
    sms_fallback_method: str = "POST"
    status_callback: str = ""
    status_callback_method: str = "POST"
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What a client said of an outbound text beside what every edge can say; committed with the text.

    `sender`: the own number that was asked for, "" for any; `service`: the sid of the messaging service; `reply_to`: the
    inbound message that it answers (TwiML), "" for none. `deleted`: this API does not show it any more.
    """

    message_id: str
    sender: str = ""
    service: str = ""
    status_callback: str = ""
    status_callback_method: str = "POST"
    reply_to: str = ""
    deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagingService:
    """A pool of senders with settings of its own. `senders`: ICCIDs, in the order in which they were added.

    `validity_s`: how long a text may wait, 0 for as long as it takes. `use_number_webhook`: incoming texts go to the URL
    of the number and not to `inbound_url`.
    """

    sid: str
    friendly_name: str
    created_at: datetime
    updated_at: datetime
    inbound_url: str = ""
    inbound_method: str = "POST"
    fallback_url: str = ""
    fallback_method: str = "POST"
    status_callback: str = ""
    sticky_sender: bool = True
    validity_s: int = 0
    use_number_webhook: bool = False
    senders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A message with what this API shows beside it. `sent_at`: when its last segment left, or when it came in."""

    message: Message
    beside: Beside | None
    sent_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which messages to list. `to` and `sender` are numbers of either side; `sent_from` ≤ sent < `sent_before`.

    `after`: newest first, those older than that `n`; `behind`: the ones just newer than that `n`, for the page before.
    """

    to: str | None = None
    sender: str | None = None
    sent_from: datetime | None = None
    sent_before: datetime | None = None
    after: int | None = None
    behind: int | None = None
    limit: int = 50


class TwilioTable(Protocol):
    """What this API keeps, and the questions that it alone asks."""

    def number(self, iccid: str) -> NumberSettings | None: ...
    def numbers(self) -> list[NumberSettings]: ...
    def put_number(self, settings: NumberSettings) -> None: ...
    def beside(self, message_id: str) -> Beside | None: ...
    def put_beside(self, beside: Beside) -> None: ...
    def service(self, sid: str) -> MessagingService | None: ...
    def services(self) -> list[MessagingService]: ...
    def service_of(self, iccid: str) -> MessagingService | None: ...
    def put_service(self, service: MessagingService) -> None: ...
    def delete_service(self, sid: str) -> bool: ...
    def shown(self, message_id: str) -> Shown | None: ...
    def search(self, wanted: Search, rows: int) -> tuple[list[Shown], int | None]: ...
    def last_sender(self, peer: str, iccids: Collection[str]) -> str: ...
    def redact(self, message_id: str, now: datetime) -> None: ...
