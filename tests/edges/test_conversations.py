"""Conversations by number, and messages taken out as a file."""

from __future__ import annotations

import csv
import io
import json
import random
from pathlib import Path
from typing import Any

import httpx

from gateway.messaging.conversations import Conversations
from gateway.messaging.model import Message, Status
from gateway.messaging.ports import Tx
from gateway.store import conversations as sql
from tests.edges.test_web import api, error, gateway, send  # noqa: F401 - fixtures
from tests.messaging.rig import deliver, rig, run
from tests.store.opening import NOW, opened


def message(n: int, peer: str, direction: str, *, blocked: bool = False) -> Message:
    status = Status.RECEIVED if direction == "inbound" else Status.SENT
    return Message(
        id=f"SM{n:032x}",
        direction=direction,
        peer=peer,
        status=status,
        created_at=NOW,
        updated_at=NOW,
        text=f"n{n}",
        encoding="gsm7",
        blocked=blocked,
    )


def test_conversations_are_those_of_a_simple_count(tmp_path: Path, monkeypatch: Any) -> None:
    """Whatever came in whatever order, in steps that are shorter than a conversation is long."""
    monkeypatch.setattr(sql, "STEP", 7)

    async def scenario() -> None:
        chance = random.Random(11)
        peers = [f"+4917000000{n:02d}" for n in range(12)] + ["ALERT"]
        said = [
            message(
                n,
                chance.choice(peers[:3] if n % 3 else peers),
                chance.choice(("inbound", "outbound")),
                blocked=n % 17 == 0,
            )
            for n in range(1, 200)
        ]
        async with opened(tmp_path) as store:

            def fill(tx: Tx) -> None:
                for each in said:
                    tx.messages.insert(each)

            await store.write(fill)
            talks = Conversations(store)
            read = said[120]
            await talks.mark_read(read.peer, read.id)
            await talks.mark_read("ALERT", None)
            marks = {read.peer: 121, "ALERT": 10_000}
            shown = [(n, each) for n, each in enumerate(said, 1) if not each.blocked]
            last = {each.peer: each.id for _, each in shown}
            unread = {
                peer: sum(
                    each.peer == peer and each.direction == "inbound" and n > marks.get(peer, 0) for n, each in shown
                )
                for peer in last
            }
            found: list[tuple[str, str, int]] = []
            place: int | None = None
            while True:
                page, place = await talks.page(place, 4)
                found += [(each.last.peer, each.last.id, each.unread) for each in page]
                if place is None:
                    break
            assert found == sorted(((p, i, unread[p]) for p, i in last.items()), key=lambda each: each[1], reverse=True)

    run(scenario())


def test_a_received_text_is_unread_until_it_is_marked(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            await box.receive(*deliver("one", at=box.clock.now(), index=1))
            await box.receive(*deliver("two", at=box.clock.now(), index=2))
            (talk,), _ = await box.service.conversations.page(None, 10)
            assert (talk.last.text, talk.unread) == ("two", 2)
            await box.service.conversations.mark_read(talk.last.peer, None)
            (talk,), _ = await box.service.conversations.page(None, 10)
            assert talk.unread == 0

    run(scenario())


def test_conversations_over_http(api: httpx.Client) -> None:  # noqa: F811
    send(api, to="+491701234567", text="first")
    send(api, to="+491701234568", text="second")
    send(api, to="+491701234567", text="third")
    whole = api.get("/conversations").json()
    assert [(each["peer"], each["last"]["text"]) for each in whole["conversations"]] == [
        ("+491701234567", "third"),
        ("+491701234568", "second"),
    ]
    first = api.get("/conversations", params={"limit": 1}).json()
    second = api.get("/conversations", params={"limit": 1, "before": first["next"]}).json()
    assert [each["peer"] for page in (first, second) for each in page["conversations"]] == [
        "+491701234567",
        "+491701234568",
    ]
    assert api.post("/conversations/read", json={"peer": "+491701234567"}).status_code == 204
    assert error(api.post("/conversations/read", json={"peer": "+49"}))[:2] == (404, "unknown_message")
    other = {"peer": "+491701234568", "message_id": whole["conversations"][0]["last"]["message_id"]}
    assert error(api.post("/conversations/read", json=other))[:2] == (404, "unknown_message")


def test_an_export_has_everything_and_no_formula(api: httpx.Client) -> None:  # noqa: F811
    texts = ["=HYPERLINK(1)", "two\nlines, and a comma", 'a "quote"', "Grüße 🙂"]
    for text in texts:
        send(api, text=text)
    many = [{"to": "+491701234567", "text": f"n{n}"} for n in range(450)]
    assert api.post("/messages/bulk", json={"messages": many}).json()["accepted"] == 450
    found = api.get("/messages/export")
    assert found.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(found.text)))
    assert [row["text"] for row in rows[-4:]] == [*texts[:0:-1], "'=HYPERLINK(1)"]
    assert len(rows) == 454
    assert rows[0]["number"] == "+491701234567"
    lines = api.get("/messages/export", params={"format": "ndjson"}).text.splitlines()
    assert [json.loads(line)["text"] for line in lines][-4:] == texts[::-1]
    assert api.get("/messages/export", params={"status": "sent", "format": "ndjson"}).text == ""
    assert error(api.get("/messages/export", params={"format": "xml"}))[:2] == (400, "bad_request")
