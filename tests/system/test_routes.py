"""Routes, fail-over and a limit, from MQTT to emulated modems and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.box import Box, box
from tests.support.processes import wait_until

CONFIG = """
[routing]
sticky_hours = 0
[[route]]
prefix = "+49"
modems = ["modem2", "modem1"]
[[route]]
prefix = "+33"
modems = ["modem2"]
"""


def last_event(gateway: Box, client_id: str) -> dict[str, Any]:
    return next(event for event in reversed(gateway.seen("message/+/status")) if event["id"] == client_id)


def alerts(gateway: Box) -> list[tuple[str, bool]]:
    return [(event["modem"], event["over"]) for event in gateway.seen("alert") if event["code"] == "quota_exceeded"]


def test_a_text_goes_by_its_route_and_over_to_the_next_modem(tmp_path: Path) -> None:
    with box(tmp_path, extra=CONFIG, each_modem="daily_limit = 3\n") as gateway:
        gateway.start()
        gateway.wait_online("modem1", "modem2")
        for n in range(2):
            gateway.send(id=f"by-two-{n}", to=f"+4917099{n:06d}", text="x")
            gateway.wait_status(f"by-two-{n}", "sent")
            assert last_event(gateway, f"by-two-{n}")["modem"] == "modem2"
        gateway.control("/fault", {"modem": "modem2", "kind": "unplug"})
        wait_until(
            lambda: gateway.seen("modem/modem2/state")[-1]["state"] != "ready",
            "modem2 to be lost",
        )
        gateway.send(id="by-one", to="+4917099000009", text="x")
        gateway.wait_status("by-one", "sent")
        assert last_event(gateway, "by-one")["modem"] == "modem1"
        gateway.send(id="waits", to="+33612345678", text="x")
        gateway.wait_status("waits", "queued")
        gateway.control("/fault", {"modem": "modem2", "kind": "clear"})
        gateway.wait_status("waits", "sent", seconds=60)
        assert last_event(gateway, "waits")["modem"] == "modem2"
        gateway.send(id="over", to="+4917099000010", text="x")  # modem2 has sent its three
        gateway.wait_status("over", "sent")
        assert last_event(gateway, "over")["modem"] == "modem1"
        wait_until(lambda: alerts(gateway) == [("modem2", False)], "the alert")
