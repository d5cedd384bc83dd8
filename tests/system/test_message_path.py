"""One text in, one text out: a real broker, emulated modems, the daemon as a process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.box import ROOT_TOPIC, Box, box
from tests.support.processes import smsgw, wait_until

TO = "+491700000002"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with box(tmp_path_factory.mktemp("box"), extra="[inbox]\nreassembly_timeout_s = 5\n") as found:
        found.start()
        found.wait_online("modem1", "modem2")
        yield found


@pytest.fixture(autouse=True)
def _calm_network(gateway: Box) -> Iterator[None]:
    yield
    gateway.control("/network", {"repeat": 0, "reorder": 0, "drop": 0, "jitter_s": 0, "delay_s": 0})


def arrived(gateway: Box, text: str) -> list[dict[str, Any]]:
    return [event for event in gateway.seen("inbox") if event.get("text") == text]


def send_and_receive(gateway: Box, client_id: str, text: str) -> dict[str, Any]:
    gateway.send(id=client_id, to=TO, modem="modem1", text=text)
    wait_until(lambda: bool(arrived(gateway, text)), "the text in the inbox")
    assert gateway.wait_status(client_id, "delivered") == ["queued", "sent", "delivered"]
    found = arrived(gateway, text)
    assert len({event["message_id"] for event in found}) == 1
    assert found[0]["from"] == "+491700000001"
    assert found[0]["to"] == TO
    assert found[0]["parts_missing"] == []
    return found[0]


EMOJI = ("Grüße 🐄🚜 vom Hof: 水位 3,2 m — alles gut 👩‍🌾! " * 20)[:500]
GSM7 = "Pump 1 ok [12.5 bar] ~ level {3} €; " * 60


@pytest.mark.parametrize(
    ("client_id", "text", "encoding", "parts"),
    [
        ("emoji", EMOJI, "ucs2", None),
        ("gsm7", ("The quick brown fox; " * 80)[:1600], "gsm7", 11),
        ("gsm7-extension", GSM7[:700], "gsm7", None),
        ("line-ends", "first\r\nsecond\r\n\r\nlast\r\n", "gsm7", 1),
        ("line-ends-ucs2", "première\r\n第二\r\n", "ucs2", 1),
        ("spaces", "  leading and trailing  ", "gsm7", 1),
        ("one-segment", "x" * 160, "gsm7", 1),
        ("two-segments", "x" * 161, "gsm7", 2),
    ],
)
def test_a_text_arrives_identical_as_one_message(
    gateway: Box, client_id: str, text: str, encoding: str, parts: int | None
) -> None:
    event = send_and_receive(gateway, client_id, text)
    assert event["encoding"] == encoding
    if parts is not None:
        assert event["parts"] == parts


def test_parts_out_of_order_and_twice_make_one_message(gateway: Box) -> None:
    gateway.control("/network", {"repeat": 1.0, "reorder": 0.5, "reorder_s": 0.05, "jitter_s": 0.05})
    text = ("Mixed up on the way, and doubled. " * 40)[:1000]
    send_and_receive(gateway, "mixed", text)
    # The repeats have all been stored when a text sent after them has come through.
    gateway.control("/network", {"repeat": 0, "reorder": 0, "jitter_s": 0})
    send_and_receive(gateway, "after-mixed", "afterwards")
    assert len(arrived(gateway, text)) == 1


def test_a_missing_part_is_told_and_its_late_arrival_too(gateway: Box) -> None:
    text = "A" * 153 + "B" * 153 + "C" * 20
    gateway.control(
        "/deliver", {"modem": "modem2", "from": "+491719999999", "text": text, "ref": 77, "drop_parts": [2]}
    )
    partial = "A" * 153 + "[…]" + "C" * 20
    wait_until(lambda: bool(arrived(gateway, partial)), "the unfinished text")
    (first,) = arrived(gateway, partial)
    assert (first["parts"], first["parts_missing"], first["revision"]) == (3, [2], 1)
    gateway.control(
        "/deliver", {"modem": "modem2", "from": "+491719999999", "text": text, "ref": 77, "drop_parts": [1, 3]}
    )
    wait_until(lambda: bool(arrived(gateway, text)), "the whole text")
    (second,) = arrived(gateway, text)
    assert (second["parts_missing"], second["revision"]) == ([], 2)
    assert second["message_id"] == first["message_id"]


def test_binary_and_ports(gateway: Box) -> None:
    gateway.send(id="binary", to=TO, modem="modem1", data_hex="00ff10", ports=[16000, 0])
    wait_until(lambda: any(e.get("data_hex") == "00ff10" for e in gateway.seen("inbox")), "the data")
    (event,) = [e for e in gateway.seen("inbox") if e.get("data_hex") == "00ff10"]
    assert event["ports"] == [16000, 0]
    assert event["encoding"] == "8bit"


def result(gateway: Box, client_id: str | None, count: int = 1) -> dict[str, Any]:
    def found() -> list[dict[str, Any]]:
        return [each for each in gateway.seen("send/result") if each["id"] == client_id]

    wait_until(lambda: len(found()) >= count, f"{count} results for {client_id!r}")
    return found()[-1]


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"to": TO, "text": 5}, "bad_request"),
        ({"text": "nobody"}, "bad_request"),
        ({"to": TO}, "no_body"),
        ({"to": TO, "text": ""}, "no_body"),
        ({"to": TO, "text": "x", "colour": "red"}, "bad_request"),
        ({"to": TO, "text": "x" * 1601}, "text_too_long"),
        ({"to": TO, "text": "x", "modem": "nowhere"}, "unknown_modem"),
        ({"to": "+120255", "text": "x"}, "invalid_number"),
        ({"to": "12\r\nAT+CFUN=0", "text": "x"}, "invalid_number"),
        ({"to": "+4917\x1b00000002", "text": "x"}, "invalid_number"),
        ({"to": [TO, "+120255"], "text": "all or nothing"}, "invalid_number"),
        ({"to": "112", "text": "x"}, "emergency_number"),
        ({"to": TO, "text": "x", "media": ["http://127.0.0.1/a.png"]}, "unsupported"),
    ],
)
def test_bad_input_is_rejected_with_its_code(gateway: Box, payload: dict[str, Any], code: str) -> None:
    before = len(gateway.seen("message/+/status"))
    client_id = f"bad {code} {len(json.dumps(payload))} {list(payload)}"[:64]
    gateway.observer.publish(f"{ROOT_TOPIC}/send", json.dumps({"id": client_id, **payload}))
    answer = result(gateway, client_id)
    assert (answer["status"], answer["error"]["code"]) == ("rejected", code)
    assert answer["error"]["message"]
    send_and_receive(gateway, f"after {client_id}"[:64], f"still well after {client_id}")
    assert len(gateway.seen("message/+/status")) == before + 3


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"\xff\xfe{", "bad_json"),
        (b"[" * 50_000, "bad_json"),
        (b'{"to":' * 10_000, "bad_json"),
        (b'{"to": NaN}', "bad_json"),
        (b"[]", "bad_json"),
        (b"", "bad_json"),
        (b'{"to": "+491700000002", "text": "\xc3("}', "bad_json"),
        (b'{"to": "+491700000002", "text": "\\ud800"}', "bad_json"),
        (b'{"to": "+491700000002", "text": "' + b"x" * 100_000 + b'"}', "too_large"),
    ],
)
def test_what_is_no_json_object_is_rejected(gateway: Box, raw: bytes, code: str) -> None:
    before = len([each for each in gateway.seen("send/result") if each["id"] is None])
    gateway.observer.publish(f"{ROOT_TOPIC}/send", raw)
    assert result(gateway, None, before + 1)["error"]["code"] == code


def test_a_retained_command_is_refused(gateway: Box) -> None:
    gateway.observer.publish(
        f"{ROOT_TOPIC}/send", json.dumps({"id": "retained", "to": TO, "text": "again and again"}), retain=True
    )
    try:
        assert result(gateway, "retained")["error"]["code"] == "retained_refused"
    finally:
        gateway.observer.publish(f"{ROOT_TOPIC}/send", b"", retain=True)


def test_the_same_command_again_is_a_duplicate_and_other_content_a_conflict(gateway: Box) -> None:
    gateway.send(id="once", to=TO, modem="modem1", text="only once")
    first = result(gateway, "once")
    gateway.send(id="once", to=TO, modem="modem1", text="only once")
    again = result(gateway, "once", 2)
    assert (again["status"], again["message_ids"]) == ("duplicate", first["message_ids"])
    gateway.send(id="once", to=TO, modem="modem1", text="something else")
    assert result(gateway, "once", 3)["error"]["code"] == "id_conflict"
    gateway.wait_status("once", "delivered")
    assert len(arrived(gateway, "only once")) == 1


def test_a_retained_command_is_refused_at_the_first_subscription_and_one_sent_meanwhile_is_sent(tmp_path: Path) -> None:
    with box(tmp_path, modems=1) as gateway:
        gateway.observer.publish(
            f"{ROOT_TOPIC}/send", json.dumps({"id": "old", "to": TO, "text": "retained"}), retain=True
        )
        gateway.start()
        gateway.wait_online("modem1")
        assert result(gateway, "old")["error"]["code"] == "retained_refused"
        gateway.stop()
        gateway.send(id="meanwhile", to="+4917099000001", text="sent while the gateway was down")
        gateway.start()
        assert gateway.wait_status("meanwhile", "delivered") == ["queued", "sent", "delivered"]
        assert [each["text"] for each in gateway.submitted()] == ["sent while the gateway was down"]
        assert len([each for each in gateway.seen("send/result") if each["id"] == "old"]) == 1


@pytest.mark.parametrize(
    ("modem", "outcome", "words"),
    [
        ("modem1", "failed", "cms:513: message too long"),  # SIMCom's 513: this text will always be refused
        ("modem2", "delivered", "cms:513: lower layer failure"),  # Huawei's 513: trouble of the moment
    ],
)
def test_the_same_error_number_is_each_vendors_own(gateway: Box, modem: str, outcome: str, words: str) -> None:
    gateway.control("/fault", {"modem": modem, "kind": "cms-error", "code": 513, "count": 1})
    gateway.send(id=f"513-{modem}", to="+4917099000002", modem=modem, text="refused once")
    gateway.wait_status(f"513-{modem}", outcome)
    (message_id,) = result(gateway, f"513-{modem}")["message_ids"]
    shown = smsgw("show", message_id, "-c", str(gateway.config))
    assert words in shown.stdout, shown.stdout + shown.stderr


def test_a_modems_state_tells_its_cell_and_its_supply(gateway: Box) -> None:
    gateway.control("/modem", {"modem": "modem1", "voltage_mv": 3777, "temperature_c": 48})

    def told() -> bool:
        state = gateway.seen("modem/modem1/state")[-1]
        return state.get("cell", "").startswith("1A2B/") and {"voltage_mv", "temperature_c"} <= state.keys()

    wait_until(told, "cell, voltage and temperature in the modem's state")
