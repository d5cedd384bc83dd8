"""`GET /api/v1/events` and `smsgw events`: the last ones, those after a seq, and waiting for the next."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from gateway.cli.events import KINDS, SAID, line
from gateway.cli.main import cli
from gateway.messaging.model import Event, EventKind
from gateway.web import events
from tests.edges.gateway_thread import TOKEN, GatewayThread, config_for
from tests.support.processes import Program


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayThread]:
    with GatewayThread(config_for(tmp_path, "")) as running:
        yield running


@pytest.fixture
def http(gateway: GatewayThread) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=f"{gateway.web.url}/api/v1", headers=headers, timeout=30) as client:
        yield client


def event(n: int, kind: EventKind = EventKind.ALERT) -> Event:
    payload = {"code": f"code{n}", "message": "schlecht\x1b[2J", "modem": None, "since": "2026-01-01T00:00:00.000Z"}
    return Event(kind=kind, subject="", payload=json.dumps(payload))


def seqs(page: dict[str, Any]) -> list[int]:
    return [one["seq"] for one in page["events"]]


def test_events_are_paged(gateway: GatewayThread, http: httpx.Client) -> None:
    assert http.get("/events").json() == {"events": [], "next": 0}
    gateway.add_events(*(event(n) for n in range(5)), event(5, EventKind.SEND_RESULT))
    assert seqs(http.get("/events", params={"limit": 3}).json()) == [4, 5]  # the last is its sender's own business
    first = http.get("/events", params={"after": 0, "limit": 3}).json()
    assert (seqs(first), first["next"]) == ([1, 2, 3], 3)
    second = http.get("/events", params={"after": first["next"]}).json()
    assert (seqs(second), second["next"]) == ([4, 5], 6)
    assert http.get("/events", params={"after": 6, "wait_s": 0.01}).json() == {"events": [], "next": 6}


def test_a_request_waits_for_the_next_event(gateway: GatewayThread, http: httpx.Client) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(http.get, "/events", params={"after": 0, "wait_s": 20})
        gateway.add_events(event(1))
        assert seqs(waiting.result(30).json()) == [1]


def test_not_everybody_can_wait(gateway: GatewayThread, http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_WAITING", 0)
    refused = http.get("/events", params={"after": 0, "wait_s": 20})
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")


def test_events_on_the_command_line(gateway: GatewayThread) -> None:
    gateway.add_events(event(1), event(2), event(3, EventKind.CALL))
    there = ("--socket", str(gateway.config.socket))
    said = CliRunner().invoke(cli, ["events", "--event", "alert", "--limit", "3", *there])
    assert said.stdout.splitlines() == [f"{n}  2026-01-01 00:00:00  alert  code{n}: schlecht\\x1b[2J" for n in (1, 2)]
    lines = CliRunner().invoke(cli, ["events", "--after", "1", "--json", *there]).stdout.splitlines()
    assert [json.loads(each)["seq"] for each in lines] == [2, 3]


def test_events_are_followed_until_the_end(gateway: GatewayThread) -> None:
    with Program("events", "--follow", "--after", "0", "--json", "--socket", str(gateway.config.socket)) as program:
        for n in range(1, 4):
            gateway.add_events(event(n))
            assert json.loads(program.line())["seq"] == n


def test_every_kind_has_words_of_its_own() -> None:
    status = {"message_id": "SM1", "to": "+49", "modem": None, "status": "failed", "error": {"code": "no_modem"}}
    assert line({"event": "message.status", "seq": 1, "data": status}).endswith("SM1 to +49 failed: no_modem")
    inbox = {
        "message_id": "SM2",
        "from": "+49",
        "modem": "stick1",
        "data_hex": "00ff",
        "received_at": "2026-01-01T00:00",
    }
    assert line({"event": "inbox", "seq": 2, "data": inbox}).endswith("SM2 from +49 on stick1: 00ff")
    call = {"from": None, "modem": "stick1", "state": "missed", "ts": "2026-01-01T00:00:00Z"}
    assert line({"event": "call", "seq": 3, "data": call}).endswith("from unknown on stick1 missed")
    assert set(SAID) == set(KINDS) == {kind.value for kind in EventKind} - {"send.result"}
