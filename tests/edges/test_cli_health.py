"""`smsgw health` and `smsgw alerts`, against a running gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.cli.health import _rows
from gateway.cli.main import cli
from tests.edges.gateway_thread import GatewayThread, config_for


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayThread]:
    with GatewayThread(config_for(tmp_path, "")) as running:
        yield running


def run(gateway: GatewayThread, *args: str) -> Result:
    return CliRunner().invoke(cli, [*args, "--socket", str(gateway.config.socket)])


def test_the_exit_status_tells_how_the_gateway_is(gateway: GatewayThread, tmp_path: Path) -> None:
    said = run(gateway, "health")
    assert said.exit_code == 2  # its one modem does not even exist
    assert "stick1" in said.stdout
    assert json.loads(run(gateway, "health", "--json").stdout)["status"] == "down"
    with GatewayThread(config_for(tmp_path / "other", ""), modems=()) as idle:
        assert run(idle, "health").exit_code == 0
        idle.call(idle.service.alert("database_replaced", "it was damaged"))
        assert run(idle, "health").exit_code == 1
        assert "database_replaced: it was damaged" in run(idle, "health").stdout


def test_alerts_are_listed_and_dismissed(gateway: GatewayThread) -> None:
    assert run(gateway, "alerts", "list").stdout == "Nothing needs attention.\n"
    gateway.call(gateway.service.alert("database_replaced", "it was damaged\x1b[2J"))
    (alert,) = json.loads(run(gateway, "alerts", "list", "--json").stdout)["alerts"]
    assert "database_replaced: it was damaged\\x1b[2J" in run(gateway, "alerts", "list").stdout
    assert run(gateway, "alerts", "dismiss", str(alert["alert_id"])).exit_code == 0
    assert run(gateway, "alerts", "list", "--all").stdout.count("database_replaced") == 1
    assert run(gateway, "alerts", "list").stdout == "Nothing needs attention.\n"
    again = run(gateway, "alerts", "dismiss", "999")
    assert (again.exit_code, again.stdout) == (1, "")
    assert "unknown_alert" in again.stderr


def test_what_is_wrong_is_said_in_words() -> None:
    part = {"ok": False, "error": "the broker is away"}
    answer: dict[str, Any] = {
        "status": "degraded",
        "version": "1",
        "waiting": 3,
        "store": {"ok": True, "error": None},
        "disk": {"ok": True, "error": None, "free": 5 << 20, "total": 9 << 20, "database": 1 << 20},
        "parts": {"mqtt": part},
        "modems": [],
        "alerts": [],
        "box": {"cpu_temperature_c": 61.2, "undervoltage": True},
    }
    assert _rows(answer) == [
        ["gateway", "degraded", "version 1, 3 texts wait"],
        ["database", "ok", ""],
        ["disk", "ok", "5 MiB free, database 1 MiB"],
        ["mqtt", "wrong", "the broker is away"],
        ["processor", "ok", "61 °C"],
        ["supply", "wrong", "voltage too low"],
    ]
