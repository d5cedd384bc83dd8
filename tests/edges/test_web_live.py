"""`/ws` and `/metrics`: who may listen, what is told, and going on where one stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from gateway.accounts import Role
from gateway.messaging.model import Event, EventKind
from tests.edges.gateway_thread import TOKEN, GatewayThread, config_for
from tests.edges.test_web_auth import new_token
from tests.support.ws import WsClient

BEARER = f"Bearer {TOKEN}"


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayThread]:
    with GatewayThread(config_for(tmp_path, "")) as running:
        yield running


def event(n: int, kind: EventKind = EventKind.INBOX) -> Event:
    return Event(kind=kind, subject=f"SM{n}", payload=f'{{"n":{n},"text":"Grüße 👋"}}')


def connect(gateway: GatewayThread, target: str = "/ws", **headers: str) -> WsClient:
    assert gateway.web.url is not None
    return WsClient(gateway.web.url, target, **{"authorization": BEARER, **headers})


def test_events_are_told_as_they_happen_and_the_modems_first(gateway: GatewayThread) -> None:
    gateway.add_events(event(1))
    with connect(gateway) as client:
        first = client.hear()
        assert first["event"] == "modem"
        assert first["data"]["name"] == "stick1"
        gateway.add_events(event(2), event(3, EventKind.SEND_RESULT), event(4))
        told = client.hear_events(2)
    assert [one["data"]["n"] for one in told] == [2, 4]
    assert told[0] == {"event": "inbox", "seq": 2, "data": {"n": 2, "text": "Grüße 👋"}}


def test_a_client_goes_on_where_it_stopped(gateway: GatewayThread) -> None:
    gateway.add_events(*(event(n) for n in range(1, 251)))
    with connect(gateway, "/ws?after=0") as client:
        assert [one["seq"] for one in client.hear_events(250)] == list(range(1, 251))
    with connect(gateway, "/ws?after=248") as client:
        assert [one["seq"] for one in client.hear_events(2)] == [249, 250]
        gateway.add_events(event(251))
        assert client.hear_events(1)[0]["seq"] == 251


def test_a_modem_that_changes_is_told(gateway: GatewayThread) -> None:
    with connect(gateway) as client:
        assert client.hear()["data"]["able"] is False
        status = gateway.service.lines()[0]

        async def change() -> None:
            line = gateway.service._lines.by_name["stick1"]
            gateway.service._lines._show(line, able=True, operator="Testnetz")

        gateway.call(change())
        assert client.hear()["data"]["operator"] == "Testnetz"
        assert replace(status, able=True) != status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": ""}, 403),
        ({"authorization": "Bearer wrong"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
    ],
)
def test_who_may_not_listen(gateway: GatewayThread, headers: dict[str, str], status: int) -> None:
    with connect(gateway, **headers) as client:
        assert client.status == status


def test_a_page_of_ours_and_a_reader_may_listen_and_a_sender_may_not(gateway: GatewayThread) -> None:
    assert gateway.web.url is not None
    with connect(gateway, origin=gateway.web.url) as client:
        assert client.status == 101
    with connect(gateway, authorization=f"Bearer {new_token(gateway, Role.READ_ONLY)}") as client:
        assert client.status == 101
    with connect(gateway, authorization=f"Bearer {new_token(gateway, Role.SEND_ONLY)}") as client:
        assert client.status == 403


def test_what_a_client_says_does_nothing_and_too_much_ends_it(gateway: GatewayThread) -> None:
    with connect(gateway) as client:
        client.hear()
        client.say('{"event":"inbox"}')
        gateway.add_events(event(1))
        assert client.hear_events(1)[0]["seq"] == 1
        client.say("x" * 10_000)
        assert client.closed() == 1009


def test_clients_that_go_without_a_word_leave_nothing_behind(gateway: GatewayThread) -> None:
    for _ in range(20):
        client = connect(gateway)
        client.hear()
        client._socket.close()
    gateway.add_events(event(1))
    with connect(gateway, "/ws?after=0") as client:
        assert client.hear_events(1)[0]["data"]["n"] == 1


def test_metrics_tell_how_things_stand_to_who_may_read(gateway: GatewayThread) -> None:
    assert httpx.get(f"{gateway.web.url}/metrics").status_code == 401
    gateway.add_events(event(1))
    text = httpx.get(f"{gateway.web.url}/metrics", headers={"authorization": BEARER}).text
    assert "smsgw_events_total 1.0" in text
    assert 'smsgw_modem_able{modem="stick1"} 0.0' in text
    assert "smsgw_messages_waiting 0.0" in text
    assert "# TYPE smsgw_modem_signal_dbm gauge" in text
