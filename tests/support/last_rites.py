"""Ends what a test run leaves behind when it is killed itself: pytest's time limit lets no `finally` and no fixture run.

A small process of its own, told of every program that is started and ended. Its standard input ends when the run does,
however that ends; then it ends what is still there. (A parent-death signal would be sent when the *thread* that started
the program ends, too early where a test restarts a gateway in one.)
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

GRACE_S = 5.0
"""Seconds between SIGTERM, so that programs end their own children, and SIGKILL."""


class LastRites:
    """`started` and `ended` tell of programs; the watcher is started with the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watcher: subprocess.Popen[str] | None = None

    def started(self, pid: int) -> None:
        self._say(f"+{pid}")

    def ended(self, pid: int) -> None:
        """To be told at once: the number may soon be another program's."""
        self._say(f"-{pid}")

    def _say(self, word: str) -> None:
        with self._lock:
            if self._watcher is None:
                self._watcher = subprocess.Popen(
                    [sys.executable, "-S", "-E", str(Path(__file__))],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,  # whoever reads ours to its end is not to wait for it
                    text=True,
                    start_new_session=True,  # Ctrl-C is for the run
                )
            assert self._watcher.stdin is not None
            self._watcher.stdin.write(word + "\n")
            self._watcher.stdin.flush()


last_rites = LastRites()
"""Of this test run."""


def watch(words: Iterable[str], grace_s: float = GRACE_S) -> None:
    """Reads `+PID` and `-PID` to the end, then ends what was not taken back."""
    alive: set[int] = set()
    for word in words:
        pid = int(word[1:])
        (alive.add if word[0] == "+" else alive.discard)(pid)
    # A program of a parent that is gone is nobody's zombie for long: once it has ended its number is free.
    for how in (signal.SIGTERM, signal.SIGCONT, signal.SIGKILL):
        alive = {pid for pid in alive if _signal(pid, how)}
        deadline = time.monotonic() + (grace_s if how is signal.SIGCONT else 0)
        while alive and time.monotonic() < deadline:
            time.sleep(0.05)
            alive = {pid for pid in alive if _signal(pid, 0)}


def _signal(pid: int, how: int) -> bool:
    """False when it is there no more."""
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    watch(sys.stdin)
