"""A modem that is stuck in data mode (V.250 5.2.3): whatever it hears is data for a call, until it is brought back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem

ESCAPE = b"+++"


class DataMode:
    """`how`: `escape`, `close` or `any`; `guard_s`: silence that the escape sequence needs on either side."""

    def __init__(self, modem: Modem, how: str, guard_s: float) -> None:
        self._modem = modem
        self._how = how
        self._guard_s = guard_s
        self._heard_at = modem.loop.time()
        self._escape = b""
        self._timer: asyncio.TimerHandle | None = None

    def receive(self, data: bytes) -> None:
        """Data for the call. `+++` counts when there is silence before and behind it."""
        now = self._modem.loop.time()
        quiet = now - self._heard_at >= self._guard_s
        self._heard_at = now
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._escape = self._escape + data if self._escape else data if quiet else b""
        if not ESCAPE.startswith(self._escape):
            self._escape = b""
        if self._escape == ESCAPE and self._how != "close":
            self._escape = b""
            self._timer = self._modem.loop.call_later(self._guard_s, self.leave)

    def closed(self) -> None:
        """The last client has closed the port: DTR drops, which ends the call."""
        if self._how != "escape":
            self.leave()

    def leave(self) -> None:
        """Back in command mode, which is said by OK. Does nothing when it was left before."""
        if self._modem.data_mode is self:
            self._modem.data_mode = None
            self._modem.output.write(b"\r\nOK\r\n")
