"""The process dies around an opt-out word and around its answer: the word counts, and is answered once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from gateway.messaging.words import REPLIES, Change
from tests.chaos.seeds import ASKED
from tests.support.box import Box, box
from tests.support.processes import wait_until

SETTINGS = """
[compliance]
scope = "all"
[outbox]
unknown_hold_s = 5
late_reply_s = 0.2
"""

DEATHS = ["inbound.stored", "submit.claimed", "submit.ended"]
if ASKED:
    DEATHS += ["inbound.read", "inbound.deleted", "submit.answered", "submit.settled"]
    DEATHS += [f"store.{place}:{n}" for place in ("open", "committed") for n in range(2, 9)]
ANSWER = REPLIES["en"][Change.OPT_OUT]


def peer(n: int) -> str:
    return f"+49170990000{n:02d}"


def test_a_word_counts_and_is_answered_once_whenever_the_process_dies(tmp_path: Path) -> None:
    with box(tmp_path, modems=1, extra=SETTINGS) as gateway:
        gateway.start()
        gateway.wait_online("modem1")
        gateway.kill()
        for n, death in enumerate(DEATHS):
            gateway.start(crash_at=death)
            gateway.control("/deliver", {"modem": "modem1", "from": peer(n), "text": "STOP"})
            dead = gateway.daemon
            assert dead is not None
            wait_until(lambda d=dead: d.process.poll() is not None, f"death at {death}", 20)
            assert dead.process.returncode == -9, death
        gateway.start()
        for n, death in enumerate(DEATHS):
            wait_until(lambda n=n: answers(gateway, n), f"the answer after {death}", 60)
        for n in range(len(DEATHS)):  # who is written to after that is refused, in an order that shows all is over
            gateway.send(id=f"out{n}", to=peer(n), text="offer")
        results = {e["id"]: e for e in gateway.events("send/result", len(DEATHS))}
        assert {e["error"]["code"] for e in results.values()} == {"opted_out"}
        wait_until(lambda: all(waiting == 0 for (waiting,) in rows(tmp_path, UNFINISHED)), "all to be settled", 60)
        for n, death in enumerate(DEATHS):
            assert answers(gateway, n) == [ANSWER], death
        log = rows(tmp_path, "SELECT peer, change FROM consent ORDER BY peer")
        assert log == [(peer(n), "opt_out") for n in range(len(DEATHS))]
        told = {e["message_id"]: e["from"] for e in gateway.seen("inbox")}
        assert sorted(told.values()) == [peer(n) for n in range(len(DEATHS))]


UNFINISHED = "SELECT count(*) FROM messages WHERE direction = 'outbound' AND status NOT IN ('delivered')"


def answers(gateway: Box, n: int) -> list[str]:
    """What the peer's phone has got."""
    return [part["text"] for part in gateway.control(f"/phones/{peer(n)}")["parts"]]


def rows(directory: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(directory / "data" / "smsgw.db", timeout=10)) as db:
        return db.execute(query).fetchall()
