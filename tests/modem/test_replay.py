"""The driver on a replay of itself: long texts, reports and reception, from the emulator's recording and from its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from gateway.emulator import Emulator, EmulatorConfig, ModemConfig
from gateway.emulator.replay import Recording, Replay, read, written
from gateway.modem import Line
from gateway.modem.recording import Piece, whole
from tests.emulator.bench import PHONE
from tests.emulator.client import submit
from tests.modem.bench import Recorder, running

PARTS = tuple(submit(PHONE, f"Part {seq} 🙂 ", report=True, concat=(204, 3, seq)) for seq in (1, 2, 3))
LONG = "Grüße 🙂 from a phone, in more than one part: " + "and so on " * 12


@dataclass
class Seen:
    """What one side of the driver saw."""

    submits: list[tuple[str, int | None]] = field(default_factory=list)
    received: list[tuple[str, int, str]] = field(default_factory=list)
    heard: bytes = b""
    said: bytes = b""


async def session(line: Line, listener: Recorder, deliver: Callable[[], Awaitable[object]]) -> Seen:
    """Three parts with reports, then a long text from a phone; all of it stored and released."""
    await listener.shows("ready")
    seen = Seen()
    for number, pdu in enumerate(PARTS, 1):
        result = await line.submit("00" + pdu, len(pdu) // 2)
        seen.submits.append((result.outcome.value, result.mr))
        await listener.until(lambda number=number: len(listener.items("released")) == number)
    await deliver()
    await listener.until(lambda: len(listener.items("released")) == len(PARTS) + 3)
    seen.received = [(one.memory or "", one.index or 0, one.pdu) for one in listener.items()]
    pieces = list(line.recorder.pieces)
    seen.heard = b"".join(piece.octets for piece in pieces if piece.mark == "<")
    seen.said = b"".join(piece.octets for piece in pieces if piece.mark == ">")
    return seen


def recorded(personality: str) -> tuple[Seen, str, list[Piece]]:
    """A session on the emulator: what was seen, the emulator's recording and the flight recorder's pieces."""

    async def main() -> tuple[Seen, str, list[Piece]]:
        config = EmulatorConfig(modems=(ModemConfig(name="one", personality=personality),))
        async with Emulator(config) as emulator, running(emulator.port("one")) as (line, listener):
            seen = await session(line, listener, lambda: emulator.deliver("one", text=LONG, encoding="ucs2"))
            return seen, written(emulator.modem("one").recorder.after(0), "one"), list(line.recorder.pieces)

    return asyncio.run(main())


def replayed(recording: Recording) -> tuple[Seen, str]:
    """The same session with the replay in the modem's place; and where it diverged."""

    async def nothing() -> None:
        return

    async def main() -> tuple[Seen, str]:
        async with Replay(recording, speed=0) as replay, running(replay.port) as (line, listener):
            try:
                return await session(line, listener, nothing), replay.divergence
            except TimeoutError:
                raise AssertionError(replay.divergence or f"stopped at line {replay.line}") from None

    return asyncio.run(main())


@pytest.mark.parametrize("personality", ["generic", "huawei-e3372"])
def test_a_session_replays_byte_for_byte(personality: str) -> None:
    seen, text, _ = recorded(personality)
    recording = read(text)
    again, divergence = replayed(recording)
    assert divergence == ""
    assert again.heard == seen.heard == b"".join(event.octets for event in recording.events if not event.client)
    assert again.said == seen.said
    assert again == seen


@pytest.mark.parametrize("redact", [False, True])
def test_what_the_flight_recorder_kept_replays_too(redact: bool) -> None:
    seen, _, pieces = recorded("sim7600")
    recording = read(whole(pieces, "one", redact=redact))
    again, divergence = replayed(recording)
    assert divergence == ""
    assert again.heard == b"".join(event.octets for event in recording.events if not event.client)
    assert again.submits == seen.submits
    assert [one[:2] for one in again.received] == [one[:2] for one in seen.received]
    assert (again.heard == seen.heard) is not redact
    assert len(again.heard) == len(seen.heard)
