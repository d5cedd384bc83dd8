"""The messaging service over a real database, with its edges, in a thread with its own event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from gateway.accounts import Accounts
from gateway.clock import SystemClock
from gateway.config import Config, parse_config
from gateway.messaging import LineSettings, Service, Settings
from gateway.messaging.model import Event
from gateway.mqtt import Bridge
from gateway.store import Backups, SqliteStore
from gateway.web import Parts, Place, WebServer
from tests.support.processes import PATIENCE, wait_until

T = TypeVar("T")


def config_for(directory: Path, url: str, *, gateway: str = "box", extra: str = "") -> Config:
    directory.mkdir(parents=True, exist_ok=True)
    text = f'[gateway]\nid = "{gateway}"\ndata_dir = "{directory}"\n[web]\nlisten = "127.0.0.1:0"\n'
    return parse_config(f'{text}[mqtt]\nurl = "{url}"\n{extra}', directory / "test.toml")


PASSWORD = "correct horse battery"
TOKEN = "0123456789abcdef0123456789abcdef"


class GatewayThread:
    """`with GatewayThread(config) as gateway:` runs until the block is left. MQTT where the configuration has a broker."""

    def __init__(
        self,
        config: Config,
        *,
        service: type[Service] = Service,
        modems: tuple[str, ...] = ("stick1",),
    ) -> None:
        self.config = config
        self.service: Service
        self.store: SqliteStore
        self.bridge: Bridge | None = None
        self.web: WebServer
        self._kind = service
        self._modems = modems
        self._loop: asyncio.AbstractEventLoop
        self._main: asyncio.Task[None]
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="gateway")

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.store = SqliteStore(self.config.gateway.data_dir / "test.db")
        await self.store.open()
        clock = SystemClock()
        lines = tuple(LineSettings(name=name) for name in self._modems)
        self.service = self._kind(self.store, clock, Settings(region="DE", lines=lines))
        await self.service.start()
        self.accounts = Accounts(self.store, clock, admin_password=PASSWORD, api_token=TOKEN)
        await self.accounts.begin()
        self.web = WebServer(self.config, self.parts())
        self.web.open()
        edges = [self.web.run()]
        if self.config.mqtt.url:
            self.bridge = Bridge(self.config, self.service, clock)
            edges.append(self.bridge.run())
        self._main = asyncio.create_task(self._run_edges(edges))
        self._ready.set()
        try:
            await asyncio.wait((self._main,))
        finally:
            await self.store.close()

    def parts(self) -> Parts:
        """What the web edge is made over."""
        return Parts(
            service=self.service,
            accounts=self.accounts,
            clock=SystemClock(),
            troubles={"mqtt": self._trouble},
            place=Place(data_dir=self.config.gateway.data_dir, database="test.db"),
            backups=Backups(self.config.gateway.data_dir / "test.db"),
            gateway=self.config.gateway.id,
        )

    async def _run_edges(self, edges: list[Coroutine[Any, Any, None]]) -> None:
        async with asyncio.TaskGroup() as group:
            for edge in edges:
                group.create_task(edge)

    def _trouble(self) -> str | None:
        return self.bridge.trouble if self.bridge is not None else None

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine in the gateway's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    def wait_connected(self) -> None:
        wait_until(lambda: self._trouble() is None, "the bridge to connect")

    def add_events(self, *events: Event) -> None:
        """Commits events as the messaging rules would."""

        async def write() -> None:
            now = SystemClock().now()
            await self.store.write(lambda tx: [tx.events.add(event, now) for event in events])

        self.call(write())

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
        if not self._main.cancelled() and (error := self._main.exception()) is not None:
            raise error
