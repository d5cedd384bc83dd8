"""The flight recorders' rings on disk: segment files of a bounded size, written by a thread of their own.

Recording must never hold up the traffic. The line only puts a piece into a queue; what the disk cannot take is left
out, and the recorder's memory has it still. Nothing is forced to disk: after a power cut the end may be missing.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from gateway.modem.recording import Piece, Redactor, head, line

log = logging.getLogger(__name__)

SEGMENTS = 4  # per line; the oldest is dropped when a new one is begun
GATHER_S = 0.05  # what comes within this time is written in one go
RETRY_GATHERS = 200  # so many of these pass before a disk that failed is tried again
MAX_BACKLOG = 20_000  # pieces that wait for the disk; more are left out
CLOSE_S = 10.0
SUFFIX = ".jsonl"

_Job = tuple[str, Piece]
_Question = tuple[str, Future[str | None]]


class RecorderDisk:
    """Keeps what lines record below `directory`, `size` octets a line. `start` it before and `close` it after use."""

    def __init__(self, directory: Path, *, size: int, redact: bool) -> None:
        self._directory = directory
        self._segment_size = max(1, size // SEGMENTS)
        self._redact = redact
        self._queue: queue.SimpleQueue[_Job | _Question | None] = queue.SimpleQueue()
        self._rings: dict[str, _Ring] = {}
        self._closing = threading.Event()
        self._resting = 0
        self._failed = False
        self._thread = threading.Thread(target=self._run, name="flight recorder", daemon=True)

    def start(self) -> None:
        """Begins to write."""
        self._thread.start()

    def close(self) -> None:
        """Writes what is waiting and ends. What is put in later is not written."""
        self._closing.set()
        self._queue.put(None)
        self._thread.join(CLOSE_S)

    def keeper(self, name: str) -> Callable[[Piece], None]:
        """What takes the pieces of the line `name`; it never waits."""
        return partial(self._put, name)

    def recording(self, name: str) -> Future[str | None]:
        """What is on disk of a line, everything put in before included; None while the disk takes nothing."""
        answer: Future[str | None] = Future()
        if self._closing.is_set():
            answer.set_result(None)
        else:
            self._queue.put((name, answer))
        return answer

    def _put(self, name: str, piece: Piece) -> None:
        if self._queue.qsize() < MAX_BACKLOG:
            self._queue.put((name, piece))

    @property
    def waiting(self) -> int:
        """How many pieces and questions wait for the disk."""
        return self._queue.qsize()

    # the thread

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            if isinstance(job[1], Piece):
                self._closing.wait(GATHER_S)
            self._work([job, *self._waiting()])
        self._work(list(self._waiting()))
        for ring in self._rings.values():
            self._attempt(ring.flush)
            ring.close()

    def _waiting(self) -> Iterator[_Job | _Question]:
        """What is in the queue now; an end that is met is put back for the loop."""
        for _ in range(self._queue.qsize()):
            job = self._queue.get()
            if job is None:
                self._queue.put(None)
                return
            yield job

    def _work(self, jobs: Sequence[_Job | _Question]) -> None:
        self._resting = max(0, self._resting - 1)
        pieces: dict[str, list[Piece]] = {}
        for name, what in jobs:
            if isinstance(what, Piece):
                pieces.setdefault(name, []).append(what)
        for name, group in pieces.items():
            self._attempt(partial(self._ring(name).write, group))
        for name, what in jobs:
            if isinstance(what, Future):
                self._answer(name, what)

    def _answer(self, name: str, answer: Future[str | None]) -> None:
        if not answer.set_running_or_notify_cancel():
            return
        found: list[str] = []
        if not self._failed:
            self._attempt(lambda: found.append(self._ring(name).read()))
        answer.set_result(found[0] if found else None)

    def _attempt(self, action: Callable[[], None]) -> None:
        """Carries out what needs the disk. A disk that fails is told of once and left alone for a while."""
        if self._resting:
            return
        try:
            action()
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
        ) as error:  # a disk can give back other things than it was given
            if not self._failed:
                log.warning("the flight recorder goes on in memory only: %s", error)
            self._failed, self._resting = True, RETRY_GATHERS
            for ring in self._rings.values():
                ring.close()
        else:
            self._failed = False

    def _ring(self, name: str) -> _Ring:
        if name not in self._rings:
            self._rings[name] = _Ring(self._directory / name, name, self._segment_size, redact=self._redact)
        return self._rings[name]


class _Ring:
    """The segment files of one line. Every method but `close` raises OSError."""

    def __init__(self, directory: Path, name: str, segment_size: int, *, redact: bool) -> None:
        self._directory = directory
        self._name = name
        self._segment_size = segment_size
        self._redactor = Redactor() if redact else None
        self._file: BinaryIO | None = None
        self._room = 0
        self._run = 0

    def write(self, pieces: Sequence[Piece]) -> None:
        redactor = self._redactor
        shown = pieces if redactor is None else [one for piece in pieces for one in redactor.feed(piece)]
        self._append(shown)

    def flush(self) -> None:
        """Writes what the redactor keeps back."""
        if self._redactor is not None:
            self._append(self._redactor.flush())

    def close(self) -> None:
        """Gives the file back; a later write begins another."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):  # a full disk does not take what the file still holds either
                file.close()

    def read(self) -> str:
        """The segments as one recording, in the order in which things happened."""
        self.flush()
        runs: dict[int, list[tuple[int, str]]] = {}
        first = head(self._name, redacted=self._redactor is not None, run=self._run)
        for path in self._segments():
            run = 0
            for text in path.read_text(encoding="ascii", errors="replace").splitlines(keepends=True):
                values = _values(text)
                if "recording" in values:
                    run = int(values["run"])
                elif "n" in values:
                    runs.setdefault(run, []).append((int(values["n"]), text))
        return first + "".join(text for run in sorted(runs) for _, text in sorted(runs[run]))

    def _append(self, pieces: Sequence[Piece]) -> None:
        for piece in pieces:
            data = line(piece).encode("ascii")
            if self._file is None or self._room < len(data):
                self._begin()
            self._room -= len(data)
            if self._file is not None:
                self._file.write(data)
        if self._file is not None:
            self._file.flush()

    def _begin(self) -> None:
        self.close()
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        there = self._segments()
        for path in there[: max(0, len(there) - SEGMENTS + 1)]:
            path.unlink(missing_ok=True)
        number = 1 + (int(there[-1].stem) if there else 0)
        self._run = self._run or number
        path = self._directory / f"{number:08d}{SUFFIX}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        self._room = self._segment_size
        self._file.write(head(self._name, redacted=self._redactor is not None, run=self._run).encode("ascii"))

    def _segments(self) -> list[Path]:
        if not self._directory.is_dir():
            return []
        return sorted(path for path in self._directory.glob(f"*{SUFFIX}") if path.stem.isdecimal())


def _values(text: str) -> dict[str, Any]:
    """A line of a segment; a kill can leave half of one."""
    try:
        values = json.loads(text)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}
