"""Phone numbers as clients write them → as the network wants them."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

from gateway.errors import RequestError

SHORT_CODE = re.compile(r"[0-9]{3,8}")
_WRITTEN = re.compile(r"\+?[0-9(][0-9 ()./-]{2,39}")

# 3GPP TS 22.101 clause 10.1: the numbers that a phone without a SIM treats as emergency calls.
_EMERGENCY_EVERYWHERE = frozenset({"112", "911", "000", "08", "110", "118", "119", "999"})


@lru_cache(maxsize=4096)
def normalise(written: str, region: str | None) -> str:
    """The recipient `written` as E.164 (`+4917…`), or unchanged if it is a short code of 3 to 8 digits.

    `region`: two-letter code for numbers without `+`, or None. Numbers only have to be *possible*, not known to be valid.
    Raises RequestError(invalid_number).
    """
    number = written.strip(" ")
    if SHORT_CODE.fullmatch(number):
        return number
    if not _WRITTEN.fullmatch(number):
        raise _invalid(written, "only digits, spaces, ( ) . / - and a leading + are allowed")
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException as exc:
        hint = "write it with + and the country code" if region is None and not number.startswith("+") else str(exc)
        raise _invalid(written, hint) from exc
    if not phonenumbers.is_possible_number(parsed):
        raise _invalid(written, "it has too many or too few digits")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


@lru_cache(maxsize=4096)
def country_of(number: str) -> str:
    """The country of an E.164 number as two letters, by its code and area; "" for numbers that belong to none."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number)) or ""
    except phonenumbers.NumberParseException:
        return ""


def is_emergency(number: str, region: str | None) -> bool:
    """Whether a normalised number reaches an emergency service, everywhere or in `region`."""
    if number in _EMERGENCY_EVERYWHERE:
        return True
    if region is None or len(number) > 6:
        return False
    from phonenumbers import shortnumberinfo  # its metadata is large; few boxes ever see a short code

    return bool(shortnumberinfo.is_emergency_number(number, region))


def same_subscriber(one: str, other: str, digits: int = 7) -> bool:
    """Whether two numbers may be one subscriber's in different forms: their last digits agree.

    Networks report a recipient in national form, so a status report is compared by the last seven digits;
    shorter numbers must be equal.
    """
    left, right = (re.sub(r"[^0-9A-Za-z*#]", "", number) for number in (one, other))
    if min(len(left), len(right)) < digits:
        return left == right
    return left[-digits:] == right[-digits:]


def _invalid(written: str, why: str) -> RequestError:
    shown = written.encode("unicode_escape").decode("ascii")[:40]
    return RequestError(f"{shown!r} is no phone number: {why}", code="invalid_number", field="to")
