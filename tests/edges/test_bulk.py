"""Many commands in one request; finished messages that are redacted or deleted over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from gateway.errors import StoreError
from gateway.messaging import Service
from gateway.messaging.accept import Also
from gateway.messaging.model import CommandResult, Origin, SendRequest
from gateway.web.bulk import MAX_COMMANDS, MAX_KEY
from tests.edges.gateway_thread import GatewayThread, config_for
from tests.edges.test_web import api, client, error, gateway, send  # noqa: F401 - fixtures


def bulk(api: httpx.Client, *commands: object, key: str | None = None) -> dict[str, Any]:  # noqa: F811
    headers = {"Idempotency-Key": key} if key is not None else {}
    response = api.post("/messages/bulk", json={"messages": commands}, headers=headers)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_each_command_has_its_own_result_in_their_order(api: httpx.Client) -> None:  # noqa: F811
    good = {"to": "+491701234567", "text": "one"}
    several = {"to": ["+491701234567", "+491701234568"], "text": "two", "id": "two"}
    answer = bulk(api, good, {"to": "nobody", "text": "x", "id": "bad"}, several, {"to": "1234"}, 7, several)
    results = answer["results"]
    assert [each["status"] for each in results] == [
        "accepted",
        "rejected",
        "accepted",
        "rejected",
        "rejected",
        "duplicate",
    ]
    assert [len(each["message_ids"]) for each in results] == [1, 0, 2, 0, 0, 2]
    assert [each["id"] for each in results] == [None, "bad", "two", None, None, "two"]
    assert results[1]["error"]["code"] == "invalid_number"
    assert (results[3]["error"]["code"], results[4]["error"]["code"]) == ("no_body", "bad_request")
    assert results[5]["message_ids"] == results[2]["message_ids"]
    assert (answer["accepted"], answer["duplicate"], answer["rejected"]) == (2, 1, 3)
    texts = [each["text"] for each in api.get("/messages").json()["messages"]]
    assert texts == ["two", "two", "one"]


def test_a_request_that_is_repeated_with_its_key_sends_nothing_twice(api: httpx.Client) -> None:  # noqa: F811
    commands = [{"to": "+491701234567", "text": f"n{n}"} for n in range(200)]
    first = bulk(api, *commands[:150], key="monday")  # as if the connection had been lost in the middle
    again = bulk(api, *commands, key="monday")
    assert (again["duplicate"], again["accepted"]) == (150, 50)
    assert [each["message_ids"] for each in again["results"][:150]] == [
        each["message_ids"] for each in first["results"]
    ]
    assert [each["id"] for each in again["results"][:2]] == ["monday/1", "monday/2"]


def test_a_bulk_request_has_its_bounds(api: httpx.Client) -> None:  # noqa: F811
    one = {"to": "1234", "text": "x"}
    for body in ({}, {"messages": []}, {"messages": [one] * (MAX_COMMANDS + 1)}, {"messages": [one], "more": 1}):
        assert error(api.post("/messages/bulk", json=body))[:2] == (400, "bad_request")
    long = {"Idempotency-Key": "k" * (MAX_KEY + 1)}
    assert error(api.post("/messages/bulk", json={"messages": [one]}, headers=long)) == (400, "bad_request", "id")
    huge = {"messages": [{**one, "tags": {"x": "y" * 3000}}] * 1000}
    assert error(api.post("/messages/bulk", json=huge))[:2] == (413, "too_large")
    assert len(bulk(api, *[one] * MAX_COMMANDS, key="k" * MAX_KEY)["results"]) == MAX_COMMANDS


def test_a_finished_message_is_redacted_and_deleted(api: httpx.Client) -> None:  # noqa: F811
    message_id = send(api, text="private").json()["message_ids"][0]
    assert error(api.delete(f"/messages/{message_id}"))[:2] == (409, "not_finished")
    assert error(api.post(f"/messages/{message_id}/redact"))[:2] == (409, "not_finished")
    assert api.post(f"/messages/{message_id}/cancel").json()["status"] == "canceled"
    redacted = api.post(f"/messages/{message_id}/redact").json()
    assert (redacted["text"], redacted["status"]) == ("", "canceled")
    assert [each["what"] for each in api.get(f"/messages/{message_id}").json()["timeline"]][-1] == "redacted"
    assert api.delete(f"/messages/{message_id}").status_code == 204
    assert error(api.get(f"/messages/{message_id}"))[:2] == (404, "unknown_message")
    assert error(api.delete(f"/messages/{message_id}"))[:2] == (404, "unknown_message")


class NearlyFull(Service):
    """Its disk takes everything but what says so."""

    async def send(self, request: SendRequest, origin: Origin, also: Also | None = None) -> CommandResult:
        if request.text == "too much":
            raise StoreError("the disk is full")
        return await super().send(request, origin, also)


def test_what_the_database_does_not_take_is_told_by_itself(tmp_path: Path) -> None:
    """Else a client that repeats all of it sends twice what was taken."""
    good, bad = ({"to": "+491701234567", "text": text} for text in ("fits", "too much"))
    with GatewayThread(config_for(tmp_path, ""), service=NearlyFull) as running, client(running) as http:
        answer = bulk(http, good, bad, good, bad)
        assert [each["status"] for each in answer["results"]] == ["accepted", "rejected", "accepted", "rejected"]
        assert answer["results"][1]["error"]["code"] == "store_error"
        assert len(http.get("/messages").json()["messages"]) == 2
        nothing = http.post("/messages/bulk", json={"messages": [bad, bad]})
        assert error(nothing)[:2] == (503, "store_error")
