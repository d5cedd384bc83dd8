"""The messaging service over a real database, with the MQTT edge, in a thread with its own event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from gateway.clock import SystemClock
from gateway.config import Config, parse_config
from gateway.messaging import LineSettings, Service, Settings
from gateway.mqtt import Bridge
from gateway.store import SqliteStore
from tests.support.processes import PATIENCE, wait_until

T = TypeVar("T")


def config_for(directory: Path, url: str, *, gateway: str = "box", extra: str = "") -> Config:
    text = f'[gateway]\nid = "{gateway}"\ndata_dir = "{directory}"\n[mqtt]\nurl = "{url}"\n{extra}'
    return parse_config(text, directory / "test.toml")


class GatewayThread:
    """`with GatewayThread(config) as gateway:` runs until the block is left; `kill` leaves without any goodbye."""

    def __init__(
        self,
        config: Config,
        *,
        service: type[Service] = Service,
        modems: tuple[str, ...] = ("stick1",),
    ) -> None:
        self.config = config
        self.service: Service
        self.bridge: Bridge
        self._kind = service
        self._modems = modems
        self._loop: asyncio.AbstractEventLoop
        self._main: asyncio.Task[None]
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="gateway")

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        store = SqliteStore(self.config.gateway.data_dir / "test.db")
        await store.open()
        clock = SystemClock()
        lines = tuple(LineSettings(name=name) for name in self._modems)
        self.service = self._kind(store, clock, Settings(region="DE", lines=lines))
        await self.service.start()
        self.bridge = Bridge(self.config, self.service, clock)
        self._main = asyncio.create_task(self.bridge.run())
        self._ready.set()
        try:
            await asyncio.wait((self._main,))
        finally:
            await store.close()

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine in the gateway's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    def soon(self, function: Callable[..., object], *args: object) -> None:
        self._loop.call_soon_threadsafe(function, *args)

    def wait_connected(self) -> None:
        wait_until(lambda: self.bridge.trouble is None, "the bridge to connect")

    def __enter__(self) -> GatewayThread:
        self._thread.start()
        assert self._ready.wait(PATIENCE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._main.cancel)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
