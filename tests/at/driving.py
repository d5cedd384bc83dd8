"""Helpers that play both sides of an engine: what the shell does, and what the modem says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.at import Engine, Event, cmgs, from_text

PDU = "0011000C919451010099990000FF07F7B0BC0DAAC301"
STARTS = ("idle", "plain", "list", "identity", "prompt", "ready", "payload", "ended", "abort", "fence", "pause")
"""States that an engine can be brought into by `started`."""


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


def started(start: str) -> Engine:
    """An engine that is in the state, with nothing left to take or to write."""
    engine = Engine()
    plain = {"plain": "AT", "list": "AT+CMGL=4", "identity": "AT+CGSN", "fence": "AT"}.get(start)
    if plain is not None:
        engine.send(from_text(plain), 0.0)
    elif start != "idle":
        engine.send(cmgs(21, PDU, 60.0), 0.0)
    if start in ("ready", "payload", "ended", "abort"):
        engine.receive(b"\r\n> ", 0.0)
    if start in ("payload", "ended"):
        engine.send_payload(0.0)
    if start == "ended":
        engine.send_end(0.0)
    if start == "abort":
        engine.abort(0.0)
    if start in ("fence", "pause"):
        engine.tick(10.0)
    engine.data_to_send()
    events(engine)
    return engine
