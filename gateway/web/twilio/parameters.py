"""What an application is told of a text, in the names of Twilio's requests to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gateway.errors import CODES
from gateway.messaging.consent import ConsentFilter
from gateway.messaging.model import Message, Status
from gateway.messaging.numbers import country_of
from gateway.messaging.ports import Tx
from gateway.messaging.words import Change
from gateway.web.twilio.account import API_VERSION, Account

Fields = Sequence[tuple[str, str]]

UNKNOWN_ERROR = 30008
_OPT_OUT_TYPES = {Change.OPT_OUT: "STOP", Change.OPT_IN: "START", Change.HELP: "HELP"}
_LOG_LINES = 20  # of a sender's opt-out words: the one that is looked for is the last
_SETTLED = (Status.DELIVERED, Status.UNDELIVERED)


def incoming(tx: Tx, account: Account, message: Message, own_number: str, service: str) -> Fields:
    """Of a received text. `service`: the sid of the messaging service that its number is in, or ""."""
    fields = [
        ("ToCountry", country_of(own_number)),
        *((name, "") for name in ("ToState", "ToCity", "ToZip")),
        ("FromCountry", country_of(message.peer)),
        *((name, "") for name in ("FromState", "FromCity", "FromZip")),
        *((name, message.id) for name in ("SmsMessageSid", "SmsSid", "MessageSid")),
        ("SmsStatus", "received"),
        ("NumMedia", "0"),
        ("NumSegments", str(message.segments)),
        ("Body", message.text or ""),
        ("To", own_number),
        ("From", message.peer),
        ("AccountSid", account.sid),
        ("ApiVersion", API_VERSION),
    ]
    if service:
        fields.append(("MessagingServiceSid", service))
    if word := _opt_out_type(tx, message):
        fields.append(("OptOutType", word))
    return fields


def _opt_out_type(tx: Tx, message: Message) -> str:
    said = tx.consent.find(ConsentFilter(peer=message.peer, limit=_LOG_LINES))
    return next((_OPT_OUT_TYPES[each.change] for each in said if each.message_id == message.id), "")


def status(
    account: Account, message: Message, word: Status, error: str, moment: datetime, sender: str
) -> list[tuple[str, str]]:
    """Of a sent text that came to a status. `error`: our code, or ""; `moment`: when it came to it."""
    shown = Status.SENDING if word is Status.UNKNOWN else word  # Twilio has no word for it, and it is not over
    fields = [
        *((name, message.id) for name in ("MessageSid", "SmsSid")),
        *((name, shown.value) for name in ("MessageStatus", "SmsStatus")),
        ("To", message.peer),
        ("From", sender),
        ("AccountSid", account.sid),
        ("ApiVersion", API_VERSION),
    ]
    if error and word is not Status.CANCELED:
        info = CODES.get(error, CODES["internal_error"])
        fields += [("ErrorCode", str(info.twilio or UNKNOWN_ERROR)), ("ErrorMessage", info.meaning)]
    if word in _SETTLED:
        fields.append(("RawDlrDoneDate", moment.strftime("%y%m%d%H%M")))
    return fields
