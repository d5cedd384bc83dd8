"""A database of an older release, with all that was on its way in it, is taken over: nothing is lost and nothing goes twice."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from gateway.messaging import inbound
from gateway.pdu import Address, Submit, encode_frame, segment
from gateway.store.migrations import migrations
from tests.messaging.rig import Item, deliver, report, rig, run, until
from tests.support.clock import ManualClock

BEFORE = datetime(2026, 3, 1, 11, 59, tzinfo=UTC)
OLD = int(BEFORE.timestamp() * 1000)
PEER = "+4915112345678"

_MESSAGE = {
    **dict.fromkeys(("created_at", "updated_at"), OLD),
    "own_number": "",
    "iccid": "",
    "encoding": "gsm7",
    "tags": "{}",
    "parts_missing": "",
    "peer": PEER,
    "segments": 1,
    "segments_sent": 0,
    "priority": 5,
    "at_most_once": 0,
    "ordered": 0,
    "revision": 1,
}
_SEGMENT = {"attempts": 1, "line": "one", "imei": "imei-one", "iccid": "iccid-one", "peer": PEER, "error": "", "seq": 1}
_PART = {"line": "one", "iccid": "iccid-one", "memory": "SM", "listing": 0, "kind": "deliver", "received_at": OLD}


class OldFile:
    """The first release's schema; later changes are not in it."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path / "smsgw.db")
        migrations.apply(Database(self._db), stop_before="m003_order_of_submits")

    def add(self, table: str, **values: Any) -> None:
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        self._db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))

    def outbound(self, name: str, status: str, **values: Any) -> None:
        self.add(
            "messages", **_MESSAGE | {"id": name, "text": name, "direction": "outbound", "status": status} | values
        )

    def segment(self, name: str, state: str, peer: str, mr: int | None = None) -> None:
        cut = segment(name)
        pdu, length = encode_frame(Submit(da=Address.parse(peer), dcs=cut.dcs, ud=cut.parts[0]))
        times = {"submitted_at": OLD, "settled_at": OLD}
        values = {"message_id": name, "state": state, "pdu": pdu, "length": length, "mr": mr, "peer": peer}
        self.add("segments", **_SEGMENT | times | values)

    def part(self, item: Item, message: str, **values: Any) -> None:
        fingerprint = inbound._read(item).fingerprint
        place = {"slot": item.index, "pdu": item.pdu, "fingerprint": fingerprint, "message_id": message}
        self.add("parts", **_PART | place | values)

    def close(self) -> None:
        self._db.commit()
        self._db.close()


LONG = "a long text of which a part is missing " * 6


def old_file(path: Path) -> None:
    old = OldFile(path)
    begun = {"line": "one", "iccid": "iccid-one"}
    for name, status, state, mr, peer in (
        ("unknown", "unknown", "unknown", None, "+4915112345670"),
        ("interrupted", "sending", "submitting", None, "+4915112345671"),
        ("sent", "sent", "sent", 7, "+4915112345672"),
    ):
        old.outbound(name, status, peer=peer, **begun)
        old.segment(name, state, peer, mr)
    old.outbound("queued", "queued")
    old.outbound("for two", "queued", modem="two")
    old.outbound("scheduled", "scheduled", send_at=OLD + 3_600_000)
    old.add("commands", client_id="key", digest="other", message_ids="queued", at=OLD)
    received = _MESSAGE | begun | {"direction": "inbound", "peer": "+491718888888"}
    old.add("messages", **received | {"id": "open", "status": "receiving", "segments": 2, "revision": 0})
    first = deliver(LONG, at=BEFORE, ref=7)[0]
    key = {"line": "one", "iccid": "iccid-one", "key": "1:1:491718888888", "ref": 7, "wide": 0, "total": 2}
    known = {"started_at": OLD, "scts": BEFORE.isoformat(), "message_id": "open", "delivered": 0, "revision": 0}
    old.add("assemblies", **key | known)
    old.part(first, "open", assembly=1, seq=1)
    old.add("messages", **received | {"id": "still in its slot", "status": "received", "text": "hello"})
    old.part(deliver("hello", at=BEFORE, index=9)[0], "still in its slot")
    old.close()


def test_what_was_on_its_way_goes_on(tmp_path: Path) -> None:
    old_file(tmp_path)

    async def scenario() -> None:
        async with rig(tmp_path, lines=("one", "two"), clock=ManualClock()) as box:
            await box.ready("one")
            await box.ready("two")
            await box.becomes("queued", "sent")
            await box.becomes("for two", "sent")
            assert [text for _, text, _ in box.ports["two"].taken].count("for two") == 1
            for name in ("unknown", "interrupted"):
                assert (await box.service.message(name))[0].status == "unknown"
            # reports on what the older release had sent
            for mr, peer, name in ((7, 2, "sent"), (8, 0, "unknown"), (9, 1, "interrupted")):
                await box.receive(report(mr, f"+491511234567{peer}", at=BEFORE, index=mr))
                await box.becomes(name, "delivered")
            # the rest of a text, and a text that is in its slot still
            await box.receive(*deliver(LONG, at=BEFORE, ref=7)[1:], *deliver("hello", at=BEFORE, index=9))
            assert await box.texts() == [LONG]
            box.pass_time(3600)
            await box.becomes("scheduled", "sent")
            again = await box.send(client_id="key")
            assert again.error is not None
            assert again.error[0] == "id_conflict"
            taken = [text for port in box.ports.values() for _, text, _ in port.taken]
            assert sorted(filter(None, taken)) == ["for two", "queued", "scheduled"]

    run(scenario())


def test_what_stays_unknown_is_decided_after_the_upgrade_too(tmp_path: Path) -> None:
    old_file(tmp_path)

    async def scenario() -> None:
        async with rig(tmp_path, lines=("one", "two"), clock=ManualClock(), unknown_hold_s=60) as box:
            await box.ready("one")

            async def decided() -> bool:
                box.pass_time(timedelta(seconds=30).total_seconds())
                await box.sweep("one")
                return {"unknown", "interrupted"} <= {text for _, text, _ in box.ports["one"].taken}

            await until(decided, "the texts of unknown outcome to be sent again")
            for name in ("unknown", "interrupted"):
                await box.becomes(name, "sent")

    run(scenario())
