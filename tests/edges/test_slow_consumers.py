"""Clients that stop reading: the texts go out and come in all the same, and what was not read waits on disk, not in memory."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from gateway.clock import SystemClock
from gateway.messaging.model import Event, EventKind
from gateway.store import SqliteStore
from tests.support.box import Box, box
from tests.support.processes import wait_until
from tests.support.receiver import Post, Receiver, receiving
from tests.support.ws import WsClient

OUT, IN = 300, 100
MAX_GROWTH = 24_000_000
"""Octets by which the daemon may grow meanwhile."""

SOCKETS = 2
BUFFER = 4096
BACKLOG, BACKLOG_SIZE = 600, 10_000
"""Events from before, and octets of each: more than the system buffers for a socket."""

PATIENCE_S = 90.0
TOLD = ("inbox", "message.status")
HOOK = """
[[webhook]]
name = "crm"
url = "{url}"
allow_private = true
timeout_s = 120
events = ["inbox", "message.status"]
"""

Words = Counter[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow:
    """A running gateway. `hears`: while it is not set, no post of the webhook is answered."""

    gateway: Box
    base: str
    token: str
    database: Path
    receiver: Receiver
    hears: threading.Event

    def client(self, after: int = 0) -> WsClient:
        return WsClient(self.base, f"/ws?after={after}", buffer=BUFFER, authorization=f"Bearer {self.token}")

    def traffic(self) -> None:
        """Texts both ways, one after the other as clients and phones give them, until all have arrived."""
        headers = {"authorization": f"Bearer {self.token}"}
        with httpx.Client(base_url=self.base, headers=headers, timeout=PATIENCE_S) as api:
            for n in range(OUT):
                command = {"to": f"+4917099{n:06d}", "text": f"out {n}"}
                assert api.post("/api/v1/messages", json=command).status_code == 201
                if n % (OUT // IN) == 0:
                    text = f"in {n}"
                    self.gateway.control("/deliver", {"modem": "modem2", "from": "+491718000000", "text": text})
            wait_until(lambda: self.count("delivered") == OUT, "every text to be delivered", PATIENCE_S)
            wait_until(lambda: self.count("received") == IN, "every text to come in", PATIENCE_S)

    def count(self, status: str) -> int:
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as db:
            return int(db.execute("SELECT count(*) FROM messages WHERE status = ?", (status,)).fetchone()[0])


async def fill(database: Path) -> None:
    """Writes what the gateway told before, so that a client that resumes at the beginning is far behind."""
    database.parent.mkdir()
    payload = json.dumps({"code": "no_network", "message": "x" * BACKLOG_SIZE})
    event = Event(kind=EventKind.ALERT, subject="", payload=payload)
    store = SqliteStore(database)
    await store.open()
    try:
        now = SystemClock().now()
        await store.write(lambda tx: [tx.events.add(event, now) for _ in range(BACKLOG)])
    finally:
        await store.close()


@contextmanager
def running(tmp_path: Path) -> Iterator[Slow]:
    hears = threading.Event()
    database = tmp_path / "data" / "smsgw.db"
    asyncio.run(fill(database))

    def answer(_post: Post) -> tuple[int, dict[str, str]]:
        hears.wait(PATIENCE_S)
        return 200, {}

    with receiving(answer) as receiver, box(tmp_path, extra=HOOK.format(url=receiver.url)) as gateway:
        gateway.start()
        gateway.wait_online("modem1", "modem2")
        assert gateway.daemon is not None
        base = gateway.daemon.wait_error("ready; web: ").partition("web: ")[2].partition(";")[0]
        token = tomllib.loads((tmp_path / "data" / "secrets.toml").read_text())["api_token"]
        try:
            yield Slow(gateway=gateway, base=base, token=token, database=database, receiver=receiver, hears=hears)
        finally:
            hears.set()


def words(events: list[tuple[str, dict[str, Any]]]) -> Words:
    """What was told: each status, and each text that came in. An event that came twice counts once."""
    by_seq = {data["seq"]: (kind, data) for kind, data in events if kind in TOLD}
    return Counter(str(data["text"] if kind == "inbox" else data["status"]) for kind, data in by_seq.values())


ALL: Words = Counter(dict.fromkeys(("queued", "sent", "delivered"), OUT)) + Counter(
    f"in {n}" for n in range(0, OUT, OUT // IN)
)


def read(slow: Slow, client: WsClient) -> Words:
    """All that is told. Who did not answer a ping for long was cut off, and comes again from where it was."""
    heard: list[tuple[str, dict[str, Any]]] = []
    last = 0
    with ExitStack() as again:
        while len(heard) < sum(ALL.values()):
            try:
                value = client.hear_events(1)[0]
            except ConnectionError:
                client.status = 0
                client = again.enter_context(slow.client(last))
                continue
            last = value["seq"]
            if value["event"] in TOLD:
                heard.append((value["event"], {**value["data"], "seq": last}))
    return words(heard)


def test_what_slow_clients_do_not_read_waits_on_disk_and_comes_when_they_read(tmp_path: Path) -> None:
    with running(tmp_path) as slow, ExitStack() as stack:
        sockets = [stack.enter_context(slow.client()) for _ in range(SOCKETS)]
        assert [each.status for each in sockets] == [101] * SOCKETS
        before = slow.gateway.memory()
        with slow.gateway.broker.stalled():
            slow.traffic()
            assert slow.gateway.memory() - before < MAX_GROWTH
            assert len(slow.receiver.posts) < 10, "the webhook was to hang"
        taken = Counter(each["text"] for each in slow.gateway.submitted())
        assert taken == Counter(f"out {n}" for n in range(OUT))
        slow.hears.set()
        assert [read(slow, each) for each in sockets] == [ALL] * SOCKETS
        posts = slow.receiver.wait(sum(ALL.values()), PATIENCE_S)
        assert words([(post.value["event"], {**post.value["data"], "seq": post.value["seq"]}) for post in posts]) == ALL

        def published() -> Words:
            seen = slow.gateway.seen
            return words(
                [*(("inbox", e) for e in seen("inbox")), *(("message.status", e) for e in seen("message/+/status"))]
            )

        slow.gateway.events("message/+/status", 3 * OUT, seconds=PATIENCE_S)
        wait_until(lambda: published() == ALL, "everything at the broker", PATIENCE_S)
