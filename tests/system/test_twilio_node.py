"""The official Node SDK: sends through the gateway, accepts its signatures, and writes TwiML that it reads."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from gateway.web.twilio.signature import sign
from gateway.web.twilio.twiml import Reply, read
from tests.architecture.sources import ROOT
from tests.support.box import box
from tests.support.broker import free_port

NODE = ROOT / "tests" / "system" / "twilio_node"
INSTALL_S = 180
UNREACHABLE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH")

pytestmark = pytest.mark.system


def installed(directory: Path) -> Path:
    """The SDK as its lock file says, with the program beside it; skips where there is no npm or no network."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("there is no npm, which scripts/test --system brings where it can")
    where = directory / "node"
    shutil.copytree(NODE, where)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1"]
    try:
        found = subprocess.run(command, cwd=where, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"the npm registry sent no package within {INSTALL_S} s")
    if found.returncode:
        if any(word in found.stderr for word in UNREACHABLE):
            pytest.skip("the npm registry cannot be reached")
        raise AssertionError(found.stderr)
    return where


def test_the_node_sdk_works_unchanged(tmp_path: Path) -> None:
    where = installed(tmp_path)
    port = free_port()
    with box(tmp_path, modems=1) as gateway:
        gateway.config.write_text(gateway.config.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}"))
        gateway.start()
        gateway.wait_online("modem1")
        made = tomllib.loads((tmp_path / "data" / "secrets.toml").read_text())
        fields = {"Body": "Grüße 👋 & =", "From": "+491718888888", "Empty": ""}
        url = "http://192.168.1.20:5000/sms?a=%C3%BC&b=2"
        told = {
            "base": f"http://127.0.0.1:{port}",
            "sid": made["account_sid"],
            "token": made["auth_token"],
            "from": "+491700000001",
            "to": "+491718888888",
            "post": {"url": url, "fields": fields, "signature": sign(made["auth_token"], url, fields.items())},
        }
        run = subprocess.run(
            ["node", "program.js", json.dumps(told)], cwd=where, capture_output=True, text=True, timeout=60, check=False
        )
        assert run.returncode == 0, run.stderr
        found = json.loads(run.stdout.splitlines()[-1])
        assert found["status"] == "queued"
        assert found["body"] == "from node, Grüße 👋"
        assert found["listed"] == [found["sid"]]
        assert (found["code"], found["http"]) == (21211, 400)
        assert (found["valid"], found["forged"]) == (True, False)
        assert read(found["twiml"].encode(), "text/xml").verbs == (Reply(text="<one> & 'two' 👋"),)
