"""What holds on every route, whatever is added: credentials, CSRF, origin, headers that cannot be split, silent logs."""

from __future__ import annotations

import re
import socket
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from gateway.web.app import HEALTH, routers
from gateway.web.auth import LOGIN, SAFE
from gateway.webhooks.signature import sign
from tests.edges.gateway_thread import PASSWORD, TOKEN, GatewayThread, config_for
from tests.support.box import ROOT_TOPIC, Box, box
from tests.support.processes import ROOT, DaemonProcess, wait_until
from tests.support.receiver import receiving
from tests.support.ws import WsClient

SESSION = "/api/v1/session"


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayThread]:
    with GatewayThread(config_for(tmp_path, "")) as running:
        yield running


@pytest.fixture
def http(gateway: GatewayThread) -> Iterator[httpx.Client]:
    assert gateway.web.url is not None
    with httpx.Client(base_url=gateway.web.url) as client:
        yield client


def requests(gateway: GatewayThread) -> list[tuple[str, str]]:
    """Every method and path that there is, but to log in."""
    routes = [route for router in routers(gateway.parts()) for route in router.routes if isinstance(route, APIRoute)]
    found = [
        (method, route.path.format(**dict.fromkeys(route.param_convertors, "x")))
        for route in routes
        for method in sorted(route.methods)
        if (method, route.path) != LOGIN
    ]
    assert len(found) > 20
    return found


def error(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def test_nothing_but_health_answers_without_credentials(gateway: GatewayThread, http: httpx.Client) -> None:
    elsewhere = [
        ("GET", path) for path in ("/", "/docs", "/redoc", "/openapi.json", "/api/v1/openapi.json", "/nothing")
    ]
    odd = [(method, "/api/v1/messages") for method in ("OPTIONS", "TRACE", "PROPFIND", "HEAD")]
    around = [("GET", path) for path in ("//healthz", "/healthz/", "/healthz/../api/v1/messages", "/HEALTHZ")]
    for method, path in [*requests(gateway), *elsewhere, *odd, *around]:
        answer = http.request(method, path)
        assert answer.status_code == 401, (method, path)
    for path in HEALTH:
        assert http.get(path).status_code in (200, 503)
    assert gateway.web.url is not None
    with WsClient(gateway.web.url, "/ws") as client:
        assert client.status == 403


def test_a_session_changes_nothing_without_its_csrf_token(gateway: GatewayThread, http: httpx.Client) -> None:
    made = http.post(SESSION, json={"name": "admin", "password": PASSWORD})
    assert made.status_code == 201
    changing = [(method, path) for method, path in requests(gateway) if method not in SAFE]
    for method, path in changing:
        for token in ({}, {"x-csrf-token": ""}, {"x-csrf-token": "wrong"}):
            assert error(http.request(method, path, headers=token)) == (403, "forbidden"), (method, path)
    assert http.get(SESSION).json()["kind"] == "session"  # not even logged out


def test_a_page_elsewhere_cannot_log_a_browser_in(gateway: GatewayThread, http: httpx.Client) -> None:
    body = {"name": "admin", "password": PASSWORD}
    for origin in ("http://evil.example", "null", f"{gateway.web.url}.evil.example", "http://127.0.0.1"):
        refused = http.post(SESSION, json=body, headers={"origin": origin})
        assert error(refused) == (403, "forbidden")
        assert "set-cookie" not in refused.headers
    own = http.post(SESSION, json=body, headers={"origin": str(gateway.web.url)})
    assert own.status_code == 201


def test_a_page_elsewhere_cannot_use_a_password_that_the_browser_was_told(
    gateway: GatewayThread, http: httpx.Client
) -> None:
    """A browser that was once asked for name and password sends them along, whoever makes it post a form."""
    basic = ("admin", PASSWORD)
    command = {"to": "+491701234567", "text": "x"}
    for origin in ("http://evil.example", "null"):
        assert error(http.post("/api/v1/messages", json=command, auth=basic, headers={"origin": origin})) == (
            403,
            "forbidden",
        )
    assert http.get("/api/v1/messages", auth=basic).json()["messages"] == []
    for headers in ({}, {"origin": str(gateway.web.url)}):  # a program; a page of ours
        assert http.post("/api/v1/messages", json=command, auth=basic, headers=headers).status_code == 201


@pytest.mark.parametrize("value", ["Basic \u00e9", "Basic =", "Basic YQ", "Bearer \u00e9", "Digest x", "Basic /zp4"])
def test_credentials_that_cannot_be_read_are_none(http: httpx.Client, value: str) -> None:
    assert error(http.get("/api/v1/messages", headers={"authorization": value.encode("latin-1")})) == (
        401,
        "unauthorized",
    )


@pytest.mark.parametrize("path", ["audit", "calls", "webhooks/none/deliveries", "consent", "alerts"])
def test_no_number_is_too_large_to_be_refused(http: httpx.Client, path: str) -> None:
    answer = http.get(f"/api/v1/{path}", params={"before": 2**63}, headers={"authorization": f"Bearer {TOKEN}"})
    assert answer.status_code in (400, 404)


@pytest.mark.parametrize(
    "head",
    [
        "GET /api/v1/x%0d%0aX-Evil:%201 HTTP/1.1\r\n",
        "GET /api/v1/messages?status=%0d%0aX-Evil:%201 HTTP/1.1\r\n",
        "GET /api/v1/messages?peer=\rX-Evil:1 HTTP/1.1\r\n",
        "GET /api/v1/messages HTTP/1.1\r\nIdempotency-Key: a\rX-Evil: 1\r\n",
        "GET /api/v1/messages HTTP/1.1\r\n X-Evil: 1\r\n",
        "POST /api/v1/messages HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        "POST /api/v1/messages HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n",
        "GET /api/v1/messages HTTP/1.1\r\nHost: evil.example\r\n",
    ],
)
def test_nothing_that_is_asked_becomes_a_header_or_a_second_request(gateway: GatewayThread, head: str) -> None:
    assert gateway.web.url is not None
    port = int(gateway.web.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        credentials = f"Host: localhost\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n"
        raw.sendall(f"{head}{credentials}\r\nxyz\r\n\r\n".encode())
        heard = b""
        while chunk := raw.recv(65536):
            heard += chunk
    answer, _, _ = heard.partition(b"\r\n\r\n")
    assert heard.count(b"HTTP/1.1 ") == 1
    assert b"x-evil" not in answer.lower()
    assert re.match(rb"HTTP/1\.1 (200|4\d\d) ", answer)


def test_the_readme_shows_how_to_refuse_a_delivery_that_is_forged_or_repeated() -> None:
    """The example of the README is what receivers copy, so it is what is tested."""
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    found: dict[str, Any] = {}
    exec(compile(example, "README.md", "exec"), found)
    genuine, now = found["genuine"], 1_800_000_000
    found["time"] = type("Frozen", (), {"time": staticmethod(lambda: now)})
    good = sign("secret", b'{"seq":1}', now - 10)
    assert genuine("secret", b'{"seq":1}', good)
    assert not genuine("secret", b'{"seq":2}', good)
    assert not genuine("another", b'{"seq":1}', good)
    for age in (301, 86_400, -301):  # played again later; signed for later
        assert not genuine("secret", b'{"seq":1}', sign("secret", b'{"seq":1}', now - age))
    moved = good.replace(f"t={now - 10}", f"t={now}")
    for header in ("", "t=1", "v1=", "nonsense", "t=x,v1=\u00fc", moved):
        assert not genuine("secret", b'{"seq":1}', header)


# --- logs

PIN = "73519264"
OUT, IN, ODD = "Zaunkönig ✓ 8461", "Wendehals ✓ 2957", "Kleiber 5113"
DATA = "c0ffee5afec0de"


def test_no_text_token_password_or_pin_is_in_the_log_at_its_most_talkative(tmp_path: Path) -> None:
    """The whole daemon with `-v`, everything done with it once, right and wrong; then its log is searched."""
    pin, emulated = tmp_path / "pin", tmp_path / "emulator.toml"
    pin.write_text(PIN)
    emulated.write_text(f'[[modem]]\nname = "modem1"\nnumber = "+491700000001"\npin = "{PIN}"\n')
    with receiving(lambda _: (500, {})) as hook:
        extra = f'[[webhook]]\nname = "crm"\nurl = "{hook.url}?key=Rohrdommel"\nallow_private = true\n'
        emulate = ("-c", str(emulated))
        each = f'pin_file = "{pin}"\n'
        with box(tmp_path, modems=None, emulate=emulate, each_modem=each, extra=extra) as found:
            found.daemon = DaemonProcess(found.config, verbose=True)
            found.daemon.start()
            found.wait_online("modem1")
            secrets = [PIN, OUT, IN, ODD, DATA, *through_http(found), *through_mqtt(found), "Rohrdommel"]
            wait_until(lambda: len(hook.posts) > 2, "deliveries")
            secrets.append((tmp_path / "data" / "webhook-crm.secret").read_text().strip())
            found.daemon.stop()
            log = "\n".join(found.daemon.errors)
    assert "DEBUG" in log
    for secret in secrets:
        assert len(secret) > 6
        written = (secret, secret.encode("utf-16-be").hex(), secret.encode().hex(), ascii(secret)[1:-1])
        for form in written:
            assert form.lower() not in log.lower(), form


def through_http(found: Box) -> list[str]:
    """Does what can be done over HTTP, well and badly. Returns what must be in no log."""
    assert found.daemon is not None
    ready = found.daemon.wait_error("ready; web: ")
    kept = tomllib.loads((found.config.parent / "data" / "secrets.toml").read_text())
    secrets = [str(value) for name, value in kept.items() if name != "account_sid"]
    base = ready.partition("web: ")[2].partition(";")[0]
    password, wrong = "Rotkehlchen im Winter", "Grauammer am Morgen"
    with httpx.Client(base_url=base, headers={"authorization": f"Bearer {kept['api_token']}"}) as api:
        send = {"to": "+4915112345678", "text": OUT}
        assert api.post("/api/v1/messages", json=send, headers={"idempotency-key": "k1"}).status_code == 201
        assert api.post("/api/v1/messages", json={**send, "text": None, "data_hex": DATA}).status_code == 201
        for bad in ({"text": 7}, {"text": ODD * 200}, {"text": ODD, "modem": "none"}, {"text": ODD, ODD: 1}):
            assert api.post("/api/v1/messages", json=send | bad).status_code == 400
        assert api.post("/api/v1/messages", content=f'{{"text": "{ODD}').status_code == 400
        assert api.post("/api/v1/messages", json=send | {"text": ODD}, headers={"idempotency-key": "k1"}).is_error
        token = api.post("/api/v1/tokens", json={"name": "door", "role": "admin"}).json()["token"]
        assert api.put("/api/v1/users/ann", json={"role": "operator", "password": password}).status_code == 200
        assert api.put("/api/v1/users/bob", json={"role": "nothing", "password": wrong}).status_code == 400
        api.post("/api/v1/modems/modem1/ussd", json={"code": "*100*86204817#"}, timeout=30)
    with httpx.Client(base_url=base) as anybody:
        assert anybody.get("/api/v1/messages", headers={"authorization": f"Bearer {token}"}).status_code == 200
        assert anybody.get("/api/v1/messages", headers={"authorization": f"Bearer x{token}"}).status_code == 401
        assert anybody.get("/api/v1/messages", auth=("ann", wrong)).status_code == 401
        made = anybody.post(SESSION, json={"name": "ann", "password": password})
        assert made.status_code == 201
        cookie = str(made.cookies["smsgw_session"])
        assert anybody.get("/api/v1/messages").status_code == 200
    return [*secrets, password, wrong, token, cookie, made.json()["csrf_token"], "86204817"]


def through_mqtt(found: Box) -> list[str]:
    """The same over MQTT, and a text that comes in; waits until all of it is through."""
    found.send(id="m1", to="+4915112345678", text=OUT, delivery_report=True)
    found.send(id="m2", to="nobody", text=ODD)
    found.observer.publish(f"{ROOT_TOPIC}/send", f'{{"to": "+4915112345678", "text": "{ODD}')
    found.observer.publish(f"{ROOT_TOPIC}/bridge/request/ussd", f'{{"modem": "modem1", "code": "{ODD}"}}')
    found.control("/deliver", {"modem": "modem1", "from": "+491718888888", "text": IN})
    found.control("/deliver", {"modem": "modem1", "from": "+491718888888", "pdu": "00FFFF" + DATA})
    found.events("inbox")
    found.wait_status("m1", "delivered")
    found.events("send/result", 3)
    return [ODD]
