"""One error tree. Every error has a stable string code; `CODES` says what each means, once.

GatewayError
├── TransientError     worth trying again, later or elsewhere
│   ├── ModemError     the modem went away, was silent or said no for now
│   └── StoreError     the database could not take the change
└── PermanentError     the same call will fail again
    ├── RequestError   what a client asked for cannot be done (bad field, unknown modem …)
    ├── PduError       octets that are no PDU; carries the offset
    └── ConfigError    a mistake in a file; carries file and key
"""

from __future__ import annotations

from dataclasses import dataclass


class GatewayError(Exception):
    """Base of all our errors. `code` is a key of `CODES`; `str()` is one clear line for a person."""

    code: str = "internal_error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class TransientError(GatewayError):
    """Trying again later, or on another modem, may work."""


class PermanentError(GatewayError):
    """The same call will fail again."""


class ModemError(TransientError):
    """The modem was lost, silent, or refused."""

    code = "modem_error"


class StoreError(TransientError):
    """The change was not committed."""

    code = "store_error"


class RequestError(PermanentError):
    """A client's request cannot be carried out. `field` names the offending field where there is one."""

    code = "bad_request"

    def __init__(self, message: str, *, code: str | None = None, field: str | None = None) -> None:
        super().__init__(message, code=code)
        self.field = field


class PduError(PermanentError):
    """Octets that are not the PDU they should be. `offset` is the octet (from 0) where reading failed."""

    code = "bad_pdu"

    def __init__(self, message: str, *, offset: int = 0, code: str | None = None) -> None:
        super().__init__(f"{message} (at octet {offset})", code=code)
        self.offset = offset


class ConfigError(PermanentError):
    """A mistake in the configuration; the message names file, key and what is allowed."""

    code = "bad_config"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorInfo:
    """What a code means to a person and to a program."""

    meaning: str
    retryable: bool = False
    twilio: int | None = None


CODES: dict[str, ErrorInfo] = {
    # the request
    "bad_request": ErrorInfo(
        meaning="The request is not understood: a field is missing, unknown or of the wrong type."
    ),
    "bad_json": ErrorInfo(meaning="The payload is not UTF-8 JSON, is not an object, or is nested too deeply."),
    "too_large": ErrorInfo(meaning="The payload is larger than the gateway takes."),
    "too_slow": ErrorInfo(meaning="The request did not come in time.", retryable=True),
    "retained_refused": ErrorInfo(meaning="A retained command would be carried out again at every reconnect."),
    "invalid_number": ErrorInfo(meaning="The recipient is no possible phone number or short code.", twilio=21211),
    "emergency_number": ErrorInfo(
        meaning="Emergency numbers are refused unless the configuration allows them.", twilio=21408
    ),
    "no_body": ErrorInfo(meaning="There is nothing to send: give text or data_hex.", twilio=21602),
    "text_too_long": ErrorInfo(meaning="The text has more characters than are allowed.", twilio=21617),
    "not_encodable": ErrorInfo(meaning="The text has a character that the chosen encoding does not have."),
    "too_many_segments": ErrorInfo(meaning="The content needs more than 255 segments.", twilio=21617),
    "unsupported": ErrorInfo(meaning="This release cannot do that yet."),
    "unknown_modem": ErrorInfo(meaning="No modem of that name is configured.", twilio=21606),
    "unknown_target": ErrorInfo(meaning="No notify target of that name is configured."),
    "unknown_message": ErrorInfo(meaning="There is no message of that id.", twilio=20404),
    "unauthorized": ErrorInfo(meaning="No credentials, or wrong ones.", twilio=20003),
    "forbidden": ErrorInfo(meaning="These credentials do not permit that.", twilio=20003),
    "locked_out": ErrorInfo(meaning="Too many failed log-ins; wait a little.", retryable=True, twilio=20429),
    "rate_limited": ErrorInfo(meaning="Too many requests in a short time.", retryable=True, twilio=20429),
    "unknown_user": ErrorInfo(meaning="There is no user of that name."),
    "unknown_token": ErrorInfo(meaning="There is no token of that id."),
    "unknown_session": ErrorInfo(meaning="There is no session of that id."),
    "last_admin": ErrorInfo(meaning="The last admin can neither be deleted, disabled nor made anything less."),
    "unknown_webhook": ErrorInfo(meaning="No webhook of that name is configured."),
    "unknown_delivery": ErrorInfo(meaning="There is no delivery of that id."),
    "unknown_media": ErrorInfo(meaning="There is no medium of that id.", twilio=20404),
    "unknown_alert": ErrorInfo(meaning="There is no alert of that number."),
    "alert_lasts": ErrorInfo(meaning="That alert ends when its cause does; it cannot be dismissed."),
    "webhook_refused": ErrorInfo(meaning="The webhook's target is not public, and allow_private is off."),
    "not_cancelable": ErrorInfo(meaning="The message has already left or is finished.", twilio=30409),
    "not_finished": ErrorInfo(meaning="The message is not finished, so it cannot be taken away yet.", twilio=20009),
    "id_conflict": ErrorInfo(meaning="The id was used before for other content."),
    "quota_exceeded": ErrorInfo(
        meaning="All that may be sent today or this month is sent.", retryable=True, twilio=20429
    ),
    "queue_full": ErrorInfo(meaning="Too many messages wait already.", retryable=True, twilio=21611),
    "opted_out": ErrorInfo(
        meaning="The recipient asked by an opt-out word for no more texts from this number.", twilio=21610
    ),
    "recipient_blocked": ErrorInfo(meaning="The recipient is on a block list, or on no allow list.", twilio=30004),
    "list_full": ErrorInfo(meaning="The lists have as many entries as they can."),
    "unknown_entry": ErrorInfo(meaning="There is no entry of that number in the lists."),
    # the outcome
    "expired": ErrorInfo(meaning="The message was not sent before its expiry.", twilio=30036),
    "canceled": ErrorInfo(meaning="The message was cancelled before it left."),
    "no_modem": ErrorInfo(meaning="No modem can take the message.", retryable=True, twilio=30001),
    "modem_error": ErrorInfo(meaning="The modem was lost, silent or refused.", retryable=True, twilio=30008),
    "network_rejected": ErrorInfo(meaning="The modem or the network refused the message for good.", twilio=30007),
    "network_busy": ErrorInfo(meaning="The network could not take the message for now.", retryable=True, twilio=30008),
    "outcome_unknown": ErrorInfo(
        meaning="Whether the message left, or the request was carried out, cannot be known; it was not repeated.",
        twilio=30008,
    ),
    "partially_sent": ErrorInfo(meaning="Some segments left, the rest could not be sent.", twilio=30008),
    "undelivered": ErrorInfo(meaning="The service centre could not deliver the message.", twilio=30003),
    # what a modem is asked for beside texts
    "modem_not_ready": ErrorInfo(meaning="The modem is not connected or not set up yet.", retryable=True),
    "ussd_unsupported": ErrorInfo(meaning="The modem, the SIM or the network does not support this USSD code."),
    "ussd_timeout": ErrorInfo(meaning="The USSD dialogue got no answer in time.", retryable=True),
    "ussd_busy": ErrorInfo(meaning="Another USSD dialogue is going on with this SIM.", retryable=True),
    "ussd_terminated": ErrorInfo(meaning="The USSD dialogue was ended by the network or cancelled."),
    "ussd_no_dialogue": ErrorInfo(meaning="There is no USSD dialogue that waits for a reply."),
    "ussd_failed": ErrorInfo(meaning="The modem or the network refused the USSD dialogue.", retryable=True),
    "service_refused": ErrorInfo(meaning="The modem or the network refused what it was asked for."),
    "service_unsupported": ErrorInfo(meaning="The modem or the network does not have what it was asked for."),
    "service_timeout": ErrorInfo(meaning="The modem or the network gave no answer in time.", retryable=True),
    "phonebook_full": ErrorInfo(meaning="The SIM's phonebook has no place left."),
    # the application of a number, as the Twilio-compatible API has them; told as alerts
    "application_failed": ErrorInfo(meaning="An application gave no good answer, or none in time.", retryable=True),
    "application_unreachable": ErrorInfo(
        meaning="An application cannot be reached, or is at an address that is not allowed.", retryable=True
    ),
    "application_unknown_host": ErrorInfo(meaning="The host of an application has no address.", retryable=True),
    "application_redirects": ErrorInfo(meaning="An application redirects without end.", retryable=True),
    "application_untrusted": ErrorInfo(meaning="No TLS connection to an application could be made.", retryable=True),
    "application_too_large": ErrorInfo(meaning="The answer of an application is too large."),
    "application_bad_xml": ErrorInfo(meaning="The answer of an application is no TwiML."),
    "application_bad_type": ErrorInfo(meaning="The answer of an application is neither XML nor text/plain."),
    "application_endless": ErrorInfo(meaning="The documents of an application lead from one to the next without end."),
    # the box
    "sim_missing": ErrorInfo(meaning="There is no SIM in the modem."),
    "sim_pin_required": ErrorInfo(
        meaning="The SIM wants its PIN and none is configured, or too few attempts are left."
    ),
    "sim_puk_required": ErrorInfo(meaning="The SIM is locked and wants its PUK."),
    "no_network": ErrorInfo(meaning="The modem finds no network, or the network refuses its SIM.", retryable=True),
    "clock_not_set": ErrorInfo(meaning="The gateway does not know what time it is.", retryable=True),
    "roaming_refused": ErrorInfo(
        meaning="The modem is abroad and must not send there (allow_roaming).", retryable=True
    ),
    "sim_barred": ErrorInfo(
        meaning="The network bars this SIM from sending: its credit is used up, or it has no SMS service."
    ),
    "no_service_centre": ErrorInfo(meaning="The SIM has no number of a service centre; set smsc."),
    "low_voltage": ErrorInfo(
        meaning="The modem says that its supply voltage is too low; it may restart in the middle of a text."
    ),
    "bad_pdu": ErrorInfo(meaning="A PDU could not be decoded."),
    "storage_refused": ErrorInfo(meaning="A modem refuses to list or to empty a storage; texts may stay in it."),
    "database_replaced": ErrorInfo(meaning="The database was damaged; it was set aside and a new one was begun."),
    "database_restored": ErrorInfo(meaning="A backup was restored; what waited in it was ended and not sent again."),
    "backup_busy": ErrorInfo(meaning="A backup is being made; try again when it is done.", retryable=True),
    "disk_full": ErrorInfo(meaning="The disk has too little room for that.", retryable=True),
    "too_many_parts": ErrorInfo(meaning="Too many long texts are unfinished; further parts are kept raw."),
    "store_error": ErrorInfo(meaning="The database could not take the change.", retryable=True),
    "bad_config": ErrorInfo(meaning="The configuration has a mistake."),
    "internal_error": ErrorInfo(meaning="A defect in the gateway; please report it."),
}
