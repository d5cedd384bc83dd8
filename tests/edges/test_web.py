"""HTTP: health for everyone on TCP, the API on the Unix socket only, every error in one shape."""

from __future__ import annotations

import json
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute

from gateway.errors import ConfigError, StoreError
from gateway.messaging import Service
from gateway.messaging.model import CommandResult, Origin, SendRequest
from gateway.web import WebServer
from gateway.web.app import routers
from tests.edges.gateway_thread import GatewayThread, config_for


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayThread]:
    with GatewayThread(config_for(tmp_path, "")) as running:
        yield running


@pytest.fixture
def api(gateway: GatewayThread) -> Iterator[httpx.Client]:
    with client(gateway) as http:
        yield http


def client(gateway: GatewayThread) -> httpx.Client:
    return httpx.Client(transport=httpx.HTTPTransport(uds=str(gateway.config.socket)), base_url="http://smsgw/api/v1")


def send(api: httpx.Client, **fields: object) -> httpx.Response:
    return api.post("/messages", json={"to": "+491701234567", "text": "hello", **fields})


def error(response: httpx.Response) -> tuple[int, str, str | None]:
    body = response.json()["error"]
    assert set(body) <= {"code", "message", "field"}
    assert body["message"]
    return response.status_code, body["code"], body.get("field")


def test_the_socket_is_for_owner_and_group_and_goes_away(tmp_path: Path) -> None:
    config = config_for(tmp_path, "")
    with GatewayThread(config):
        assert stat.S_IMODE(config.socket.stat().st_mode) == 0o660
    assert not config.socket.exists()


def test_tcp_offers_health_to_everybody_and_nothing_else(gateway: GatewayThread) -> None:
    assert gateway.web.url is not None
    with httpx.Client(base_url=gateway.web.url) as http:
        assert http.get("/healthz").json() == {"status": "ok"}
        ready = http.get("/readyz")
        assert ready.status_code == 503
        assert ready.json() == {"ready": False, "missing": {"modems": "none is able to send: stick1"}}
        for method, path in (("GET", "/api/v1/messages"), ("POST", "/api/v1/messages"), ("GET", "/nothing")):
            assert error(http.request(method, path)) == (401, "unauthorized", None)
        assert error(http.post("/healthz")) == (405, "method_not_allowed", None)


def test_a_gateway_without_modems_is_ready(tmp_path: Path) -> None:
    with GatewayThread(config_for(tmp_path, ""), modems=()) as gateway:
        response = httpx.get(f"{gateway.web.url}/readyz")
        assert (response.status_code, response.json()) == (200, {"ready": True, "missing": {}})


def test_readiness_asks_the_broker_connection_too(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with GatewayThread(config_for(tmp_path, f"mqtt://127.0.0.1:{port}"), modems=()) as gateway:
        response = httpx.get(f"{gateway.web.url}/readyz")
        assert response.status_code == 503
        assert list(response.json()["missing"]) == ["mqtt"]


def test_a_message_is_created_once_per_key(api: httpx.Client) -> None:
    first = send(api, id="a")
    assert (first.status_code, first.json()["status"], first.json()["id"]) == (201, "accepted", "a")
    again = api.post("/messages", json={"to": "+491701234567", "text": "hello"}, headers={"Idempotency-Key": "a"})
    assert (again.status_code, again.json()["status"]) == (200, "duplicate")
    assert again.json()["message_ids"] == first.json()["message_ids"]
    assert error(send(api, id="a", text="other"))[:2] == (409, "id_conflict")
    key = "Schlüssel-😀".encode()
    unicode_key = api.post("/messages", json={"to": "1234", "text": "x"}, headers={b"Idempotency-Key": key})
    assert unicode_key.json()["id"] == "Schlüssel-😀"


def test_mistakes_are_told_in_one_shape(api: httpx.Client) -> None:
    assert error(send(api, to="nobody"))[:2] == (400, "invalid_number")
    assert error(send(api, priority=11)) == (400, "bad_request", "priority")
    assert error(send(api, foo=1)) == (400, "bad_request", "foo")
    assert error(send(api, modem="other"))[:2] == (400, "unknown_modem")
    assert error(send(api, text="x" * 1601))[:2] == (400, "text_too_long")
    assert error(send(api, media=["http://x/y.jpg"]))[:2] == (400, "unsupported")
    assert error(api.post("/messages", content=b"{"))[:2] == (400, "bad_json")
    assert error(api.post("/messages", content=b"[" * 60_000))[:2] == (400, "bad_json")
    assert error(api.post("/messages", content=b"x" * 100_000))[:2] == (413, "too_large")
    assert error(api.post("/messages", content=iter([b"x" * 40_000] * 2)))[:2] == (413, "too_large")
    for key, own in (("a\tb", None), ("x" * 65, None), ("one", "two")):
        answer = api.post("/messages", json={"to": "1", "id": own}, headers={"Idempotency-Key": key})
        assert error(answer) == (400, "bad_request", "id")
    assert error(api.get("/messages", params={"limit": 0})) == (400, "bad_request", "limit")
    assert error(api.get("/messages", params={"limit": "x"})) == (400, "bad_request", "limit")
    assert error(api.get("/messages", params={"status": "lost"})) == (400, "bad_request", "status")
    assert error(api.get("/messages", params={"direction": "up"})) == (400, "bad_request", "direction")
    assert error(api.get("/messages/SM0"))[:2] == (404, "unknown_message")
    assert error(api.post("/messages/SM0/cancel"))[:2] == (404, "unknown_message")
    assert error(api.get("/nothing"))[:2] == (404, "not_found")
    assert error(api.delete("/messages"))[:2] == (405, "method_not_allowed")


def test_a_message_is_shown_with_its_life_and_cancelled(api: httpx.Client) -> None:
    message_id = send(api, tags={"room": "Küche"}).json()["message_ids"][0]
    shown = api.get(f"/messages/{message_id}").json()
    assert (shown["to"], shown["text"], shown["status"], shown["tags"]) == (
        *("+491701234567", "hello", "queued"),
        {"room": "Küche"},
    )
    assert shown["timeline"][0]["what"] == "queued"
    assert api.post(f"/messages/{message_id}/cancel").json()["status"] == "canceled"
    assert error(api.post(f"/messages/{message_id}/cancel"))[:2] == (409, "not_cancelable")
    binary = send(api, text=None, data_hex="00ff", ports=[16000, 1]).json()["message_ids"][0]
    shown = api.get(f"/messages/{binary}").json()
    assert (shown["data_hex"], shown["ports"]) == ("00ff", [16000, 1])
    assert "text" not in shown


def test_a_finished_message_is_redacted_and_deleted_and_others_are_not(api: httpx.Client) -> None:
    message_id = send(api, text="the code is 4711").json()["message_ids"][0]
    path = f"/messages/{message_id}"
    assert error(api.delete(path))[:2] == (409, "not_finished")
    assert error(api.post(f"{path}/redact"))[:2] == (409, "not_finished")
    api.post(f"{path}/cancel")
    assert api.post(f"{path}/redact").json()["text"] == ""
    assert "4711" not in api.get(path).text
    assert api.delete(path).status_code == 204
    assert error(api.get(path))[:2] == error(api.delete(path))[:2] == (404, "unknown_message")


def test_lists_are_filtered_and_paged(api: httpx.Client) -> None:
    numbers = [f"+4917012345{n:02}" for n in range(7)]
    ids = [send(api, to=number).json()["message_ids"][0] for number in numbers]
    seen: list[str] = []
    before = None
    for _ in range(4):
        page = api.get("/messages", params={"limit": 3} | ({"before": before} if before else {})).json()
        seen += [message["message_id"] for message in page["messages"]]
        before = page["next"]
        if before is None:
            break
    assert seen == ids[::-1]
    by_peer = api.get(f"/messages?peer={numbers[2]}").json()["messages"]  # with a bare + in the query
    assert [message["message_id"] for message in by_peer] == [ids[2]]
    assert api.get("/messages", params={"direction": "inbound"}).json() == {"messages": [], "next": None}
    assert len(api.get("/messages", params={"status": "queued"}).json()["messages"]) == 7


def test_every_filter_narrows_and_words_are_found(api: httpx.Client) -> None:
    plain = send(api, text="The pump in the Gewächshaus stopped", id="mine").json()["message_ids"][0]
    flash = send(api, to="+491701234599", text="fire alarm", tags={"house": "h1", "n": 3}, **{"class": 0})
    (flash_id,) = flash.json()["message_ids"]
    data = send(api, text=None, data_hex="00ff", modem="stick1").json()["message_ids"][0]
    api.post(f"/messages/{data}/cancel")
    everything = [data, flash_id, plain]

    def found(**wanted: object) -> list[str]:
        answer = api.get("/messages", params=wanted)
        assert answer.status_code == 200, answer.text
        return [message["message_id"] for message in answer.json()["messages"]]

    for wanted, ids in (
        ({"direction": "outbound"}, everything),
        ({"status": ["queued", "canceled"]}, everything),
        ({"status": ["canceled", "failed"]}, [data]),
        ({"status": ["queued", "scheduled"]}, [flash_id, plain]),
        ({"status": ["delivered"]}, []),
        ({"peer": "4599"}, [flash_id]),
        ({"peer": "+491701234567"}, [data, plain]),
        ({"peer": "+4917012345"}, []),
        ({"modem": "stick1"}, [data]),
        ({"number": "+49160"}, []),
        ({"since": "2020-01-01T00:00:00+01:00"}, everything),
        ({"until": "2020-01-01T00:00:00Z"}, []),
        ({"since": "2020-01-01T00:00:00Z", "until": "9998-01-01T00:00:00Z", "peer": "4599"}, [flash_id]),
        ({"tag": "house"}, [flash_id]),
        ({"tag": "house=h1"}, [flash_id]),
        ({"tag": "n=3"}, [flash_id]),
        ({"tag": "house=h2"}, []),
        ({"kind": "data"}, [data]),
        ({"kind": "flash"}, [flash_id]),
        ({"kind": "text"}, [flash_id, plain]),
        ({"has_error": True}, []),
        ({"has_error": False}, everything),
        ({"id": "mine"}, [plain]),
        ({"id": "yours"}, []),
        ({"q": "pump"}, [plain]),
        ({"q": "PUMP gewachshaus"}, [plain]),
        ({"q": "pump alarm"}, []),
        ({"q": "gewäch*"}, [plain]),
        ({"q": '"in the"'}, [plain]),
        ({"q": '"the in"'}, []),
        ({"q": "alarm", "tag": "house", "kind": "flash", "status": "queued"}, [flash_id]),
        ({"q": "NOT ( * : \0 - ' OR"}, []),
        ({"q": "***"}, []),
        ({"blocked": True}, []),
    ):
        assert found(**wanted) == ids, wanted
    bare = api.get("/messages?since=2020-01-01T00:00:00+01:00&status=queued&status=canceled")  # with a bare +
    assert len(bare.json()["messages"]) == 3
    for field, wrong in (("since", "yesterday"), ("before", "x"), ("q", "x" * 201), ("kind", "fax")):
        assert error(api.get("/messages", params={field: wrong})) == (400, "bad_request", field)


def test_modems_are_listed(api: httpx.Client) -> None:
    [modem] = api.get("/modems").json()["modems"]
    assert (modem["name"], modem["able"]) == ("stick1", False)


class Fails(Service):
    """The database takes nothing, and one text meets a defect."""

    async def send(self, request: SendRequest, origin: Origin) -> CommandResult:
        if request.text == "defect":
            raise ZeroDivisionError
        raise StoreError("the disk is full")


def test_a_full_disk_and_a_defect_are_told_apart(tmp_path: Path) -> None:
    with GatewayThread(config_for(tmp_path, ""), service=Fails) as gateway, client(gateway) as api:
        assert error(send(api))[:2] == (503, "store_error")
        assert error(send(api, text="defect"))[:2] == (500, "internal_error")
        assert api.get("/modems").status_code == 200


def test_a_dead_socket_is_replaced_and_a_living_one_is_not(tmp_path: Path) -> None:
    config = config_for(tmp_path, "")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(config.socket))
    with GatewayThread(config) as gateway:
        with client(gateway) as api:
            assert api.get("/modems").status_code == 200
        second = WebServer(config, gateway.parts())
        with pytest.raises(ConfigError, match="another smsgw"):
            second.open()


def test_an_address_in_use_is_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    with GatewayThread(config_for(tmp_path / "a", "")) as gateway:
        assert gateway.web.url is not None
        taken = gateway.web.url.removeprefix("http://")
        config = config_for(tmp_path / "b", "")
        config = config.model_copy(update={"web": config.web.model_copy(update={"listen": taken})})
        second = WebServer(config, gateway.parts())
        with pytest.raises(ConfigError, match=r"web\.listen: .* in use"):
            second.open()
        second.close()
        assert not config.socket.exists()


def test_the_description_names_every_path(gateway: GatewayThread, api: httpx.Client) -> None:
    described = json.loads(api.get("/openapi.json").text)["paths"]
    offered = [route for router in routers(gateway.parts()) for route in router.routes]
    assert set(described) == {
        route.path for route in offered if isinstance(route, APIRoute) and route.include_in_schema
    }
    for operations in described.values():
        assert all("default" in operation["responses"] for operation in operations.values())
