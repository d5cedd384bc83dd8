"""The history of a modem over HTTP."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.edges.gateway_thread import GatewayThread, config_for


def test_the_history_of_a_modem(tmp_path: Path) -> None:
    with GatewayThread(config_for(tmp_path, "")) as gateway:
        transport = httpx.HTTPTransport(uds=str(gateway.config.socket))
        with httpx.Client(transport=transport, base_url="http://smsgw/api/v1") as api:
            gateway.call(gateway.service.history.record())
            found = api.get(
                "/modems/stick1/history", params={"until": "2100-01-01T00:00:00Z", "since": "2000-01-01T00:00:00Z"}
            )
            assert api.get("/modems/other/history").json()["error"]["code"] == "unknown_modem"
            assert api.get("/modems/stick1/history", params={"points": 2001}).json()["error"]["field"] == "points"
            assert api.get("/modems/stick1/history", params={"since": "now"}).json()["error"]["field"] == "since"
    (sample,) = found.json()["samples"]
    assert (sample["rssi_dbm"], sample["able"], found.json()["changes"]) == (None, 0, [])
