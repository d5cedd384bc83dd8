"""Messages through the official SDK: what a program written for Twilio does, done to this gateway."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.edges.twilio.conftest import ABSENT, NUMBERS, Gateway
from tests.support.processes import wait_until

pytest.importorskip("twilio")

from twilio.base.exceptions import TwilioRestException

_RECIPIENTS = itertools.count(491760000000)


def recipient() -> str:
    """A number that no other test writes to."""
    return f"+{next(_RECIPIENTS)}"


def finished(client: Any, sid: str) -> Any:
    """The message, as soon as the network has it."""
    wait_until(lambda: client.messages(sid).fetch().status in ("sent", "delivered"), f"{sid} to leave")
    return client.messages(sid).fetch()


def refused(call: Callable[[], Any]) -> tuple[int, int]:
    """HTTP status and number of what the SDK raises."""
    with pytest.raises(TwilioRestException) as caught:
        call()
    assert caught.value.msg
    return caught.value.status, caught.value.code


def test_a_text_is_sent_with_every_parameter_and_shown(gateway: Gateway, client: Any) -> None:
    to, body = recipient(), "Grüße aus 東京 😀 €"
    made = client.messages.create(
        to=to,
        from_=NUMBERS[0],
        body=body,
        status_callback="https://app.example/status?x=1",
        application_sid="AP" + "0" * 32,
        max_price=0.5,
        provide_feedback=True,
        attempt=1,
        validity_period=3600,
        force_delivery=True,
        content_retention="retain",
        address_retention="retain",
        smart_encoded=False,
        shorten_urls=False,
        risk_check="disable",
    )
    assert (made.sid[:2], len(made.sid)) == ("SM", 34)
    assert (made.to, made.from_, made.body, made.direction) == (to, NUMBERS[0], body, "outbound-api")
    assert (made.status, made.num_segments, made.num_media, made.account_sid) == ("queued", "1", "0", gateway.sid)
    assert (made.error_code, made.error_message, made.date_sent, made.api_version) == (None, None, None, "2010-04-01")
    assert abs(datetime.now(UTC) - made.date_created) < timedelta(minutes=1)
    found = finished(client, made.sid)
    assert found.date_sent >= found.date_created
    assert found.uri == f"/2010-04-01/Accounts/{gateway.sid}/Messages/{made.sid}.json"
    submitted = [one for one in gateway.control("/submitted?after=0")["submitted"] if one["to"] == to]
    assert [one["text"] for one in submitted] == [body]
    assert client.messages(made.sid).media.list() == []


def test_a_list_is_paged_filtered_and_streamed(gateway: Gateway, client: Any) -> None:
    to = recipient()
    sids = [client.messages.create(to=to, from_=NUMBERS[0], body=f"number {n}").sid for n in range(7)]
    newest_first = sids[::-1]
    assert [one.sid for one in client.messages.list(to=to, page_size=3)] == newest_first
    assert [one.sid for one in client.messages.stream(to=to, page_size=3)] == newest_first
    assert [one.sid for one in client.messages.list(to=to, limit=4)] == newest_first[:4]
    first = client.messages.page(to=to, page_size=3)
    assert first.previous_page() is None
    second = first.next_page()
    third = second.next_page()
    assert third.next_page() is None
    assert [[one.sid for one in page] for page in (first, second, third)] == [
        newest_first[:3],
        newest_first[3:6],
        newest_first[6:],
    ]
    assert [one.sid for one in third.previous_page()] == newest_first[3:6]
    assert [one.sid for one in second.previous_page()] == newest_first[:3]
    for sid in sids:
        finished(client, sid)
    assert len(client.messages.list(to=to, from_=NUMBERS[0])) == 7
    assert client.messages.list(to=to, from_=NUMBERS[1]) == []
    today, day = datetime.now(UTC), timedelta(days=1)
    assert len(client.messages.list(to=to, date_sent=today)) == 7
    assert len(client.messages.list(to=to, date_sent_after=today - day, date_sent_before=today + day)) == 7
    assert client.messages.list(to=to, date_sent_before=today - day) == []
    assert client.messages.list(to=to, date_sent_after=today + day) == []


def test_an_incoming_text_is_shown(gateway: Gateway, client: Any) -> None:
    sender = recipient()
    gateway.control("/deliver", {"modem": "modem2", "from": sender, "text": "hallo 😀"})
    wait_until(lambda: bool(client.messages.list(from_=sender)), "the text to come in")
    (found,) = client.messages.list(from_=sender)
    assert (found.direction, found.status, found.body, found.to) == ("inbound", "received", "hallo 😀", NUMBERS[1])
    assert found.date_sent is not None
    assert refused(lambda: found.update(status="canceled")) == (409, 30409)


def test_a_finished_text_is_redacted_and_deleted(client: Any) -> None:
    to = recipient()
    sid = client.messages.create(to=to, from_=NUMBERS[0], body="a secret").sid
    finished(client, sid)
    assert client.messages(sid).update(body="").body == ""
    assert client.messages(sid).fetch().body == ""
    assert client.messages(sid).delete() is True
    assert refused(lambda: client.messages(sid).fetch()) == (404, 20404)
    assert refused(lambda: client.messages(sid).delete()) == (404, 20404)
    assert client.messages.list(to=to) == []


def test_a_text_is_scheduled_and_canceled(client: Any) -> None:
    service = client.messaging.v1.services.create(friendly_name="alarms")
    pool = client.messaging.v1.services(service.sid).phone_numbers
    numbers = {one.phone_number: one for one in client.incoming_phone_numbers.list()}
    to, when = recipient(), datetime.now(UTC) + timedelta(hours=1)
    common: dict[str, Any] = {"to": to, "body": "later", "messaging_service_sid": service.sid}
    assert refused(lambda: client.messages.create(**common)) == (400, 21703)
    pool.create(phone_number_sid=numbers[NUMBERS[1]].sid)
    assert [one.phone_number for one in pool.list()] == [NUMBERS[1]]
    other = client.messaging.v1.services.create(friendly_name="other")
    assert refused(
        lambda: client.messaging.v1.services(other.sid).phone_numbers.create(phone_number_sid=numbers[NUMBERS[1]].sid)
    ) == (409, 21710)
    made = client.messages.create(**common, schedule_type="fixed", send_at=when)
    assert (made.status, made.messaging_service_sid) == ("scheduled", service.sid)
    assert refused(lambda: client.messages(made.sid).update(body="")) == (409, 20009)
    assert refused(lambda: client.messages(made.sid).delete()) == (409, 20009)
    assert client.messages(made.sid).update(status="canceled").status == "canceled"
    assert refused(lambda: client.messages(made.sid).update(status="canceled")) == (409, 30409)
    assert refused(lambda: client.messages.create(**common, schedule_type="fixed")) == (400, 35111)
    past = when - timedelta(days=1)
    assert refused(lambda: client.messages.create(**common, schedule_type="fixed", send_at=past)) == (400, 35114)
    far = when + timedelta(days=36)
    assert refused(lambda: client.messages.create(**common, schedule_type="fixed", send_at=far)) == (400, 35114)
    own = {"to": to, "body": "x", "from_": NUMBERS[0], "schedule_type": "fixed", "send_at": when}
    assert refused(lambda: client.messages.create(**own)) == (400, 35118)
    now = client.messages.create(**common)
    assert finished(client, now.sid).from_ == NUMBERS[1]
    for made_service in (service, other):
        assert client.messaging.v1.services(made_service.sid).delete()
    assert refused(lambda: client.messages.create(**common)) == (400, 21701)


def test_a_text_that_is_not_sent_in_time_fails(client: Any) -> None:
    made = client.messages.create(to=recipient(), from_=ABSENT, body="soon or never", validity_period=1)
    assert (made.status, made.from_) == ("queued", ABSENT)
    wait_until(lambda: client.messages(made.sid).fetch().status == "failed", "it to expire")
    found = client.messages(made.sid).fetch()
    assert (found.error_code, bool(found.error_message), found.date_sent) == (30036, True, None)


@pytest.mark.parametrize(
    ("parameters", "status", "code"),
    [
        ({"to": "nobody"}, 400, 21211),
        ({"to": "+49"}, 400, 21211),
        ({"to": ""}, 400, 21604),
        ({"to": "whatsapp:+491701234567"}, 400, 21614),
        ({"to": "112"}, 400, 21408),
        ({"from_": ""}, 400, 21603),
        ({"from_": "+"}, 400, 21212),
        ({"from_": "+15005550006"}, 400, 21606),
        ({"from_": "ACME"}, 400, 21606),
        ({"body": ""}, 400, 21602),
        ({"body": "x" * 1601}, 400, 21617),
        ({"media_url": ["ftp://x/y.jpg"]}, 400, 21620),
        ({"media_url": ["https://x/y.jpg"] * 11}, 400, 21623),
        ({"media_url": ["https://x/y.jpg"]}, 400, 30011),
        ({"send_as_mms": True}, 400, 30011),
        ({"status_callback": "no address"}, 400, 21609),
        ({"validity_period": 0}, 400, 20001),
        ({"content_sid": "HX" + "0" * 32}, 400, 21655),
        ({"messaging_service_sid": "MG" + "0" * 32}, 400, 21701),
        ({"content_retention": "discard"}, 400, 20001),
    ],
)
def test_each_mistake_has_twilios_number(client: Any, parameters: dict[str, Any], status: int, code: int) -> None:
    given = {"to": "+491701234567", "from_": NUMBERS[0], "body": "x"} | parameters
    assert refused(lambda: client.messages.create(**given)) == (status, code)


def test_who_opted_out_gets_nothing_until_he_opts_in(gateway: Gateway, client: Any) -> None:
    to = recipient()
    finished(client, client.messages.create(to=to, from_=NUMBERS[0], body="an offer").sid)
    gateway.control("/deliver", {"modem": "modem1", "from": to, "text": "Stop"})
    wait_until(lambda: bool(client.messages.list(from_=to)), "the word to come in")
    again = {"to": to, "from_": NUMBERS[0], "body": "another offer"}
    assert refused(lambda: client.messages.create(**again)) == (400, 21610)
    gateway.control("/deliver", {"modem": "modem1", "from": to, "text": "start"})
    wait_until(lambda: len(client.messages.list(from_=to)) == 2, "the other word to come in")
    assert client.messages.create(**again).status == "queued"


def test_the_asynchronous_client_does_the_same(gateway: Gateway) -> None:
    from twilio.http.async_http_client import AsyncTwilioHttpClient

    async def run() -> tuple[Any, list[Any]]:
        async with AsyncTwilioHttpClient() as http:
            client = gateway.client(http_client=http)
            to = recipient()
            made = await client.messages.create_async(to=to, from_=NUMBERS[0], body="async")
            return made, await client.messages.list_async(to=to)

    made, found = asyncio.run(run())
    assert [one.sid for one in found] == [made.sid]


def test_a_repeat_with_the_same_token_is_sent_once(gateway: Gateway) -> None:
    form = {"To": recipient(), "From": NUMBERS[0], "Body": "once"}
    with gateway.http() as http:
        path = f"/2010-04-01/Accounts/{gateway.sid}/Messages.json"
        key = {"I-Twilio-Idempotency-Token": f"key for {form['To']}"}
        answers = [http.post(path, data=form, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["sid"] == answers[1].json()["sid"]


def test_a_token_makes_a_repeat_of_a_request_and_another_token_another_text(gateway: Gateway) -> None:
    path = f"/2010-04-01/Accounts/{gateway.sid}/Messages.json"
    with gateway.http() as http:

        def create(token: str, body: str = "once") -> tuple[int, str]:
            form = {"To": to, "From": NUMBERS[0], "Body": body, "ValidityPeriod": "3600"}
            made = http.post(path, data=form, headers={"I-Twilio-Idempotency-Token": token})
            return made.status_code, made.json().get("sid", "")

        to = recipient()
        status, first = create("t-1")
        assert (status, create("t-1")) == (201, (201, first))
        assert create("t-1", "something else")[0] == 400
        long = [f"{'a-long-name-of-a-job-' * 4}{n}" for n in range(2)]
        sids = {create(token)[1] for token in (*long, *long)}
        assert len(sids) == 2
        assert first not in sids


def test_what_is_taken_away_is_gone_from_the_events_too(gateway: Gateway, client: Any) -> None:
    sender = recipient()
    gateway.control("/deliver", {"modem": "modem2", "from": sender, "text": "Blaukehlchen"})
    wait_until(lambda: bool(client.messages.list(from_=sender)), "the text to come in")
    (found,) = client.messages.list(from_=sender)
    with httpx.Client(base_url=gateway.url, headers={"authorization": f"Bearer {gateway.api_token}"}) as own:

        def told() -> str:
            return own.get("/api/v1/events", params={"limit": 200}).text

        assert "Blaukehlchen" in told()
        assert client.messages(found.sid).delete() is True
        assert "Blaukehlchen" not in told()


@pytest.mark.parametrize("moment", ["9999-12-31", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_the_end_of_time_is_no_date_to_ask_for(gateway: Gateway, moment: str) -> None:
    with gateway.http() as http:
        for name in ("DateSent", "DateSent<", "DateSent>"):
            answer = http.get(f"/2010-04-01/Accounts/{gateway.sid}/Messages.json", params={name: moment})
            assert (answer.status_code, answer.json()["code"]) == (400, 20001)
