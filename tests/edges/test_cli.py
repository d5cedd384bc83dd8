"""The command line: by click's runner where no process is needed, by subprocess where one is."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.client import shown
from gateway.cli.main import COMMANDS, cli
from gateway.cli.notify import PATIENCE_US, feed_watchdog, notify
from tests.edges.gateway_thread import GatewayThread, config_for
from tests.support.broker import find_mosquitto
from tests.support.processes import PATIENCE, DaemonProcess, Program, smsgw, write_config


def run(*args: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args], input=stdin)


def failed(result: Result, status: int) -> str:
    """The one line on standard error."""
    assert result.exit_code == status, result.output
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert line.startswith("smsgw: ")
    return line


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayThread]:
    with GatewayThread(config_for(tmp_path, "")) as running:
        yield running


def test_the_help_names_every_command_and_needs_no_import() -> None:
    code = "import sys; from gateway.cli.main import cli; cli(['--help'], standalone_mode=False); print(*sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for name in COMMANDS:
        assert re.search(rf"^  {name} ", output, re.MULTILINE)
    assert not {"pydantic", "fastapi", "httpx", "paho", "phonenumbers", "gateway.emulator"} & set(output.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_the_summary_is_its_first_line(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    command = cli.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None
    assert (command.help or "").splitlines()[0].strip() == COMMANDS[name].summary


def test_version() -> None:
    assert re.fullmatch(r"smsgw \d+\.\d+\.\d+\S*\n", run("--version").stdout)


def test_mistakes_in_the_call_are_one_line() -> None:
    assert "No such command 'sned'" in failed(run("sned"), 2)
    assert "Missing argument" in failed(run("send", "+491701234567"), 2)
    assert "--class" in failed(run("send", "1", "x", "--class", "9"), 2)


def test_config_check(tmp_path: Path) -> None:
    good = write_config(tmp_path, broker="mqtt://me:geheim@broker", ports={"stick1": "/dev/ttyUSB0"})
    result = run("config", "check", "-c", good)
    assert result.exit_code == 0
    assert "no mistakes" in result.stdout
    assert "stick1 at /dev/ttyUSB0" in result.stdout
    assert "mqtt://broker:1883 as me" in result.stdout
    assert "geheim" not in result.output
    bad = tmp_path / "bad.toml"
    bad.write_text("[outbox]\nmax_attempts = 0\n")
    line = failed(run("config", "check", "-c", bad), 2)
    assert f"{bad}: outbox.max_attempts: 0 is not allowed; allowed: a whole number from 1 to 100" in line
    assert "no such file" in failed(run("config", "check", "-c", tmp_path / "none.toml"), 2)


def test_run_refuses_a_bad_configuration(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("[gateway]\nid = 5\n")
    done = smsgw("run", "-c", str(bad))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"smsgw: {bad}: gateway.id: 5 is not allowed" in done.stderr


def test_without_a_daemon_the_reason_is_one_line(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    for args in (("messages",), ("modems",), ("show", "SM0"), ("send", "1234", "x")):
        line = failed(run(*args, "-c", config), 1)
        assert str(tmp_path / "data" / "smsgw.sock") in line
        assert "is `smsgw run` running?" in line


def test_messages_are_sent_listed_and_shown(gateway: GatewayThread) -> None:
    where = ("--socket", gateway.config.socket)
    result = run("send", "+491701234567", "Grüße \x1b[31m", "--id", "a", "--class", "0", "--report", *where, "--json")
    assert result.exit_code == 0, result.output
    accepted = json.loads(result.stdout)
    assert accepted["status"] == "accepted"
    [message_id] = accepted["message_ids"]
    plain = run("send", "+491701234567", "Grüße \x1b[31m", "--id", "a", "--class", "0", "--report", *where)
    assert plain.stdout == f"{message_id} duplicate\n"

    listed = run("messages", *where).stdout
    assert message_id in listed
    assert "Grüße \\x1b[31m" in listed  # a text must not command the terminal
    page = json.loads(run("messages", "--json", "--direction", "outbound", *where).stdout)
    assert [message["message_id"] for message in page["messages"]] == [message_id]
    assert run("messages", "--direction", "inbound", *where).stdout == ""
    assert message_id in run("messages", "--search", "gru* ", "--status", "queued", "--status", "sent", *where).stdout
    assert run("messages", "--search", "goodbye", *where).stdout == ""
    assert run("messages", "--error", "--peer", "4567", *where).stdout == ""
    assert "'yesterday' is no time" in failed(run("messages", "--since", "yesterday", *where), 2)
    assert message_id in run("messages", "--since", "2h", *where).stdout
    assert run("messages", "--until", "2h", *where).stdout == ""

    assert "cancel it first" in failed(run("delete", message_id, *where), 1)
    other = json.loads(run("send", "+491701234567", "gone soon", *where, "--json").stdout)["message_ids"][0]
    assert run("cancel", other, *where).stdout == f"{other} canceled\n"
    assert run("redact", other, *where).stdout == f"{other} redacted\n"
    assert run("delete", other, *where).stdout == f"{other} deleted\n"
    assert "unknown_message" in failed(run("delete", other, *where), 1)
    assert "unknown_message" in failed(run("redact", "../x", *where), 1)

    life = run("show", message_id, *where).stdout
    assert "queued: by api" in life
    assert json.loads(run("show", message_id, "--json", *where).stdout)["class"] == 0
    assert "unknown_message" in failed(run("show", "SM0", *where), 1)
    assert "unknown_message" in failed(run("show", "../modems", *where), 1)

    modems = run("modems", *where).stdout.splitlines()
    assert modems[1].split()[:3] == ["stick1", "connecting", "no"]
    assert json.loads(run("modems", "--json", *where).stdout)["modems"][0]["name"] == "stick1"


def test_a_refused_message_says_why(gateway: GatewayThread) -> None:
    where = ("--socket", gateway.config.socket)
    assert "invalid_number" in failed(run("send", "nobody", "x", *where), 1)
    assert "not_encodable" in failed(run("send", "1234", "Привет", "--encoding", "gsm7", *where), 1)
    assert "still queued after 0 s" in failed(run("send", "1234", "x", "--wait", "--timeout", "0", *where), 1)


def test_a_text_can_come_from_standard_input(gateway: GatewayThread) -> None:
    where = ("--socket", gateway.config.socket)
    result = run("send", "1234", "-", "--json", *where, stdin="Zeile 1\nZeile 2 ü".encode())
    [message_id] = json.loads(result.stdout)["message_ids"]
    assert json.loads(run("show", message_id, "--json", *where).stdout)["text"] == "Zeile 1\nZeile 2 ü"
    assert "not UTF-8" in failed(run("send", "1234", "-", *where, stdin=b"\xff"), 1)


def test_a_wait_ends_with_the_message(gateway: GatewayThread) -> None:
    where = ("--socket", gateway.config.socket)
    [message_id] = json.loads(run("send", "1234", "x", "--id", "w", "--json", *where).stdout)["message_ids"]
    gateway.call(gateway.service.cancel(message_id))
    result = run("send", "1234", "x", "--id", "w", "--wait", *where)
    assert result.exit_code == 1
    assert result.stdout == f"{message_id} canceled\n"
    assert "canceled" in result.stderr


def test_pdus_are_decoded_and_encoded() -> None:
    encoded = run("pdu", "encode", "+491701234567", "Grüße " * 40, "--report", "--json")
    parts = json.loads(encoded.stdout)
    assert parts["encoding"] == "gsm7"
    hexes = [part["pdu"] for part in parts["pdus"]]
    assert len(hexes) == 2
    decoded = json.loads(run("pdu", "decode", *reversed(hexes), "--json").stdout)
    assert [pdu["type"] for pdu in decoded["pdus"]] == ["SMS-SUBMIT"] * 2
    assert [pdu["length"] for pdu in decoded["pdus"]] == [part["length"] for part in parts["pdus"]][::-1]
    assert decoded["pdus"][0]["da"] == "+491701234567"
    assert decoded["pdus"][0]["status_report_request"] is True
    assert decoded["joined"] == [{"peer": "+491701234567", "ref": 0, "parts": 2, "text": "Grüße " * 40}]
    command, hexes_alone = run("pdu", "encode", "+491701234567", "x").stdout.splitlines()
    assert re.fullmatch(r"AT\+CMGS=\d+", command)
    assert re.fullmatch(r"[0-9A-F]+", hexes_alone)
    text = run("pdu", "decode", hexes[0]).stdout
    assert "SMS-SUBMIT" in text
    assert run("pdu", "decode", hexes[0]).stdout.count("joined") == 0


@pytest.mark.parametrize(("pdu", "shown"), [("00", "SC address"), ("zz", "?"), ("", "?")])
def test_a_broken_pdu_says_where(pdu: str, shown: str) -> None:
    result = run("pdu", "decode", pdu)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith("smsgw: PDU 1: ")
    assert shown in result.stdout
    assert "not_encodable" not in failed(run("pdu", "encode", "1234", "Привет", "--encoding", "gsm7"), 1)


def test_text_from_elsewhere_cannot_command_the_terminal() -> None:
    assert shown("a\x1b]0;x\x07b\u202ec\r\nd") == "a\\x1b]0;x\\x07b\\u202ec\\r\\nd"
    assert shown("Grüße 😀") == "Grüße 😀"


def test_the_daemon_tells_its_service_manager(tmp_path: Path) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(PATIENCE)
        env = {"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "200000"}
        with DaemonProcess(write_config(tmp_path), env=env) as daemon:
            told = [manager.recv(4096).decode()]
            while not any(text.startswith("READY=1") for text in told) or told.count("WATCHDOG=1") < 3:
                told.append(manager.recv(4096).decode())
            ready = next(n for n, text in enumerate(told) if text.startswith("READY=1"))
            assert f"EXTEND_TIMEOUT_USEC={PATIENCE_US}" in told[:ready]  # a large database takes its time
            assert daemon.stop(signal.SIGTERM) == 0
            while "STOPPING=1" not in told:
                told.append(manager.recv(4096).decode())
        assert told.count("STOPPING=1") == 1


def test_the_watchdog_is_fed_on_after_a_word_that_did_not_arrive(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    address = tmp_path / "notify"
    monkeypatch.setenv("NOTIFY_SOCKET", str(address))
    monkeypatch.setenv("WATCHDOG_USEC", "10000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)

    async def scenario() -> bytes:
        feeding = asyncio.create_task(feed_watchdog())
        await asyncio.sleep(0.02)  # nobody listens yet
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(address))
            manager.setblocking(False)
            async with asyncio.timeout(PATIENCE):
                told = await asyncio.get_running_loop().sock_recv(manager, 100)
        feeding.cancel()
        return told

    assert asyncio.run(scenario()) == b"WATCHDOG=1"


def test_notify_without_a_manager_does_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert notify("READY=1") is False
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    assert notify("READY=1") is False


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_daemon_stops_cleanly_and_leaves_no_socket(tmp_path: Path, how: signal.Signals) -> None:
    config = write_config(tmp_path)
    with DaemonProcess(config) as daemon:
        daemon.wait_error("ready; web: http://127.0.0.1:")
        assert (tmp_path / "data" / "smsgw.sock").is_socket()
        assert daemon.stop(how) == 0
    assert not (tmp_path / "data" / "smsgw.sock").exists()
    assert daemon.output == []
    assert not any("Traceback" in line for line in daemon.errors)


def test_a_second_daemon_for_the_same_data_is_refused(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    with DaemonProcess(config) as daemon:
        daemon.wait_error("ready;")
        second = smsgw("run", "-c", str(config))
        assert second.returncode == 2
        assert second.stderr.splitlines()[-1].startswith("smsgw: gateway.data_dir: another")


def test_the_demo_does_what_it_says(tmp_path: Path) -> None:
    if find_mosquitto() is None:
        pytest.skip("mosquitto is not installed")
    with Program("demo", "--modems", "2", env={"TMPDIR": str(tmp_path)}) as demo:
        demo.line_with("everything runs", 60)
        offer = "\n".join([demo.line_with("Watch"), *(demo.line() for _ in range(8))])
        commands = [line.strip() for line in offer.splitlines() if line.startswith("  ")]
        assert len(commands) == 5
        watch, publish, send, messages, deliver = commands
        seen = subprocess.Popen(shlex.split(f"{watch} -C 4"), stdout=subprocess.PIPE, text=True)
        out, _ = seen.communicate(timeout=PATIENCE)
        assert "smsgw/demo/bridge/state" in out
        env = {**os.environ, "PYTHONPATH": os.getcwd()}
        inbox = subprocess.Popen(
            shlex.split(watch.replace("demo/#", "demo/inbox") + " -C 3"), stdout=subprocess.PIPE, text=True
        )
        for line in (publish, send, messages, deliver):
            subprocess.run(line, shell=True, check=True, timeout=PATIENCE, env=env, stdout=subprocess.DEVNULL)
        arrived, _ = inbox.communicate(timeout=PATIENCE)
        assert all(text in arrived for text in ("Hello from smsgw", "Hello from the shell", "Hello gateway"))
        control = demo_address(demo.output, "emulator")
        with urllib.request.urlopen(control) as answer:
            assert len(json.load(answer)["modems"]) == 2
        assert demo.stop(signal.SIGINT, 60) == 0
    assert list(tmp_path.iterdir()) == []


def demo_address(output: list[str], name: str) -> str:
    return next(line.split()[1] for line in output if line.split()[:1] == [name])


def test_the_demo_needs_mosquitto(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.cli.demo.PROGRAM_PATH", "/nowhere")
    assert "mosquitto is not installed" in failed(run("demo"), 1)
