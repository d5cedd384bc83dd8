"""Pictures of the page: the demo with a day of made-up history, looked at with Debian's Chromium.

`scripts/screenshots [FOLDER] [--all]`
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from gateway.messaging.history import Sample
from gateway.messaging.ports import Tx
from gateway.messaging.statistics import SLOT, Cell
from gateway.store import SqliteStore

ROOT = Path(__file__).resolve().parents[2]
ANNA, BEN, SHOP = "+4915187654321", "+436601234567", "Parcels"
THREAD = f"/messages?with=%2B{ANNA[1:]}"
DESKTOP, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
PAGES = {
    "overview": "/",
    "messages": THREAD,
    "conversations": "/messages",
    "table": "/messages/all",
    "modem": "/modems/modem1",
}
SHOWN = (("overview", "light", "desktop", DESKTOP), ("messages", "dark", "phone", PHONE))
COMES_IN = (
    (BEN, "Is the heating on? It is 3 °C outside."),
    (SHOP, "Your parcel arrives today between 14:00 and 16:00."),
    (ANNA, "Water in the cellar again? The sensor called."),
    (ANNA, "I am at the door, please open!"),
)
GOES_OUT = (
    (ANNA, "Pump is running, level falls. I look again in an hour."),
    (ANNA, "Door is open. Come in!"),
    (BEN, "Heating: 21.4 °C, burner on."),
)
FAR = 10**9
"""Numbers of messages that the demo will not have."""
PATIENCE_MS = 20_000.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/screenshots", description="Takes pictures of the page.")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs")
    parser.add_argument("--all", action="store_true", help="every page, light and dark, desktop and phone")
    options = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is not installed; on Debian: apt install chromium")
    options.folder.mkdir(parents=True, exist_ok=True)
    wanted = list(SHOWN)
    if options.all:
        sizes = (("desktop", DESKTOP), ("phone", PHONE))
        wanted = [(name, theme, kind, size) for name in PAGES for theme in ("light", "dark") for kind, size in sizes]
    with tempfile.TemporaryDirectory(prefix="smsgw-pictures-") as directory:
        data = Path(directory) / "data"
        data.mkdir()
        asyncio.run(_make_up(data / "smsgw.db"))
        with _demo(data) as world, sync_playwright() as play:
            browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            _live_a_little(browser, world)
            for name, theme, kind, size in wanted:
                path = options.folder / f"page-{name}-{theme}-{kind}.png"
                with _visit(browser, world, size, theme) as page:
                    page.goto(PAGES[name])
                    page.locator("#live[data-state=on]").wait_for()
                    page.wait_for_load_state("networkidle")
                    page.screenshot(path=path)
                print(f"{path}: {path.stat().st_size} octets")
            browser.close()


async def _make_up(path: Path) -> None:
    """A day of signal and traffic, as a gateway would have kept them."""
    store = SqliteStore(path)
    await store.open()
    now = datetime.now(UTC)
    samples = [(f"modem{n}", _sample(now, minute, n)) for n in (1, 2) for minute in range(3, 1440, 15)]
    found = [cell for hours in range(1, 23) for cell in _cells(now - timedelta(hours=hours), 23 - hours)]
    cells = list(enumerate(found, FAR))

    def write(tx: Tx) -> None:
        tx.records.history.add(samples, ())
        tx.records.statistics.count(cells, tx.records.statistics.progress())

    await store.write(write)
    await store.close()


def _sample(now: datetime, minute: int, n: int) -> Sample:
    dbm = -69 - 8 * n + 5 * math.sin(minute / 170 + n) + 2.5 * math.sin(minute / 31)
    return Sample(
        at=now - timedelta(minutes=minute),
        rssi_dbm=round(dbm),
        bars=3,
        registered=1,
        able=1,
        temperature_c=None,
        voltage_mv=None,
    )


def _cells(at: datetime, hour: int) -> Iterator[Cell]:
    sent, received = round(6 + 5 * math.sin(hour / 3.4 - 1.2)), round(3 + 3 * math.sin(hour / 2.7))
    counts = {
        ("outbound", "delivered"): sent,
        ("inbound", "received"): received,
        ("outbound", "failed"): hour in (9, 15),
    }
    for (direction, status), count in counts.items():
        for _ in range(count):
            cell = Cell(
                slot=int(at.timestamp() // SLOT.total_seconds()),
                direction=direction,
                line="modem1",
                country="DE",
                encoding="gsm7",
                status=status,
                error="",
                took=-1,
            )
            yield cell


@contextlib.contextmanager
def _demo(data: Path) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "gateway", "demo", "--json", "--data-dir", str(data)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            sys.exit("the demo did not start")
        yield json.loads(line)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


@contextlib.contextmanager
def _visit(browser: Browser, world: dict[str, Any], size: Any, theme: Any) -> Iterator[Page]:
    """A browser that has just logged in."""
    context = browser.new_context(base_url=world["web"], viewport=size, color_scheme=theme, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto("/login")
    page.fill("[name=name]", "admin")
    page.fill("[name=password]", world["password"])
    page.keyboard.press("Enter")
    page.locator("#live[data-state=on]").wait_for()
    yield page
    context.close()


def _live_a_little(browser: Browser, world: dict[str, Any]) -> None:
    """Some texts both ways, over the emulated network."""
    with _visit(browser, world, DESKTOP, "light") as page:
        page.locator(".modem.tone-good").nth(len(world["modems"]) - 1).wait_for()
        for peer, text in COMES_IN[:-1]:
            _deliver(world, page, peer, text)
        for peer, text in GOES_OUT[:1]:
            _send(page, peer, text)
        _deliver(world, page, *COMES_IN[-1])
        for peer, text in GOES_OUT[1:]:
            _send(page, peer, text)


def _deliver(world: dict[str, Any], page: Page, peer: str, text: str) -> None:
    body = json.dumps({"modem": "modem1", "from": peer, "text": text}).encode()
    urllib.request.urlopen(f"{world['control']}/deliver", body).close()
    page.goto("/messages")
    page.locator(".snippet", has_text=text[:20]).first.wait_for()


def _send(page: Page, peer: str, text: str) -> None:
    page.goto(f"/messages?with=%2B{peer[1:]}")
    page.fill("#text", text)
    page.keyboard.press("Control+Enter")
    page.locator(".bubble.outbound[data-status=delivered]", has_text=text[:20]).wait_for()


if __name__ == "__main__":
    main()
