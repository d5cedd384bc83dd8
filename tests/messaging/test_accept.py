"""Commands: all or nothing, once per key, and the answer is durable."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import RequestError, StoreError
from gateway.messaging import LineSettings
from gateway.messaging.model import MessageFilter
from gateway.messaging.numbers import is_emergency, normalise, same_subscriber
from tests.messaging.rig import ORIGIN, rig, run


def test_an_accepted_command_is_a_queued_message_and_a_result(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            result = await box.send(client_id="a", text="hello")
            (message_id,) = result.message_ids
            assert (result.status, result.client_id, message_id[:2]) == ("accepted", "a", "SM")
            assert len(message_id) == 34
            (status,) = await box.events("message.status")
            assert status == {
                "message_id": message_id,
                "id": "a",
                "to": "+4915112345678",
                "status": "queued",
                "segments": 1,
                "segments_sent": 0,
                "modem": None,
                "ts": "2026-03-01T12:00:00.000Z",
            }
            assert await box.events("send.result") == [{"id": "a", "status": "accepted", "message_ids": [message_id]}]

    run(scenario())


def test_the_same_id_again_is_a_duplicate_and_other_content_a_conflict(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            first = await box.send(client_id="a", text="hello")
            again = await box.send(client_id="a", text="hello")
            other = await box.send(client_id="a", text="Hello")
            assert (again.status, again.message_ids) == ("duplicate", first.message_ids)
            assert other.error is not None
            assert (other.status, other.error[0]) == ("rejected", "id_conflict")
            assert len(await box.service.messages(MessageFilter())) == 1

    run(scenario())


def test_only_a_redelivered_command_without_an_id_is_a_duplicate(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            origin = replace(ORIGIN, delivery="session:7:digest")
            first = await box.send(origin=origin)
            again = await box.send(origin=replace(origin, redelivered=True))
            second = await box.send(origin=origin)  # the identifier came round; the same words are meant again
            elsewhere = await box.send(origin=replace(origin, delivery="session:8:digest", redelivered=True))
            assert (again.status, again.message_ids) == ("duplicate", first.message_ids)
            assert {second.status, elsewhere.status} == {"accepted"}
            assert len({*first.message_ids, *second.message_ids, *elsewhere.message_ids}) == 3

    run(scenario())


def test_a_list_is_all_or_nothing_in_its_order_and_nobody_gets_it_twice(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            bad = await box.send(to=["+4915112345678", "+49"], client_id="bad")
            assert bad.status == "rejected"
            assert await box.events("message.status") == []
            good = await box.send(to=["0151 1234 5678", "72211", "+4915112345678"], client_id="good")
            one, two, three = good.message_ids
            assert one == three != two
            peers = [event["to"] for event in await box.events("message.status")]
            assert peers == ["+4915112345678", "72211"]

    run(scenario())


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"text": None}, "no_body"),
        ({"text": ""}, "no_body"),
        ({"text": None, "data": b""}, "no_body"),
        ({"text": "x", "data": b"x"}, "bad_request"),
        ({"text": "x" * 1601}, "text_too_long"),
        ({"text": "Ж", "encoding": "gsm7"}, "not_encodable"),
        ({"text": "\ud800"}, "not_encodable"),
        ({"text": None, "data": b"x" * 40_000}, "too_many_segments"),
        ({"media": ("http://127.0.0.1/x",)}, "unsupported"),
        ({"modem": "nowhere"}, "unknown_modem"),
        ({"sender": "+4930123456"}, "unknown_modem"),
        ({"to": ()}, "bad_request"),
        ({"to": "hello"}, "invalid_number"),
        ({"to": "+49\n151"}, "invalid_number"),
        ({"to": "12"}, "invalid_number"),
        ({"to": "112"}, "emergency_number"),
        ({"to": "110"}, "emergency_number"),
    ],
)
def test_what_cannot_be_done_is_rejected_with_its_code(tmp_path: Path, request_: dict[str, Any], code: str) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            result = await box.send(**{"client_id": "x", **request_})
            assert result.error is not None
            assert (result.status, result.error[0]) == ("rejected", code)
            assert await box.service.messages(MessageFilter()) == []
            (told,) = await box.events("send.result")
            assert told["error"]["code"] == code

    run(scenario())


def test_times_and_the_own_number(tmp_path: Path) -> None:
    async def scenario() -> None:
        lines = (LineSettings(name="one", number="+491700000001"),)
        async with rig(tmp_path, line_settings=lines) as box:
            now = box.clock.now()
            late = await box.send(expires_at=now)
            crossed = await box.send(send_at=now + timedelta(hours=2), expires_at=now + timedelta(hours=1))
            assert [late.error and late.error[0], crossed.error and crossed.error[0]] == ["expired", "bad_request"]
            mine = await box.send(sender="+49 170 0000001")
            message, _, _ = await box.service.message(mine.message_ids[0])
            assert message.modem == "one"
            later = await box.send(send_at=now + timedelta(hours=2))
            assert await box.statuses(later.message_ids[0]) == ["scheduled"]

    run(scenario())


def test_ids_rise_in_accept_order(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            ids = [(await box.send(text=str(n))).message_ids[0] for n in range(50)]
            assert ids == sorted(set(ids))

    run(scenario())


@pytest.mark.parametrize(
    ("written", "region", "number"),
    [
        ("+49 151 12345678", None, "+4915112345678"),
        ("0151-1234 5678", "DE", "+4915112345678"),
        ("(030) 123456", "DE", "+4930123456"),
        ("72211", "DE", "72211"),
        ("12345678", "DE", "12345678"),
        ("+1 202-555-0123", "DE", "+12025550123"),
    ],
)
def test_numbers_as_people_write_them(written: str, region: str | None, number: str) -> None:
    assert normalise(written, region) == number


def test_emergency_numbers() -> None:
    assert is_emergency("112", None)
    assert is_emergency("110", "DE")
    assert not is_emergency("72211", "DE")
    assert not is_emergency("+4915112345678", "DE")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("+4915112345678", "015112345678", True),
        ("+4915112345678", "4915112345678", True),
        ("+4915112345678", "+4915112345679", False),
        ("72211", "72211", True),
        ("72211", "+4915172211", False),
    ],
)
def test_numbers_in_other_forms(one: str, other: str, same: bool) -> None:
    assert same_subscriber(one, other) is same


# --- the same command again -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("again", [{}, {"delivery": "session:7:digest", "redelivered": True}])
def test_a_command_that_was_taken_stays_a_duplicate_when_it_could_not_be_taken_any_more(
    tmp_path: Path, again: dict[str, Any]
) -> None:
    """The broker may deliver it again, hours later: then `expires_at` has passed, and the first answer still holds."""

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            command = {"client_id": None if again else "a", "expires_at": box.clock.now() + timedelta(seconds=60)}
            first = await box.send(origin=replace(ORIGIN, delivery=again.get("delivery")), **command)
            assert first.status == "accepted"
            clock = box.clock
        clock.advance(7200)
        async with rig(tmp_path, clock=clock) as box:
            second = await box.send(origin=replace(ORIGIN, **again), **command)
            assert (second.status, second.message_ids, second.error) == ("duplicate", first.message_ids, None)
            assert (await box.events("send.result"))[-1]["status"] == "duplicate"
            late = await box.send(client_id="b", expires_at=command["expires_at"])
            assert late.error is not None
            assert late.error[0] == "expired"

    run(scenario())


def test_a_command_that_names_what_is_no_longer_configured_stays_a_duplicate(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, lines=("one", "old")) as box:
            first = await box.send(client_id="a", modem="old")
        async with rig(tmp_path) as box:
            assert (await box.send(client_id="a", modem="old")).message_ids == first.message_ids
            other = await box.send(client_id="a", modem="old", text="other words")
            assert other.error is not None
            assert (other.status, other.error[0]) == ("rejected", "unknown_modem")

    run(scenario())


def test_the_same_id_at_the_same_moment_is_taken_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            results = await asyncio.gather(*(box.send(client_id="a") for _ in range(50)))
            assert sorted({result.status for result in results}) == ["accepted", "duplicate"]
            assert len({result.message_ids for result in results}) == 1
            assert [event["status"] for event in await box.events("send.result")].count("accepted") == 1

    run(scenario())


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "+4915112345679"},
        {"text": "hello "},
        {"text": None, "data": b"hello"},
        {"encoding": "ucs2"},
        {"priority": 6},
        {"message_class": 0},
        {"ports": (1, 2)},
        {"validity_s": 600},
        {"modem": "one"},
        {"delivery_report": True},
        {"at_most_once": True},
        {"ordered": True},
        {"tags": {"a": 1}},
    ],
)
def test_any_other_content_under_the_same_id_is_a_conflict(tmp_path: Path, changes: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, start=False) as box:
            await box.send(client_id="a")
            conflict = await box.send(client_id="a", **changes)
            assert conflict.error is not None
            assert (conflict.status, conflict.error[0], conflict.message_ids) == ("rejected", "id_conflict", ())
            assert len(await box.service.messages(MessageFilter())) == 1

    run(scenario())


@pytest.mark.parametrize("client_id", ["ä\u00a0🙂", "x" * 64, "a,b", "'; DROP TABLE commands; --", "\u2028"])
def test_any_printable_id_is_kept_as_it_is(tmp_path: Path, client_id: str) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, start=False) as box:
            first = await box.send(to=["+4915112345678", "72211"], client_id=client_id)
            again = await box.send(to=["+4915112345678", "72211"], client_id=client_id)
            assert (again.status, again.client_id, again.message_ids) == ("duplicate", client_id, first.message_ids)
            assert {event["id"] for event in await box.events("message.status")} == {client_id}

    run(scenario())


# --- what is stored and told ------------------------------------------------------------------------------------------


def test_the_first_status_comes_before_the_result_and_both_in_one_commit(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, start=False) as box:
            origin = replace(ORIGIN, reply_to="my/answers", correlation=b"\x00\xff")
            await box.send(to=["+4915112345678", "72211"], origin=origin)
            events = [stored.event for stored in await box.service.events(0, 10)]
            assert [event.kind for event in events] == ["message.status", "message.status", "send.result"]
            assert (events[2].reply_to, events[2].correlation) == ("my/answers", b"\x00\xff")
            assert [event.reply_to for event in events[:2]] == [None, None]
            assert [event.subject for event in events[:2]] == json.loads(events[2].payload)["message_ids"]

    run(scenario())


def test_nothing_is_told_to_an_edge_that_does_not_want_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, start=False) as box:
            origin = replace(ORIGIN, wants_result=False)
            await box.send(origin=origin)
            await box.send(origin=origin, text="")
            assert await box.events("send.result") == []

    run(scenario())


def test_a_command_that_could_not_be_stored_is_not_taken(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            await box.sql("CREATE TRIGGER no BEFORE INSERT ON commands BEGIN SELECT RAISE(ABORT, 'no'); END")
            with pytest.raises(StoreError):
                await box.send(to=["+4915112345678", "72211"], client_id="a")
            await box.sql("DROP TRIGGER no")
            assert await box.service.messages(MessageFilter()) == []
            assert await box.service.events(0, 10) == []
            assert (await box.send(to=["+4915112345678", "72211"], client_id="a")).status == "accepted"

    run(scenario())


def test_a_queue_that_is_full_says_so_and_takes_no_part_of_a_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.messaging.service.MAX_WAITING", 3)

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            later = await box.send(to="+4915112345678", send_at=box.clock.now() + timedelta(days=1))
            await box.send(to="72211")
            full = await box.send(to=["72212", "72213"])
            assert full.error is not None
            assert (full.status, full.error[0]) == ("rejected", "queue_full")
            assert (await box.send(to="72212")).status == "accepted"
            assert (await box.send(to="72213")).status == "rejected"
            await box.service.cancel(later.message_ids[0])
            assert (await box.send(to=["72213", "72213"])).status == "accepted"  # who is named twice is sent to once

    run(scenario())


@pytest.mark.parametrize("text", [" a\r\n\tb ", "e\u0301", "\u00e9", "x" * 1600, "😀" * 800, "\x00", "\ufeffa"])
def test_a_text_is_kept_as_it_is(tmp_path: Path, text: str) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            await box.ready()
            result = await box.send(text=text)
            await box.becomes(result.message_ids[0], "sent")
            message, _, _ = await box.service.message(result.message_ids[0])
            assert message.text == text
            assert "".join(part or "" for _, part, _ in box.ports["one"].taken) == text

    run(scenario())


def test_a_rejection_that_no_request_came_of(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, start=False) as box:
            result = await box.service.reject(RequestError("no JSON", code="bad_json"), ORIGIN, "a")
            assert (result.status, result.error) == ("rejected", ("bad_json", "no JSON"))
            assert await box.events("send.result") == [
                {
                    "id": "a",
                    "status": "rejected",
                    "message_ids": [],
                    "error": {"code": "bad_json", "message": "no JSON"},
                }
            ]

    run(scenario())


def test_tags_may_hold_anything_that_json_can_say(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, start=False) as box:
            tags = {"\ud800": ["\udfff", {"": None}], "n": 1e300}
            result = await box.send(tags=tags, client_id="a")
            assert (await box.service.message(result.message_ids[0]))[0].tags == tags
            assert (await box.send(tags=tags, client_id="a")).status == "duplicate"

    run(scenario())
