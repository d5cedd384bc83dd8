"""Conversations and the export by command line, through a running gateway."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from tests.edges.gateway_thread import GatewayThread
from tests.edges.test_cli import failed, gateway, run  # noqa: F401 - a fixture


def test_conversations_are_listed_marked_and_exported(gateway: GatewayThread, tmp_path: Path) -> None:  # noqa: F811
    socket = ("--socket", gateway.config.socket)
    assert run("conversations", *socket).output == "Nothing was said yet.\n"
    for text in ("first", "zweite 🙂"):
        assert run("send", "+491701234567", text, *socket).exit_code == 0
    [line] = run("conversations", *socket).output.splitlines()
    assert "+491701234567" in line
    assert line.endswith("zweite 🙂")
    [talk] = json.loads(run("conversations", "--json", *socket).output)["conversations"]
    assert (talk["peer"], talk["unread"], talk["last"]["text"]) == ("+491701234567", 0, "zweite 🙂")
    assert run("conversations", "read", "+491701234567", *socket).exit_code == 0
    assert "no such conversation" in failed(run("conversations", "read", "+49", *socket), 1)

    rows = list(csv.DictReader(io.StringIO(run("export", *socket).output)))
    assert [row["text"] for row in rows] == ["zweite 🙂", "first"]
    target = tmp_path / "messages.ndjson"
    assert run("export", target, "--format", "ndjson", "--search", "first", *socket).exit_code == 0
    assert [json.loads(line)["text"] for line in target.read_text().splitlines()] == ["first"]
    assert "is no time" in failed(run("export", "--since", "monday", *socket), 2)
    assert "is `smsgw run` running?" in failed(run("export", "--socket", tmp_path / "nobody"), 1)
