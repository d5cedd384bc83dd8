"""The disk under a running gateway: full, damaged, in the hands of another program. Nothing is lost, and it heals."""

from __future__ import annotations

import re
import resource
import sqlite3
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

from tests.support.box import Box, box
from tests.support.processes import smsgw, wait_until

TO = "+4917099000001"
SETTINGS = """
[outbox]
unknown_hold_s = 5
late_reply_s = 0.2
"""


def database(directory: Path) -> sqlite3.Connection:
    """The database as another program sees it."""
    return sqlite3.connect(directory / "data" / "smsgw.db", timeout=5)


def online(gateway: Box) -> None:
    gateway.start()
    gateway.wait_online("modem1", "modem2")


def texts(gateway: Box) -> Counter[str]:
    return Counter(text for text, _ in {(e["text"], e["message_id"]) for e in gateway.seen("inbox")})


def waiting(gateway: Box) -> int:
    """Messages in the modems and at the network for them."""
    modems = gateway.control("/modems")["modems"]
    return sum(each["waiting"] + sum(s["used"] for s in each["storages"].values()) for each in modems)


def room_on_disk(gateway: Box, *, is_there: bool) -> None:
    """Without room every write of the process to a file fails, as on a full disk."""
    assert gateway.daemon is not None
    pid = gateway.daemon.process.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if is_there else 0, hard))


def ready(gateway: Box) -> bool:
    assert gateway.daemon is not None
    address = re.search(r"http://[^;\s]+", "\n".join(gateway.daemon.errors))
    assert address is not None
    try:
        with urllib.request.urlopen(address[0] + "/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return False


def test_a_full_disk_refuses_what_is_new_and_leaves_the_rest_in_the_modem(tmp_path: Path) -> None:
    with box(tmp_path, extra=SETTINGS) as gateway:
        online(gateway)
        gateway.send(id="before", to=TO, text="before", modem="modem1")
        gateway.wait_status("before", "delivered")
        room_on_disk(gateway, is_there=False)
        done = smsgw("send", "-c", str(gateway.config), TO, "by hand")
        assert done.returncode != 0
        assert "store_error" in done.stderr
        gateway.send(wait=False, id="meanwhile", to=TO, text="meanwhile", modem="modem1")
        for n in range(3):
            gateway.control("/deliver", {"modem": "modem2", "from": f"+49171800000{n}", "text": f"in {n}"})
        wait_until(lambda: waiting(gateway) >= 3, "the texts to stay in the modem")
        wait_until(lambda: not ready(gateway), "the gateway to call itself not ready")
        assert gateway.daemon is not None
        assert gateway.daemon.process.poll() is None
        assert gateway.statuses("meanwhile") == []
        room_on_disk(gateway, is_there=True)
        gateway.wait_status("meanwhile", "delivered", seconds=30)
        wait_until(lambda: sum(texts(gateway).values()) >= 3, "the texts in the inbox", 30)
        wait_until(lambda: waiting(gateway) == 0, "the modems to be empty", 30)
        wait_until(lambda: ready(gateway), "the gateway to call itself ready")
        assert texts(gateway) == Counter(f"in {n}" for n in range(3))
        assert Counter(each["text"] for each in gateway.submitted()) == Counter({"before": 1, "meanwhile": 1})


def test_a_database_that_is_damaged_while_it_runs_is_replaced_without_a_restart(tmp_path: Path) -> None:
    with box(tmp_path, extra=SETTINGS) as gateway:
        online(gateway)
        gateway.send(id="before", to=TO, text="before", modem="modem1")
        gateway.wait_status("before", "delivered")
        with database(tmp_path) as db:
            db.execute("PRAGMA writable_schema = ON")
            db.execute("UPDATE sqlite_schema SET sql = 'CREATE nonsense' WHERE name = 'messages_in_queue'")
            version = db.execute("PRAGMA schema_version").fetchone()[0]
            db.execute(f"PRAGMA schema_version = {version + 1}")
        db.close()
        gateway.control("/deliver", {"modem": "modem2", "from": "+491718000000", "text": "in"})
        gateway.send(wait=False, id="after", to=TO, text="after", modem="modem1")
        gateway.wait_status("after", "delivered", seconds=30)
        wait_until(lambda: texts(gateway) == Counter(["in"]), "the text in the inbox", 30)
        assert [each["code"] for each in gateway.seen("alert")] == ["database_replaced"]
        assert (tmp_path / "data" / "smsgw.damaged-1").exists()
        assert gateway.daemon is not None
        assert gateway.daemon.process.poll() is None
        seqs = [each["seq"] for each in gateway.seen("message/+/status")]
        assert seqs == sorted(set(seqs))
        assert Counter(each["text"] for each in gateway.submitted()) == Counter({"before": 1, "after": 1})


def test_another_program_that_holds_the_database_is_waited_for(tmp_path: Path) -> None:
    with box(tmp_path, extra=SETTINGS) as gateway:
        online(gateway)
        db = database(tmp_path)
        db.execute("BEGIN IMMEDIATE")
        gateway.send(wait=False, id="meanwhile", to=TO, text="meanwhile", modem="modem1")
        gateway.control("/deliver", {"modem": "modem2", "from": "+491718000000", "text": "in"})
        assert gateway.daemon is not None
        gateway.daemon.wait_error("locked", seconds=20)
        assert gateway.submitted() == []
        db.rollback()
        db.close()
        gateway.wait_status("meanwhile", "delivered", seconds=30)
        wait_until(lambda: texts(gateway) == Counter(["in"]), "the text in the inbox", 30)
        assert len(gateway.submitted()) == 1
