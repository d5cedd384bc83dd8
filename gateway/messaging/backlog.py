"""Changes that nobody waits for and that must not be lost with one failed commit: written in order, again until stored."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from gateway.errors import StoreError
from gateway.messaging.ports import Store, Tx

log = logging.getLogger(__name__)

MAX_WAITING = 10_000
"""Changes that wait at most; with a disk that takes nothing the oldest are given up, and that is logged."""

PAUSE_S = 2.0
"""Before what the database did not take is tried again."""


class Backlog:
    """`add` from anywhere on the event loop; `run` writes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: deque[Callable[[Tx], object]] = deque()
        self._added = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    def add(self, change: Callable[[Tx], object]) -> None:
        """Have `change` committed, after those that were added before."""
        if len(self._waiting) >= MAX_WAITING:
            log.error("the database takes nothing; an event of a modem is given up")
            self._waiting.popleft()
        self._waiting.append(change)
        self._added.set()

    async def run(self) -> None:
        """Writes until cancelled."""
        while True:
            self._added.clear()
            await self.flush()
            if not self._waiting:
                await self._added.wait()
                continue
            await asyncio.sleep(PAUSE_S)

    async def flush(self) -> None:
        """Writes what waits, as far as the database takes it. Whoever calls meanwhile waits for the same writing."""
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="backlog")
        await asyncio.shield(self._writing)

    async def _write(self) -> None:
        while self._waiting:
            change = self._waiting[0]
            try:
                await self._store.write(change)
            except StoreError as exc:
                log.error("an event of a modem is not stored yet: %s", exc)
                return
            except Exception:
                log.exception("an event of a modem met a defect and is given up")
            if self._waiting and self._waiting[0] is change:
                self._waiting.popleft()
