"""Accounts, numbers, messaging services and look-ups through the official SDK; who gets in; the shape of what is wrong."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.accounts import Permission, Role
from gateway.accounts.model import PERMISSIONS
from gateway.pdu import segment
from gateway.web.twilio.app import routes_of
from tests.edges.twilio.conftest import ABSENT, NUMBERS, Gateway

pytest.importorskip("twilio")

from twilio.base.exceptions import TwilioRestException

SHAPE = {"code", "message", "more_info", "status"}
_PEERS = itertools.count(491770000000)


@pytest.fixture
def http(gateway: Gateway) -> Iterator[httpx.Client]:
    with gateway.http() as found:
        yield found


@pytest.fixture
def api(gateway: Gateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.url, headers={"authorization": f"Bearer {gateway.api_token}"}) as found:
        yield found


def told(answer: httpx.Response) -> tuple[int, int]:
    """HTTP status and number of an error, whose shape is Twilio's."""
    body = answer.json()
    assert set(body) == SHAPE
    assert body["status"] == answer.status_code
    assert body["more_info"] == f"https://www.twilio.com/docs/errors/{body['code']}"
    return answer.status_code, body["code"]


def test_the_account_is_shown_without_its_secret(gateway: Gateway, client: Any) -> None:
    account = client.api.accounts(gateway.sid).fetch()
    assert (account.sid, account.status, account.auth_token) == (gateway.sid, "active", None)
    assert [one.sid for one in client.api.accounts.list()] == [gateway.sid]


def test_each_sim_is_a_number_with_settings(gateway: Gateway, client: Any) -> None:
    numbers = client.incoming_phone_numbers.list()
    assert [one.phone_number for one in numbers] == list(NUMBERS)
    assert all(re.fullmatch(r"PN[0-9a-f]{32}", one.sid) for one in numbers)
    assert client.incoming_phone_numbers.list(phone_number=NUMBERS[1])[0].sid == numbers[1].sid
    assert [one.sid for one in client.incoming_phone_numbers.list(page_size=1)] == [one.sid for one in numbers]
    own = client.incoming_phone_numbers(numbers[0].sid)
    assert own.fetch().capabilities["sms"] is True
    changed = own.update(
        friendly_name="front desk",
        sms_url="https://app.example/sms",
        sms_method="GET",
        sms_fallback_url="https://app.example/fallback",
        status_callback="https://app.example/status",
    )
    assert changed.date_updated is not None
    found = own.fetch()
    assert (found.friendly_name, found.sms_url, found.sms_method) == ("front desk", "https://app.example/sms", "GET")
    assert (found.sms_fallback_url, found.status_callback) == (
        "https://app.example/fallback",
        "https://app.example/status",
    )
    assert own.update(sms_url="", sms_fallback_url="", status_callback="").sms_url == ""
    for wrong in ({"sms_url": "nowhere"}, {"sms_method": "PUT"}, {"friendly_name": "x" * 65}):
        with pytest.raises(TwilioRestException):
            own.update(**wrong)
    with pytest.raises(TwilioRestException) as caught:
        client.incoming_phone_numbers("PN" + "0" * 32).fetch()
    assert (caught.value.status, caught.value.code) == (404, 20404)


def test_a_messaging_service_chooses_among_its_numbers(client: Any) -> None:
    services = client.messaging.v1.services
    made = services.create(friendly_name="pool", sticky_sender=True, validity_period=600)
    service = services(made.sid)
    assert (made.friendly_name, made.validity_period, made.sticky_sender) == ("pool", 600, True)
    for number in client.incoming_phone_numbers.list():
        service.phone_numbers.create(phone_number_sid=number.sid)
    pool = service.phone_numbers.list(page_size=1)
    assert [one.phone_number for one in pool] == list(NUMBERS)
    assert service.phone_numbers(pool[0].sid).fetch().country_code == "DE"
    to = f"+{next(_PEERS)}"
    sids = [client.messages.create(to=to, messaging_service_sid=made.sid, body=str(n)).sid for n in range(3)]
    shown = [client.messages(sid).fetch() for sid in sids]
    assert {one.messaging_service_sid for one in shown} == {made.sid}
    named = client.messages.create(to=to, messaging_service_sid=made.sid, from_=NUMBERS[1], body="named")
    assert named.from_ == NUMBERS[1]
    with pytest.raises(TwilioRestException) as caught:
        client.messages.create(to=to, messaging_service_sid=made.sid, from_=ABSENT, body="not of the pool")
    assert caught.value.code == 21606
    assert service.phone_numbers(pool[0].sid).delete()
    assert [one.sid for one in service.phone_numbers.list()] == [pool[1].sid]
    assert service.update(friendly_name="renamed", use_inbound_webhook_on_number=True).friendly_name == "renamed"
    assert service.fetch().use_inbound_webhook_on_number is True
    assert made.sid in [one.sid for one in services.list(page_size=1)]
    assert service.delete()
    with pytest.raises(TwilioRestException) as caught:
        service.fetch()
    assert caught.value.code == 20404


def test_a_look_up_tells_what_the_number_does(client: Any) -> None:
    def look_up(number: str, **options: str) -> Any:
        return client.lookups.v2.phone_numbers(number).fetch(**options)

    found = look_up("+4930901820")
    assert (found.valid, found.country_code, found.calling_country_code) == (True, "DE", "49")
    assert (found.national_format, found.validation_errors, found.caller_name) == ("030 901820", [], None)
    assert look_up("030901820").phone_number == "+4930901820"
    assert look_up("2024561111", country_code="US").phone_number == "+12024561111"
    short = look_up("+1202")
    assert (short.valid, short.validation_errors) == (False, ["TOO_SHORT"])
    for number, options, code in (("nobody", {}, 20404), ("+4930901820", {"fields": "caller_name"}, 20001)):
        with pytest.raises(TwilioRestException) as caught:
            look_up(number, **options)
        assert caught.value.code == code


def test_who_gets_in(gateway: Gateway) -> None:
    for client in (
        gateway.client(),
        gateway.client("SKany", gateway.api_token),
        gateway.client(gateway.sid, gateway.api_token),
    ):
        assert client.api.accounts(gateway.sid).fetch().sid == gateway.sid
    for name, password in ((gateway.sid, "wrong"), ("AC" + "0" * 32, gateway.token), ("SKany", "smsgw_none")):
        with pytest.raises(TwilioRestException) as caught:
            gateway.client(name, password).api.accounts(gateway.sid).fetch()
        assert (caught.value.status, caught.value.code) in ((401, 20003), (429, 20429))
    with httpx.Client(base_url=gateway.url) as nobody:
        answer = nobody.get(f"/2010-04-01/Accounts/{gateway.sid}/Messages.json")
        assert told(answer) == (401, 20003)
        assert answer.headers["www-authenticate"].startswith("Basic ")
        assert told(nobody.get("/v1/Services", headers={"host": "evil.example"})) == (403, 20003)


def test_the_own_api_does_not_know_the_account(gateway: Gateway, http: httpx.Client) -> None:
    assert http.get("/api/v1/messages").status_code in (401, 429)


def test_each_route_asks_for_its_permission(gateway: Gateway) -> None:
    """Role × route: whoever lacks the permission gets 403 from each, before anything else is looked at."""
    admin = {"authorization": f"Bearer {gateway.api_token}"}
    routes = [(method, path, asked) for method, path, asked, _ in routes_of(_nothing())]
    assert len(routes) == 22
    refused = 0
    with httpx.Client(base_url=gateway.url) as http:
        for role in Role:
            made = http.post("/api/v1/tokens", json={"name": f"twilio {role.value}", "role": role.value}, headers=admin)
            token = made.json()["token"]
            for method, path, permission in routes:
                if permission in PERMISSIONS[role]:
                    continue
                concrete = re.sub(r"\{\w+\}", "x", path)
                answer = http.request(method, concrete, headers={"authorization": f"Bearer {token}"})
                assert told(answer) == (403, 20003), (role, method, path)
                refused += 1
    assert refused >= 30
    assert {asked for _, _, asked in routes} == {Permission.READ, Permission.SEND, Permission.OPERATE}


def _nothing() -> Any:
    """A context for the table of routes alone."""

    class Nothing:
        clock = type("Clock", (), {"now": staticmethod(lambda: None)})

    return Nothing()


def test_a_token_keeps_its_limits(gateway: Gateway) -> None:
    admin = {"authorization": f"Bearer {gateway.api_token}"}
    limits = {"name": "limited", "role": "send-only", "modems": ["modem1"], "recipients": ["+4917"]}
    token = httpx.post(f"{gateway.url}/api/v1/tokens", json=limits, headers=admin).json()["token"]
    client = gateway.client("SKlimited", token)
    to = f"+{next(_PEERS)}"
    assert client.messages.create(to=to, from_=NUMBERS[0], body="allowed").status == "queued"
    for other in ({"to": to, "from_": NUMBERS[1]}, {"to": "+12024561111", "from_": NUMBERS[0]}):
        with pytest.raises(TwilioRestException) as caught:
            client.messages.create(**other, body="not allowed")
        assert (caught.value.status, caught.value.code) == (403, 20003)


def test_pages_have_one_key_of_their_own(gateway: Gateway, http: httpx.Client) -> None:
    http_path = f"/2010-04-01/Accounts/{gateway.sid}/Messages.json"
    page = http.get(http_path, params={"PageSize": "2", "To": NUMBERS[0]}).json()
    paging = {"end", "first_page_uri", "next_page_uri", "page", "page_size", "previous_page_uri", "start", "uri"}
    assert set(page) == paging | {"messages"}
    assert page["uri"].startswith(http_path)
    for query in ({"PageSize": "0"}, {"PageSize": "x"}, {"PageToken": "x"}, {"Page": "2"}, {"DateSent": "yesterday"}):
        assert told(http.get(http_path, params=query)) == (400, 20001)


def test_whatever_is_asked_is_answered_in_twilios_shape(gateway: Gateway, http: httpx.Client) -> None:
    account = f"/2010-04-01/Accounts/{gateway.sid}"
    assert told(http.get(f"{account}/Nothing.json")) == (404, 20404)
    assert told(http.get("/2010-04-01/Accounts/AC0/Messages.json")) == (404, 20404)
    assert told(http.put(f"{account}/Messages.json")) == (405, 20004)
    assert told(http.post(f"{account}/Messages.json", content=b"\xff=\xff%ff")) == (400, 20001)
    assert told(http.post(f"{account}/Messages.json", content=b"&".join([b"a=1"] * 200))) == (400, 20001)
    assert told(http.post(f"{account}/Messages.json", content=b"x" * 100_000)) == (413, 20001)
    assert told(http.post(f"{account}/Messages.json", json={"To": "+491701234567"})) == (400, 21604)
    assert told(http.get(f"{account}/Messages/SM0/Media/ME0.json")) == (404, 20404)
    assert told(http.get("/v1/Services/MG0")) == (404, 20404)


@given(
    form=st.dictionaries(
        st.sampled_from(
            ["To", "From", "Body", "MediaUrl", "StatusCallback", "ValidityPeriod", "SendAt", "ScheduleType", "Status"]
        ),
        st.text(max_size=30) | st.sampled_from(["+4917", "fixed", "https://x/", "2030-01-01", "1", NUMBERS[0]]),
    ),
    path=st.sampled_from(["Messages.json", "Messages/SM0.json", "IncomingPhoneNumbers/PN0.json"]),
)
@settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_no_form_is_a_defect(gateway: Gateway, http: httpx.Client, form: dict[str, str], path: str) -> None:
    clean = {name: text.encode("utf-8", "replace").decode() for name, text in form.items()}
    answer = http.post(f"/2010-04-01/Accounts/{gateway.sid}/{path}", data=clean)
    assert answer.status_code in (201, 400, 404)
    if answer.status_code != 201:
        told(answer)


@given(body=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=400))
@settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_segments_are_counted_alike_everywhere(gateway: Gateway, client: Any, api: httpx.Client, body: str) -> None:
    """The codec's count, what the SDK is told, and what the own API says."""
    to = f"+{next(_PEERS)}"
    made = client.messages.create(to=to, from_=ABSENT, body=body, validity_period=36000)
    own = api.get(f"/api/v1/messages/{made.sid}").json()
    assert int(made.num_segments) == len(segment(body).parts) == own["segments"]
    assert own["text"] == made.body == body
