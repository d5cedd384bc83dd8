"""Faults on the lines while texts go both ways: unplugging at the worst moment, noise, lost answers. Nothing is lost or repeated."""

from __future__ import annotations

import contextlib
import random
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.seeds import ASKED, seeds
from tests.support.box import Box, box
from tests.support.processes import wait_until

OUT, IN, FAULTS = 40, 30, 25
PATIENCE_S = 300
"""A sweep comes once a minute, and every hold begins with one."""

SETTINGS = """
[outbox]
unknown_hold_s = 15
late_reply_s = 1
max_attempts = 20
"""

FAULTS_TO_CHOOSE: tuple[dict[str, Any], ...] = (
    {"kind": "unplug", "duration_s": 0.5},
    {"kind": "unplug", "duration_s": 0.5, "match": r"\+CMGS"},  # the network took it, the answer is lost
    {"kind": "unplug", "duration_s": 0.5, "match": r"\+CMGL"},
    {"kind": "unplug", "duration_s": 0.5, "match": r"\+CMGR"},
    {"kind": "unplug", "duration_s": 0.5, "match": r"\+CMGD"},
    {"kind": "no-prompt"},
    {"kind": "no-prompt", "swallow": True},
    {"kind": "drop-reply", "match": r"\+CMGS"},
    {"kind": "drop-reply", "match": r"\+CMGR"},
    {"kind": "drop-reply", "match": r"\+CMGD"},
    {"kind": "drop-reply", "match": r"\+CPMS"},
    {"kind": "drop-ok"},
    {"kind": "delay-reply", "match": r"\+CMGS", "delay_s": 7},  # later than the time-out
    {"kind": "cms-error", "code": 42},
    {"kind": "error", "match": r"\+CMGD", "code": 14},
    {"kind": "ignore", "match": r"\+CMGS"},
    {"kind": "garbage"},
    {"kind": "urc", "text": "^RSSI: 20", "match": r"\+CMG", "inside": True},
    {"kind": "urc", "text": "RING", "match": r"\+CMG"},
    {"kind": "split", "duration_s": 1.0},
    {"kind": "glue", "duration_s": 1.0},
    {"kind": "forget-cnmi"},
    {"kind": "no-indication", "count": 2},
)


@pytest.mark.skipif(not ASKED, reason="takes minutes; scripts/check --chaos runs it")
@pytest.mark.parametrize("seed", seeds())
def test_nothing_is_lost_or_repeated_under_faults(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    with box(tmp_path, modems=2, extra=SETTINGS, each_modem="submit_timeout_s = 5\n") as gateway:
        gateway.start()
        gateway.wait_online("modem1", "modem2")
        outgoing = [f"out{n}" for n in range(OUT)]
        incoming = [f"in {n}" for n in range(IN)]
        chosen = []
        for step in range(FAULTS):
            fault = rng.choice(FAULTS_TO_CHOOSE)
            chosen.append(fault)
            gateway.control("/fault", {"modem": f"modem{rng.randrange(1, 3)}", **fault})
            for n in range(step * OUT // FAULTS, (step + 1) * OUT // FAULTS):
                gateway.send(wait=False, id=outgoing[n], to=f"+4917099{n:06d}", text=f"out {n}")
            for n in range(step * IN // FAULTS, (step + 1) * IN // FAULTS):
                sender = f"+491718{n:06d}"
                gateway.control(
                    "/deliver", {"modem": f"modem{rng.randrange(1, 3)}", "from": sender, "text": incoming[n]}
                )
            threading.Event().wait(rng.uniform(0, 0.5))  # when the next fault comes is what is random here
        check(gateway, outgoing, incoming, chosen)


def check(gateway: Box, outgoing: list[str], incoming: list[str], chosen: list[dict[str, Any]]) -> None:
    def last(client_id: str) -> str:
        return (gateway.statuses(client_id) or [""])[-1]

    def open_ones() -> dict[str, list[str]]:
        return {client_id: gateway.statuses(client_id) for client_id in outgoing if last(client_id) != "delivered"}

    with contextlib.suppress(AssertionError):
        wait_until(lambda: not open_ones(), "every text to be delivered", PATIENCE_S)
    assert open_ones() == {}, f"not delivered under {chosen}"
    taken = Counter(each["text"] for each in gateway.submitted())
    assert taken == Counter(f"out {n}" for n in range(OUT)), chosen
    wait_until(
        lambda: len({e["text"] for e in gateway.seen("inbox")}) >= IN, f"every text in the inbox under {chosen}", 90
    )
    shown = Counter(text for text, _ in {(e["text"], e["message_id"]) for e in gateway.seen("inbox")})
    assert shown == Counter(incoming), chosen
