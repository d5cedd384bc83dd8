"""The modem is pulled out at the worst moments: in a submit, at the prompt, in a listing. Each text arrives once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from tests.support.box import Box, box
from tests.support.processes import wait_until

SETTINGS = "[outbox]\nunknown_hold_s = 6\nlate_reply_s = 1\n"
PHONE = "+491709900001"
OUT: dict[str, Any] = {"kind": "unplug", "duration_s": 0.3}
MOMENTS = {
    "the answer to a submit": ({**OUT, "match": r"\+CMGS"},),  # the network has it
    "the prompt": ({"kind": "no-prompt"},),  # and then it is pulled out
    "a listing": ({**OUT, "match": r"\+CMGL"}, {"kind": "power-cycle"}),  # what comes back is listed
    "a reading": ({**OUT, "match": r"\+CMGR"},),
    "a deletion": ({**OUT, "match": r"\+CMGD"},),
}
"""What the modem is doing when it goes away."""


def test_each_text_arrives_once_wherever_the_modem_was_pulled_out(tmp_path: Path) -> None:
    with box(tmp_path, modems=1, extra=SETTINGS) as gateway:
        gateway.start()
        gateway.wait_online("modem1")
        for moment, faults in MOMENTS.items():
            before = struck(gateway)
            for fault in faults:
                gateway.control("/fault", {"modem": "modem1", **fault})
            gateway.control("/deliver", {"modem": "modem1", "from": "+491718888888", "text": f"in {moment}"})
            gateway.send(id=moment, to=PHONE, modem="modem1", text=f"out {moment}")
            kind = faults[0]["kind"]
            wait_until(lambda k=kind, b=before: struck(gateway)[k] > b[k], f"the fault in {moment}", 60)
            if moment == "the prompt":
                gateway.control("/fault", {"modem": "modem1", **OUT})
            gateway.wait_status(moment, "delivered", seconds=60)
            wait_until(lambda text=f"in {moment}": text in inbox(gateway), f"the text in {moment}", 60)
            gateway.control("/fault", {"modem": "modem1", "kind": "clear"})
        assert inbox(gateway) == Counter(f"in {moment}" for moment in MOMENTS)
        got = gateway.control(f"/phones/{PHONE}")["messages"]
        assert Counter(message["text"] for message in got) == Counter(f"out {moment}" for moment in MOMENTS)


def struck(gateway: Box) -> Counter[str]:
    """How often which kind of fault has struck."""
    return Counter(one["kind"] for one in gateway.control("/faults")["struck"]["modem1"])


def inbox(gateway: Box) -> Counter[str]:
    """The texts that were announced, repeats by `seq` dropped."""
    return Counter({event["seq"]: event["text"] for event in gateway.seen("inbox")}.values())
