"""`smsgw stats` and `smsgw modems history`, against a running gateway; times on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import cli
from gateway.cli.moments import local, moment, offset_now
from gateway.cli.stats import _rows, span
from gateway.clock import SystemClock, parse_rfc3339
from gateway.messaging.history import Change
from tests.edges.gateway_thread import GatewayThread, config_for


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayThread]:
    with GatewayThread(config_for(tmp_path, "")) as running:
        yield running


def run(gateway: GatewayThread, *args: str) -> Result:
    return CliRunner().invoke(cli, [*args, "--socket", str(gateway.config.socket)])


def test_texts_are_counted(gateway: GatewayThread) -> None:
    assert "There are none." in run(gateway, "stats").stdout
    assert run(gateway, "send", "+491701234567", "hello").exit_code == 0
    assert "events are not counted yet" in run(gateway, "stats").stdout
    gateway.call(gateway.service.statistics.catch_up())
    lines = run(gateway, "stats", "--by", "country", "--since", "2h").stdout.splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["COUNTRY", "TEXTS", "QUEUED", "DELIVERED", "%", "MEDIAN", "95", "%"],
        ["DE", "1", "1", "-", "-", "-"],
    ]
    assert "(none yet)  1" in run(gateway, "stats").stdout
    assert json.loads(run(gateway, "stats", "--by", "status", "--json").stdout)["groups"][0]["key"] == "queued"
    assert "There are none." in run(gateway, "stats", "--until", "1d").stdout
    for wrong, status, said in (
        (("--by", "moon"), 2, "--by"),
        (("--since", "yesterday"), 2, "'yesterday' is no time"),
        (("--since", "2020-01-01"), 1, "from 1 to 1000 days can be asked for"),
        (("--zone", "Mars"), 1, "no time zone"),
    ):
        failed = run(gateway, "stats", *wrong)
        assert (failed.exit_code, failed.stdout, said in failed.stderr) == (status, "", True), failed.stderr


def test_all_groups_together_and_times_in_words() -> None:
    groups = [
        {"key": "a", "total": 4, "counts": {"delivered": 3, "failed": 1}, "delivery_rate": 0.75, "median_s": 3.2},
        {"key": "b\x1b", "total": 3, "counts": {"delivered": 1, "odd": 2}, "delivery_rate": 1.0, "median_s": 700.0},
    ]
    rows = _rows("modem", [group | {"p95_s": None} for group in groups])
    assert rows == [
        ["MODEM", "TEXTS", "DELIVERED", "FAILED", "ODD", "DELIVERED %", "MEDIAN", "95 %"],
        ["a", "4", "3", "1", "0", "75.0", "3.2 s", "-"],
        ["b\\x1b", "3", "1", "0", "2", "100.0", "12 min", "-"],
        ["all", "7", "4", "1", "2", "80.0", "-", "-"],
    ]
    told = [span(seconds) for seconds in (None, 0.0083, 89, 90, 7200, 864000)]
    assert told == ["-", "8 ms", "89 s", "1.5 min", "2.0 h", "10 d"]


def test_the_history_of_a_modem(gateway: GatewayThread) -> None:
    assert run(gateway, "modems", "history", "stick1").stdout == "Nothing is known of that time.\n"
    gateway.call(gateway.service.history.record())
    change = Change(
        at=SystemClock().now() - timedelta(minutes=5), line="stick1", what="operator", before="", after="o2", error="x"
    )

    async def add() -> None:
        await gateway.store.write(lambda tx: tx.records.history.add((), (change,)))

    gateway.call(add())
    ahead = ("--since", "2020-01-01", "--until", "2100-01-01", "--points", "1")
    heads, sample, changed = run(gateway, "modems", "history", "stick1", *ahead).stdout.splitlines()
    assert heads.split() == ["FROM", "REGISTERED", "ABLE", "SIGNAL", "BARS", "TEMPERATURE", "VOLTAGE"]
    assert sample.split()[2:] == ["0", "%", "0", "%", "-", "0.0", "-", "-"]
    assert changed.endswith("  operator: none → o2 (x)")
    found = run(gateway, "modems", "history", "stick1", *ahead, "--json").stdout
    assert found == run(gateway, "modems", "--json", "history", "stick1", *ahead).stdout
    assert [len(json.loads(found)[part]) for part in ("samples", "changes")] == [1, 1]
    for name in ("other", "../health"):
        wrong = run(gateway, "modems", "history", name)
        assert (wrong.exit_code, wrong.stdout, len(wrong.stderr.splitlines())) == (1, "", 1)


def test_times_on_the_command_line() -> None:
    for text, ago in (("90m", timedelta(minutes=90)), ("24h", timedelta(days=1)), ("2w", timedelta(days=14))):
        told = parse_rfc3339(moment(text))
        assert abs(datetime.now(UTC) - told - ago) < timedelta(minutes=1)
    assert moment("2026-02-03T04:05:06+02:00") == "2026-02-03T02:05:06.000Z"
    assert local(moment("2026-02-03")) == "2026-02-03 00:00:00"
    assert parse_rfc3339(f"2026-02-03T00:00:00{offset_now()}").tzinfo is UTC
    for wrong in ("", "now", "-1h", "999999w", "2026-13-01", "0001-01-01T00:00:00+14:00", "٣h"):
        with pytest.raises(click.BadParameter, match="is no time"):
            moment(wrong)
