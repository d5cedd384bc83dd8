"""Texts posted over HTTP: how many a second are accepted, which is to say durable, and how long one takes.

A bare FastAPI endpoint is measured in the same run: machines are shared and noisy, and it says what this one gives today.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.box import ROOT_TOPIC, box
from tests.support.processes import ROOT, environment

CONCURRENCIES = (1, 8, 32)
TEXTS = 3000
PACE = 100
PACED = 1000
LONGEST_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to post. `head`: the header lines beside Host and Content-Length; `pid`: whose CPU time counts."""

    name: str
    port: int
    path: str
    head: str
    pid: int

    def request(self, n: int) -> bytes:
        body = json.dumps({"to": f"+4917099{n:06d}", "text": f"message {n}"}).encode()
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: application/json\r\n{self.head}"
        )
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """`rate`: a second; `cpu_ms`: CPU time of the server for one; `seconds`: how long each took."""

    rate: float
    cpu_ms: float
    seconds: list[float]

    def latency(self) -> str:
        ordered = sorted(1000 * each for each in self.seconds)
        return f"median {statistics.median(ordered):.2f} ms, 99 % {ordered[int(0.99 * len(ordered))]:.2f} ms"


class Connection(asyncio.Protocol):
    """One kept-alive connection that posts one text after the other. As lean as can be: it shares the machine."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._answer: asyncio.Future[None] | None = None
        self._heard = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, found, body = self._heard.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) >= length and self._answer is not None:
            self._heard = b""
            if b" 201 " in head[:16]:
                self._answer.set_result(None)
            else:
                self._answer.set_exception(SystemExit(f"a text was not accepted: {(head + body)[:300]!r}"))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(SystemExit("the server closed the connection"))

    async def post(self, request: bytes) -> float:
        """Seconds until the answer."""
        self._answer = asyncio.get_running_loop().create_future()
        begun = time.perf_counter()
        self._transport.write(request)
        await self._answer
        return time.perf_counter() - begun

    @property
    def closed(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self._transport.close()


async def connect(target: Target) -> Connection:
    _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", target.port)
    return connection


async def flood(target: Target, first: int, count: int, concurrency: int) -> Measured:
    """`concurrency` connections, each posting the next as soon as it has its answer."""
    requests = iter([target.request(n) for n in range(first, first + count)])
    connections = [await connect(target) for _ in range(concurrency)]
    seconds: list[float] = []

    async def work(connection: Connection) -> None:
        for request in requests:
            seconds.append(await connection.post(request))

    cpu, begun = cpu_seconds(target.pid), time.perf_counter()
    async with asyncio.timeout(LONGEST_S):
        await asyncio.gather(*(work(connection) for connection in connections))
    took, used = time.perf_counter() - begun, cpu_seconds(target.pid) - cpu
    for connection in connections:
        connection.close()
    return Measured(rate=count / took, cpu_ms=1000 * used / count, seconds=seconds)


async def pace(target: Target, first: int, count: int, per_second: int) -> Measured:
    """A text each `1 / per_second`, whether the one before has its answer or not, over as many connections as it takes."""
    requests = [target.request(n) for n in range(first, first + count)]
    idle = deque([await connect(target) for _ in range(4)])
    every: set[Connection] = set(idle)
    seconds: list[float] = []

    async def one(request: bytes, due: float) -> None:
        while idle and idle[0].closed:  # the server gives up those that are not used for long
            idle.popleft()
        connection = idle.popleft() if idle else await connect(target)
        every.add(connection)
        await connection.post(request)
        seconds.append(time.perf_counter() - due)
        idle.append(connection)

    cpu, begun = cpu_seconds(target.pid), time.perf_counter()
    async with asyncio.timeout(LONGEST_S), asyncio.TaskGroup() as tasks:
        for n, request in enumerate(requests):
            due = begun + n / per_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.create_task(one(request, due))
    took, used = time.perf_counter() - begun, cpu_seconds(target.pid) - cpu
    for connection in every:
        connection.close()
    return Measured(rate=count / took, cpu_ms=1000 * used / count, seconds=seconds)


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def bare() -> Iterator[Target]:
    """Nothing but the framework."""
    command = [sys.executable, "-m", "tests.bench.bare"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=environment(), text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            yield Target(name="bare FastAPI", port=port, path="/messages", head="", pid=process.pid)
        finally:
            process.terminate()


@contextmanager
def gateway() -> Iterator[Target]:
    """The daemon with one modem that is unplugged: what is accepted waits, so that accepting alone is measured."""
    with tempfile.TemporaryDirectory(prefix="smsgw-bench-") as name, box(Path(name), modems=1) as found:
        found.config.write_text(found.config.read_text().replace("[web]\n", "[web]\nrate_per_minute = 0\n"))
        found.control("/fault", {"modem": "modem1", "kind": "unplug"})
        found.start()
        found.observer.wait(f"{ROOT_TOPIC}/bridge/state")
        found.observer.close()
        assert found.daemon is not None
        ready = found.daemon.wait_error("ready; web: ").partition("http://")[2]
        port = int(ready.partition(";")[0].rpartition(":")[2])
        first = tomllib.loads((Path(name) / "data" / "secrets.toml").read_text())["api_token"]
        api = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", headers={"authorization": f"Bearer {first}"})
        with api:
            token = api.post("/tokens", json={"name": "bench", "role": "send-only"}).raise_for_status().json()["token"]
        yield Target(
            name="POST /api/v1/messages",
            port=port,
            path="/api/v1/messages",
            head=f"Authorization: Bearer {token}\r\n",
            pid=found.daemon.process.pid,
        )


def posts() -> list[tuple[str, str, str]]:
    """The rows of the table."""
    with gateway() as ours, bare() as theirs:
        return asyncio.run(_measure(ours, theirs))


async def _measure(ours: Target, theirs: Target) -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    first = 0
    for target in (ours, theirs):
        await flood(target, first, 200, 8)  # caches fill, files grow
    first += 200
    for concurrency in CONCURRENCIES:
        we, they = [await flood(target, first, TEXTS, concurrency) for target in (ours, theirs)]
        first += TEXTS
        figure = f"{we.rate:.0f} / s, {we.cpu_ms:.2f} ms CPU each"
        beside = f"bare FastAPI {they.rate:.0f} / s, {they.cpu_ms:.2f} ms: {they.rate / we.rate:.1f} times as many"
        rows.append((f"{ours.name}, {concurrency} at once: accepted", figure, f"≥ 1000 / s; {beside}"))
    we, they = [await pace(target, first, PACED, PACE) for target in (ours, theirs)]
    rows.append((f"{ours.name}, {PACE} a second: answered", we.latency(), f"bare FastAPI {they.latency()}"))
    return rows
