"""The connection to the broker: made, lost, made again; will, versions, passwords, TLS."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gateway.messaging.model import Event, EventKind
from tests.edges.gateway_thread import GatewayThread, config_for
from tests.support.broker import Broker, Observer, OldBroker
from tests.support.processes import DaemonProcess, wait_until, write_config

STATE = "smsgw/box/bridge/state"
ONLINE = b'{"state":"online"}'
OFFLINE = b'{"state":"offline"}'


def alert(n: int, **more: Any) -> Event:
    return Event(kind=EventKind.ALERT, subject="", payload=json.dumps({"code": "test", "n": n}), **more)


def test_retained_topics_say_who_is_there_and_that_it_left(broker: Broker, tmp_path: Path) -> None:
    with GatewayThread(config_for(tmp_path, broker.url)) as gateway:
        gateway.wait_connected()
        with Observer(broker.port, "smsgw/box/#") as observer:
            [state] = observer.wait(STATE)
            assert (state.payload, state.retain) == (ONLINE, True)
            info = json.loads(observer.wait("smsgw/box/bridge/info")[0].payload)
            assert (info["gateway"], info["modems"], info["schema"]) == ("box", ["stick1"], 1)
            assert observer.wait("smsgw/box/modem/stick1/availability")[0].payload == b"offline"
            modem = json.loads(observer.wait("smsgw/box/modem/stick1/state")[0].payload)
            assert {"state", "registered", "operator", "rssi_dbm", "queue", "daily_limit", "ts"} <= set(modem)
    with Observer(broker.port, "smsgw/box/#") as late:
        assert late.wait(STATE)[0].payload == OFFLINE
        assert late.wait("smsgw/box/modem/stick1/availability")[0].payload == b"offline"


def test_a_killed_gateway_is_declared_offline_by_its_will(broker: Broker, tmp_path: Path) -> None:
    config = write_config(tmp_path, broker=broker.url)
    with Observer(broker.port, STATE) as observer, DaemonProcess(config) as daemon:
        assert observer.wait(STATE)[-1].payload == ONLINE
        daemon.kill()
        assert observer.wait(STATE, 2)[-1].payload == OFFLINE


def test_an_orderly_stop_leaves_nothing_to_repeat(broker: Broker, tmp_path: Path) -> None:
    config = config_for(tmp_path, broker.url)
    for n in range(3):
        with Observer(broker.port, "smsgw/box/send/result") as observer, GatewayThread(config) as gateway:
            gateway.wait_connected()
            observer.publish("smsgw/box/send", json.dumps({"to": "1234", "text": "x", "id": f"n{n}"}))
            [result] = observer.wait("smsgw/box/send/result")  # and none of the run before
            assert json.loads(result.payload)["id"] == f"n{n}"


def test_subscriptions_stand_before_the_gateway_says_online(broker: Broker, tmp_path: Path) -> None:
    with Observer(broker.port, "smsgw/#") as observer, GatewayThread(config_for(tmp_path, broker.url)):
        observer.wait(STATE)
        observer.publish("smsgw/box/send", '{"to":"+491701234567","text":"x","id":"first"}')
        [result] = observer.wait("smsgw/box/send/result")
        assert json.loads(result.payload)["id"] == "first"


def test_events_go_on_where_they_stopped_when_the_broker_comes_back(broker: Broker, tmp_path: Path) -> None:
    with GatewayThread(config_for(tmp_path, broker.url)) as gateway:
        gateway.wait_connected()
        with Observer(broker.port, "smsgw/box/alert") as observer:
            gateway.add_events(alert(1), alert(2))
            observer.wait("smsgw/box/alert", 2)
        wait_until(lambda: gateway.call(gateway.service.cursor("mqtt")) == 2, "the cursor")
        broker.stop()
        gateway.add_events(*(alert(n) for n in range(3, 13)))
        broker.start()
        with Observer(broker.port, "smsgw/box/alert") as observer:
            gateway.wait_connected()
            gateway.add_events(alert(13))
            numbers = [json.loads(m.payload)["n"] for m in observer.received]
            wait_until(lambda: any(json.loads(m.payload)["n"] == 13 for m in list(observer.received)), "the last event")
            numbers = [json.loads(m.payload)["n"] for m in observer.received]
            assert numbers == sorted(set(numbers))  # in order, none twice
        wait_until(lambda: gateway.call(gateway.service.cursor("mqtt")) == 13, "the cursor")


def test_events_without_a_broker_wait_for_it(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "mosquitto")
    config = config_for(tmp_path, broker.url)
    with GatewayThread(config) as gateway:
        gateway.add_events(*(alert(n) for n in range(5)))
        wait_until(lambda: "cannot connect" in (gateway.bridge.trouble or "") if gateway.bridge else False, "trouble")
        read_by_all = gateway.service._retention._read_by_all  # what is older than it is to be kept may go up to there
        assert gateway.call(gateway.store.read(read_by_all)) == 0
    with broker, Observer(broker.port, "smsgw/box/alert") as observer, GatewayThread(config):
        received = observer.wait("smsgw/box/alert", 5)
        assert [json.loads(m.payload)["seq"] for m in received] == [1, 2, 3, 4, 5]


def test_many_events_arrive_in_order_and_the_cursor_follows(broker: Broker, tmp_path: Path) -> None:
    count = 5000
    with GatewayThread(config_for(tmp_path, broker.url)) as gateway, Observer(broker.port, "smsgw/box/#") as observer:
        gateway.wait_connected()
        gateway.add_events(*(alert(n) for n in range(count)))
        received = observer.wait("smsgw/box/alert", count)
        assert [json.loads(m.payload)["seq"] for m in received] == list(range(1, count + 1))
        wait_until(lambda: gateway.call(gateway.service.cursor("mqtt")) == count, "the cursor")


def test_every_kind_of_event_has_its_topic(broker: Broker, tmp_path: Path) -> None:
    events = [
        Event(kind=EventKind.SEND_RESULT, subject="", payload='{"id":null}'),
        Event(kind=EventKind.MESSAGE_STATUS, subject="SM1", payload='{"message_id":"SM1"}'),
        Event(kind=EventKind.INBOX, subject="SM2", payload='{"text":"Grüße"}'),
        Event(kind=EventKind.ALERT, subject="", payload="{}"),
    ]
    with GatewayThread(config_for(tmp_path, broker.url)) as gateway, Observer(broker.port, "smsgw/box/#") as observer:
        gateway.wait_connected()
        gateway.add_events(*events)
        for topic, payload in (
            ("send/result", {"id": None, "seq": 1}),
            ("message/SM1/status", {"message_id": "SM1", "seq": 2}),
            ("inbox", {"text": "Grüße", "seq": 3}),
            ("alert", {"seq": 4}),
        ):
            [message] = observer.wait(f"smsgw/box/{topic}")
            assert (json.loads(message.payload), message.retain) == (payload, False)


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param(b"\x20\x02\x00\x01", id="3.1.1 return code"),
        pytest.param(b"\x20\x03\x00\x84\x00", id="5 reason code"),
        pytest.param(b"", id="closed without a word"),
    ],
)
def test_a_broker_without_mqtt_5_is_served_with_3_1_1(broker: Broker, tmp_path: Path, refusal: bytes) -> None:
    with OldBroker(broker, refusal) as old:
        config = config_for(tmp_path, f"mqtt://127.0.0.1:{old.port}")
        with GatewayThread(config) as gateway, Observer(broker.port, "smsgw/#", v5=False) as observer:
            gateway.wait_connected()
            assert old.levels[0] == 5
            assert old.levels[-1] == 4
            observer.publish("smsgw/box/send", '{"to":"+491701234567","text":"x","id":"a"}')
            assert json.loads(observer.wait("smsgw/box/send/result")[0].payload)["status"] == "accepted"
        with Observer(broker.port, "smsgw/box/send/result") as observer:  # the session is kept there too
            observer.publish("smsgw/box/send", '{"to":"+491701234567","text":"x","id":"b"}')
            with GatewayThread(config):
                [answer] = observer.wait("smsgw/box/send/result")
                assert json.loads(answer.payload)["id"] == "b", answer.payload


def test_a_user_needs_the_right_password(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    passwords = tmp_path / "passwd"
    passwords.touch(mode=0o600)
    subprocess.run(["mosquitto_passwd", "-b", str(passwords), "gw", "geh@im"], check=True, capture_output=True)
    broker = Broker(tmp_path / "mosquitto", extra=f"allow_anonymous false\npassword_file {passwords}")
    secret = tmp_path / "secret"
    secret.write_text("geh@im\n")
    with broker, Observer(broker.port, STATE, username="gw", password="geh@im") as observer:
        wrong = f"mqtt://gw:falsch@127.0.0.1:{broker.port}"
        with GatewayThread(config_for(tmp_path / "a", wrong)) as gateway:
            wait_until(lambda: "Not authorized" in ((gateway.bridge and gateway.bridge.trouble) or ""), "the refusal")
        in_url = f"mqtt://gw:geh%40im@127.0.0.1:{broker.port}"
        with GatewayThread(config_for(tmp_path / "b", in_url)) as gateway:
            gateway.wait_connected()
        in_file = config_for(
            tmp_path / "c", f"mqtt://gw@127.0.0.1:{broker.port}", extra=f'password_file = "{secret}"\n'
        )
        with GatewayThread(in_file) as gateway:
            gateway.wait_connected()
        assert [m.payload for m in observer.wait(STATE, 4)] == [ONLINE, OFFLINE, ONLINE, OFFLINE]
    assert "falsch" not in caplog.text
    assert "geh" not in caplog.text


def test_tls_with_a_private_authority(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    key.chmod(0o644)
    with Broker(tmp_path / "mosquitto", extra=f"certfile {cert}\nkeyfile {key}") as broker:
        url = f"mqtts://127.0.0.1:{broker.port}"
        with GatewayThread(config_for(tmp_path / "a", url)) as gateway:
            wait_until(lambda: "certificate" in ((gateway.bridge and gateway.bridge.trouble) or ""), "the refusal")
        trusting = config_for(tmp_path / "b", url, extra=f'ca_file = "{cert}"\n')
        with (
            GatewayThread(trusting) as gateway,
            Observer(broker.port, "smsgw/box/alert", "smsgw/box/send/result", tls=str(cert)) as observer,
        ):
            gateway.wait_connected()
            gateway.add_events(*(alert(n) for n in range(500)))
            observer.wait("smsgw/box/alert", 500)
            for n in range(50):
                observer.publish(
                    "smsgw/box/send", json.dumps({"to": "1234", "text": "x" * 500, "id": str(n)}), wait=False
                )
            ids = [json.loads(m.payload)["id"] for m in observer.wait("smsgw/box/send/result", 50)]
            assert ids == [str(n) for n in range(50)]


def test_a_refused_response_topic_falls_back_to_the_usual_one(tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text("user gw\ntopic readwrite smsgw/#\nuser app\ntopic readwrite #\n")
    passwords = tmp_path / "passwd"
    passwords.touch(mode=0o600)
    for user in ("gw", "app"):
        subprocess.run(["mosquitto_passwd", "-b", str(passwords), user, "p"], check=True, capture_output=True)
    extra = f"allow_anonymous false\npassword_file {passwords}\nacl_file {acl}"
    with (
        Broker(tmp_path / "mosquitto", extra=extra) as broker,
        Observer(broker.port, "#", username="app", password="p") as observer,
        GatewayThread(config_for(tmp_path / "a", f"mqtt://gw:p@127.0.0.1:{broker.port}")) as gateway,
    ):
        gateway.wait_connected()
        observer.publish(
            "smsgw/box/send", '{"to":"1234","text":"x","id":"a"}', response="secret/area", correlation=b"c"
        )
        [result] = observer.wait("smsgw/box/send/result")
        assert json.loads(result.payload)["id"] == "a"
        assert not observer.on("secret/#")
        observer.publish("smsgw/box/bridge/request/modems", '{"transaction":1}', response="secret/other")
        assert json.loads(observer.wait("smsgw/box/bridge/response/modems")[0].payload)["transaction"] == 1
        gateway.add_events(alert(1))
        observer.wait("smsgw/box/alert")


def test_a_topic_beside_texts_that_the_broker_refuses_does_not_hold_texts_up(tmp_path: Path) -> None:
    """Its rules may be older than the topic."""
    acl = tmp_path / "acl"
    acl.write_text("topic deny smsgw/box/call\ntopic readwrite #\n")
    with (
        Broker(tmp_path / "mosquitto", extra=f"acl_file {acl}") as broker,
        Observer(broker.port, "#") as observer,
        GatewayThread(config_for(tmp_path / "a", broker.url)) as gateway,
    ):
        gateway.wait_connected()
        gateway.add_events(Event(kind=EventKind.CALL, subject="CA1", payload="{}"), alert(1))
        observer.wait("smsgw/box/alert")
        assert not observer.on("smsgw/box/call")
        wait_until(lambda: gateway.call(gateway.service.cursor("mqtt")) == 2, "the cursor")


def test_a_broker_that_never_answers_does_not_hold_up_the_end(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"mqtt://127.0.0.1:{silent.getsockname()[1]}"
        with GatewayThread(config_for(tmp_path, url)) as gateway:
            connection, _ = silent.accept()
            assert connection.recv(100)[0] == 0x10  # CONNECT
            assert gateway.bridge is not None
            assert gateway.bridge.trouble is not None
        connection.close()
