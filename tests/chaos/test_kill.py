"""SIGKILL in the middle of traffic: nothing is lost, nothing is sent or shown twice."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from tests.chaos.seeds import ASKED
from tests.chaos.test_storm import settled
from tests.support.box import Box, box
from tests.support.processes import wait_until

MESSAGES = 50
KILLS = 5
SLOW_S = 0.03
"""How long the modem takes for a submit: long enough that a kill finds one under way."""

SETTINGS = """
[outbox]
unknown_hold_s = 6
late_reply_s = 1
"""


@pytest.mark.skipif(not ASKED, reason="a storm of each run kills too; scripts/check --chaos runs it")
def test_five_kills_in_fifty_messages_each_way(tmp_path: Path) -> None:
    rng = random.Random(20261124)
    with box(tmp_path, extra=SETTINGS) as gateway:
        gateway.control(
            "/fault", {"modem": "modem1", "kind": "delay-reply", "match": r"\+CMGS", "count": 0, "delay_s": SLOW_S}
        )
        gateway.start()
        gateway.wait_online("modem1", "modem2")
        delivered = 0
        for n in range(MESSAGES):
            gateway.send(wait=False, id=f"out{n}", to=f"+4917099{n:06d}", modem="modem1", text=f"out {n}")
        for kill in range(1, KILLS + 1):
            goal = MESSAGES * kill // (KILLS + 1)
            while delivered < MESSAGES * kill // KILLS:
                gateway.control("/deliver", {"modem": "modem2", "from": "+491718888888", "text": f"in {delivered}"})
                delivered += 1
                if delivered % 5 == rng.randrange(5):
                    break
            wait_until(lambda g=goal: len(gateway.submitted()) >= g, f"{goal} submits", 30)
            gateway.kill()
            gateway.start()
        while delivered < MESSAGES:
            gateway.control("/deliver", {"modem": "modem2", "from": "+491718888888", "text": f"in {delivered}"})
            delivered += 1
        wait_for_all(gateway)
        check_outbound(gateway)
        check_inbound(gateway)


def wait_for_all(gateway: Box) -> None:
    def last(n: int) -> str:
        return (gateway.statuses(f"out{n}") or [""])[-1]

    wait_until(lambda: all(last(n) == "delivered" for n in range(MESSAGES)), "every message to be delivered", 60)
    wait_until(
        lambda: len({event["text"] for event in gateway.seen("inbox")}) == MESSAGES, "every text in the inbox", 60
    )


def check_outbound(gateway: Box) -> None:
    taken = Counter(each["text"] for each in gateway.submitted())
    assert taken == Counter(f"out {n}" for n in range(MESSAGES))
    # A kill that found no submit under way would have shown nothing.
    assert any("unknown" in gateway.statuses(f"out{n}") for n in range(MESSAGES))
    for n in range(MESSAGES):
        statuses = gateway.statuses(f"out{n}")
        assert statuses[0] == "queued"
        assert settled(statuses) == ["queued", "sent", "delivered"]


def check_inbound(gateway: Box) -> None:
    shown = {(event["text"], event["message_id"]) for event in gateway.seen("inbox")}
    assert Counter(text for text, _ in shown) == Counter(f"in {n}" for n in range(MESSAGES))
    assert all(event["revision"] == 1 for event in gateway.seen("inbox"))
