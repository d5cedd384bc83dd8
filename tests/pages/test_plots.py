"""What the overview draws and says: shapes of samples and counts, and what needs a person."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from gateway.messaging import alerts
from gateway.messaging.alerts import Alert, AlertFilter
from gateway.messaging.history import Sample
from gateway.messaging.model import LineStatus
from gateway.messaging.statistics import Point
from gateway.web.pages.plots import BARS_HEIGHT, HOURS, SPARK_WIDTH, first_hour, spark_of, traffic_of
from gateway.web.pages.words import attention, vitals
from tests.edges.gateway_thread import PASSWORD, GatewayThread
from tests.pages.test_pages import EVIL, browser, gateway

__all__ = ["browser", "gateway"]

NOW = datetime(2026, 3, 29, 2, 40, 12, tzinfo=UTC)


def sample(minutes: int, dbm: float | None) -> Sample:
    at = NOW - timedelta(minutes=minutes)
    return Sample(at=at, rssi_dbm=dbm, bars=3, registered=1, able=1, temperature_c=None, voltage_mv=None)


def test_a_line_of_the_signal_breaks_where_nothing_is_known() -> None:
    spark = spark_of([sample(600, -113), sample(590, -51), sample(300, None), sample(60, -82), sample(45, -82)], NOW)
    assert spark is not None
    assert (len(spark.lines), spark.low, spark.high) == (2, -113, -51)
    points = [tuple(map(float, each.split(","))) for each in spark.lines[0].split()]
    assert points == [(70.0, 23.0), (70.8, 1.0)]
    assert all(0 <= float(x) <= SPARK_WIDTH for x in re.findall(r"([\d.]+),", " ".join(spark.lines)))


def test_too_little_is_no_line() -> None:
    assert spark_of([], NOW) is None
    assert spark_of([sample(5, -70), sample(4, None)], NOW) is None


def test_every_text_of_the_day_is_in_a_bar_and_no_bar_leaves_the_drawing() -> None:
    since = first_hour(NOW)
    assert since == datetime(2026, 3, 28, 3, tzinfo=UTC)
    points = [
        Point(at=since, direction="outbound", line="a", counts={"delivered": 7, "failed": 2, "canceled": 9}),
        Point(at=since, direction="inbound", line="b", counts={"received": 3}),
        Point(at=since + timedelta(hours=23), direction="outbound", line="a", counts={"queued": 1}),
        Point(at=since - timedelta(hours=1), direction="outbound", line="a", counts={"sent": 50}),
    ]
    traffic = traffic_of(points, since)
    assert (traffic.top, traffic.sent, traffic.received, traffic.bad) == (20, 10, 3, 2)
    assert len(traffic.bars) == HOURS
    assert [block.kind for block in traffic.bars[0].blocks] == ["sent", "received", "bad"]
    assert sum(block.height for block in traffic.bars[0].blocks) == pytest.approx(12 / 20 * BARS_HEIGHT)
    assert min(block.y for bar in traffic.bars for block in bar.blocks) >= 0


def told(code: str, line: str, *, lasting: bool) -> Alert:
    return Alert(code=code, line=line, message=f"about {code}", since=NOW, last_at=NOW, lasting=lasting, n=7)


def test_what_a_modem_lacks_is_said_once() -> None:
    lines = [LineStatus(name="a", state="sim_pin"), LineStatus(name="b", able=True, state="ready", bars=3)]
    active = [told("sim_pin_required", "a", lasting=True), told("sim_barred", "b", lasting=True)]
    found = attention(lines, {"modems": "none"}, [*active, told("outcome_unknown", "gone", lasting=False)])
    assert [(each.title, each.link, each.dismiss) for each in found] == [
        ("a cannot send", "/modems/a", 0),
        ("A SIM may not send", "/modems/b", 0),
        ("The outcome of a text is unknown", "", 7),
    ]


def test_what_the_gateway_hangs_on_is_in_words() -> None:
    disk = {"ok": False, "error": "only 9 KiB are free", "free": 9216, "total": 10**9, "database": 1}
    found = vitals({"mqtt": "refused"}, disk, {"cpu_temperature_c": 84.4, "undervoltage": True})
    assert [(each.name, each.tone) for each in found] == [
        ("MQTT broker", "bad"),
        ("Database", "good"),
        ("Disk", "bad"),
        ("Processor", "warn"),
        ("Supply", "bad"),
    ]
    silent = {"ok": True, "error": None, "free": None}
    assert len(vitals({}, silent, {"cpu_temperature_c": None, "undervoltage": None})) == 2


def test_an_incident_is_shown_until_it_is_dismissed(gateway: GatewayThread, browser: httpx.Client) -> None:
    async def happen() -> None:
        await gateway.store.write(lambda tx: alerts.tell(tx, "bad_pdu", EVIL, "stick1", NOW))

    gateway.call(happen())
    text = browser.get("/").text
    assert "A text could not be read" in text
    assert "<script>alert" not in text
    (alert,) = gateway.call(gateway.service.alerts.find(AlertFilter(active=True)))
    path = f"/alerts/{alert.n}/dismiss"
    assert f'hx-post="{path}"' in text
    assert browser.post(path, headers={"x-csrf-token": "wrong"}).status_code == 403
    assert browser.post(path).status_code == 200
    assert "A text could not be read" not in browser.get("/").text
    assert browser.post("/alerts/999999/dismiss").status_code == 404


def test_the_overview_draws_a_day_and_the_signal(gateway: GatewayThread) -> None:
    now = datetime.now(UTC)
    samples = [("stick1", replace(sample(0, -70), at=now - timedelta(minutes=n))) for n in (600, 400, 200)]

    async def measured() -> None:
        await gateway.store.write(lambda tx: tx.records.history.add(samples, ()))

    gateway.call(measured())
    with httpx.Client(base_url=gateway.web.url or "", headers={"accept": "text/html"}) as client:
        assert client.post("/login", data={"name": "admin", "password": PASSWORD}).status_code == 303
        text = client.get("/").text
    assert "Signal of 24 hours: -70 to -70 dBm" in text
    assert text.count("<polyline") == 3  # too far apart to be one line
    assert 'aria-label="In 24 hours 0 out' in text
