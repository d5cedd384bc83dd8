"""Received texts at the application of their number, and what it answers, sent once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from gateway.messaging.deliveries import DeliveryState
from gateway.web.twilio import client, conversation, inbox, loops, twiml
from tests.edges.twilio.application import XML, Answer, Request
from tests.edges.twilio.application import twiml as answered
from tests.edges.twilio.talk import ACCOUNT, OWN, PEER, dispatching, talking, until
from tests.messaging.rig import deliver, run

PARAMETERS = {
    *("ToCountry", "ToState", "ToCity", "ToZip", "FromCountry", "FromState", "FromCity", "FromZip"),
    *("SmsMessageSid", "SmsSid", "MessageSid", "SmsStatus", "NumMedia", "NumSegments", "Body", "To", "From"),
    *("AccountSid", "ApiVersion"),
}


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_text_is_told_whole_and_signed(tmp_path: Path, method: str) -> None:
    validation = pytest.importorskip("twilio.request_validator")
    text = "Grüße & Küsse 👋 = ?" * 10

    async def scenario() -> None:
        async with talking(tmp_path) as talk:
            await talk.set(sms_url="/sms?shop=1&name=%C3%BC", sms_method=method)
            await talk.receive(text)
            await talk.settled()
            (request,) = talk.application.requests
            (message,) = await talk.messages("inbound")
            told = request.fields
            assert set(told) - {"shop", "name"} == PARAMETERS
            assert (told["Body"], told["From"], told["To"]) == (text, PEER, OWN)
            assert {told["MessageSid"], told["SmsSid"], told["SmsMessageSid"]} == {message.id}
            assert (told["NumSegments"], told["NumMedia"]) == (str(message.segments), "0")
            assert (told["AccountSid"], told["ApiVersion"]) == (ACCOUNT.sid, "2010-04-01")
            assert (told["FromCountry"], told["ToCountry"], told["SmsStatus"]) == ("DE", "DE", "received")
            validator = validation.RequestValidator(ACCOUNT.token)
            assert request.method == method
            assert validator.validate(request.url, request.form, request.headers["x-twilio-signature"])
            assert await talk.noted() == [("twilio", f"taken by {talk.application.url('/sms')}")]

    run(scenario())


def test_answers_go_out_in_order_by_the_number_that_was_written_to(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with talking(tmp_path) as talk:
            talk.application.answers["/sms"] = answered(
                f"<Message>one</Message><Message to='+491719999999' from='{OWN}'>two</Message>"
                "<Message statusCallback='status'>three</Message>"
            )
            await talk.set(sms_url="/sms")
            await talk.receive("hello")
            await talk.settled()
            assert await talk.replies() == [(PEER, "one"), ("+491719999999", "two"), (PEER, "three")]
            (message,) = await talk.messages("inbound")
            sent = await talk.messages("outbound")
            besides = await talk.rig.store.read(lambda tx: [tx.twilio.beside(one.id) for one in sent])
            assert [(one.reply_to, one.sender) for one in besides if one] == [(message.id, OWN)] * 3
            assert {one.modem for one in sent} == {"one"}
            await until(lambda: "/status" in talk.application.paths(), "the status callback")
            assert [what for what, _ in await talk.noted()] == ["twilio"]

    run(scenario())


def test_plain_text_and_nothing_are_answers_too(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with talking(tmp_path) as talk:
            await talk.set(sms_url="/sms")
            for n, answer in enumerate(
                [
                    (200, {"Content-Type": "text/plain; charset=utf-8"}, "plain ü"),
                    (200, {"Content-Type": "text/html"}, ""),
                    (204, {}, ""),
                ],
                start=1,
            ):
                talk.application.answers["/sms"] = answer
                await talk.receive(f"text {n}")
                await talk.settled(count=n)
            assert await talk.replies() == [(PEER, "plain ü")]

    run(scenario())


def test_redirects_and_actions_take_over(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with talking(tmp_path) as talk:
            talk.application.answers = {
                "/a/sms": answered(
                    "<Message>one</Message><Redirect method='GET'>next?x=1</Redirect><Message>no</Message>"
                ),
                "/a/next": answered("<Message action='/done'>two</Message><Message>no</Message>"),
                "/done": answered("<Message>three</Message>"),
            }
            await talk.set(sms_url="/a/sms")
            await talk.receive("hello")
            await talk.settled()
            assert [text for _, text in await talk.replies()] == ["one", "two", "three"]
            first, second, third = talk.application.requests
            assert (second.method, second.fields["x"], second.fields["Body"]) == ("GET", "1", "hello")
            assert third.fields["MessageStatus"] == "queued"
            assert third.fields["MessageSid"] == (await talk.messages("outbound"))[1].id
            assert third.fields["SmsMessageSid"] == first.fields["MessageSid"]

    run(scenario())


def test_redirects_of_http_are_followed_and_signed_anew(tmp_path: Path) -> None:
    validation = pytest.importorskip("twilio.request_validator")

    async def scenario() -> None:
        async with talking(tmp_path) as talk:
            talk.application.answers = {
                "/sms": (307, {"Location": "/same"}, ""),
                "/same": (302, {"Location": "/get?a=b"}, ""),
                "/get": answered("<Message>got</Message>"),
            }
            await talk.set(sms_url="/sms")
            await talk.receive("hello")
            await talk.settled()
            assert await talk.replies() == [(PEER, "got")]
            assert [request.method for request in talk.application.requests] == ["POST", "POST", "GET"]
            validator = validation.RequestValidator(ACCOUNT.token)
            for request in talk.application.requests:
                assert validator.validate(request.url, request.form, request.headers["x-twilio-signature"])

    run(scenario())


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        ((500, {}, "oops"), twiml.RETRIEVAL_FAILED),
        ((404, XML, "<Response/>"), twiml.RETRIEVAL_FAILED),
        ((200, XML, "<Response><Message>"), twiml.NO_XML),
        ((200, {"Content-Type": "application/json"}, "{}"), twiml.BAD_CONTENT_TYPE),
        ((302, {"Location": "/sms"}, ""), twiml.TOO_MANY_HOPS),
        ((302, {"Location": "http://no-such-host.invalid/"}, ""), twiml.BAD_HOST),
        ((302, {"Location": "http://127.0.0.1:1/"}, ""), twiml.CONNECTION_FAILED),
        (answered("<Redirect/>"), twiml.TOO_MANY_DOCUMENTS),
        (answered("<Redirect>ftp://127.0.0.1/</Redirect>"), twiml.CONNECTION_FAILED),
    ],
)
def test_what_fails_is_asked_at_the_fallback_address(
    tmp_path: Path, answer: tuple[int, dict[str, str], str], number: int
) -> None:
    async def scenario() -> None:
        async with talking(tmp_path) as talk:
            talk.application.answers = {"/sms": answer, "/fallback": answered("<Message>sorry</Message>")}
            await talk.set(sms_url="/sms", sms_fallback_url="/fallback")
            await talk.receive("hello")
            await talk.settled()
            assert await talk.replies() == [(PEER, "sorry")]
            told = talk.application.requests[-1].fields
            assert (told["ErrorCode"], told["Body"]) == (str(number), "hello")
            assert told["ErrorUrl"].startswith(("http://", "ftp://"))
            assert [what for what, _ in await talk.noted()] == ["twilio-error", "twilio"]
            assert (await talk.noted())[0][1].startswith(str(number))

    run(scenario())


def test_an_application_that_is_slow_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "Client", lambda *a, **k: client.Client(*a, **k, timeout_s=0.2))

    async def scenario() -> None:
        async with talking(tmp_path) as talk:
            over = threading.Event()

            def slow(_: Request) -> tuple[int, dict[str, str], str]:
                over.wait(20)
                return answered("<Message>late</Message>")

            talk.application.answers["/sms"] = slow
            await talk.set(sms_url="/sms", sms_fallback_url="/fallback")
            await talk.receive("hello")
            await talk.settled()
            over.set()
            assert talk.application.requests[-1].fields["ErrorCode"] == "11200"
            assert await talk.replies() == []

    run(scenario())


def test_an_application_that_is_down_gets_the_text_when_it_is_up_again_with_the_same_ids(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with talking(tmp_path) as talk:
            talk.application.answers["/sms"] = (503, {}, "")
            await talk.set(sms_url="/sms")
            await talk.receive("hello")
            waiting = await talk.attempted(1)
            assert (waiting.state, waiting.status) == (DeliveryState.WAITING, 503)
            talk.application.answers["/sms"] = answered("<Message>here again</Message>")
            talk.again()
            await talk.settled()
            assert await talk.replies() == [(PEER, "here again")]
            first, second = talk.application.requests
            assert first.fields == second.fields
            token = "i-twilio-idempotency-token"
            assert first.headers[token] == second.headers[token]

    run(scenario())


def test_what_an_application_answered_badly_is_not_asked_again_and_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with talking(tmp_path) as talk:
            talk.application.answers["/sms"] = (200, XML, "<Response>")
            await talk.set(sms_url="/sms")
            await talk.receive("hello")
            (dead,) = await talk.settled(DeliveryState.DEAD)
            assert dead.error.startswith("12100")
            talk.application.answers["/sms"] = answered("<Message>mended</Message>")
            await talk.dispatcher.replay("twilio:inbox", dead.id)
            await talk.settled()
            assert await talk.replies() == [(PEER, "mended")]

    run(scenario())


def test_a_gateway_that_ends_in_the_middle_sends_each_answer_once(tmp_path: Path) -> None:
    """The second document never comes before the end; then everything is asked anew."""

    async def scenario() -> None:
        async with talking(tmp_path) as talk:
            talk.application.answers = {
                "/sms": answered("<Message>one</Message><Redirect>/next</Redirect>"),
                "/next": (503, {}, ""),
            }
            await talk.set(sms_url="/sms")
            await talk.receive("hello")
            await talk.attempted(1)
            assert await talk.replies() == [(PEER, "one")]
            talk.application.answers["/next"] = answered("<Message>two</Message>")
            async with dispatching(talk.rig, talk.application) as anew:
                anew.again()
                await anew.settled()
                assert await anew.replies() == [(PEER, "one"), (PEER, "two")]
                ids = {request.fields["MessageSid"] for request in talk.application.requests}
                assert len(ids) == 1

    run(scenario())


def test_a_text_that_was_told_in_part_is_answered_anew_when_it_is_whole(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with talking(tmp_path, reassembly_timeout_s=60) as talk:
            whole = "w" * 100 + "x" * 100

            def answer(request: Request) -> Answer:
                return answered(f"<Message>{len(request.fields['Body'])}</Message>")

            talk.application.answers = {"/sms": answer}
            await talk.set(sms_url="/sms")
            first, second = deliver(whole, oa=PEER, at=talk.rig.clock.now())
            await talk.rig.receive(first)
            talk.rig.pass_time(61)
            await talk.settled()
            await talk.rig.receive(second)
            await talk.settled(count=2)
            replies = await talk.replies()
            assert len(replies) == 2
            assert replies[1] == (PEER, "200")
            assert len({request.fields["MessageSid"] for request in talk.application.requests}) == 1

    run(scenario())


def test_an_answer_that_cannot_be_sent_says_why_and_the_others_go(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with talking(tmp_path) as talk:
            talk.application.answers["/sms"] = answered(
                "<Message to='nobody'>a</Message><Message from='+4930123456'>b</Message><Say>c</Say>"
                "<Message><Body>d</Body><Media>http://127.0.0.1/x.png</Media></Message><Message>e</Message>"
            )
            await talk.set(sms_url="/sms")
            await talk.receive("hello")
            await talk.settled()
            assert await talk.replies() == [(PEER, "e")]
            noted = [detail for what, detail in await talk.noted() if what == "twilio-error"]
            assert [detail[:5] for detail in noted] == ["14110", "21211", "21606", "30011"]
            assert not any("<Body>" in detail for detail in noted)

    run(scenario())


def test_two_machines_do_not_answer_each_other_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "MAX_ANSWERS", 3)
    monkeypatch.setattr(loops, "WITHIN_S", 1e6)

    async def scenario() -> None:
        async with talking(tmp_path) as talk:
            talk.application.answers["/sms"] = answered("<Message>I am away</Message>")
            await talk.set(sms_url="/sms")
            for n in range(1, 6):
                await talk.receive(f"I am away, too {n}")
                await talk.settled(count=n)
            assert len(await talk.replies()) == 3
            assert (await talk.noted())[0][1].startswith("14107")
            await talk.receive("someone else", oa="+491717777777")
            await talk.settled(count=6)
            assert len(await talk.replies()) == 4

    run(scenario())


def test_one_text_has_so_many_answers_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "MAX_REPLIES", 2)

    async def scenario() -> None:
        async with talking(tmp_path) as talk:
            talk.application.answers["/sms"] = answered("<Message>a</Message>" * 3)
            await talk.set(sms_url="/sms")
            await talk.receive("hello")
            await talk.settled()
            assert len(await talk.replies()) == 2
            assert (await talk.noted())[0][1].startswith("14109")

    run(scenario())


def test_who_asked_for_no_more_gets_no_answer_of_an_application(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with talking(tmp_path) as talk:
            talk.application.answers["/sms"] = answered("<Message>but why?</Message>")
            await talk.set(sms_url="/sms")
            await talk.receive("hello")
            await talk.settled()
            await talk.receive("STOP")
            await talk.settled(count=2)
            assert talk.application.requests[-1].fields["OptOutType"] == "STOP"
            assert [text for _, text in await talk.replies()].count("but why?") == 1
            assert any(detail.startswith("21610") for _, detail in await talk.noted())
            await talk.receive("START")
            await talk.settled(count=3)
            assert talk.application.requests[-1].fields["OptOutType"] == "START"
            assert [text for _, text in await talk.replies()].count("but why?") == 2

    run(scenario())


def test_an_answer_for_which_there_is_no_room_is_sent_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with talking(tmp_path) as talk:
            talk.application.answers["/sms"] = answered("<Message>one</Message>")
            await talk.set(sms_url="/sms")
            room = talk.rig.service._room
            monkeypatch.setattr(room, "_limit", 0)
            await talk.receive("hello")
            waiting = await talk.attempted(1)
            assert "room" in waiting.error
            monkeypatch.setattr(room, "_limit", 10)
            talk.again()
            await talk.settled()
            assert await talk.replies() == [(PEER, "one")]

    run(scenario())


def test_the_local_network_is_no_place_for_applications_unless_it_is_allowed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with talking(tmp_path, allow_private=False) as talk:
            await talk.set(sms_url="/sms")
            await talk.receive("hello")
            refused = await talk.attempted(1)
            assert "allow_private" in refused.error
            assert talk.application.requests == []

    run(scenario())


def test_octets_and_numbers_without_an_application_are_told_to_nobody(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with talking(tmp_path, lines=("one", "two")) as talk:
            await talk.set(sms_url="/sms")
            await talk.receive("to another number", line="two")
            await talk.receive(b"\x01\x02")
            await talk.receive("to ours")
            await talk.settled()  # events are looked at in order
            assert [request.fields["Body"] for request in talk.application.requests] == ["to ours"]
            assert len(await talk.deliveries()) == 1

    run(scenario())


def test_a_text_waits_for_no_address_that_was_taken_away(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with talking(tmp_path) as talk:
            talk.application.answers["/sms"] = (500, {}, "")
            await talk.set(sms_url="/sms")
            await talk.receive("hello")
            await talk.attempted(1)
            await talk.set()
            talk.again()
            (dead,) = await talk.settled(DeliveryState.DEAD)
            assert "is gone" in dead.error
            assert len(talk.application.requests) == 1

    run(scenario())
