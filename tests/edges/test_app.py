"""The composition root: what the process is told when a database has to be begun anew."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway import app
from gateway.errors import StoreError
from gateway.messaging import Service
from tests.edges.gateway_thread import config_for


def test_a_start_that_meets_damage_is_begun_anew_and_told_as_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the service manager would wait for the word, and kill the gateway that runs."""
    started: list[Service] = []

    class Damaged(Service):
        async def start(self) -> int:
            started.append(self)
            if len(started) == 1:
                self._store._damaged.set()  # type: ignore[attr-defined]
                raise StoreError("malformed")
            return await super().start()

    monkeypatch.setattr(app, "Service", Damaged)
    monkeypatch.setattr(app, "ANEW_S", 0)

    async def main() -> None:
        ready = asyncio.Event()
        gateway = asyncio.create_task(app.run(config_for(tmp_path, ""), ready=lambda _: ready.set()))
        async with asyncio.timeout(10):
            await ready.wait()
        gateway.cancel()
        await asyncio.gather(gateway, return_exceptions=True)

    asyncio.run(main())
    assert len(started) == 2
    assert [path.name for path in tmp_path.glob("smsgw.damaged-?")] == ["smsgw.damaged-1"]
