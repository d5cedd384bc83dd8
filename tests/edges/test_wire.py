"""Commands as JSON: nothing that comes in raises anything but RequestError; what is right arrives unchanged."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import CODES, RequestError
from gateway.messaging.model import CommandResult, LineStatus, SendRequest
from gateway.mqtt.payloads import transaction_of, with_seq
from gateway.wire import MAX_PAYLOAD, SendPayload, line_json, modem_json, read, read_object, readable_id, result_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
FIELDS = [
    "id",
    "to",
    "text",
    "data_hex",
    "modem",
    "from",
    "media",
    "class",
    "ports",
    "encoding",
    "validity_s",
    "send_at",
    "expires_at",
    "priority",
    "delivery_report",
    "at_most_once",
    "ordered",
    "tags",
    "other",
]


def parse(octets: bytes) -> SendRequest:
    return read(SendPayload, read_object(octets)).request()


def taken_or_refused(octets: bytes) -> SendRequest | RequestError:
    try:
        return parse(octets)
    except RequestError as exc:
        return exc


def refused(octets: bytes) -> RequestError:
    with pytest.raises(RequestError) as caught:
        parse(octets)
    return caught.value


@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_arbitrary_fields_are_taken_or_refused_with_a_known_code(value: dict[str, object]) -> None:
    readable_id(value)
    transaction_of(value)
    outcome = taken_or_refused(json.dumps(value).encode())
    if isinstance(outcome, RequestError):
        assert outcome.code in CODES
        assert "\n" not in str(outcome)
    else:
        assert outcome.to
        assert json.loads(json.dumps(dict(outcome.tags))) == outcome.tags


@given(st.binary(max_size=200))
def test_arbitrary_octets_are_refused(octets: bytes) -> None:
    assert refused(octets).code in ("bad_json", "bad_request")


@given(JSON)
def test_arbitrary_json_is_taken_or_refused(value: object) -> None:
    outcome = taken_or_refused(json.dumps(value).encode())
    assert isinstance(outcome, RequestError)
    assert outcome.code in ("bad_json", "bad_request", "too_large")


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (b"", "bad_json"),
        (b"hello", "bad_json"),
        (b"[]", "bad_json"),
        (b'"x"', "bad_json"),
        (b'{"to":"1"', "bad_json"),
        (b'{"to":"1"}x', "bad_json"),
        (b'{"to":"1","priority":NaN}', "bad_json"),
        (b'{"to":"1","text":"\xff"}', "bad_json"),
        (b'{"to":"1","text":"\\ud800"}', "bad_json"),
        (b"[" * 60_000, "bad_json"),
        (b'{"tags":' * 8_000, "bad_json"),
        (b" " * (MAX_PAYLOAD + 1), "too_large"),
    ],
)
def test_what_is_no_object_of_json_is_refused(octets: bytes, code: str) -> None:
    assert refused(octets).code == code


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("to", []),
        ("to", ["+49"] * 101),
        ("to", 491701234567),
        ("to", ["+491701234567", 5]),
        ("to", None),
        ("to", ""),
        ("text", 5),
        ("data_hex", "abc"),
        ("data_hex", "ab cd"),
        ("data_hex", "xy"),
        ("data_hex", 12),
        ("class", 4),
        ("class", -1),
        ("class", True),
        ("class", "1"),
        ("ports", [1]),
        ("ports", [1, 2, 3]),
        ("ports", [1, 65536]),
        ("encoding", "utf8"),
        ("validity_s", 0),
        ("validity_s", 3.5),
        ("priority", 10),
        ("priority", 3.0),
        ("delivery_report", "yes"),
        ("at_most_once", 1),
        ("send_at", "2026-02-03T04:05:06"),
        ("send_at", "2026-02-03"),
        ("send_at", "20260203T040506Z"),
        ("send_at", 1_770_000_000),
        ("send_at", "2026-02-30T00:00:00Z"),
        ("expires_at", "0001-01-01T00:00:00+14:00"),
        ("tags", []),
        ("tags", {"a": "x" * 5000}),
        ("tags", {"a": 2**63}),
        ("tags", {"x" * 65: 1}),
        ("id", ""),
        ("id", "x" * 65),
        ("id", "a\nb"),
        ("id", "a\u2028b"),
        ("id", 5),
        ("other", 1),
    ],
)
def test_a_bad_field_is_named(field: str, value: object) -> None:
    error = refused(json.dumps({"to": "+491701234567", "text": "x", field: value}).encode())
    assert (error.code, error.field) == ("bad_request", field)
    assert field in str(error)


def test_tags_that_are_nested_too_deeply_are_named() -> None:
    deep: object = 1
    for _ in range(20):
        deep = [deep]
    error = refused(json.dumps({"to": "1", "tags": {"a": deep}}).encode())
    assert (error.code, error.field) == ("bad_request", "tags")


def test_a_missing_recipient_is_named() -> None:
    error = refused(b'{"text":"x"}')
    assert (error.code, error.field, str(error)) == ("bad_request", "to", "to is missing")


def test_every_field_arrives() -> None:
    tags = {"room": "Küche", "n": [1, 2.5, None, True]}
    request = parse(
        json.dumps(
            {
                "id": "Ärger-😀 👨\u200d👩\u200d👧",
                "to": ["+491701234567", "12345"],
                "text": " Zeile\r\n e\u0301 ",
                "modem": "stick1",
                "from": "+491700000001",
                "class": 0,
                "ports": [16000, 0],
                "encoding": "ucs2",
                "validity_s": 3600,
                "send_at": "2026-02-03T05:05:06.5+01:00",
                "expires_at": "2026-02-03t06:05:06z",
                "priority": 0,
                "delivery_report": False,
                "at_most_once": True,
                "ordered": True,
                "tags": tags,
            }
        ).encode()
    )
    assert request == SendRequest(
        to=("+491701234567", "12345"),
        text=" Zeile\r\n e\u0301 ",
        client_id="Ärger-😀 👨\u200d👩\u200d👧",
        modem="stick1",
        sender="+491700000001",
        message_class=0,
        ports=(16000, 0),
        encoding="ucs2",
        validity_s=3600,
        send_at=datetime(2026, 2, 3, 4, 5, 6, 500_000, UTC),
        expires_at=datetime(2026, 2, 3, 6, 5, 6, tzinfo=UTC),
        priority=0,
        delivery_report=False,
        at_most_once=True,
        ordered=True,
        tags=tags,
    )


def test_null_counts_as_absent_and_one_recipient_needs_no_list() -> None:
    request = parse(b'{"to":"+491701234567","text":"x","id":null,"class":null,"tags":null,"modem":null}')
    assert request == SendRequest(to=("+491701234567",), text="x")
    assert parse(b'{"to":"1","data_hex":"00fF"}').data == b"\x00\xff"


def test_the_id_is_read_although_the_rest_is_wrong() -> None:
    assert readable_id({"id": "mine", "to": 5}) == "mine"
    assert readable_id({"id": 5, "to": 5}) is None


def test_an_event_gets_its_seq_at_the_end() -> None:
    from gateway.messaging.model import Event, EventKind, StoredEvent

    for payload, expected in (('{"a":"}"}', {"a": "}", "seq": 7}), ("{}", {"seq": 7})):
        stored = StoredEvent(seq=7, event=Event(kind=EventKind.INBOX, subject="x", payload=payload))
        assert json.loads(with_seq(stored)) == expected


def test_a_modem_shows_what_is_known() -> None:
    line = LineStatus(name="stick1", able=True, bars=3)
    assert not {"temperature_c", "voltage_mv", "cell"} & set(line_json(line))
    starved = line_json(LineStatus(name="stick1", voltage_mv=3400, cell="1A2B/1A2B3C4", temperature_c=31.5))
    assert (starved["voltage_mv"], starved["cell"], starved["temperature_c"]) == (3400, "1A2B/1A2B3C4", 31.5)
    assert modem_json(line)["able"] is True
    assert result_json(CommandResult(status="accepted", client_id="a", message_ids=("SM1",)))["message_ids"] == ["SM1"]
