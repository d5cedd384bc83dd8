"""The recorder: what went over the port, in order, with rising times."""

from __future__ import annotations

import asyncio

from gateway.emulator.config import EmulatorConfig, ModemConfig
from gateway.emulator.service import Emulator

from .client import Client


def test_what_was_heard_and_said_is_kept_with_rising_times() -> None:
    async def scenario() -> None:
        async with Emulator(EmulatorConfig(modems=(ModemConfig(name="one"),))) as emulator:
            with Client(emulator.port("one")) as client:
                await client.at("ATE0")
                await client.at("AT+CSQ")
            chunks = emulator.modem("one").recorder.after(0)
            assert [chunk.direction for chunk in chunks] == ["<", ">", "<", ">"]
            assert chunks[2].octets == b"AT+CSQ\r"
            assert chunks[3].octets == b"\r\n+CSQ: 21,99\r\n\r\nOK\r\n"
            assert sorted(chunk.time for chunk in chunks) == [chunk.time for chunk in chunks]
            assert emulator.modem("one").recorder.after(chunks[2].n) == chunks[3:]

    asyncio.run(scenario())
