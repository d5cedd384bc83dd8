"""The flight recorder of a running gateway: handed out by the command line, over the socket, after a kill too."""

from __future__ import annotations

import json
import urllib.request
from itertools import pairwise
from pathlib import Path

import click

from gateway.cli.client import Api
from tests.support.processes import PATIENCE, DaemonProcess, EmulatorProcess, smsgw, wait_until, write_config

PHONE = "+491719999999"
TEXT = "Nobody but the two of us is to read this"


def started(config: Path) -> DaemonProcess:
    daemon = DaemonProcess(config)
    daemon.start()
    socket = config.parent / "data" / "smsgw.sock"

    def able() -> bool:
        try:
            return bool(Api(socket).get("/modems")["modems"][0]["able"])
        except click.ClickException:
            return False

    wait_until(able, "the modem to be able to send")
    return daemon


def exported(config: Path, *more: str) -> str:
    done = smsgw("recorder", "export", "one", "-c", str(config), *more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_last_traffic_is_exported_without_what_is_private(tmp_path: Path) -> None:
    with EmulatorProcess(tmp_path / "links") as emulator:
        config = write_config(tmp_path, ports={"one": emulator.ready["modems"][0]["port"]})
        daemon = started(config)
        try:
            Api(tmp_path / "data" / "smsgw.sock").post("/messages", {"to": PHONE, "text": TEXT})
            wait_until(lambda: "+CMGS: " in exported(config), "the text to be sent")
            lines = [json.loads(line) for line in exported(config).splitlines()]
            assert lines[0] == {"recording": 1, "modem": "one", "redacted": True, "run": 1}
            traffic = "".join(line["octets"] for line in lines[1:])
            assert "AT+CMGS=" in traffic
            assert "+CMGS: " in traffic
            assert PHONE[1:] not in traffic
            with urllib.request.urlopen(f"{emulator.control}/submitted", timeout=PATIENCE) as answer:
                assert json.load(answer)["submitted"][0]["pdu"][-40:] not in traffic
            assert all(later["t"] >= earlier["t"] for earlier, later in pairwise(lines[1:]))
            daemon.kill()
            daemon = started(config)
            exported(config, "-o", str(tmp_path / "recording.jsonl"))
            assert "AT+CMGS=" in (tmp_path / "recording.jsonl").read_text()
            missing = smsgw("recorder", "export", "two", "-c", str(config))
            assert missing.returncode == 1
            assert "unknown_modem" in missing.stderr
        finally:
            daemon.stop()
