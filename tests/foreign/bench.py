"""What the tests with foreign programs share: one emulated modem, its virtual phones, and a program that must end."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.last_rites import last_rites
from tests.support.processes import PATIENCE, EmulatorProcess, wait_until

PHONE = "+491719999999"
"""A virtual phone: no modem has this number."""
SBIN = "/usr/sbin:/usr/local/sbin:/sbin"
GSM7 = "GSM 7-bit with extensions [€] {ÄÖÜ} ~ñ: " + "twelve times " * 12 + "and an end."
UCS2 = "UCS2 with Ωмега and 漢字: " + "six times " * 6 + "конец."
BEYOND_BMP = "UTF-16 with pairs 🙂👍: " + "six times " * 6 + "🏁."


def find(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path=SBIN)


def need(program: str, package: str) -> str:
    """The path of `program`; skips the test where it is not installed."""
    path = find(program)
    if path is None:
        pytest.skip(f"{program} is not installed (Debian package {package})")
    return path


class Bench:
    """An emulator with one modem, called `modem`."""

    def __init__(self, emulator: EmulatorProcess) -> None:
        self._emulator = emulator

    @property
    def port(self) -> str:
        port: str = self._emulator.ready["modems"][0]["port"]
        return port

    @property
    def number(self) -> str:
        number: str = self._emulator.ready["modems"][0]["number"]
        return number

    def control(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._emulator.control + path, data, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def phone(self, number: str = PHONE) -> dict[str, Any]:
        shown: dict[str, Any] = self.control(f"/phones/{urllib.parse.quote(number)}")
        return shown

    def wait_message(self, text: str, number: str = PHONE) -> list[dict[str, Any]]:
        """Waits until the phone shows one message; it must be `text`. Its parts."""
        wait_until(lambda: bool(self.phone(number)["messages"]), f"a message on {number}")
        shown = self.phone(number)
        assert [message["text"] for message in shown["messages"]] == [text]
        assert shown["messages"][0]["parts"] == len(shown["parts"]) >= 2
        return list(shown["parts"])

    def deliver(self, text: str, sender: str = PHONE, *, ref: int = 1) -> int:
        """Sends `text` from a phone to the modem. How many parts that took."""
        parts: int = self.control("/deliver", {"modem": "modem", "from": sender, "text": text, "ref": ref})["tpdus"]
        assert parts >= 2
        return parts

    def wait_empty(self) -> None:
        """Waits until no memory of the modem, and nothing on the way to it, has a message any more."""

        def empty() -> bool:
            state = self.control("/modems")
            modem = state["modems"][0]
            return not state["under_way"] and not modem["waiting"] and not any(_used(modem).values())

        wait_until(empty, "the modem to be empty")

    def said(self) -> list[str]:
        """The command lines that the program has sent so far."""
        chunks = self.control("/recorder?modem=modem")["chunks"]
        sent = "".join(chunk["text"] for chunk in chunks if chunk["direction"] == "<")
        return [line for line in re.split("[\r\n\x1a\x1b]", sent) if line]


def _used(modem: Mapping[str, Any]) -> dict[str, int]:
    return {name: storage["used"] for name, storage in modem["storages"].items()}


@contextmanager
def bench(directory: Path, personality: str, more: str = "") -> Iterator[Bench]:
    """`more`: further lines of the modem in the emulator's file."""
    config = directory / "emulator.toml"
    config.write_text(f'[[modem]]\nname = "modem"\npersonality = "{personality}"\n{more}')
    with EmulatorProcess(directory / "ports", modems=None, extra=["-c", str(config)]) as emulator:
        yield Bench(emulator)


class Foreign:
    """A foreign program in a process group of its own, all of which ends with the block."""

    def __init__(self, directory: Path, name: str, *command: str, env: Mapping[str, str] | None = None) -> None:
        self._command = command
        self._output = directory / f"{name}.out"
        self._env = {**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Foreign:
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._directory,
                env=self._env,
                start_new_session=True,
            )
        last_rites.started(self._process.pid)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        try:
            for how in (signal.SIGTERM, signal.SIGKILL):
                self._signal(how)
                try:
                    self._process.wait(PATIENCE / 3)
                    break
                except subprocess.TimeoutExpired:
                    continue
        finally:
            self._signal(signal.SIGKILL)  # what it started and left behind
            self._process.wait(PATIENCE)
            last_rites.ended(self._process.pid)

    def _signal(self, how: signal.Signals) -> None:
        assert self._process is not None
        try:
            os.killpg(self._process.pid, how)
        except ProcessLookupError:
            return

    def output(self) -> str:
        return self._output.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, log: Path, *texts: str, seconds: float = PATIENCE) -> None:
        """Waits until all of `texts` are in the log file. Fails at once when the program has ended."""

        def there() -> bool:
            found = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
            if all(text in found for text in texts):
                return True
            assert self.running, f"{self._command[0]} has ended; it said: {self.output()[-2000:]} {found[-2000:]}"
            return False

        wait_until(there, f"{texts} in {log.name}", seconds)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None


def run(directory: Path, *command: str) -> str:
    """Runs one command to its end, which must be a good one."""
    done = subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def folders(directory: Path, names: Sequence[str]) -> None:
    for name in names:
        (directory / name).mkdir()
