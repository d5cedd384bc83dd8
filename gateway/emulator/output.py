"""What a modem sends on its way to the port: whole in the usual case, dripped, glued or swallowed under a fault."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.emulator.pty import MAX_PENDING, Port

if TYPE_CHECKING:
    from gateway.emulator.faults import Fault
    from gateway.emulator.modem import Modem


class Output:
    """Keeps the order of everything written to one port, whichever fault is on it. `main`: that which is recorded."""

    def __init__(self, modem: Modem, port: Port, *, main: bool = True) -> None:
        self._modem = modem
        self._port = port
        self.main = main
        self._collected: list[bytes] | None = None
        self._queue = bytearray()
        self._seams: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def holding(self) -> bool:
        """Whether a fault keeps something back for now."""
        return bool(self._seams or self._queue)

    def collect(self) -> None:
        """From here on what is written is kept, so that echo, answer and prompt leave in one piece."""
        self._collected = []

    def release(self) -> None:
        """Ends `collect`."""
        collected, self._collected = self._collected, None
        if collected:
            self._send(b"".join(collected))

    def write(self, data: bytes) -> None:
        if self._collected is not None:
            self._collected.append(data)
        else:
            self._send(data)

    def cut(self, data: bytes, at: int, interval_s: float) -> None:
        """As `write`, with a pause of `interval_s` behind octet `at`; what is written meanwhile stays behind it."""
        self.release()
        if self._timer is not None or len(data) <= at:
            self._send(data)
            return
        self._send(data[:at])
        self._queue += data[at:]
        self._timer = self._modem.loop.call_later(interval_s, self._drip, None)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._queue.clear()
        self._seams.clear()

    def _send(self, data: bytes) -> None:
        if self.main and self._modem.data_mode is not None:
            return
        if self._timer is None and not self._modem.faults.active:
            self._say(data)
            return
        faults = self._modem.faults
        if faults.output("mute"):
            return
        split, glue = faults.output("split"), faults.output("glue")
        if glue is not None and not self._queue:
            self._glue(data, glue)
        elif split is not None or self._queue:
            if len(self._queue) + len(data) <= MAX_PENDING:
                self._queue += data
            if self._timer is None:
                self._drip(split)
        else:
            self._say(data)

    def _say(self, data: bytes) -> None:
        heard = self._port.write(data)
        if self.main:
            self._modem.recorder.said(data, lost=not heard)

    def _drip(self, split: Fault | None) -> None:
        self._timer = None
        chunk, interval = (split.chunk or 1, split.interval_s) if split else (len(self._queue), 0.0)
        piece = bytes(self._queue[:chunk])
        del self._queue[:chunk]
        self._say(piece)
        if self._queue:
            self._timer = self._modem.loop.call_later(interval, self._drip, self._modem.faults.output("split"))

    def _glue(self, data: bytes, glue: Fault) -> None:
        if self._seams and glue.hard:
            self._seams[-1] = self._seams[-1].removesuffix(b"\r\n")
            data = data.removeprefix(b"\r\n")
        self._seams.append(data)
        if self._timer is None:
            self._timer = self._modem.loop.call_later(glue.interval_s, self._glued)

    def _glued(self) -> None:
        self._timer = None
        joined = b"".join(self._seams)
        self._seams.clear()
        self._say(joined)
