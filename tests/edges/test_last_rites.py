"""A test run that is killed leaves no emulator, no gateway and no broker behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.broker import find_mosquitto
from tests.support.processes import PATIENCE, ROOT, environment, wait_until

RUN = """
import json, os, signal, sys
from pathlib import Path
from tests.support.broker import Broker
from tests.support.processes import DaemonProcess, EmulatorProcess, write_config

place = Path(sys.argv[1])
broker = Broker(place / "broker")
broker.start()
emulator = EmulatorProcess(place / "links")
emulator.start()
ports = {each["name"]: each["port"] for each in emulator.ready["modems"]}
daemon = DaemonProcess(write_config(place, broker=broker.url, ports=ports))
daemon.start()
daemon.wait_error("ready; web: ")
with broker.stalled():
    print(json.dumps([broker._process.pid, emulator.process.pid, daemon.process.pid]), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def lives(pid: int) -> bool:
    """Whether it runs; what nobody has asked about after its end does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def test_what_a_killed_run_started_ends(tmp_path: Path) -> None:
    """A broker that was stopped in the middle, too."""
    if find_mosquitto() is None:
        pytest.skip("mosquitto is not installed")
    run = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=4 * PATIENCE,
        cwd=ROOT,
        env=environment(),
        check=False,
    )
    assert run.returncode == -signal.SIGKILL
    left = json.loads(run.stdout)
    assert len(left) == 3
    wait_until(lambda: not any(lives(pid) for pid in left), "all to end", 2 * PATIENCE)
