"""Commands: all or nothing, once per key, and the answer is durable."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

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
