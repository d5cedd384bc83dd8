"""`/v2/PhoneNumbers/<number>`: what the number itself tells; what a network would know is not asked and shown as null."""

from __future__ import annotations

import phonenumbers
from phonenumbers import PhoneNumberFormat, ValidationResult
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.web.twilio.context import Context, base_of
from gateway.web.twilio.errors import BAD_REQUEST, TwilioError, not_found

MAX_NUMBER = 40
_ERRORS = {
    ValidationResult.INVALID_COUNTRY_CODE: "INVALID_COUNTRY_CODE",
    ValidationResult.TOO_SHORT: "TOO_SHORT",
    ValidationResult.TOO_LONG: "TOO_LONG",
    ValidationResult.INVALID_LENGTH: "INVALID_LENGTH",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "INVALID_BUT_POSSIBLE",
    ValidationResult.IS_POSSIBLE: "INVALID_BUT_POSSIBLE",
}
_PACKAGES = (
    "caller_name",
    "sim_swap",
    "call_forwarding",
    "line_status",
    "line_type_intelligence",
    "identity_match",
    "reassigned_number",
    "sms_pumping_risk",
    "phone_number_quality_score",
    "pre_fill",
)


class Lookups:
    """The handlers."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def fetch(self, request: Request) -> Response:
        written, country = request.path_params["number"], request.query_params.get("CountryCode", "").upper()
        if len(written) > MAX_NUMBER:
            raise TwilioError(BAD_REQUEST, f"a number has at most {MAX_NUMBER} characters")
        if request.query_params.get("Fields"):
            raise TwilioError(BAD_REQUEST, "this gateway only looks at the number itself; ask for no Fields")
        try:
            parsed = phonenumbers.parse(written, country or self._context.account.region)
        except phonenumbers.NumberParseException as exc:
            raise not_found(request.url.path) from exc
        valid = phonenumbers.is_valid_number(parsed)
        number = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
        found = {
            **dict.fromkeys(_PACKAGES),
            "calling_country_code": str(parsed.country_code),
            "country_code": phonenumbers.region_code_for_number(parsed),
            "national_format": phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL),
            "phone_number": number,
            "url": f"{base_of(request)}/v2/PhoneNumbers/{number}",
            "valid": valid,
            "validation_errors": [] if valid else [_ERRORS[phonenumbers.is_possible_number_with_reason(parsed)]],
        }
        return JSONResponse(found)
