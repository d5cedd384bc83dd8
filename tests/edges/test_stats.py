"""Statistics over HTTP."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.edges.gateway_thread import GatewayThread, config_for


def test_counts_by_time_and_by_country(tmp_path: Path) -> None:
    with GatewayThread(config_for(tmp_path, "")) as gateway:
        transport = httpx.HTTPTransport(uds=str(gateway.config.socket))
        with httpx.Client(transport=transport, base_url="http://smsgw/api/v1") as api:
            api.post("/messages", json={"to": "+491701234567", "text": "hello"})
            assert api.get("/stats").json()["behind"] > 0
            gateway.call(gateway.service.statistics.catch_up())
            found = api.get("/stats", params={"by": "country", "zone": "Europe/Berlin", "bucket": "hour"}).json()
            for field, value in (
                ("zone", "Mars/Base"),
                ("zone", "../etc/passwd"),
                ("since", "yesterday"),
                ("until", "0001-01-01T00:00:00Z"),
                ("by", "x"),
                ("since", "2020-01-01T00:00:00Z"),
            ):
                answer = api.get("/stats", params={field: value})
                assert (answer.status_code, answer.json()["error"]["field"]) == (400, field), value
            assert api.get("/stats?zone=+05:45&until=2030-01-01T00:00:00+01:00").json()["series"] == []
    assert found["groups"] == [
        {
            "key": "DE",
            "total": 1,
            "counts": {"queued": 1},
            "delivery_rate": None,
            "median_s": None,
            "p95_s": None,
        }
    ]
    (point,) = found["series"]
    assert (point["direction"], point["modem"], point["counts"]) == ("outbound", None, {"queued": 1})
    assert point["at"].endswith((":00:00+01:00", ":00:00+02:00"))
    assert found["behind"] == 0
