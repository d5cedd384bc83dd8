"""`smsgw users`, `tokens`, `sessions`, `audit` and `codes`, against a running gateway; and tables for terminals."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from gateway.cli import client
from gateway.cli.main import cli
from gateway.errors import CODES
from tests.edges.gateway_thread import PASSWORD, GatewayThread, config_for

SECRET = "a long password of one's own"


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayThread]:
    with GatewayThread(config_for(tmp_path, "")) as running:
        yield running


class Program:
    """The command line of a gateway."""

    def __init__(self, gateway: GatewayThread) -> None:
        self._socket = str(gateway.config.socket)

    def said(self, *args: str, stdin: str | None = None) -> str:
        result = CliRunner().invoke(cli, [*args, "--socket", self._socket], input=stdin)
        assert result.exit_code == 0, result.output
        return result.stdout

    def told(self, *args: str) -> dict[str, Any]:
        answer = json.loads(self.said(*args, "--json"))
        assert isinstance(answer, dict)
        return answer

    def refused(self, *args: str, stdin: str | None = None) -> str:
        result = CliRunner().invoke(cli, [*args, "--socket", self._socket], input=stdin)
        assert result.exit_code == 1, result.output
        assert result.stdout == ""
        [line] = result.stderr.splitlines()
        return line


@pytest.fixture
def smsgw(gateway: GatewayThread) -> Program:
    return Program(gateway)


def ask(gateway: GatewayThread, **options: Any) -> int:
    """Whether somebody gets in, by the status of the answer."""
    return httpx.get(f"{gateway.web.url}/api/v1/session", **options).status_code


def test_users_are_added_changed_and_deleted(gateway: GatewayThread, smsgw: Program) -> None:
    assert smsgw.said("users", "add", "ann", "--role", "operator", "--password-stdin", stdin=f"{SECRET}\n")
    assert ask(gateway, auth=("ann", SECRET)) == 200
    assert "`smsgw users change`" in smsgw.refused("users", "add", "ann", "--role", "admin")
    assert "operator" in smsgw.said("users", "list")
    assert "not log in" in smsgw.said("users", "change", "ann", "--disable")
    assert ask(gateway, auth=("ann", SECRET)) == 401
    smsgw.said("users", "change", "ann", "--enable", "--role", "read-only")
    assert [(one["name"], one["role"], one["disabled"]) for one in smsgw.told("users", "list")["users"]] == [
        ("admin", "admin", False),
        ("ann", "read-only", False),
    ]
    smsgw.said("users", "change", "ann", "--password-stdin", stdin=f"{SECRET} and more")
    assert ask(gateway, auth=("ann", f"{SECRET} and more")) == 200
    smsgw.said("users", "delete", "ann")
    assert ask(gateway, auth=("ann", f"{SECRET} and more")) == 401
    assert "unknown_user" in smsgw.refused("users", "change", "ann", "--disable")
    assert "last_admin" in smsgw.refused("users", "delete", "admin")
    assert "not_found" in smsgw.refused("users", "delete", "a/../admin")
    assert "10 to" in smsgw.refused("users", "add", "bob", "--role", "admin", "--password-stdin", stdin="short\n")


def test_a_password_is_asked_for_twice(gateway: GatewayThread, smsgw: Program) -> None:
    smsgw.said("users", "add", "ann", "--role", "operator", stdin=f"{SECRET}\n{SECRET}\n")
    assert ask(gateway, auth=("ann", SECRET)) == 200


def test_tokens_are_told_once(gateway: GatewayThread, smsgw: Program) -> None:
    token = smsgw.said("tokens", "make", "door", "--role", "send-only", "--modem", "stick1", "--to", "+49").strip()
    assert ask(gateway, headers={"authorization": f"Bearer {token}"}) == 200
    (found,) = smsgw.told("tokens", "list")["tokens"]
    assert (found["name"], found["modems"], found["recipients"]) == ("door", ["stick1"], ["+49"])
    shown = smsgw.said("tokens", "list")
    assert "stick1, +49…" in shown
    assert token not in shown
    smsgw.said("tokens", "delete", found["token_id"])
    assert ask(gateway, headers={"authorization": f"Bearer {token}"}) == 401
    assert "unknown_token" in smsgw.refused("tokens", "delete", found["token_id"])
    assert "expires_at" in smsgw.refused("tokens", "make", "x", "--role", "admin", "--expires-at", "tomorrow")


def test_sessions_are_listed_and_ended(gateway: GatewayThread, smsgw: Program) -> None:
    with httpx.Client(base_url=str(gateway.web.url)) as http:
        assert http.post("/api/v1/session", json={"name": "admin", "password": PASSWORD}).status_code == 201
        (session,) = smsgw.told("sessions", "list")["sessions"]
        assert session["user"] == "admin"
        assert session["session_id"] in smsgw.said("sessions", "list")
        smsgw.said("sessions", "end", session["session_id"])
        assert http.get("/api/v1/session").status_code == 401
    assert "unknown_session" in smsgw.refused("sessions", "end", session["session_id"])


def test_the_audit_log_has_what_is_done_by_command_too(smsgw: Program) -> None:
    smsgw.said("users", "add", "ann", "--role", "operator", "--password-stdin", stdin=SECRET)
    smsgw.refused("users", "delete", "nobody")
    entries = smsgw.told("audit", "--limit", "2")
    assert [(one["who"], one["action"], one["target"], one["ok"]) for one in entries["entries"]] == [
        ("local:local", "DELETE", "/api/v1/users/nobody", False),
        ("local:local", "PUT", "/api/v1/users/ann", True),
    ]
    said = smsgw.said("audit")
    assert "refused  DELETE /api/v1/users/nobody" in said
    assert SECRET not in said


def test_what_codes_mean() -> None:
    run = CliRunner().invoke
    everything = run(cli, ["codes"]).stdout
    assert all(code in everything for code in CODES)
    assert CODES["queue_full"].meaning in run(cli, ["codes", "queue_full"]).stdout
    by_number = json.loads(run(cli, ["codes", str(CODES["rate_limited"].twilio), "--json"]).stdout)
    assert "rate_limited" in [one["code"] for one in by_number["codes"]]
    unknown = run(cli, ["codes", "none"])
    assert (unknown.exit_code, unknown.stdout) == (1, "")


def test_tables_fit_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [["a", "日本"], ["bbb", "a text that is long"], ["e\u0301", "😀" * 6]]
    assert client.table(rows).splitlines()[1] == "bbb  a text that is long"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((12, 24)))
    assert client.table(rows).splitlines() == ["a    日本", "bbb  a text…", "e\u0301    😀😀😀…"]
    assert client.table(rows, cut=False).splitlines()[1] == "bbb  a text that is long"
