"""Commands over a real broker: each is answered, nothing is dropped, nothing is taken twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import StoreError
from gateway.messaging import Service
from gateway.messaging.model import CommandResult, MessageFilter, Origin, SendRequest
from tests.edges.gateway_thread import GatewayThread, config_for
from tests.support.broker import Broker, Observer, Received
from tests.support.processes import wait_until

SEND = "smsgw/box/send"
RESULT = "smsgw/box/send/result"


def payload(message: Received) -> dict[str, Any]:
    value = json.loads(message.payload)
    assert isinstance(value, dict)
    return value


def results(observer: Observer, count: int) -> list[dict[str, Any]]:
    return [payload(message) for message in observer.wait(RESULT, count)]


def command(**fields: Any) -> str:
    return json.dumps({"to": "+491701234567", "text": "hello", **fields})


def stored(gateway: GatewayThread) -> int:
    return len(gateway.call(gateway.service.messages(MessageFilter(limit=200))))


def test_a_command_is_accepted_once_per_id(broker: Broker, tmp_path: Path) -> None:
    with GatewayThread(config_for(tmp_path, broker.url)) as gateway, Observer(broker.port, "smsgw/#") as observer:
        gateway.wait_connected()
        for text in ("hello", "hello", "other"):
            observer.publish(SEND, command(id="order-1", text=text))
        first, second, third = results(observer, 3)
        assert (first["status"], first["id"], len(first["message_ids"])) == ("accepted", "order-1", 1)
        assert (second["status"], second["message_ids"]) == ("duplicate", first["message_ids"])
        assert (third["status"], third["error"]["code"]) == ("rejected", "id_conflict")
        assert stored(gateway) == 1
        [status] = observer.wait(f"smsgw/box/message/{first['message_ids'][0]}/status")
        assert payload(status)["status"] == "queued"
        seqs = [payload(message)["seq"] for message in observer.received if b'"seq"' in message.payload]
        assert seqs == sorted(set(seqs))


def test_a_list_of_recipients_keeps_its_order(broker: Broker, tmp_path: Path) -> None:
    numbers = ["+491701234567", "+491701234568", "+491701234569"]
    with GatewayThread(config_for(tmp_path, broker.url)) as gateway, Observer(broker.port, RESULT) as observer:
        gateway.wait_connected()
        observer.publish(SEND, command(to=numbers))
        [result] = results(observer, 1)
        found = {message.id: message.peer for message in gateway.call(gateway.service.messages(MessageFilter()))}
        assert [found[message_id] for message_id in result["message_ids"]] == numbers


BAD = [
    (b"", "bad_json", None),
    (b"\xff\xfe", "bad_json", None),
    (b'{"to":', "bad_json", None),
    (b'{"to":"+491701234567","text":NaN}', "bad_json", None),
    (b"[" * 50_000, "bad_json", None),
    (b"[]", "bad_json", None),
    (b"x" * 70_000, "too_large", None),
    (b'{"id":"a","text":"x"}', "bad_request", "a"),
    (b'{"id":"b","to":5,"text":"x"}', "bad_request", "b"),
    (b'{"id":"c","to":"+491701234567","text":"x","foo":1}', "bad_request", "c"),
    (b'{"id":"d","to":"+491701234567"}', "no_body", "d"),
    (b'{"id":"e","to":"nobody","text":"x"}', "invalid_number", "e"),
    (b'{"id":"f","to":"+491701234567","text":"x","modem":"other"}', "unknown_modem", "f"),
    (b'{"id":"g","to":"112","text":"x"}', "emergency_number", "g"),
    (b'{"id":5,"to":"+491701234567","text":"x"}', "bad_request", None),
]


def test_what_cannot_be_taken_is_answered_with_the_reason_and_the_id(broker: Broker, tmp_path: Path) -> None:
    with GatewayThread(config_for(tmp_path, broker.url)) as gateway, Observer(broker.port, RESULT) as observer:
        gateway.wait_connected()
        for octets, _, _ in BAD:
            observer.publish(SEND, octets)
        answers = results(observer, len(BAD))
        assert [(answer["error"]["code"], answer["id"]) for answer in answers] == [(code, own) for _, code, own in BAD]
        assert {answer["status"] for answer in answers} == {"rejected"}
        observer.publish(SEND, command(id="after"))
        assert results(observer, len(BAD) + 1)[-1]["status"] == "accepted"


def test_retained_commands_are_refused_once_and_disturb_nothing(broker: Broker, tmp_path: Path) -> None:
    config = config_for(tmp_path, broker.url)
    with Observer(broker.port, RESULT) as observer:
        observer.publish(SEND, command(id="old"), retain=True)
        with GatewayThread(config) as gateway:
            gateway.wait_connected()
            observer.publish(SEND, command(id="live"), retain=True)
            observer.publish(SEND, command(id="good"))
            answers = results(observer, 3)
        assert [(answer["id"], answer["status"]) for answer in answers] == [
            ("old", "rejected"),
            ("live", "rejected"),
            ("good", "accepted"),
        ]
        assert {answer["error"]["code"] for answer in answers[:2]} == {"retained_refused"}
        with GatewayThread(config) as gateway:  # neither of them comes again
            gateway.wait_connected()
            observer.publish(SEND, command(id="later"))
            assert [answer["id"] for answer in results(observer, 4)] == ["old", "live", "good", "later"]


def test_a_response_topic_gets_the_result_with_its_correlation_data(broker: Broker, tmp_path: Path) -> None:
    with (
        GatewayThread(config_for(tmp_path, broker.url)) as gateway,
        Observer(broker.port, "app/#", RESULT) as observer,
    ):
        gateway.wait_connected()
        observer.publish(SEND, command(id="a"), response="app/answers", correlation=b"\x00\x01")
        observer.publish(SEND, b"{", response="app/answers", correlation=b"2")
        accepted, rejected = observer.wait("app/answers", 2)
        assert payload(accepted)["status"] == "accepted"
        assert accepted.properties.CorrelationData == b"\x00\x01"
        assert payload(rejected)["error"]["code"] == "bad_json"
        assert rejected.properties.CorrelationData == b"2"
        assert not observer.on(RESULT)


def test_what_is_published_while_the_gateway_is_down_is_not_lost(broker: Broker, tmp_path: Path) -> None:
    config = config_for(tmp_path, broker.url)
    with GatewayThread(config) as gateway:
        gateway.wait_connected()
    with Observer(broker.port, RESULT) as observer:
        for n in range(30):
            observer.publish(SEND, command(id=f"n{n}"))
        broker.stop()
        broker.start()
        with Observer(broker.port, RESULT) as later, GatewayThread(config):
            assert [answer["id"] for answer in results(later, 30)] == [f"n{n}" for n in range(30)]


class CommitsThenFails(Service):
    """The commit is made, but its confirmation is lost: the broker has to deliver the command again."""

    lost = False  # of the class: a test makes one instance only

    async def send(self, request: SendRequest, origin: Origin) -> CommandResult:
        result = await super().send(request, origin)
        if not CommitsThenFails.lost:
            CommitsThenFails.lost = True
            raise StoreError("the disk went away")
        return result


def test_a_command_that_is_delivered_again_is_not_taken_again(broker: Broker, tmp_path: Path) -> None:
    with (
        GatewayThread(config_for(tmp_path, broker.url), service=CommitsThenFails) as gateway,
        Observer(broker.port, RESULT) as observer,
    ):
        gateway.wait_connected()
        observer.publish(SEND, command())  # without an id: only the transport can tell
        observer.publish(SEND, command())  # the same words again, meant as a second text
        observer.publish(SEND, command(id="end"))
        # The later ones may be answered before the connection is lost, or after.
        for word in (b'"end"', b'"duplicate"'):
            wait_until(lambda w=word: any(w in m.payload for m in list(observer.received)), f"an answer with {word!r}")
        # Events come at least once: over the lost connection some are told again, under the same number.
        answers = list({answer["seq"]: answer for answer in map(payload, list(observer.received))}.values())
        first = [answer for answer in answers if answer["id"] is None]
        assert [answer["status"] for answer in first].count("accepted") == 2
        assert "duplicate" in {answer["status"] for answer in first}
        assert {answer["status"] for answer in answers} == {"accepted", "duplicate"}
        assert stored(gateway) == 3


class RefusesThreeTimes(Service):
    """The database takes nothing for a while."""

    refusals = 0

    async def send(self, request: SendRequest, origin: Origin) -> CommandResult:
        if RefusesThreeTimes.refusals < 3:
            RefusesThreeTimes.refusals += 1
            raise StoreError("the disk is full")
        return await super().send(request, origin)


def test_a_command_that_could_not_be_stored_stays_with_the_broker(broker: Broker, tmp_path: Path) -> None:
    with (
        GatewayThread(config_for(tmp_path, broker.url), service=RefusesThreeTimes) as gateway,
        Observer(broker.port, RESULT) as observer,
    ):
        gateway.wait_connected()
        observer.publish(SEND, command(id="a"))
        [answer] = results(observer, 1)
        assert answer["status"] == "accepted"
        assert RefusesThreeTimes.refusals == 3


class HasADefect(Service):
    """Fails in a way that nobody foresaw."""

    async def send(self, request: SendRequest, origin: Origin) -> CommandResult:
        if request.text == "poison":
            raise ZeroDivisionError("nobody foresaw this")
        return await super().send(request, origin)


def test_a_defect_is_answered_and_does_not_block_the_next_command(broker: Broker, tmp_path: Path) -> None:
    with (
        GatewayThread(config_for(tmp_path, broker.url), service=HasADefect) as gateway,
        Observer(broker.port, RESULT) as observer,
    ):
        gateway.wait_connected()
        observer.publish(SEND, command(id="a", text="poison"))
        observer.publish(SEND, command(id="b"))
        first, second = results(observer, 2)
        assert (first["id"], first["error"]["code"]) == ("a", "internal_error")
        assert (second["id"], second["status"]) == ("b", "accepted")


REQUESTS = [
    ("modems", {"transaction": 7}, "ok"),
    ("message-status", {"transaction": "t", "message_id": "SM0"}, "unknown_message"),
    ("message-cancel", {"message_id": "SM0"}, "unknown_message"),
    ("message-cancel", {"transaction": "t"}, "bad_request"),
    ("ussd", {"transaction": "t", "modem": "stick1", "code": "*100#"}, "modem_not_ready"),
    ("modem-reset", {"transaction": "t", "modem": "stick1"}, "modem_not_ready"),
    ("nonsense", {"transaction": "t"}, "unsupported"),
]


@pytest.mark.parametrize(("operation", "request_fields", "outcome"), REQUESTS)
def test_requests_are_answered_with_their_transaction(
    broker: Broker, tmp_path: Path, operation: str, request_fields: dict[str, Any], outcome: str
) -> None:
    with (
        GatewayThread(config_for(tmp_path, broker.url)) as gateway,
        Observer(broker.port, "smsgw/box/bridge/response/+") as observer,
    ):
        gateway.wait_connected()
        observer.publish(f"smsgw/box/bridge/request/{operation}", json.dumps(request_fields))
        [response] = observer.wait(f"smsgw/box/bridge/response/{operation}")
        answer = payload(response)
        assert answer["transaction"] == request_fields.get("transaction")
        if outcome == "ok":
            assert answer["status"] == "ok"
            assert [modem["name"] for modem in answer["data"]["modems"]] == ["stick1"]
        else:
            assert (answer["status"], answer["error"]["code"]) == ("error", outcome)


def test_a_message_is_looked_up_and_cancelled(broker: Broker, tmp_path: Path) -> None:
    with GatewayThread(config_for(tmp_path, broker.url)) as gateway, Observer(broker.port, "smsgw/box/#") as observer:
        gateway.wait_connected()
        observer.publish(SEND, command(id="a"))
        message_id = results(observer, 1)[0]["message_ids"][0]
        for operation in ("message-cancel", "message-status", "message-cancel"):
            observer.publish(
                f"smsgw/box/bridge/request/{operation}", json.dumps({"transaction": 1, "message_id": message_id})
            )
        first, second = [payload(m) for m in observer.wait("smsgw/box/bridge/response/message-cancel", 2)]
        [status] = [payload(m) for m in observer.wait("smsgw/box/bridge/response/message-status")]
        assert (first["status"], first["data"]["status"]) == ("ok", "canceled")
        assert (second["status"], second["error"]["code"]) == ("error", "not_cancelable")
        assert status["data"]["timeline"]


def test_a_request_that_is_retained_or_broken_is_answered(broker: Broker, tmp_path: Path) -> None:
    topic = "smsgw/box/bridge/request/modems"
    with (
        GatewayThread(config_for(tmp_path, broker.url)) as gateway,
        Observer(broker.port, "smsgw/box/bridge/response/#") as observer,
    ):
        gateway.wait_connected()
        observer.publish(topic, b'{"transaction":1}', retain=True)
        observer.publish(topic, b"{")
        observer.publish(topic, b"")
        codes = [payload(m).get("error", {}).get("code") for m in observer.wait("smsgw/box/bridge/response/modems", 3)]
        assert codes == ["retained_refused", "bad_json", None]


def test_a_request_that_nobody_can_answer_keeps_nothing_up(broker: Broker, tmp_path: Path) -> None:
    """Its response would need a topic of more octets than MQTT has for one."""
    topic = "smsgw/box/bridge/request/"
    with GatewayThread(config_for(tmp_path, broker.url)) as gateway, Observer(broker.port, RESULT) as observer:
        gateway.wait_connected()
        observer.publish(topic + "x" * (65_535 - len(topic)), "{}")
        observer.publish(SEND, command(id="a"))
        assert results(observer, 1)[0]["status"] == "accepted"


def test_a_defect_in_an_answer_keeps_nothing_up(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defect(*_: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr("gateway.mqtt.payloads.response", defect)
    with GatewayThread(config_for(tmp_path, broker.url)) as gateway, Observer(broker.port, RESULT) as observer:
        gateway.wait_connected()
        observer.publish("smsgw/box/bridge/request/modems", "{}")
        observer.publish(SEND, command(id="a"))
        assert results(observer, 1)[0]["status"] == "accepted"


NOTIFY = "smsgw/box/notify/"
TARGETS = '[notify]\noncall = ["+491701234567", "+491701234568"]\nfamily = "+491701234567"\n'


def test_plain_text_goes_to_a_configured_number_or_group(broker: Broker, tmp_path: Path) -> None:
    config = config_for(tmp_path, broker.url, extra=TARGETS)
    with GatewayThread(config) as gateway, Observer(broker.port, "smsgw/box/#") as observer:
        gateway.wait_connected()
        observer.publish(f"{NOTIFY}oncall", "Water in the cellar \u26a0")
        [result] = results(observer, 1)
        assert (result["status"], len(result["message_ids"])) == ("accepted", 2)
        observer.publish(f"{NOTIFY}family", '{"to": "this is no command"}')
        assert len(results(observer, 2)[1]["message_ids"]) == 1
        messages = gateway.call(gateway.service.messages(MessageFilter()))
        assert {(message.peer, message.text) for message in messages} == {
            ("+491701234567", "Water in the cellar \u26a0"),
            ("+491701234568", "Water in the cellar \u26a0"),
            ("+491701234567", '{"to": "this is no command"}'),
        }


@pytest.mark.parametrize(
    ("target", "text", "retain", "code"),
    [
        ("neighbours", b"x", False, "unknown_target"),
        ("family", b"", False, "no_body"),
        ("family", b"\xff", False, "bad_request"),
        ("family", b"x" * 70_000, False, "too_large"),
        ("family", b"x", True, "retained_refused"),
    ],
)
def test_a_notification_that_cannot_be_sent_is_refused_and_not_dropped(
    broker: Broker, tmp_path: Path, target: str, text: bytes, retain: bool, code: str
) -> None:
    config = config_for(tmp_path, broker.url, extra=TARGETS)
    with GatewayThread(config) as gateway, Observer(broker.port, RESULT) as observer:
        gateway.wait_connected()
        observer.publish(NOTIFY + target, text, retain=retain)
        assert results(observer, 1)[0]["error"]["code"] == code
        assert stored(gateway) == 0


def test_qos_0_commands_are_taken_too(broker: Broker, tmp_path: Path) -> None:
    with GatewayThread(config_for(tmp_path, broker.url)) as gateway, Observer(broker.port, RESULT) as observer:
        gateway.wait_connected()
        observer.publish(SEND, command(id="a"), qos=0)
        assert results(observer, 1)[0]["status"] == "accepted"


def test_many_commands_keep_their_order(broker: Broker, tmp_path: Path) -> None:
    count = 700
    with GatewayThread(config_for(tmp_path, broker.url)) as gateway, Observer(broker.port, RESULT) as observer:
        gateway.wait_connected()
        for n in range(count):
            observer.publish(SEND, command(id=str(n)), wait=False)
        assert [answer["id"] for answer in results(observer, count)] == [str(n) for n in range(count)]
        wait_until(lambda: gateway.call(gateway.service.cursor("mqtt")) >= 2 * count, "the cursor")
