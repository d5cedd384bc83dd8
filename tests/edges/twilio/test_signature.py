"""What is signed is accepted by whoever checks it as Twilio's SDKs do."""

from __future__ import annotations

import pytest

from gateway.web.twilio.signature import sign, signed_address

validation = pytest.importorskip("twilio.request_validator")

TOKEN = "0123456789abcdef0123456789abcdef"
FIELDS = [("From", "+491700000001"), ("Body", "Grüße 👋 & =?"), ("To", "+491700000002"), ("Empty", "")]


class Repeated(dict[str, list[str]]):
    """Parameters as a framework hands them to the SDK: a name may have several values."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


@pytest.mark.parametrize(
    "url",
    [
        "http://192.168.1.2:8000/sms",
        "http://host.example/sms",
        "https://host.example/sms?a=1&b=%C3%BC&a=2",
        "https://host.example:8443/a/b/",
        "https://host.example:443/",
        "http://xn--bcher-kva.example/sms?q=%F0%9F%91%8B",
    ],
)
def test_the_sdk_accepts_what_is_signed(url: str) -> None:
    validator = validation.RequestValidator(TOKEN)
    signature = sign(TOKEN, url, FIELDS)
    assert validator.validate(url, dict(FIELDS), signature)
    assert validator.validate(url, {}, sign(TOKEN, url))
    assert not validator.validate(url, dict(FIELDS), sign("f" * 32, url, FIELDS))
    assert not validator.validate(url, dict(FIELDS) | {"Body": "other"}, signature)
    assert not validator.validate(f"{url}x", dict(FIELDS), signature)


def test_repeated_parameters_are_sorted_and_count_once() -> None:
    fields = [("MediaUrl", "b"), ("Body", "x"), ("MediaUrl", "a"), ("MediaUrl", "b")]
    seen = Repeated(MediaUrl=["b", "a", "b"], Body=["x"])
    url = "https://host.example/sms"
    assert validation.RequestValidator(TOKEN).validate(url, seen, sign(TOKEN, url, fields))


def test_a_default_port_is_accepted_with_and_without() -> None:
    validator = validation.RequestValidator(TOKEN)
    signature = sign(TOKEN, "https://host.example:443/sms", FIELDS)
    assert validator.validate("https://host.example/sms", dict(FIELDS), signature)
    assert validator.validate("https://host.example:443/sms", dict(FIELDS), signature)


def test_only_what_the_receiver_can_know_is_signed() -> None:
    assert signed_address("https://user:pass@host.example#part") == "https://host.example/"
    assert signed_address("http://host.example:8000/a?b=c#d") == "http://host.example:8000/a?b=c"
