"""Lists and the consent log over HTTP and on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.config import parse_config
from gateway.messaging import Service
from gateway.settings import terms_of
from tests.edges.gateway_thread import GatewayThread, config_for
from tests.edges.test_cli import failed, run
from tests.edges.test_web import client, error, send
from tests.messaging.rig import Identity, deliver

NUMBER = "+491701234567"
CONFIGURED = parse_config('[compliance]\nscope = "all"\nblock = {out = "+88*", in = "Shouter"}', Path("box.toml"))


class Complying(Service):
    """With terms of its own."""

    def __init__(self, store: Any, clock: Any, settings: Any) -> None:
        super().__init__(store, clock, replace(settings, compliance=terms_of(CONFIGURED)))


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayThread]:
    with GatewayThread(config_for(tmp_path, ""), service=Complying) as running:
        yield running


def receive(gateway: GatewayThread, text: str, sender: str = NUMBER) -> None:
    items = deliver(text, oa=sender, at=datetime(2026, 3, 1, 12, tzinfo=UTC))
    gateway.call(gateway.service.listener.received("stick1", "8949", items))
    gateway.call(gateway.service.listener.released("stick1", "8949", items))


def test_lists_are_made_shown_and_unmade(gateway: GatewayThread) -> None:
    with client(gateway) as api:
        configured = api.get("/lists").json()["entries"]
        assert [(e["entry_id"], e["list"], e["direction"], e["pattern"]) for e in configured] == [
            (None, "block", "out", "+88*"),
            (None, "block", "in", "shouter"),
        ]
        assert error(send(api, to="+8821612345678")) == (403, "recipient_blocked", None)
        made = api.post("/lists/block", json={"pattern": "0170 1234567", "note": "left us"})
        assert made.status_code == 201
        entry = made.json()
        assert (entry["pattern"], entry["direction"], entry["note"]) == (NUMBER, "out", "left us")
        assert entry["created_by"] == "local:local"
        assert api.post("/lists/block", json={"pattern": NUMBER}).json() == entry
        assert error(send(api, to=NUMBER)) == (403, "recipient_blocked", None)
        assert api.get("/lists", params={"pattern": "0170 1234567"}).json() == {"entries": [entry]}
        assert len(api.get("/lists", params={"direction": "in"}).json()["entries"]) == 1
        assert error(api.delete(f"/lists/allow/{entry['entry_id']}")) == (404, "unknown_entry", None)
        assert api.delete(f"/lists/block/{entry['entry_id']}").status_code == 204
        assert send(api, to=NUMBER).status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"pattern": "Shouter"}, "to"),
        ({"pattern": "+49*1"}, "to"),
        ({"pattern": "+49 170*"}, "to"),
        ({"pattern": "x" * 12, "direction": "in"}, "to"),
        ({"pattern": "+4917*", "direction": "both"}, "direction"),
        ({"pattern": ""}, "pattern"),
        ({"pattern": "1*", "note": "x" * 201}, "note"),
        ({}, "pattern"),
    ],
)
def test_what_is_no_entry_is_refused(gateway: GatewayThread, body: dict[str, str], field: str) -> None:
    with client(gateway) as api:
        status, code, told = error(api.post("/lists/block", json=body))
        assert (status, told) == (400, "pattern" if field == "to" else field)
        assert code == ("invalid_number" if field == "to" else "bad_request")
        assert len(api.get("/lists").json()["entries"]) == 2


def test_the_log_tells_who_asked_for_what(gateway: GatewayThread) -> None:
    gateway.call(
        gateway.service.listener.ready("stick1", Identity(imei="1", iccid="8949", number="+4917000000001"), None)
    )
    receive(gateway, "STOP")
    receive(gateway, "Stopp", "+4915112345678")
    with client(gateway) as api:
        page = api.get("/consent", params={"limit": 1}).json()
        assert [(e["number"], e["change"], e["word"]) for e in page["consent"]] == [
            ("+4915112345678", "opt_out", "stopp")
        ]
        rest = api.get("/consent", params={"before": page["next"]}).json()
        assert [e["number"] for e in rest["consent"]] == [NUMBER]
        assert rest["next"] is None
        only = api.get("/consent", params={"number": "0170 1234567"}).json()["consent"]
        assert [e["word"] for e in only] == ["stop"]
        text = api.get(f"/messages/{only[0]['message_id']}").json()
        assert (text["text"], text["blocked"]) == ("STOP", False)
        assert api.get(f"/messages/{only[0]['reply_id']}").json()["tags"] == {"reply_to": text["message_id"]}
        assert error(send(api, to=NUMBER)) == (403, "opted_out", None)


def test_what_a_blocked_sender_wrote_is_shown_to_who_asks(gateway: GatewayThread) -> None:
    receive(gateway, "Buy!", "Shouter")
    with client(gateway) as api:
        assert api.get("/messages").json()["messages"] == []
        [kept] = api.get("/messages", params={"blocked": "true"}).json()["messages"]
        assert (kept["text"], kept["from"], kept["blocked"], kept["status"]) == ("Buy!", "Shouter", True, "received")
    listed = run("messages", "--blocked", "--socket", gateway.config.socket)
    assert "Buy!" in listed.stdout


def test_lists_and_log_on_the_command_line(gateway: GatewayThread) -> None:
    here = ("--socket", gateway.config.socket)
    blocked = run("block", "0170 1234567", "--note", "left us", *here)
    assert blocked.exit_code == 0
    assert NUMBER in blocked.stdout
    assert run("block", "Loud", "--in", *here).exit_code == 0
    assert json.loads(run("allow", "*", "--json", *here).stdout)["list"] == "allow"
    shown = run("lists", *here).stdout.splitlines()
    assert [line.split()[:4] for line in shown] == [
        ["block", "out", "+88*", "configuration"],
        ["block", "in", "shouter", "configuration"],
        ["block", "out", NUMBER, shown[2].split()[3]],
        ["block", "in", "loud", shown[3].split()[3]],
        ["allow", "out", "*", shown[4].split()[3]],
    ]
    assert shown[2].endswith("left us")
    assert run("unblock", "0170 1234567", *here).exit_code == 0
    assert run("unblock", "LOUD", "--in", *here).exit_code == 0
    assert run("unallow", "*", *here).exit_code == 0
    assert "is not there" in failed(run("unblock", NUMBER, *here), 1)
    assert "stands in the configuration" in failed(run("unblock", "+88*", *here), 1)
    assert "invalid_number" in failed(run("block", "nobody", *here), 1)
    assert len(json.loads(run("lists", "--json", *here).stdout)["entries"]) == 2
    receive(gateway, "STOP")
    line = run("consent", "--number", NUMBER, *here).stdout
    assert line.split()[2:5] == [NUMBER, "opt_out", "stop"]
    assert json.loads(run("consent", "--json", *here).stdout)["consent"][0]["change"] == "opt_out"
