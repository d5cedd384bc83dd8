"""`smsgw demo`: emulated modems and network, a private broker and the daemon, each a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import click

from gateway.secret_files import SECRETS, read_secrets

START_SECONDS = 30.0
STOP_SECONDS = 25.0
WATCH_SECONDS = 0.5
PROGRAM_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))

MOSQUITTO_CONF = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {directory}/
autosave_interval 1
autosave_on_changes true
max_queued_messages 0
set_tcp_nodelay true
log_type error
log_type warning
{user}
"""

SMSGW_TOML = """\
[gateway]
id = "demo"
data_dir = {data_dir}
default_region = "DE"
[mqtt]
url = "mqtt://127.0.0.1:{mqtt_port}"
[web]
listen = "127.0.0.1:0"
"""

MODEM_TOML = """\
[[modem]]
name = {name}
port = {port}
number = {number}
"""


class _Stopped(Exception):  # no error: Ctrl-C or SIGTERM
    pass


@dataclass(frozen=True, slots=True)
class _Child:
    name: str
    process: subprocess.Popen[str]


@click.command()
@click.option("--modems", type=click.IntRange(1, 64), default=2, help="How many emulated modems. [default: 2]")
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Keep the data here.")
@click.option("--json", "as_json", is_flag=True, help="Print the addresses as one JSON line.")
def demo(modems: int, data_dir: Path | None, as_json: bool) -> None:
    """Show everything at work, without hardware.

    Starts emulated modems with a simulated network, a private MQTT broker and the gateway, prints how to use them, and
    runs until Ctrl-C. Everything is removed at the end, unless --data-dir keeps the data.
    """
    mosquitto = shutil.which("mosquitto", path=PROGRAM_PATH)
    if mosquitto is None:
        raise click.ClickException("mosquitto is not installed; on Debian: apt install mosquitto mosquitto-clients")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    children: list[_Child] = []
    with tempfile.TemporaryDirectory(prefix="smsgw-demo-") as directory:
        try:
            addresses = _start(children, Path(directory), mosquitto, modems, data_dir)
            click.echo(json.dumps(addresses) if as_json else _explanation(addresses))
            _watch(children)
        except _Stopped:
            click.echo("stopping", err=True)
        finally:
            _end(children)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stopped


def _start(
    children: list[_Child], directory: Path, mosquitto: str, modems: int, data_dir: Path | None
) -> dict[str, Any]:
    port = _free_port()
    conf = directory / "mosquitto.conf"
    user = "user root" if os.geteuid() == 0 else ""  # else it could not write into our directory
    conf.write_text(MOSQUITTO_CONF.format(port=port, directory=directory, user=user))
    _spawn(children, "mosquitto", [mosquitto, "-c", str(conf)])
    links = directory / "modems"
    links.mkdir()
    emulator = _spawn(
        children,
        "the emulator",
        _ourselves("emulate", "--modems", str(modems), "--links", str(links), "--control", "127.0.0.1:0"),
    )
    described = json.loads(_first_line(emulator))
    data = data_dir.absolute() if data_dir else directory / "data"
    config = directory / "smsgw.toml"
    text = SMSGW_TOML.format(data_dir=json.dumps(str(data)), mqtt_port=port)
    for modem in described["modems"]:
        text += MODEM_TOML.format(**{key: json.dumps(modem[key]) for key in ("name", "port", "number")})
    config.write_text(text)
    with _notification_socket(directory / "notify.sock") as ready:
        environment = {**os.environ, "NOTIFY_SOCKET": str(directory / "notify.sock")}
        environment.pop("WATCHDOG_USEC", None)
        daemon = _spawn(children, "the gateway", _ourselves("run", "-c", str(config)), environment)
        web = _wait_ready(ready, daemon)
    return {
        "mqtt": {"host": "127.0.0.1", "port": port, "base": "smsgw/demo"},
        "web": web,
        "password": read_secrets(data / SECRETS)["admin_password"],
        "socket": str(data / "smsgw.sock"),
        "control": described["control"],
        "config": str(config),
        "data_dir": str(data),
        "modems": described["modems"],
    }


def _ourselves(*args: str) -> list[str]:
    return [sys.executable, "-m", "gateway", *args]


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _spawn(children: list[_Child], name: str, command: list[str], environment: dict[str, str] | None = None) -> _Child:
    """Starts a child in a session of its own, so that Ctrl-C reaches us alone and we stop them in order."""
    output = subprocess.PIPE if name == "the emulator" else None
    process = subprocess.Popen(command, stdout=output, text=True, env=environment, start_new_session=True)
    child = _Child(name, process)
    children.append(child)
    return child


def _first_line(child: _Child) -> str:
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    stream = child.process.stdout
    assert stream is not None
    threading.Thread(target=lambda: lines.put(stream.readline()), daemon=True).start()
    try:
        line = lines.get(timeout=START_SECONDS)
    except queue.Empty:
        line = ""
    if not line:
        raise click.ClickException(f"{child.name} did not start")
    return line


@contextlib.contextmanager
def _notification_socket(path: Path) -> Iterator[socket.socket]:
    """The gateway tells us that it is ready as it would tell systemd."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(path))
        sock.settimeout(WATCH_SECONDS)
        yield sock


def _wait_ready(ready: socket.socket, daemon: _Child) -> str | None:
    """Returns the gateway's web address."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and daemon.process.poll() is None:
        with contextlib.suppress(TimeoutError):
            told = dict(line.partition("=")[::2] for line in ready.recv(4096).decode().splitlines())
            if "READY" in told:
                web = told.get("STATUS", "").partition("web: ")[2].partition(";")[0]
                return web if web.startswith("http") else None
    raise click.ClickException("the gateway did not start")


def _watch(children: list[_Child]) -> None:
    """Until a signal, or the end of a child, which is an error."""
    while True:
        for child in children:
            if child.process.poll() is not None:
                raise click.ClickException(f"{child.name} ended with status {child.process.returncode}")
        time.sleep(WATCH_SECONDS)


def _end(children: list[_Child]) -> None:
    """Stops the youngest first: the gateway can still say goodbye to its broker and its modems."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    for child in reversed(children):
        child.process.terminate()
        try:
            child.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            click.echo(f"{child.name} does not stop and is killed", err=True)
            child.process.kill()
            child.process.wait()
        if child.process.stdout is not None:
            child.process.stdout.close()


def _explanation(addresses: dict[str, Any]) -> str:
    mqtt, modems = addresses["mqtt"], addresses["modems"]
    broker = f"-h {mqtt['host']} -p {mqtt['port']}"
    first = modems[0]
    partner = modems[1]["number"] if len(modems) > 1 else "+4915112345678"
    command = json.dumps({"id": "hello-1", "to": partner, "text": "Hello from smsgw", "modem": first["name"]})
    delivery = json.dumps({"modem": first["name"], "from": "+4915187654321", "text": "Hello gateway"})
    smsgw = f"{shlex.quote(sys.executable)} -m gateway" if shutil.which("smsgw") is None else "smsgw"
    where = f"--socket {shlex.quote(addresses['socket'])}"
    lines = [
        "smsgw demo: everything runs; Ctrl-C stops it",
        "",
        *(f"  modem     {modem['name']}  {modem['number']}  {modem['port']}" for modem in modems),
        f"  MQTT      {mqtt['host']}:{mqtt['port']}, topics below {mqtt['base']}",
        f"  page      {addresses['web']}/  log in as admin, password {addresses['password']}",
        f"  emulator  {addresses['control']}/modems",
        f"  data      {addresses['data_dir']}",
        "",
        "Watch everything that happens:",
        f"  mosquitto_sub {broker} -t '{mqtt['base']}/#' -v",
        "Send a text over MQTT:",
        f"  mosquitto_pub {broker} -q 1 -t {mqtt['base']}/send -m {shlex.quote(command)}",
        "Send one at the command line and see what became of it:",
        f"  {smsgw} send {where} --wait {partner} 'Hello from the shell'",
        f"  {smsgw} messages {where}",
        "Let a phone send a text to the first modem:",
        f"  curl -s {addresses['control']}/deliver -d {shlex.quote(delivery)}",
    ]
    return "\n".join(lines)
