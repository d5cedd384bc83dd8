"""Plays the modem's side of a recorded dialogue, octet for octet, to whoever opens the port.

A recording is a text of JSON lines, as the emulator's `GET /recording` and the gateway's flight recorder make them. The
client has to say what the recorded one said; how it cuts that into writes does not matter. The modem's octets follow as
they were recorded, in the same pieces and after the same pauses. What a client says beyond its turn waits for its turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gateway.emulator.pty import ClientWatch, Port
from gateway.emulator.recorder import Chunk
from gateway.errors import ConfigError

VERSION = 1
WHO = {"<": "client", ">": "modem"}  # by the direction of a chunk
MAX_OCTETS = 50_000_000  # of a file
AHEAD = 65_536  # octets that a client may say before their turn
PRESENCE_S = 0.01  # how often it is looked whether somebody has opened the port
LINE_S = 0.5  # how long the rest of an unexpected line is awaited, to be told as a whole
_ENDS = re.compile(rb"[\r\n\x1a\x1b]")
_PDU = re.compile(rb"[0-9A-Fa-f]{22,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A piece of the dialogue. `line`: where in the file; `t`: seconds; `free`: octets that redaction has changed."""

    line: int
    t: float
    client: bool
    octets: bytes
    free: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A dialogue that can be played. `name`: of the modem."""

    name: str
    redacted: bool
    events: tuple[Event, ...]


def written(chunks: Iterable[Chunk], name: str) -> str:
    """What the emulator's recorder has, as a recording; what nobody was there to hear is left out."""
    lines: list[dict[str, Any]] = [{"recording": VERSION, "modem": name, "redacted": False, "run": 1}]
    lines += [
        {"n": c.n, "t": round(c.time, 6), "who": WHO[c.direction], "octets": c.octets.decode("latin-1")}
        for c in chunks
        if not c.lost
    ]
    return "".join(json.dumps(one, separators=(",", ":")) + "\n" for one in lines)


def load(path: Path) -> Recording:
    """The recording in a file. Raises ConfigError that names file, line and what is wrong."""
    try:
        if path.stat().st_size > MAX_OCTETS:
            raise ConfigError(f"{path}: a recording has at most {MAX_OCTETS} octets")
        return read(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: {exc}") from exc


def read(text: str, where: str = "recording") -> Recording:
    """The recording in a text. Raises ConfigError."""
    first, *rest = text.splitlines() or [""]
    head = _object(first, f"{where}: line 1")
    if head.get("recording") != VERSION:
        raise ConfigError(f'{where}: line 1: must be {{"recording":{VERSION},"modem":…,"redacted":…}}')
    redacted = bool(head.get("redacted"))
    events = [event for n, line in enumerate(rest, 2) for event in _event(line, n, f"{where}: line {n}")]
    events = list(_freed(events)) if redacted else events
    return Recording(name=str(head.get("modem", "modem")), redacted=redacted, events=tuple(events))


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except ValueError as exc:
        raise ConfigError(f"{where}: is no JSON: {exc}") from exc
    if not isinstance(values, dict):
        raise ConfigError(f"{where}: must be a JSON object")
    return values


def _event(line: str, n: int, where: str) -> Iterator[Event]:
    values = _object(line, where)
    who, octets, t = values.get("who"), values.get("octets"), values.get("t")
    if who == "note":
        return
    if who not in WHO.values() or not isinstance(octets, str) or not isinstance(t, int | float):
        raise ConfigError(f"{where}: must have who (client or modem), octets and t")
    try:
        yield Event(line=n, t=t, client=who == "client", octets=octets.encode("latin-1"))
    except UnicodeEncodeError as exc:
        raise ConfigError(f"{where}: octets: {exc}") from exc


def _freed(events: list[Event]) -> Iterator[Event]:
    """Marks in what the client said the octets that may differ: those of PDUs, whose text is gone, and what hides digits."""
    said = b"".join(event.octets for event in events if event.client)
    free = bytearray(said[place] in b"0x*" for place in range(len(said)))
    for found in _PDU.finditer(said):
        free[found.start() : found.end()] = b"\1" * len(found[0])
    at = 0
    for event in events:
        size = len(event.octets) if event.client else 0
        yield Event(
            line=event.line, t=event.t, client=event.client, octets=event.octets, free=bytes(free[at : at + size])
        )
        at += size


def _differs(event: Event, start: int, heard: bytes) -> int:
    """How many octets of `heard` are as recorded, from octet `start` of the event on."""
    for place, octet in enumerate(heard, start):
        free = place < len(event.free) and event.free[place] and 0x20 < octet < 0x7F
        if octet != event.octets[place] and not free:
            return place - start
    return len(heard)


class Replay:
    """An async context manager: inside it there is a port. `done` is set at the end, and when the client diverges.

    `speed`: how much faster than recorded; 0 leaves the pauses out.
    """

    def __init__(self, recording: Recording, *, speed: float = 1.0, links: Path | None = None) -> None:
        self.recording = recording
        self.divergence = ""  # where the client said something else, in one line
        self.line = 1  # of the file, where the dialogue stands
        self.done = asyncio.Event()
        self._scale = 1 / speed if speed else 0.0
        self._links = links
        self._heard = bytearray()
        self._more = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._watch = ClientWatch()
        self._watch.start()
        if self._links is not None:
            self._links.mkdir(parents=True, exist_ok=True)
        links = [] if self._links is None else [self._links.absolute() / self.recording.name]
        self._port = Port(self._watch, self._receive, links)
        self._task = asyncio.create_task(self._play(), name="replay")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._port.close()
        self._watch.stop()

    @property
    def port(self) -> str:
        """What a client opens."""
        return self._port.name

    def _receive(self, data: bytes) -> None:
        if len(self._heard) < AHEAD and not self.done.is_set():
            self._heard += data
            self._more.set()

    async def _play(self) -> None:
        try:
            before = self.recording.events[0].t if self.recording.events else 0.0
            for event in self.recording.events:
                self.line = event.line
                if event.client:
                    await self._listen(event)
                else:
                    await asyncio.sleep((event.t - before) * self._scale)
                    await self._audience()
                    self._port.write(event.octets)
                if self.divergence:
                    return
                before = event.t
        finally:
            self.done.set()

    async def _audience(self) -> None:
        """Waits until somebody has the port open, as somebody had when this was recorded."""
        while not self._port.has_client:  # noqa: ASYNC110  a pty tells nobody
            await asyncio.sleep(PRESENCE_S)

    async def _listen(self, event: Event) -> None:
        """Waits until the client has said the octets of the event, or anything else."""
        at = 0
        while at < len(event.octets):
            await self._until(lambda: bool(self._heard))
            there = bytes(self._heard[: len(event.octets) - at])
            good = _differs(event, at, there)
            del self._heard[:good]
            at += good
            if good < len(there):
                await self._tell(event, at)
                return

    async def _tell(self, event: Event, at: int) -> None:
        with contextlib.suppress(TimeoutError):  # it is told as far as it was said
            async with asyncio.timeout(LINE_S):
                await self._until(lambda: _ENDS.search(self._heard) is not None)
        end = _ENDS.search(self._heard)
        begun = event.octets[:at]
        heard = begun + bytes(self._heard if end is None else self._heard[: end.end()])
        self.divergence = f"line {event.line}: the client was to say {_shown(event.octets)} and said {_shown(heard)}"

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._more.clear()
            await self._more.wait()


def _shown(octets: bytes) -> str:
    return repr(octets.decode("ascii", "backslashreplace"))


async def serve(
    replay: Replay,
    ready: Callable[[dict[str, Any]], None],
    told: Callable[[dict[str, Any]], None],
    stopped: asyncio.Event,
) -> str:
    """Plays until `stopped` is set or the client diverges; `told` is called when all has been played.

    Returns what went wrong, "" when nothing did.
    """
    async with replay:
        ready({"modems": [{"name": replay.recording.name, "port": replay.port}], "control": None})
        waiting = [asyncio.create_task(event.wait()) for event in (replay.done, stopped)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if replay.done.is_set() and not replay.divergence:
            told({"replay": "finished", "line": replay.line})
            await stopped.wait()
        for task in waiting:
            task.cancel()
        if replay.divergence or replay.done.is_set():
            return replay.divergence
        return f"line {replay.line}: stopped before the end"
