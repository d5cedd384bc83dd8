"""A line under test with a listener that records, and waits that end when the listener hears what was waited for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from gateway.clock import SystemClock
from gateway.modem import (
    Broadcast,
    CallChange,
    Identity,
    LateSubmit,
    Line,
    LineConfig,
    LineState,
    Received,
    SimNames,
    Unstored,
    UssdText,
)

PATIENCE = 20.0  # seconds that a test may take at most


class Recorder:
    """A listener that keeps every call in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.states: list[LineState] = []
        self.fail_received = 0
        self.sims: list[str] = []  # whom `received` was told for
        self.hold: asyncio.Event | None = None
        self._changed = asyncio.Event()

    def _note(self, what: str, value: Any) -> None:
        self.calls.append((what, value))
        self._changed.set()

    async def ready(self, line: str, identity: Identity, late: LateSubmit | None) -> None:
        self._note("ready", (identity, late))

    async def late_submit(self, line: str, late: LateSubmit) -> None:
        self._note("late_submit", late)

    async def received(self, line: str, iccid: str, items: Sequence[Received]) -> None:
        if self.hold is not None:
            self._note("holding", list(items))
            await self.hold.wait()
        if self.fail_received:
            self.fail_received -= 1
            self._note("refused", list(items))
            raise OSError("disk full")
        self.sims.append(iccid)
        self._note("received", list(items))

    async def released(self, line: str, iccid: str, items: Sequence[Received]) -> None:
        self._note("released", list(items))

    async def swept(self, line: str, iccid: str, memory: str, listed: Sequence[Received]) -> None:
        self._note("swept", (memory, list(listed)))

    def ussd(self, line: str, text: UssdText) -> None:
        self._note("ussd", text)

    def broadcast(self, line: str, message: Broadcast) -> None:
        self._note("broadcast", message)

    def call(self, line: str, change: CallChange) -> None:
        self._note("call", change)

    def state_changed(self, line: str, state: LineState) -> None:
        self.states.append(state)
        self._note("state", state)

    def down(self, line: str) -> None:
        self._note("down", None)

    def of(self, what: str) -> list[Any]:
        return [value for name, value in self.calls if name == what]

    def items(self, what: str = "received") -> list[Received]:
        return [item for items in self.of(what) for item in items]

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    async def hears(self, what: str, count: int = 1) -> Any:
        """The value of the count-th call of that name."""
        await self.until(lambda: len(self.of(what)) >= count)
        return self.of(what)[count - 1]

    async def shows(self, state: str) -> LineState:
        await self.until(lambda: bool(self.states) and self.states[-1].state == state)
        return self.states[-1]


@contextlib.asynccontextmanager
async def running(
    port: str,
    *,
    expect_late: bool = False,
    unstored: Unstored | None = None,
    names: SimNames | None = None,
    **config: Any,
) -> AsyncIterator[tuple[Line, Recorder]]:
    """A running line on `port`; cancelled and gone at the end."""
    listener = Recorder()
    settings = LineConfig(name="line1", port=port, **config)
    line = Line(settings, listener, SystemClock(), expect_late=lambda: expect_late, unstored=unstored, names=names)
    task = asyncio.create_task(line.run(), name="line[line1]")
    try:
        async with asyncio.timeout(PATIENCE):
            yield line, listener
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
