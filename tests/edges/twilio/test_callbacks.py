"""Statuses at the application that asked for them: signed, in order, and until it has taken them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.web.twilio.client import shown
from tests.edges.twilio.talk import ACCOUNT, OWN, PEER, Talk, talking, until
from tests.messaging.rig import refused, report, run


async def told(talk: Talk, count: int) -> list[str]:
    await until(lambda: len(talk.application.requests) >= count, f"{count} statuses")
    return [request.fields["MessageStatus"] for request in talk.application.requests]


def test_each_status_is_told_in_order_and_signed(tmp_path: Path) -> None:
    validation = pytest.importorskip("twilio.request_validator")

    async def scenario() -> None:
        async with talking(tmp_path) as talk:
            await talk.set()
            sid = await talk.send(callback="/status?order=7")
            assert await told(talk, 2) == ["queued", "sent"]
            await talk.rig.receive(report(1, PEER, at=talk.rig.clock.now()))
            assert await told(talk, 3) == ["queued", "sent", "delivered"]
            validator = validation.RequestValidator(ACCOUNT.token)
            for request in talk.application.requests:
                fields = request.fields
                assert (fields["MessageSid"], fields["SmsSid"], fields["AccountSid"]) == (sid, sid, ACCOUNT.sid)
                assert (fields["To"], fields["SmsStatus"]) == (PEER, fields["MessageStatus"])
                assert "ErrorCode" not in fields
                assert request.url.endswith("/status?order=7")
                assert validator.validate(request.url, fields, request.headers["x-twilio-signature"])
            last = talk.application.requests[-1].fields
            assert (last["From"], len(last["RawDlrDoneDate"])) == (OWN, 10)

    run(scenario())


def test_what_fails_is_told_with_a_number(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with talking(tmp_path) as talk:
            await talk.set(status_callback="/number")
            talk.rig.ports["one"].answers.append(refused("permanent"))
            await talk.send(callback="")
            await until(lambda: any("ErrorCode" in each.fields for each in talk.application.requests), "the failure")
            assert talk.application.requests[-1].fields["MessageStatus"] == "failed"
            assert talk.application.requests[-1].fields["ErrorCode"] == "30007"
            assert talk.application.requests[-1].path == "/number"

    run(scenario())


def test_a_status_that_is_not_taken_holds_the_next_one_back_and_comes_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with talking(tmp_path) as talk:
            talk.application.answers["/status"] = (500, {}, "")
            await talk.set()
            sid = await talk.send()
            await talk.rig.becomes(sid, "sent")
            await talk.attempted(0, "twilio:status")
            await until(lambda: talk.application.requests, "the first attempt")

            async def failed() -> bool:
                return any(one.attempts == 1 for one in await talk.deliveries(None, "twilio:status"))

            await until(failed, "the first attempt to be settled")
            assert await told(talk, 1) == ["queued"]
            del talk.application.answers["/status"]
            talk.again()
            assert await told(talk, 3) == ["queued", "queued", "sent"]

    run(scenario())


def test_nobody_is_told_who_did_not_ask(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with talking(tmp_path) as talk:
            await talk.set(status_callback="/number")
            await talk.rig.send(PEER)  # not through this API
            sid = await talk.send(callback="/status")
            assert await told(talk, 2) == ["queued", "sent"]
            assert {request.fields["MessageSid"] for request in talk.application.requests} == {sid}

    run(scenario())


def test_an_address_is_shown_without_what_is_secret_in_it() -> None:
    assert shown("https://user:pass@host.example:8443/a?token=x#y") == "https://host.example:8443/a"
    assert shown("http://[::1/") == "an address that is none"
