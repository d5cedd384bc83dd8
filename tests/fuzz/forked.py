"""Jobs in forked children: each starts with all that the parent has worked out, and can break nothing but itself."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Job = TypeVar("Job")

TIMED_OUT = "time-out"
BROKEN = "broke off"
"""No verdict: neither the tests nor the limits ended the child."""
MEMORY = 3 << 30
"""Octets of address space; a mistake that fills more is as good as one that never ends."""


def forked(
    jobs: Iterable[Job], work: Callable[[Job], str], *, workers: int, seconds: float
) -> Iterator[tuple[Job, str]]:
    """Each job with what `work` says of it in a child of its own: `TIMED_OUT` after so much processor time.

    A verdict is short (it has to fit a pipe). `BROKEN` where a child ends without one.
    """
    running: dict[int, tuple[Job, int]] = {}
    for job in jobs:
        if len(running) == workers:
            yield _reap(running)
        reading, writing = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(reading)
            _child(work, job, writing, seconds)
        os.close(writing)
        running[pid] = job, reading
    while running:
        yield _reap(running)


def _child(work: Callable[[Job], str], job: Job, writing: int, seconds: float) -> None:
    limit = int(seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.dup2(nothing, sys.stderr.fileno())
    try:
        os.write(writing, work(job).encode())
    finally:
        # Without the parent's exit handlers; what was raised is told by the missing verdict.
        os._exit(0)


def _reap(running: dict[int, tuple[Job, int]]) -> tuple[Job, str]:
    pid, status = os.waitpid(-1, 0)
    job, reading = running.pop(pid)
    with open(reading, encoding="utf-8") as pipe:
        verdict = pipe.read()
    if os.WIFSIGNALED(status):
        ended_by = os.WTERMSIG(status)
        return job, TIMED_OUT if ended_by in (signal.SIGXCPU, signal.SIGKILL) else BROKEN
    return job, verdict or BROKEN
