"""Our own programs as subprocesses: emulator, daemon, command line. Whatever a test starts, it also ends; see `last_rites`, too."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support.last_rites import last_rites

PATIENCE = 15.0
"""Seconds that any single wait of a test may take before the test fails."""

ROOT = Path(__file__).resolve().parents[2]


def wait_until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Polls a condition that nothing announces."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.01)


def smsgw(
    *args: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs one command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "gateway", *args],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=cwd,
        env=environment(env),
        check=False,
    )


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **(extra or {})}


class Program:
    """`python -m gateway ARGS…`, its output kept and readable line by line. Ended by SIGTERM when the block is left."""

    def __init__(self, *args: str, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> None:
        self._args = [sys.executable, "-m", "gateway", *args]
        self._env = environment(env)
        self._cwd = cwd
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.output: list[str] = []
        self.errors: list[str] = []
        self.process: subprocess.Popen[str]
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        self.process = subprocess.Popen(
            self._args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self._env, cwd=self._cwd
        )
        last_rites.started(self.process.pid)
        for stream, keep in ((self.process.stdout, self._keep_output), (self.process.stderr, self.errors.append)):
            thread = threading.Thread(target=_copy, args=(stream, keep), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _keep_output(self, line: str) -> None:
        self.output.append(line)
        self._lines.put(line)

    def line(self, seconds: float = PATIENCE) -> str:
        """The next line of standard output."""
        try:
            return self._lines.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"no line from {self._args[2:]}; it said: {self.errors[-20:]}") from None

    def line_with(self, text: str, seconds: float = PATIENCE) -> str:
        """The next line of standard output that contains `text`."""
        while text not in (line := self.line(seconds)):
            pass
        return line

    def wait_error(self, text: str, seconds: float = PATIENCE) -> str:
        """The first line of standard error that contains `text`."""
        wait_until(lambda: any(text in line for line in list(self.errors)), f"{text!r} on standard error", seconds)
        return next(line for line in self.errors if text in line)

    def stop(self, how: signal.Signals = signal.SIGTERM, seconds: float = PATIENCE) -> int:
        """Sends a signal and returns the exit status; kills what does not end."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(seconds)
            raise
        finally:
            last_rites.ended(self.process.pid)
            for thread in self._threads:
                thread.join(seconds)

    def kill(self) -> int:
        return self.stop(signal.SIGKILL)

    def __enter__(self) -> Program:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _copy(stream: Any, keep: Callable[[str], None]) -> None:
    with stream:
        for line in stream:
            keep(line.rstrip("\n"))


class EmulatorProcess(Program):
    """`smsgw emulate`; `ready` is the JSON line that it prints."""

    def __init__(self, links: Path, *, modems: int | None = 1, extra: Sequence[str] = ()) -> None:
        """`modems` None: `extra` names a file that says which."""
        count = [] if modems is None else ["--modems", str(modems)]
        super().__init__("emulate", *count, "--links", str(links), "--control", "127.0.0.1:0", *extra)
        self.ready: dict[str, Any] = {}

    def start(self) -> None:
        super().start()
        self.ready = json.loads(self.line())

    @property
    def control(self) -> str:
        url: str = self.ready["control"]
        return url


class DaemonProcess(Program):
    """`smsgw run`; `started` when its Unix socket is there."""

    def __init__(self, config: Path, *, env: Mapping[str, str] | None = None, verbose: bool = False) -> None:
        super().__init__("run", *(["-v"] if verbose else []), "-c", str(config), env=env)
        self.config = config


def write_config(
    directory: Path,
    *,
    broker: str = "",
    ports: Mapping[str, str] | None = None,
    gateway: str = "box",
    extra: str = "",
) -> Path:
    """A configuration with one `[[modem]]` per entry of `ports` (name → port)."""
    modems = "".join(f'[[modem]]\nname = "{name}"\nport = "{port}"\n' for name, port in (ports or {}).items())
    path = directory / "smsgw.toml"
    path.write_text(
        f'[gateway]\nid = "{gateway}"\ndata_dir = "{directory / "data"}"\ndefault_region = "DE"\n'
        f'[mqtt]\nurl = "{broker}"\n[web]\nlisten = "127.0.0.1:0"\n{modems}{extra}'
    )
    return path
