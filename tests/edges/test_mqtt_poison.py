"""What one client asks for must not keep the gateway from everything else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.mqtt.topics import MAX_REFUSED, ReplyTopics
from tests.edges.gateway_thread import GatewayThread, config_for
from tests.support.broker import Broker, Observer
from tests.support.processes import wait_until

TOO_DEEP = "a/" * 250  # mosquitto takes 200 levels, and closes the connection instead of refusing


@pytest.mark.parametrize(
    ("command", "content", "answer"),
    [
        ("send", {"to": "1234", "text": "x", "id": "a"}, "send/result"),
        ("bridge/request/modems", {"transaction": "a"}, "bridge/response/modems"),
    ],
)
def test_a_response_topic_that_costs_the_connection_is_given_up(
    broker: Broker, tmp_path: Path, command: str, content: dict[str, str], answer: str
) -> None:
    with (
        Observer(broker.port, "smsgw/#") as observer,
        GatewayThread(config_for(tmp_path, broker.url)) as gateway,
    ):
        gateway.wait_connected()
        observer.publish(f"smsgw/box/{command}", json.dumps(content), response=TOO_DEEP, correlation=b"c")
        assert "a" in json.loads(observer.wait(f"smsgw/box/{answer}")[0].payload).values()
        observer.publish("smsgw/box/send", json.dumps({"to": "1234", "text": "x", "id": "b"}))

        # A connection that ends before the command was acknowledged has the broker give it again: then `duplicate` follows.
        def results() -> list[dict[str, str]]:
            return [json.loads(each.payload) for each in observer.on("smsgw/box/send/result")]

        wait_until(lambda: [each for each in results() if each["id"] == "b"], "the result of the next command")
        statuses = [each["status"] for each in results() if each["id"] == "a"]
        assert statuses == ["accepted"][: len(statuses)] + ["duplicate"] * (len(statuses) - 1)


def test_only_the_first_that_waits_is_suspected_and_an_answer_clears_it() -> None:
    replies = ReplyTopics()
    for _ in range(2):
        replies.published("guilty")
        replies.published("behind it")
        replies.connection_ended()
    assert replies.usable("guilty") is None
    assert replies.usable("behind it") == "behind it"
    for _ in range(5):
        replies.published("slow")
        replies.connection_ended()
        replies.acknowledged(replies.published("slow"))
        replies.connection_ended()
    assert replies.usable("slow") == "slow"
    for n in range(MAX_REFUSED):
        replies.refuse(str(n))
    assert replies.usable("guilty") == "guilty"  # what is remembered has a limit
