"""An application that fails is an alert of its number, once per cause, until it takes a text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.messaging.alerts import AlertFilter
from gateway.messaging.deliveries import DeliveryState
from tests.edges.twilio.application import XML
from tests.edges.twilio.application import twiml as answered
from tests.edges.twilio.conftest import NUMBERS, Gateway
from tests.edges.twilio.talk import OWN, Talk, talking
from tests.messaging.rig import run
from tests.support.processes import wait_until

DOWN = (503, {}, "")
BROKEN = (200, XML, "<Response>")


async def going_on(talk: Talk) -> dict[str, int]:
    """The codes of the alerts that go on, each with how often it was told."""
    found = await talk.rig.store.read(lambda tx: tx.records.alerts.find(AlertFilter(active=True)))
    assert all(alert.line == "one" and alert.lasting for alert in found)
    return {alert.code: alert.count for alert in found}


async def told(talk: Talk) -> list[tuple[str, bool]]:
    return [(event["code"], event["over"]) for event in await talk.rig.events("alert")]


def test_an_application_that_is_down_is_told_once_until_it_takes_a_text(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with talking(tmp_path) as talk:
            talk.application.answers["/sms"] = DOWN
            await talk.set(sms_url="/sms")
            await talk.receive("hello")
            await talk.attempted(1)
            assert await going_on(talk) == {"application_failed": 1}
            (event,) = await talk.rig.events("alert")
            assert OWN in event["message"]
            assert "11200" in event["message"]
            talk.again()
            await talk.attempted(2)
            assert await going_on(talk) == {"application_failed": 1}
            talk.application.answers["/sms"] = BROKEN
            talk.again()
            await talk.settled(DeliveryState.DEAD)
            assert await going_on(talk) == {"application_failed": 1, "application_bad_xml": 1}
            talk.application.answers["/sms"] = answered("")
            await talk.receive("are you there?")
            await talk.settled()
            assert await going_on(talk) == {}
            assert sorted(await told(talk)) == [
                *(("application_bad_xml", over) for over in (False, True)),
                *(("application_failed", over) for over in (False, True)),
            ]

    run(scenario())


def test_that_the_fallback_address_took_a_text_does_not_end_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with talking(tmp_path) as talk:
            talk.application.answers["/sms"] = DOWN
            await talk.set(sms_url="/sms", sms_fallback_url="/fallback")
            for n in (1, 2):
                await talk.receive(f"hello {n}")
                await talk.settled(count=n)
                assert await going_on(talk) == {"application_failed": 1}
            talk.application.answers["/sms"] = answered("")
            await talk.receive("again")
            await talk.settled(count=3)
            assert await going_on(talk) == {}

    run(scenario())


def alerts(gateway: Gateway) -> dict[str, str]:
    """Of applications, by modem."""
    headers = {"authorization": f"Bearer {gateway.api_token}"}
    found = httpx.get(f"{gateway.url}/api/v1/alerts?active=true", headers=headers).json()["alerts"]
    return {alert["modem"]: alert["code"] for alert in found if alert["code"].startswith("application_")}


def test_it_is_over_when_the_texts_go_elsewhere_and_all_that_waits_is_in_the_overview(gateway: Gateway) -> None:
    pytest.importorskip("twilio")
    client: Any = gateway.client()
    (number,) = client.incoming_phone_numbers.list(phone_number=NUMBERS[1])
    number.update(sms_url="http://127.0.0.1:9/sms")  # an address that this gateway does not post to
    try:
        gateway.control("/deliver", {"modem": "modem2", "from": "+491718888123", "text": "hello"})
        wait_until(lambda: alerts(gateway) == {"modem2": "application_unreachable"}, "the alert")
        headers = {"authorization": f"Bearer {gateway.api_token}"}
        hooks = httpx.get(f"{gateway.url}/api/v1/webhooks", headers=headers).json()["webhooks"]
        assert [(hook["name"], hook["url"], hook["events"]) for hook in hooks] == [
            ("twilio:inbox", "", ["inbox"]),
            ("twilio:status", "", ["message.status"]),
        ]
        assert hooks[0]["waiting"] >= 1
        metrics = httpx.get(f"{gateway.url}/metrics", headers=headers).text
        assert 'smsgw_webhook_deliveries{state="waiting",webhook="twilio:inbox"}' in metrics
    finally:
        number.update(sms_url="")
    wait_until(lambda: alerts(gateway) == {}, "it to be over")
