"""The flight recorders of all lines, with the disk behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from gateway.clock import Clock
from gateway.errors import RequestError
from gateway.modem.recorder import FlightRecorder
from gateway.modem.recorder_disk import RecorderDisk


class Recorders:
    """A context manager: inside it the disk takes part, unless `size` (octets a line) is 0."""

    def __init__(
        self,
        names: Iterable[str],
        clock: Clock,
        directory: Path,
        *,
        size: int,
        redact: bool,
        log_bodies: bool = False,
    ) -> None:
        self._disk = RecorderDisk(directory, size=size, redact=redact) if size else None
        self._recorders = {
            name: FlightRecorder(
                name, clock, self._disk.keeper(name) if self._disk else None, redact=redact, log_bodies=log_bodies
            )
            for name in names
        }

    def __enter__(self) -> Self:
        if self._disk is not None:
            self._disk.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._disk is not None:
            self._disk.close()

    def of(self, name: str) -> FlightRecorder:
        """The recorder of one line. Raises RequestError where there is no such line."""
        if name not in self._recorders:
            raise RequestError(f"no modem is called {name!r}", code="unknown_modem", field="modem")
        return self._recorders[name]

    async def recording(self, name: str) -> str:
        """What is kept of one line: on disk, or in memory while the disk does not take part. Raises RequestError."""
        recorder = self.of(name)
        kept = await asyncio.wrap_future(self._disk.recording(name)) if self._disk is not None else None
        return recorder.recording() if kept is None else kept
