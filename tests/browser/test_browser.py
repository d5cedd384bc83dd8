"""The page in Debian's Chromium, over a whole gateway with emulated modems. Skipped where there is no browser."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.box import box
from tests.support.processes import wait_until

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

PHONE = "+4915187654321"
THREAD = f"/messages?with=%2B{PHONE[1:]}"
PATIENCE_MS = 20_000.0
DESKTOP, POCKET = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The gateway, its address, a page that is logged in, and what the browser complained about or asked elsewhere."""
    directory: Path = tmp_path_factory.mktemp("browser")
    with (
        box(directory, modems=1) as found,
        playwright.sync_playwright() as play,
    ):
        found.start()
        found.wait_online("modem1")
        base = found.daemon.wait_error("ready; web: ").partition("web: ")[2].partition(";")[0]
        password = tomllib.loads((directory / "data" / "secrets.toml").read_text())["admin_password"]
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            page = chromium.new_context(base_url=base, viewport=DESKTOP).new_page()
            page.set_default_timeout(PATIENCE_MS)
            complaints: list[str] = []
            page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("request", lambda asked: _note_foreign(asked.url, base, complaints))
            page.goto("/")
            page.keyboard.type("admin")  # the field has the focus: nobody needs a mouse
            page.keyboard.press("Tab")
            page.keyboard.type(password)
            page.keyboard.press("Enter")
            page.locator("#live[data-state=on]").wait_for()
            yield found, page, complaints
        finally:
            chromium.close()


def _note_foreign(url: str, base: str, complaints: list[str]) -> None:
    if urlsplit(url).netloc != urlsplit(base).netloc:
        complaints.append(f"a request leaves the box: {url}")


def test_a_text_is_written_by_keyboard_and_ticks_to_delivered(world: Any) -> None:
    _, page, complaints = world
    page.goto("/messages?to=")
    page.keyboard.type(PHONE)
    page.keyboard.press("Tab")
    page.keyboard.type("On my way 😀")
    page.locator("#draft mark").wait_for()
    assert "UCS-2" in page.locator("#draft").inner_text()
    page.keyboard.press("Control+Enter")
    page.locator(".bubble.outbound[data-status=delivered]").wait_for()
    assert "with=" in page.url
    page.locator(".bubble.outbound footer a").first.click()
    page.locator(".verdict.s-delivered").wait_for()
    wait_until(lambda: _lights(page), "the octets of a field to be marked")
    assert complaints == []


def _lights(page: Any) -> bool:
    """The first look after the connection is made may draw the region anew under the mouse."""
    for field in (3, 4):
        page.locator(f"tr[data-field='{field}']").first.hover()
    return bool(page.locator(".hex .lit").count() == 1)


def test_what_comes_in_shows_without_a_reload_and_does_not_run(world: Any) -> None:
    found, page, complaints = world
    page.goto(THREAD)
    page.locator("#live[data-state=on]").wait_for()
    page.fill("#text", "half written")
    found.control("/deliver", {"modem": "modem1", "from": PHONE, "text": "<script>document.title='x'</script>"})
    page.locator(".bubble.inbound").wait_for()
    assert "<script>" in page.locator(".bubble.inbound p").first.inner_text()
    assert page.input_value("#text") == "half written"
    assert page.title() != "x"
    assert complaints == []


@pytest.mark.parametrize("size", [DESKTOP, POCKET], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_and_is_as_dark_as_asked(world: Any, size: dict[str, int], scheme: str) -> None:
    _, page, complaints = world
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme)
    for path in ("/", "/messages", THREAD, "/messages/all", "/modems/modem1"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        red = int(re.findall(r"\d+", page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))[0])
        assert (red < 64) == (scheme == "dark")
    assert complaints == []
