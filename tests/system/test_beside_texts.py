"""USSD, calls, forwarding, phonebook and restarts through everything: broker, daemon as a process, command line, emulator."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.box import ROOT_TOPIC, Box, box
from tests.support.processes import PATIENCE, smsgw, wait_until

CALLER = "+491701234567"
MENU = {"*100#": "Balance: 12.34 €", "*101#": {"text": "1 Balance\n2 Top up", "replies": {"1": "12.34 €"}}}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with box(tmp_path_factory.mktemp("box")) as found:
        found.control("/network", {"ussd": MENU})
        found.start()
        found.wait_online("modem1", "modem2")
        yield found


def asked(gateway: Box, operation: str, **fields: Any) -> dict[str, Any]:
    count = len(gateway.seen(f"bridge/response/{operation}"))
    gateway.observer.publish(f"{ROOT_TOPIC}/bridge/request/{operation}", json.dumps({"modem": "modem1", **fields}))
    return gateway.events(f"bridge/response/{operation}", count + 1)[-1]


def command(gateway: Box, *args: str) -> str:
    done = smsgw(*args, "-c", str(gateway.config))
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def test_a_dialogue(gateway: Box) -> None:
    assert asked(gateway, "ussd", code="*100#")["data"]["text"] == "Balance: 12.34 €"
    assert asked(gateway, "ussd", code="*101#")["data"]["state"] == "reply_wanted"
    assert asked(gateway, "ussd", code="*100#")["error"]["code"] == "ussd_busy"
    assert asked(gateway, "ussd", reply="1")["data"] == {"modem": "modem1", "text": "12.34 €", "state": "done"}
    assert asked(gateway, "ussd", code="*9#")["error"]["code"] == "ussd_unsupported"
    assert command(gateway, "ussd", "modem2", "*101#", "--reply", "1") == "1 Balance\n2 Top up\n12.34 €\n"


def test_a_dialogue_on_a_terminal(gateway: Box) -> None:
    ours, theirs = pty.openpty()
    args = [sys.executable, "-m", "gateway", "ussd", "modem2", "*101#", "-c", str(gateway.config)]
    with subprocess.Popen(args, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as program:
        os.close(theirs)
        shown = _read_until(ours, "reply: ")
        assert shown.replace("\r\n", "\n").startswith("1 Balance\n2 Top up\n")
        os.write(ours, b"1\n")
        assert "12.34 €" in _read_until(ours, "€")
        assert program.wait(PATIENCE) == 0
    os.close(ours)


def _read_until(terminal: int, end: str) -> str:
    shown = b""
    while end not in shown.decode("utf-8", "ignore"):
        shown += os.read(terminal, 4096)
    return shown.decode("utf-8", "ignore")


def test_the_network_speaks_first(gateway: Box) -> None:
    gateway.control("/ussd", {"modem": "modem1", "text": "Welcome abroad"})
    event = gateway.events("ussd")[0]
    assert (event["modem"], event["text"], event["state"]) == ("modem1", "Welcome abroad", "done")


def test_a_call_and_a_text_at_the_same_time(gateway: Box) -> None:
    gateway.control("/call", {"modem": "modem1", "from": CALLER})
    assert gateway.events("call")[0]["state"] == "ringing"
    gateway.send(id="while-it-rings", to="+4915112345678", modem="modem1", text="x")
    gateway.wait_status("while-it-rings", "delivered")
    gateway.control("/hangup", {"modem": "modem1"})
    ringing, missed = gateway.events("call", 2)
    assert (missed["state"], missed["call_id"], missed["from"]) == ("missed", ringing["call_id"], CALLER)
    assert missed["seq"] > ringing["seq"]
    [call] = json.loads(command(gateway, "calls", "--number", CALLER, "--json"))["calls"]
    assert (call["modem"], call["state"], call["call_id"]) == ("modem1", "missed", missed["call_id"])


def test_forwarding_and_phonebook(gateway: Box) -> None:
    answer = asked(gateway, "call-forwarding", reason="busy", number=CALLER)
    assert answer["data"]["forwarding"] == [{"reason": "busy", "active": True, "number": CALLER, "after_s": None}]
    assert f"busy           to {CALLER}" in command(gateway, "forward", "modem1")
    assert command(gateway, "forward", "modem1", "clear", "busy") == "busy: not forwarded\n"
    command(gateway, "phonebook", "modem1", "add", CALLER, "Zoë")
    assert command(gateway, "phonebook", "modem1") == f"1  {CALLER}  Zoë\n"
    assert command(gateway, "phonebook", "modem1", "own") == "+491700000001\n"


def test_a_restart(gateway: Box) -> None:
    since = len(gateway.seen("modem/modem1/state"))
    assert asked(gateway, "modem-reset")["status"] == "ok"

    def came_back() -> bool:
        states = [each["state"] for each in gateway.seen("modem/modem1/state")[since:]]
        return "ready" in states and states[-1] == "ready" and len(states) > 1

    wait_until(came_back, "modem1 to come back")
    gateway.send(id="afterwards", to="+4915112345678", modem="modem1", text="y")
    gateway.wait_status("afterwards", "delivered")
