"""Whose turn it is on a line: one job at a time, and the more urgent one next."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from enum import IntEnum

from gateway.modem.errors import PortLost


class Priority(IntEnum):
    """Kinds of job, most urgent first."""

    ACKNOWLEDGE = 0
    INBOUND = 1
    SEND = 2
    TELEMETRY = 3


class Turns:
    """A lock for two parties: senders (SEND, first come first served) and the line's own task, the keeper.

    The keeper states by `claim` what it will come for, at the moment when the reason arrives (in a read callback, before
    its task runs). From then on no send overtakes it. A free line is taken without a switch of tasks.
    """

    def __init__(self) -> None:
        self._held = False
        self._closed = ""
        self._claimed: Priority | None = None
        self._keeper: asyncio.Future[None] | None = None
        self._senders: deque[asyncio.Future[None]] = deque()

    def claim(self, priority: Priority) -> None:
        """The keeper will come with `priority`; if it waits already, it waits with that one now."""
        self._claimed = priority if self._claimed is None else min(self._claimed, priority)

    def unclaim(self) -> None:
        """The keeper has nothing more to do."""
        self._claimed = None
        if not self._held:
            self._pass_on()

    async def take_for_send(self) -> None:
        """Wait for the turn to send. Raises PortLost when the line went down meanwhile."""
        if self._closed:
            raise PortLost(self._closed)
        if not self._held and not self._senders and not self._urgent():
            self._held = True
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._senders.append(future)
        await self._granted(future)

    @contextlib.asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """A turn as of a sender, for the length of a block. Raises PortLost."""
        await self.take_for_send()
        try:
            yield
        finally:
            self.release()

    async def take_for_keeper(self, priority: Priority) -> None:
        """Wait for the keeper's turn; a later, more urgent `claim` speeds it up. Raises PortLost."""
        if self._closed:
            raise PortLost(self._closed)
        self.claim(priority)
        if self._held:
            self._keeper = asyncio.get_running_loop().create_future()
            await self._granted(self._keeper)
        self._held = True
        self._claimed = None

    def release(self) -> None:
        """The job is over: the next one, if any waits, goes on at once."""
        self._held = False
        self._pass_on()

    def close(self, reason: str) -> None:
        """No more turns: who waits, and who comes, gets PortLost."""
        self._closed = reason
        waiting = [*self._senders, *([self._keeper] if self._keeper is not None else [])]
        self._senders.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(PortLost(reason))

    def _urgent(self) -> bool:
        return self._claimed is not None and self._claimed < Priority.SEND

    def _pass_on(self) -> None:
        keeper = self._keeper if self._keeper is not None and not self._keeper.done() else None
        while self._senders and self._senders[0].done():
            self._senders.popleft()
        if keeper is not None and (self._urgent() or not self._senders):
            self._keeper = None
            self._grant(keeper)
        elif self._senders and not self._urgent():
            self._grant(self._senders.popleft())

    def _grant(self, future: asyncio.Future[None]) -> None:
        self._held = True
        future.set_result(None)

    async def _granted(self, future: asyncio.Future[None]) -> None:
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self.release()  # cancelled in the moment between the grant and our turn
            raise
