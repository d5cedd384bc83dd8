"""Helpers that play both sides of an engine: what the shell does, and what the modem says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.at import Engine, Event


def events(engine: Engine) -> list[Event]:
    """All events that wait."""
    found: list[Event] = []
    while (event := engine.next_event()) is not None:
        found.append(event)
    return found


def feed(engine: Engine, pieces: Iterable[bytes], now: float = 0.0) -> list[Event]:
    """Let the engine receive the pieces; the events of all of them."""
    found: list[Event] = []
    for piece in pieces:
        engine.receive(piece, now)
        found += events(engine)
    return found


def ways(data: bytes) -> Iterator[list[bytes]]:
    """The octets whole, one at a time, and cut in two at every point."""
    yield [data]
    yield [data[at : at + 1] for at in range(len(data))]
    for at in range(1, len(data)):
        yield [data[:at], data[at:]]
