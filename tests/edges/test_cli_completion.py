"""What the shell is offered: as bash asks for it, with a gateway that runs, one that is not there, and one that is slow."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from gateway.cli import completion
from gateway.cli.main import COMMANDS, cli
from tests.edges.gateway_thread import GatewayThread, config_for


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayThread]:
    with GatewayThread(config_for(tmp_path, ""), modems=("stick1", "stick2", "other")) as running:
        yield running


def offered(*words: str) -> list[str]:
    """What bash is offered for the last word."""
    line = {
        "COMP_WORDS": " ".join(("smsgw", *words)),
        "COMP_CWORD": str(len(words)),
        "_SMSGW_COMPLETE": "bash_complete",
    }
    result = CliRunner().invoke(cli, prog_name="smsgw", env=line)
    assert result.stderr == ""
    return [entry.partition(",")[2] for entry in result.stdout.splitlines() if entry]


def test_names_and_ids_are_offered(gateway: GatewayThread) -> None:
    there = ("--socket", str(gateway.config.socket))
    transport = httpx.HTTPTransport(uds=str(gateway.config.socket))
    with httpx.Client(transport=transport, base_url="http://smsgw/api/v1") as api:
        (sent,) = api.post("/messages", json={"to": "+491701234567", "text": "Grüße"}).json()["message_ids"]
        token = api.post("/tokens", json={"name": "door", "role": "admin"}).json()["token_id"]
    assert offered("ussd", *there, "st") == ["stick1", "stick2"]
    assert offered("calls", *there, "--modem", "o") == ["other"]
    assert offered("show", *there, "SM") == [sent]
    assert offered("tokens", "delete", *there, "") == [token]
    assert offered("users", "delete", *there, "a") == ["admin"]
    assert offered("webhooks", "deliveries", *there, "") == []  # this gateway has no such route


def test_commands_options_and_codes_need_no_gateway() -> None:
    assert offered("") == list(COMMANDS)
    assert offered("mod") == ["modems"]
    assert "--modem" in offered("calls", "--m")
    assert offered("codes", "queue") == ["queue_full"]
    assert offered("completion", "z") == ["zsh"]


@pytest.mark.parametrize("file", ["", "gateway = 7", "not toml", '[gateway]\ndata_dir = "/nowhere"'])
def test_without_a_gateway_nothing_is_offered_and_nothing_said(tmp_path: Path, file: str) -> None:
    config = tmp_path / "smsgw.toml"
    config.write_text(file)
    assert offered("ussd", "-c", str(config), "st") == []
    assert offered("ussd", "-c", str(tmp_path / "none.toml"), "st") == []


def test_a_gateway_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "smsgw.sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        begun = time.monotonic()
        assert offered("ussd", "--socket", str(path), "st") == []
        assert time.monotonic() - begun < 20 * completion.PATIENCE_S


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_the_script_is_one_that_asks_us(shell: str) -> None:
    script = CliRunner().invoke(cli, ["completion", shell])
    assert script.exit_code == 0
    assert "_SMSGW_COMPLETE" in script.stdout


def test_completing_loads_neither_models_nor_web() -> None:
    code = "import sys; from gateway.cli import completion, ussd, main; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ})
    assert not {"pydantic", "httpx", "fastapi", "gateway.config"} & set(run.stdout.split())
