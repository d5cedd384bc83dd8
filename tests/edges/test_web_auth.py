"""Who gets in over TCP, and who may do what: roles and routes, tokens, sessions, CSRF, Host, lock-out, rates, audit."""

from __future__ import annotations

import asyncio
import base64
import logging
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute

from gateway.accounts import Permission, Principal, Role, passwords
from gateway.accounts.lockout import FIRST_S, FREE, LONGEST_S, Lockout
from gateway.accounts.model import PERMISSIONS
from gateway.web.app import routers
from gateway.web.auth import permissions_of
from gateway.web.rate import Rates
from tests.edges.gateway_thread import PASSWORD, TOKEN, GatewayThread, config_for
from tests.support.clock import ManualClock

SESSION = "/api/v1/session"


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayThread]:
    with GatewayThread(config_for(tmp_path, "")) as running:
        yield running


@pytest.fixture
def http(gateway: GatewayThread) -> Iterator[httpx.Client]:
    with tcp(gateway) as client:
        yield client


def tcp(gateway: GatewayThread, token: str = "", **options: object) -> httpx.Client:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    assert gateway.web.url is not None
    return httpx.Client(base_url=gateway.web.url, headers=headers, **options)  # type: ignore[arg-type]


def cookie_header(cookies: dict[str, str]) -> dict[str, str]:
    return {"cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def new_token(gateway: GatewayThread, role: Role, **limits: object) -> str:
    with tcp(gateway, TOKEN) as admin:
        made = admin.post("/api/v1/tokens", json={"name": f"a {role.value}", "role": role.value, **limits})
        assert made.status_code == 201
        return str(made.json()["token"])


def test_the_first_token_and_the_first_admin_get_in_and_others_do_not(
    gateway: GatewayThread, http: httpx.Client
) -> None:
    with tcp(gateway, TOKEN) as client:
        assert client.get(SESSION).json() == {"name": "bootstrap", "role": "admin", "kind": "token"}
    assert http.get(SESSION, auth=("admin", PASSWORD)).json() == {"name": "admin", "role": "admin", "kind": "user"}
    for headers in (
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer " + TOKEN[:-1]},
        {"authorization": "Bearer smsgw_1_2"},
        {"authorization": "Bearer \u00fc".encode()},
        {"authorization": "Basic !!!"},
        {"authorization": "Basic " + base64.b64encode(b"admin:wrong").decode()},
        {"authorization": "Basic " + base64.b64encode(b"\xff").decode()},
        {"authorization": "Digest x"},
        {"cookie": "smsgw_session=nonsense"},
        {"cookie": '"'},
    ):
        refused = http.get(SESSION, headers=headers)  # type: ignore[arg-type]
        assert code(refused) == (401, "unauthorized")
        assert refused.headers["www-authenticate"].startswith("Bearer")


def test_every_route_says_or_inherits_what_it_permits_and_every_role_meets_it(gateway: GatewayThread) -> None:
    """Role × route: whoever lacks the permission gets 403 from each, before anything else is looked at."""
    found = [route for router in routers(gateway.parts()) for route in router.routes]
    routes = [route for route in found if isinstance(route, APIRoute)]
    assert {type(route) for route in found if route not in routes} == {APIWebSocketRoute}  # refuses by itself
    assert len(routes) > 10
    for role in Role:
        with tcp(gateway, new_token(gateway, role)) as client:
            for route in routes:
                for method in route.methods:
                    if (method, route.path) == ("POST", SESSION):
                        continue
                    path = route.path.format(**dict.fromkeys(route.param_convertors, "x"))
                    answer = client.request(method, path)
                    allowed = bool(PERMISSIONS[role] & set(permissions_of(route, method)))
                    assert (answer.status_code != 403) == allowed, (role, method, path, answer.text)
                    assert answer.status_code < 500


def test_what_the_routes_permit() -> None:
    assert PERMISSIONS[Role.SEND_ONLY] == {Permission.SEND}
    assert PERMISSIONS[Role.READ_ONLY] == {Permission.READ}
    assert Permission.ADMIN not in PERMISSIONS[Role.OPERATOR]


def test_who_may_only_send_sees_what_was_sent_and_nothing_that_came_in(gateway: GatewayThread) -> None:
    with tcp(gateway, new_token(gateway, Role.SEND_ONLY)) as client:
        sent = client.post("/api/v1/messages", json={"to": "+491701234567", "text": "hello"})
        assert sent.status_code == 201
        (message_id,) = sent.json()["message_ids"]
        assert client.get(f"/api/v1/messages/{message_id}").json()["status"] == "queued"
        assert code(client.get("/api/v1/messages")) == (403, "forbidden")
        assert code(client.post(f"/api/v1/messages/{message_id}/cancel")) == (403, "forbidden")


def test_a_token_keeps_to_its_modems_and_recipients_and_ends(gateway: GatewayThread) -> None:
    limits = {"modems": ["stick1"], "recipients": ["+4917"]}
    with tcp(gateway, new_token(gateway, Role.SEND_ONLY, **limits)) as client:
        good = {"to": "+491701234567", "text": "x", "modem": "stick1"}
        assert client.post("/api/v1/messages", json=good).status_code == 201
        for wrong in ({"modem": None}, {"modem": "other"}, {"to": "+441234567890"}, {"to": ["+491701234567", "0170"]}):
            assert code(client.post("/api/v1/messages", json=good | wrong)) == (403, "forbidden")
    with tcp(gateway, new_token(gateway, Role.ADMIN, expires_at="2020-01-01T00:00:00Z")) as client:
        assert code(client.get(SESSION)) == (401, "unauthorized")
    token = new_token(gateway, Role.ADMIN)
    with tcp(gateway, token) as client:
        (found,) = [one for one in client.get("/api/v1/tokens").json()["tokens"] if one["token_id"] in token]
        assert found["last_used"]
        assert token not in client.get("/api/v1/tokens").text
        assert client.delete(f"/api/v1/tokens/{found['token_id']}").status_code == 204
        assert code(client.get(SESSION)) == (401, "unauthorized")


def test_a_token_in_use_does_not_wait_for_long_questions_to_the_database(gateway: GatewayThread) -> None:
    asked, answered = threading.Event(), threading.Event()

    async def ask() -> asyncio.Task[None]:
        def question(_tx: object) -> None:
            asked.set()
            answered.wait(60)

        return asyncio.create_task(gateway.store.read(question))

    with tcp(gateway, new_token(gateway, Role.SEND_ONLY)) as client:
        assert client.get(SESSION).status_code == 200
        task = gateway.call(ask())
        try:
            assert asked.wait(10)
            sent = client.post("/api/v1/messages", json={"to": "+491701234567", "text": "hello"})
        finally:
            answered.set()
        gateway.call(asyncio.wait_for(task, 10))
        assert sent.status_code == 201


def test_a_session_needs_its_csrf_token_for_whatever_changes_something(http: httpx.Client) -> None:
    assert code(http.post(SESSION, json={"name": "admin", "password": "wrong"})) == (401, "unauthorized")
    made = http.post(SESSION, json={"name": "admin", "password": PASSWORD})
    assert made.status_code == 201
    cookie = made.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    csrf = made.json()["csrf_token"]
    assert http.get(SESSION).json()["kind"] == "session"
    body = {"to": "+491701234567", "text": "x"}
    assert code(http.post("/api/v1/messages", json=body)) == (403, "forbidden")
    assert code(http.post("/api/v1/messages", json=body, headers={"x-csrf-token": csrf + "x"})) == (403, "forbidden")
    assert http.post("/api/v1/messages", json=body, headers={"x-csrf-token": csrf}).status_code == 201
    kept = dict(http.cookies)
    assert http.delete(SESSION, headers={"x-csrf-token": csrf}).status_code == 204
    assert code(http.get(SESSION, headers=cookie_header(kept))) == (401, "unauthorized")


def test_users_come_change_and_go_and_the_last_admin_stays(gateway: GatewayThread, http: httpx.Client) -> None:
    auth = ("admin", PASSWORD)
    new = {"role": "operator", "password": "long enough to be one"}
    assert http.put("/api/v1/users/ann", json=new, auth=auth).json()["role"] == "operator"
    ann = ("ann", new["password"])
    assert http.get(SESSION, auth=ann).json()["role"] == "operator"
    session = http.post(SESSION, json={"name": "ann", "password": new["password"]})
    cookies = dict(session.cookies)
    http.cookies.clear()
    assert http.get(SESSION, headers=cookie_header(cookies)).status_code == 200
    assert http.put("/api/v1/users/ann", json={"role": "read-only"}, auth=auth).status_code == 200
    assert code(http.get(SESSION, headers=cookie_header(cookies))) == (
        401,
        "unauthorized",
    )  # a change ends the sessions
    http.cookies.clear()
    assert http.get(SESSION, auth=ann).json()["role"] == "read-only"
    assert http.put("/api/v1/users/ann", json={"role": "read-only", "disabled": True}, auth=auth).status_code == 200
    assert code(http.get(SESSION, auth=ann)) == (401, "unauthorized")
    for change in ({"role": "operator"}, {"role": "admin", "disabled": True}):
        assert code(http.put("/api/v1/users/admin", json=change, auth=auth)) == (409, "last_admin")
    assert code(http.delete("/api/v1/users/admin", auth=auth)) == (409, "last_admin")
    assert http.delete("/api/v1/users/ann", auth=auth).status_code == 204
    assert code(http.delete("/api/v1/users/ann", auth=auth)) == (404, "unknown_user")
    for name, change in (
        ("Ann", new),
        ("bob", {"role": "operator"}),
        ("bob", new | {"password": "short"}),
        ("bob", {"role": "king"}),
    ):
        assert code(http.put(f"/api/v1/users/{name}", json=change, auth=auth)) == (400, "bad_request")


def test_failures_cost_time_and_never_for_ever() -> None:
    lockout, now = Lockout(), 1000.0
    for n in range(FREE):
        assert lockout.wait("admin", "a", now) == 0, n
        lockout.failed("admin", "a", now)
    assert lockout.wait("admin", "a", now) == FIRST_S
    assert lockout.wait("admin", "b", now) == 0  # somebody else's failures
    for _ in range(100):
        lockout.failed("admin", "a", now)
    assert lockout.wait("admin", "a", now) == LONGEST_S
    assert lockout.wait("admin", "a", now + LONGEST_S) == 0
    lockout.succeeded("admin", "a")
    assert lockout.wait("admin", "a", now) == 0


def test_who_guesses_has_to_wait_and_the_socket_stays_open(gateway: GatewayThread, http: httpx.Client) -> None:
    for _ in range(FREE):
        assert code(http.get(SESSION, auth=("admin", "guess"))) == (401, "unauthorized")
    locked = http.get(SESSION, auth=("admin", PASSWORD))
    assert code(locked) == (429, "locked_out")
    assert int(locked.headers["retry-after"]) >= 1
    with tcp(gateway, TOKEN) as client:
        assert client.get(SESSION).status_code == 200
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(gateway.config.socket)), base_url="http://smsgw") as local:
        assert local.get(SESSION).json() == {"name": "local", "role": "admin", "kind": "local"}
        entries = local.get("/api/v1/audit").json()["entries"]
        assert [(one["who"], one["action"], one["ok"]) for one in entries] == [("admin", "login", False)] * FREE


def test_what_changes_something_is_noted_and_texts_are_not(gateway: GatewayThread) -> None:
    with tcp(gateway, TOKEN) as client:
        client.put("/api/v1/users/ann", json={"role": "operator", "password": "very secret words"})
        client.delete("/api/v1/users/nobody")
        client.post("/api/v1/messages", json={"to": "+491701234567", "text": "a private text"})
        audit = client.get("/api/v1/audit")
    told = [(one["who"], one["action"], one["target"], one["ok"]) for one in audit.json()["entries"]]
    assert told == [
        ("token:bootstrap", "DELETE", "/api/v1/users/nobody", False),
        ("token:bootstrap", "PUT", "/api/v1/users/ann", True),
    ]
    assert "private" not in audit.text
    assert "secret" not in audit.text


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "localhost:8080", "[::1]:80", "192.168.1.5:8080", "[fe80::1]"]
)
def test_addresses_and_the_loopback_are_known_as_host(gateway: GatewayThread, host: str) -> None:
    with tcp(gateway, TOKEN) as client:
        assert client.get(SESSION, headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil", "", "a b"]
)
def test_a_name_that_was_made_to_point_here_is_refused(gateway: GatewayThread, host: str) -> None:
    with tcp(gateway, TOKEN) as client:
        assert code(client.get(SESSION, headers={"host": host})) == (403, "forbidden")


def test_rates_are_told_and_kept() -> None:
    clock = ManualClock()
    rates = Rates(60, clock)
    first = rates.take("a")
    assert first.headers() == {"ratelimit-limit": "60", "ratelimit-remaining": "59", "ratelimit-reset": "1"}
    for _ in range(59):
        assert not rates.take("a").exceeded
    refused = rates.take("a")
    assert refused.exceeded
    assert refused.headers()["retry-after"] == "1"
    assert not rates.take("b").exceeded
    clock.advance(1)
    assert not rates.take("a").exceeded
    assert rates.take("a").exceeded
    assert Rates(0, clock).take("a").headers() == {}


def test_a_client_that_asks_too_often_is_told_when_to_come_again(tmp_path: Path) -> None:
    config = config_for(tmp_path, "")
    config = config.model_copy(update={"web": config.web.model_copy(update={"rate_per_minute": 2})})
    with GatewayThread(config) as gateway, tcp(gateway, TOKEN) as client:
        answers = [client.get(SESSION) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[1].headers["ratelimit-remaining"] == "0"
        assert int(answers[2].headers["retry-after"]) > 20
        assert httpx.get(f"{gateway.web.url}/healthz").status_code == 200


def test_bodies_and_headers_are_bounded(gateway: GatewayThread) -> None:
    with tcp(gateway, TOKEN) as client:
        assert code(client.post("/api/v1/messages", content=b"x" * 70_000)) == (413, "too_large")
    assert gateway.web.url is not None
    port = int(gateway.web.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as raw:
        raw.sendall(b"GET /healthz HTTP/1.1\r\nX: " + b"y" * 100_000)  # a header without an end
        assert b" 400 " in raw.recv(100)
    with socket.create_connection(("127.0.0.1", port)) as raw:  # a header that would split the answer's
        raw.sendall(
            b"GET /api/v1/session HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer a\rSet-Cookie: x\r\n\r\n"
        )
        assert b"Set-Cookie" not in raw.recv(4096)


def test_no_secret_is_in_the_log(gateway: GatewayThread, http: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="gateway")
    http.post(SESSION, json={"name": "admin", "password": PASSWORD})
    http.cookies.clear()
    http.get(SESSION, auth=("admin", "a wrong password"))
    with tcp(gateway, TOKEN) as client:
        client.post("/api/v1/messages", json={"to": "+491701234567", "text": "a private text"})
    for secret in (PASSWORD, TOKEN, "a wrong password", "a private text"):
        assert secret not in caplog.text


def test_passwords_are_kept_as_slow_digests() -> None:
    kept = passwords.hashed(PASSWORD)
    assert PASSWORD not in kept
    assert kept != passwords.hashed(PASSWORD)
    assert passwords.matches(PASSWORD, kept)
    assert not passwords.matches(PASSWORD + " ", kept)
    for broken in ("", "scrypt$1", kept.replace("scrypt", "md5"), kept[:-4] + "!!!!", "scrypt$3$8$1$AA==$AA=="):
        assert not passwords.matches(PASSWORD, broken)
    assert not passwords.matches("x" * 1000, kept)


def test_a_principal_may_what_its_role_may() -> None:
    one = Principal(name="a", role=Role.OPERATOR, kind="user")
    assert [one.may(permission) for permission in Permission] == [True, True, True, False]
