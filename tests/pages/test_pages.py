"""The page without a browser: who gets in, what is escaped, what the browser is told, and that nothing is sent twice."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gateway.messaging.model import MessageFilter
from gateway.web.pages import assets
from gateway.web.pages.login import own_page
from tests.edges.gateway_thread import PASSWORD, TOKEN, GatewayThread, config_for

EVIL = '<script>alert("x")</script><img src=x onerror=alert(1)>'
PEER = "+491701234567"
PAGES = ("/", "/messages", "/messages?to=", "/messages/all", "/modems/stick1")
FIRST_LOAD = 100_000


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayThread]:
    with GatewayThread(config_for(tmp_path, "")) as running:
        yield running


@pytest.fixture
def browser(gateway: GatewayThread) -> Iterator[httpx.Client]:
    """Logged in, with what the page's script adds to each request."""
    assert gateway.web.url is not None
    with httpx.Client(base_url=gateway.web.url, headers={"accept": "text/html"}) as client:
        assert client.post("/login", data={"name": "admin", "password": PASSWORD}).status_code == 303
        found = re.search(r'x-csrf-token": "([\w-]{20,})"', client.get("/").text)
        assert found is not None
        client.headers.update({"x-csrf-token": found[1], "hx-request": "true"})
        yield client


def send(browser: httpx.Client, **fields: str) -> httpx.Response:
    return browser.post("/messages/new", data={"to": PEER, "text": "hello", "id": "page-1"} | fields)


def test_a_stranger_is_led_to_the_log_in_and_a_program_is_refused(gateway: GatewayThread) -> None:
    assert gateway.web.url is not None
    with httpx.Client(base_url=gateway.web.url) as stranger:
        for path in PAGES:
            led = stranger.get(path, headers={"accept": "text/html"})
            assert (led.status_code, led.headers["location"].partition("?")[0]) == (303, "/login"), path
            assert stranger.get(path).status_code == 401
        for path in ("/messages/new", "/messages/draft", "/modems/stick1/restart", "/logout"):
            assert stranger.post(path, headers={"accept": "text/html"}).status_code == 401
        wrong = stranger.post("/login", data={"name": EVIL, "password": "wrong"})
        assert wrong.status_code == 401
        assert EVIL not in wrong.text
        assert "set-cookie" not in wrong.headers
        elsewhere = {"name": "admin", "password": PASSWORD}
        assert stranger.post("/login", data=elsewhere, headers={"origin": "http://evil.example"}).status_code == 403
        assert stranger.get("/login", headers={"host": "evil.example"}).status_code == 403


@pytest.mark.parametrize(
    "there",
    ["//evil.example", "https://evil.example/", "/\\evil.example", "/login", "javascript:alert(1)", "", "/\n/x"],
)
def test_a_log_in_never_leads_elsewhere(gateway: GatewayThread, there: str) -> None:
    assert own_page(there) == "/"
    said = {"name": "admin", "password": PASSWORD, "next": there}
    answer = httpx.post(f"{gateway.web.url}/login", data=said)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert own_page("/messages/all") == "/messages/all"


def test_every_page_says_that_nothing_foreign_may_run_and_has_nothing_foreign(browser: httpx.Client) -> None:
    for path in (*PAGES, "/login", "/modems/none", "/messages/none"):
        answer = browser.get(path, headers={"hx-request": ""} if "none" not in path else {})
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"<script>|<style|\sstyle=|\son\w+=|https?://|hx-on|js:", answer.text), path


def test_what_others_wrote_is_shown_and_never_run(gateway: GatewayThread, browser: httpx.Client) -> None:
    assert send(browser, text=EVIL).status_code == 200
    (message,) = gateway.call(gateway.service.messages(MessageFilter()))
    assert message.text == EVIL
    for path in ("/", "/messages", f"/messages?with=%2B{PEER[1:]}", "/messages/all", f"/messages/{message.id}"):
        text = browser.get(path).text
        assert "&lt;script&gt;" in text, path
        assert "<script>" not in text
        assert "<img" not in text
    for field in ("with", "to", "peer"):
        assert "<script>" not in browser.get("/messages", params={field: EVIL[:60]}).text
    assert "<script>" not in browser.post("/messages/draft", data={"text": EVIL + "😀"}).text


def test_a_form_that_is_sent_twice_sends_one_text(gateway: GatewayThread, browser: httpx.Client) -> None:
    first, second = send(browser), send(browser)
    assert first.status_code == second.status_code == 200
    assert len(gateway.call(gateway.service.messages(MessageFilter()))) == 1
    fresh = re.search(r'name="id" id="key" value="(page-\w+)"', first.text)
    assert fresh is not None
    assert send(browser, id=fresh[1]).status_code == 200
    assert len(gateway.call(gateway.service.messages(MessageFilter()))) == 2


def test_what_was_refused_can_be_mended_and_sent(gateway: GatewayThread, browser: httpx.Client) -> None:
    refused = send(browser, to="nobody")
    assert refused.status_code == 400
    assert "no phone number" in refused.text
    assert send(browser).status_code == 200
    assert len(gateway.call(gateway.service.messages(MessageFilter()))) == 1


def test_a_draft_says_what_leaves(browser: httpx.Client) -> None:
    def draft(text: str) -> str:
        return " ".join(browser.post("/messages/draft", data={"text": text}).text.split())

    assert "GSM-7</strong> 155 left · 1 segment<" in draft("hello")
    assert "GSM-7</strong> 145 left · 2 segments" in draft("x" * 154 + "€" * 3 + "x")
    folded = draft("“Zürich”")
    assert "UCS-2" in folded
    assert "<mark>“</mark>Zürich<mark>”</mark>" in folded
    assert 'data-plain="&#34;Zürich&#34;"' in folded
    assert "data-plain" not in draft("ok 😀")


def test_a_draft_leaves_no_entry_in_the_audit_log(gateway: GatewayThread, browser: httpx.Client) -> None:
    browser.post("/messages/draft", data={"text": "secret"})
    entries = httpx.get(f"{gateway.web.url}/api/v1/audit", headers={"authorization": f"Bearer {TOKEN}"}).json()
    assert [entry["action"] for entry in entries["entries"]] == ["login"]


def test_files_are_kept_for_ever_under_names_of_their_content(gateway: GatewayThread) -> None:
    login = httpx.get(f"{gateway.web.url}/login").text
    names = re.findall(r'"/static/([^"]+)"', login)
    assert len(names) >= 3
    for name in names:
        answer = httpx.get(f"{gateway.web.url}/static/{name}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.content == assets.by_hashed_name()[name].body
    for name in ("app.css", "app.00000000.css", "..%2Fassets.py", "%2e%2e/render.py"):
        assert httpx.get(f"{gateway.web.url}/static/{name}").status_code == 404


def test_the_first_load_is_small(browser: httpx.Client) -> None:
    names = re.findall(r'"/static/([^"]+)"', browser.get("/").text)
    known = assets.by_hashed_name()
    assert sum(len(known[name].packed) for name in names) + len(gzip.compress(browser.get("/").content)) < FIRST_LOAD


def test_others_files_are_the_ones_that_were_written_down() -> None:
    vendor = assets.STATIC / "vendor"
    table = (vendor / "README.md").read_text()
    scripts = list(vendor.glob("*.js"))
    assert scripts
    for path in scripts:
        assert hashlib.sha256(path.read_bytes()).hexdigest() in table


def test_a_spreadsheet_takes_no_text_for_a_formula(gateway: GatewayThread, browser: httpx.Client) -> None:
    send(browser, text="=1+1")
    exported = browser.get("/messages/export.csv")
    assert exported.headers["content-type"].startswith("text/csv")
    assert "'=1+1" in exported.text


def test_logging_out_ends_the_session(browser: httpx.Client) -> None:
    assert browser.post("/logout").headers["hx-redirect"] == "/login"
    assert browser.get("/").status_code == 303
