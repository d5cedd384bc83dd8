"""A modem is asked for more than sending: over MQTT, the own API and the command line, and texts never wait for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import cli
from tests.edges.gateway_thread import GatewayThread, config_for
from tests.edges.modem_port import Change, ModemPort, Text, connect
from tests.support.broker import Broker, Observer

REQUEST = "smsgw/box/bridge/request/"
RESPONSE = "smsgw/box/bridge/response/"


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayThread]:
    with GatewayThread(config_for(tmp_path, "")) as running:
        yield running


@pytest.fixture
def modem(gateway: GatewayThread) -> ModemPort:
    return connect(gateway)


@pytest.fixture
def api(gateway: GatewayThread) -> Iterator[httpx.Client]:
    transport = httpx.HTTPTransport(uds=str(gateway.config.socket))
    with httpx.Client(transport=transport, base_url="http://smsgw/api/v1") as http:
        yield http


def run(gateway: GatewayThread, *args: str) -> Result:
    return CliRunner().invoke(cli, [*args, "--socket", str(gateway.config.socket)])


def response(observer: Observer, operation: str, count: int = 1) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(observer.wait(RESPONSE + operation, count)[-1].payload)
    return answer


def test_a_dialogue_over_mqtt(broker: Broker, tmp_path: Path) -> None:
    with GatewayThread(config_for(tmp_path, broker.url)) as gateway, Observer(broker.port, "smsgw/box/#") as observer:
        modem = connect(gateway)
        gateway.wait_connected()
        observer.publish(f"{REQUEST}ussd", '{"transaction": 1, "modem": "stick1", "code": "*100#"}')
        data = {"modem": "stick1", "text": "1 Balance\n2 Top up", "state": "reply_wanted"}
        assert response(observer, "ussd") == {"transaction": 1, "status": "ok", "data": data}
        observer.publish(f"{REQUEST}ussd", '{"transaction": 2, "modem": "stick1", "reply": "2"}')
        data = {"modem": "stick1", "text": "You chose 2", "state": "done"}
        assert response(observer, "ussd", 2) == {"transaction": 2, "status": "ok", "data": data}
        observer.publish(f"{REQUEST}ussd", '{"transaction": 3, "modem": "stick1", "cancel": true}')
        assert response(observer, "ussd", 3)["status"] == "ok"
        observer.publish(f"{REQUEST}ussd", '{"transaction": 4, "modem": "stick1", "code": "*1#"}')
        assert response(observer, "ussd", 4)["error"]["code"] == "ussd_unsupported"
        observer.publish(f"{REQUEST}ussd", '{"transaction": 5, "modem": "stick1"}')
        assert response(observer, "ussd", 5)["error"]["code"] == "bad_request"
        observer.publish(f"{REQUEST}modem-reset", '{"transaction": 6, "modem": "stick1"}')
        assert response(observer, "modem-reset") == {"transaction": 6, "status": "ok", "data": {"modem": "stick1"}}
        observer.publish(f"{REQUEST}modem-reset", '{"transaction": 7, "modem": "other"}')
        assert response(observer, "modem-reset", 2)["error"]["code"] == "unknown_modem"
        assert modem.calls == ["start *100#", "reply 2", "cancel", "start *1#", "reset"]


def test_commands_behind_a_slow_request_are_taken_and_acknowledged(broker: Broker, tmp_path: Path) -> None:
    """More of them than a broker gives out unacknowledged (mosquitto: 20) get through while the network thinks."""
    with GatewayThread(config_for(tmp_path, broker.url)) as gateway, Observer(broker.port, "smsgw/box/#") as observer:
        modem = connect(gateway)
        modem.hold = asyncio.Event()
        gateway.wait_connected()
        observer.publish(f"{REQUEST}ussd", '{"transaction": 1, "modem": "stick1", "code": "*101#"}')
        for n in range(50):
            observer.publish("smsgw/box/send", json.dumps({"id": f"m{n}", "to": "+491701234567", "text": "x"}))
        results = observer.wait("smsgw/box/send/result", 50)
        assert {json.loads(each.payload)["status"] for each in results} == {"accepted"}
        assert not observer.on(f"{RESPONSE}ussd")
        gateway.call(_set(modem.hold))
        assert response(observer, "ussd")["data"]["text"] == "Balance: 12.34 €"


async def _set(event: asyncio.Event) -> None:
    event.set()


def test_what_the_network_says_by_itself_is_an_event(broker: Broker, tmp_path: Path) -> None:
    with GatewayThread(config_for(tmp_path, broker.url)) as gateway, Observer(broker.port, "smsgw/box/#") as observer:
        gateway.wait_connected()

        async def told() -> None:
            gateway.service.notices.ussd("stick1", Text(text="Accept?", reply_wanted=True))
            await gateway.service.notices.flush()

        gateway.call(told())
        event = json.loads(observer.wait("smsgw/box/ussd")[0].payload)
        assert event.pop("ts").endswith("Z")
        assert event == {"modem": "stick1", "text": "Accept?", "state": "reply_wanted", "seq": 1}


def test_a_dialogue_over_http(api: httpx.Client, modem: ModemPort) -> None:
    answer = api.post("/modems/stick1/ussd", json={"code": "*101#"})
    assert (answer.status_code, answer.json()["text"]) == (200, "Balance: 12.34 €")
    for body, status, code in (
        ({"code": "*1#"}, 502, "ussd_unsupported"),
        ({"code": "*1#", "reply": "1"}, 400, "bad_request"),
        ({"code": ""}, 400, "bad_request"),
        ({"digits": "1"}, 400, "bad_request"),
    ):
        answer = api.post("/modems/stick1/ussd", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert api.post("/modems/nowhere/ussd", json={"code": "1"}).json()["error"]["code"] == "unknown_modem"
    assert api.post("/modems/stick1/reset").json() == {"modem": "stick1"}
    assert modem.calls == ["start *101#", "start *1#", "reset"]


def test_a_dialogue_on_the_command_line(gateway: GatewayThread, modem: ModemPort) -> None:
    assert run(gateway, "ussd", "stick1", "*101#").stdout == "Balance: 12.34 €\n"
    done = run(gateway, "ussd", "stick1", "*100#", "--reply", "1")
    assert (done.exit_code, done.stdout) == (0, "1 Balance\n2 Top up\nYou chose 1\n")
    done = run(gateway, "ussd", "stick1", "*100#", "--json")  # in a script a menu without --reply is left
    assert json.loads(done.stdout) == {"modem": "stick1", "text": "1 Balance\n2 Top up", "state": "reply_wanted"}
    assert modem.calls[-1] == "cancel"
    assert "over before --reply 1" in run(gateway, "ussd", "stick1", "*101#", "--reply", "1").stderr
    failed = run(gateway, "ussd", "stick1", "*9#")
    assert (failed.exit_code, failed.stderr) == (1, "smsgw: ussd_unsupported: the network does not know it\n")
    assert run(gateway, "reset", "stick1").stdout == "stick1 is restarting\n"
    assert run(gateway, "reset", "no/modem").exit_code == 1


def test_a_modem_that_is_not_there_yet(api: httpx.Client) -> None:
    answer = api.post("/modems/stick1/ussd", json={"code": "*100#"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "modem_not_ready")


def test_calls_are_listed(gateway: GatewayThread, api: httpx.Client) -> None:
    async def rings() -> None:
        for n, number in enumerate(("+491701234567", None)):
            gateway.service.notices.call("stick1", Change(call=n, number=number, state="missed"))
        await gateway.service.notices.flush()

    gateway.call(rings())
    page = api.get("/calls", params={"limit": 1}).json()
    assert (page["calls"][0]["from"], page["calls"][0]["state"]) == (None, "missed")
    older = api.get("/calls", params={"before": page["next"]}).json()
    assert [call["from"] for call in older["calls"]] == ["+491701234567"]
    assert older["next"] is None
    [call] = json.loads(run(gateway, "calls", "--number", "+491701234567", "--json").stdout)["calls"]
    assert call["modem"] == "stick1"
    lines = run(gateway, "calls", "--modem", "stick1").stdout.splitlines()
    assert ["from unknown" in lines[0], "from +491701234567" in lines[1]] == [True, True]
    assert run(gateway, "calls", "--modem", "other").stdout == ""
