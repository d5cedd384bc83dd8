"""Starting a bench inside a test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.emulator import Emulator, EmulatorConfig, ModemConfig, NetworkConfig

LIMIT_S = 20.0
ONE, TWO = "+491700000001", "+491700000002"
PHONE = "+491719999999"


def run(
    scenario: Callable[[Emulator], Awaitable[None]],
    *modems: ModemConfig,
    network: NetworkConfig | None = None,
    **values: Any,
) -> None:
    """Runs `scenario` against an emulator; without `modems`, two generic ones called one and two."""

    async def main() -> None:
        config = EmulatorConfig(
            modems=modems or (ModemConfig(name="one"), ModemConfig(name="two")),
            network=network or NetworkConfig(),
            **values,
        )
        async with asyncio.timeout(LIMIT_S), Emulator(config) as emulator:
            await scenario(emulator)

    asyncio.run(main())


async def eventually(condition: Callable[[], object], timeout: float = 5.0) -> None:
    """Waits, turn by turn of the loop, until `condition` holds."""
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110  the condition may be anything, also a file
            await asyncio.sleep(0.002)
