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
from gateway.errors import StoreError
from gateway.messaging import Service
from gateway.messaging.model import CommandResult, Origin, SendRequest
from tests.edges.gateway_thread import GatewayThread, config_for
from tests.edges.modem_port import Broadcast, Change, ModemPort, Text, connect
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
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "modem_not_ready")


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


def test_call_forwarding_over_mqtt(broker: Broker, tmp_path: Path) -> None:
    requests: list[tuple[dict[str, Any], str | list[tuple[str, bool, str | None]]]] = [
        ({"reason": "busy", "number": "0170 1234567"}, [("busy", True, "+491701234567")]),
        ({"reason": "no-reply", "number": "+491701234567", "after_s": 20}, [("no-reply", True, "+491701234567")]),
        ({"reason": "busy", "clear": True}, [("busy", False, None)]),
        ({"reason": "no-reply"}, [("no-reply", True, "+491701234567")]),
        (
            {},
            [
                ("unconditional", False, None),
                ("busy", False, None),
                ("no-reply", True, "+491701234567"),
                ("unreachable", False, None),
            ],
        ),
        ({"number": "+491701234567"}, "bad_request"),
        ({"reason": "never", "number": "1"}, "bad_request"),
        ({"reason": "busy", "number": "+491701234567", "clear": True}, "bad_request"),
        ({"reason": "busy", "number": "+491701234567", "after_s": 20}, "bad_request"),
        ({"reason": "busy", "number": "112"}, "emergency_number"),
        ({"reason": "busy", "number": "hello"}, "invalid_number"),
    ]
    with GatewayThread(config_for(tmp_path, broker.url)) as gateway, Observer(broker.port, "smsgw/box/#") as observer:
        connect(gateway)
        gateway.wait_connected()
        for n, (fields, wanted) in enumerate(requests, 1):
            observer.publish(f"{REQUEST}call-forwarding", json.dumps({"modem": "stick1", "transaction": n, **fields}))
            answer = response(observer, "call-forwarding", n)
            if isinstance(wanted, str):
                assert answer["error"]["code"] == wanted
            else:
                found = answer["data"]["forwarding"]
                assert [(each["reason"], each["active"], each["number"]) for each in found] == wanted


def test_call_forwarding_on_the_command_line(gateway: GatewayThread, modem: ModemPort) -> None:
    done = run(gateway, "forward", "stick1", "set", "no-reply", "01701234567", "--after", "15")
    assert (done.exit_code, done.stdout) == (0, "no-reply: forwarded to 01701234567\n")
    lines = run(gateway, "forward", "stick1").stdout.splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines] == [
        "not forwarded",
        "not forwarded",
        "to +491701234567 after 15 s",
        "not forwarded",
    ]
    [found] = json.loads(run(gateway, "forward", "stick1", "show", "no-reply", "--json").stdout)["forwarding"]
    assert found == {"reason": "no-reply", "active": True, "number": "+491701234567", "after_s": 15}
    assert run(gateway, "forward", "stick1", "clear", "no-reply").stdout == "no-reply: not forwarded\n"
    assert modem.forwarded == {}
    for args in (("set", "busy"), ("clear",), ("show", "busy", "1"), ("set", "never", "1")):
        assert run(gateway, "forward", "stick1", *args).exit_code == 2


def test_the_phonebook(gateway: GatewayThread, api: httpx.Client, modem: ModemPort) -> None:
    assert run(gateway, "phonebook", "stick1").stdout == ""
    added = run(gateway, "phonebook", "stick1", "add", "+491701234567", "Zoë\x1b[2J")
    assert (added.exit_code, added.stdout) == (0, "added +491701234567 Zoë\\x1b[2J\n")
    assert run(gateway, "phonebook", "stick1", "list").stdout == "1  +491701234567  Zoë\\x1b[2J\n"
    assert api.get("/modems/stick1/phonebook", params={"storage": "ON"}).json() == {"storage": "ON", "entries": []}
    bad = api.post("/modems/stick1/phonebook", json={"number": "hello"})
    assert (bad.status_code, bad.json()["error"]["field"]) == (400, "number")
    assert run(gateway, "phonebook", "stick1", "delete", "1").stdout == "deleted 1\n"
    failed = run(gateway, "phonebook", "stick1", "delete", "1")
    assert (failed.exit_code, failed.stderr) == (1, "smsgw: service_refused: the modem answered cme:21\n")
    assert run(gateway, "phonebook", "stick1", "own").stdout == "+491700000001\n"
    assert json.loads(run(gateway, "phonebook", "stick1", "own", "--json").stdout) == {"numbers": ["+491700000001"]}
    for args in (("add", "1"), ("delete",), ("delete", "x"), ("own", "1")):
        assert run(gateway, "phonebook", "stick1", *args).exit_code == 2
    assert not modem.entries


def test_cell_broadcast_is_an_event(broker: Broker, tmp_path: Path) -> None:
    with GatewayThread(config_for(tmp_path, broker.url)) as gateway, Observer(broker.port, "smsgw/box/#") as observer:
        gateway.wait_connected()

        async def comes() -> None:
            for text, data in (("Flood […]", ""), ("", "0102")):
                message = Broadcast(
                    channel=919, serial=17059, text=text, pages=2, data_hex=data, pages_missing=(2,), language="en"
                )
                gateway.service.notices.broadcast("stick1", message)
            await gateway.service.notices.flush()

        gateway.call(comes())
        first, second = (json.loads(each.payload) for each in observer.wait("smsgw/box/cell-broadcast", 2))
        assert first.pop("ts").endswith("Z")
        common = {"modem": "stick1", "channel": 919, "serial": 17059, "pages": 2, "pages_missing": [2]}
        assert first == common | {"text": "Flood […]", "language": "en", "seq": 1}
        assert second["data_hex"] == "0102"


class RefusesOnce(Service):
    """The first command is not stored, as with a full disk, but not before something else was begun."""

    begun = asyncio.Event()
    refused = False

    async def send(self, request: SendRequest, origin: Origin) -> CommandResult:
        if not RefusesOnce.refused:
            await RefusesOnce.begun.wait()
            RefusesOnce.refused = True
            raise StoreError("disk full")
        return await super().send(request, origin)


def test_a_dialogue_that_was_begun_is_not_begun_again_when_it_is_delivered_again(
    broker: Broker, tmp_path: Path
) -> None:
    """Acknowledgements go in order, so one that is missing in front has both commands delivered again."""
    config = config_for(tmp_path, broker.url)
    with GatewayThread(config, service=RefusesOnce) as gateway, Observer(broker.port, "smsgw/box/#") as observer:
        modem = connect(gateway)
        modem.hold, modem.begun = asyncio.Event(), RefusesOnce.begun
        gateway.wait_connected()
        observer.publish("smsgw/box/send", '{"id": "a", "to": "+491701234567", "text": "x"}')
        observer.publish(f"{REQUEST}ussd", '{"transaction": 1, "modem": "stick1", "code": "*101#"}')
        answer = response(observer, "ussd")
        assert (answer["transaction"], answer["error"]["code"]) == (1, "outcome_unknown")
        assert json.loads(observer.wait("smsgw/box/send/result")[0].payload)["status"] == "accepted"
        assert modem.calls == ["start *101#"]
