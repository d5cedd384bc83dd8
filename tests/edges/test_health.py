"""How the box stands, and what needs a person, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gateway.web.health import Place, box_of, disk_of
from tests.edges.gateway_thread import GatewayThread, config_for


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayThread]:
    with GatewayThread(config_for(tmp_path, ""), modems=()) as running:
        yield running


@pytest.fixture
def api(gateway: GatewayThread) -> Iterator[httpx.Client]:
    transport = httpx.HTTPTransport(uds=str(gateway.config.socket))
    with httpx.Client(transport=transport, base_url="http://smsgw/api/v1") as http:
        yield http


def test_health_tells_of_all_parts_and_of_what_needs_attention(gateway: GatewayThread, api: httpx.Client) -> None:
    well = api.get("/health").json()
    assert (well["status"], well["store"], well["alerts"], well["modems"]) == (
        "ok",
        {"ok": True, "error": None},
        [],
        [],
    )
    assert well["disk"]["free"] > 0
    assert well["disk"]["database"] > 0
    assert well["parts"] == {"mqtt": {"ok": True, "error": None}}
    gateway.call(gateway.service.alert("database_replaced", "look at it"))
    ill = api.get("/health").json()
    assert (ill["status"], [each["code"] for each in ill["alerts"]]) == ("degraded", ["database_replaced"])


def test_a_gateway_that_cannot_send_is_down(tmp_path: Path) -> None:
    with GatewayThread(config_for(tmp_path, "")) as gateway:
        transport = httpx.HTTPTransport(uds=str(gateway.config.socket))
        with httpx.Client(transport=transport, base_url="http://smsgw/api/v1") as api:
            found = api.get("/health").json()
    assert (found["status"], [each["name"] for each in found["modems"]]) == ("down", ["stick1"])


def test_an_alert_is_listed_and_dismissed(gateway: GatewayThread, api: httpx.Client) -> None:
    gateway.call(gateway.service.alert("database_replaced", "look at it"))
    (alert,) = api.get("/alerts", params={"active": True}).json()["alerts"]
    assert (alert["code"], alert["message"], alert["modem"], alert["until"]) == (
        "database_replaced",
        "look at it",
        None,
        None,
    )
    dismissed = api.post(f"/alerts/{alert['alert_id']}/dismiss")
    assert dismissed.json()["until"]
    assert api.get("/alerts", params={"active": True}).json() == {"alerts": [], "next": None}
    page = api.get("/alerts", params={"limit": 1}).json()
    assert page["next"] == alert["alert_id"]
    assert api.post("/alerts/99/dismiss").status_code == 404
    assert api.post("/alerts/0/dismiss").json()["error"]["code"] == "bad_request"
    assert api.get("/alerts", params={"limit": 201}).json()["error"]["field"] == "limit"


def test_sensors_of_a_raspberry_pi_and_of_a_box_without_any(tmp_path: Path) -> None:
    assert box_of(tmp_path) == {"cpu_temperature_c": None, "undervoltage": None}
    for path, text in (
        ("class/thermal/thermal_zone0/type", "battery"),
        ("class/thermal/thermal_zone0/temp", "20000"),
        ("class/thermal/thermal_zone1/type", "cpu-thermal"),
        ("class/thermal/thermal_zone1/temp", "48312\n"),
        ("class/hwmon/hwmon0/name", "cpu_thermal"),
        ("class/hwmon/hwmon1/name", "rpi_volt"),
        ("class/hwmon/hwmon1/in0_lcrit_alarm", "1"),
    ):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert box_of(tmp_path) == {"cpu_temperature_c": 48.312, "undervoltage": True}


def test_a_disk_that_is_gone_is_told(tmp_path: Path) -> None:
    found = disk_of(Place(data_dir=tmp_path / "gone"))
    assert not found["ok"]
    assert found["free"] is None
