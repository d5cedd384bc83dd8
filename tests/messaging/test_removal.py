"""What people want gone is gone, from everywhere; what tells a repeat from a new text stays."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.errors import RequestError
from gateway.messaging import LineSettings, outbound
from gateway.messaging.deliveries import Delivery
from gateway.messaging.ledger import Policy
from gateway.messaging.model import MessageFilter
from gateway.messaging.ports import Tx
from gateway.messaging.receipts import REPORT_WINDOW
from gateway.messaging.retention import Retention
from tests.messaging.rig import NOT_SENT, UNKNOWN, Rig, deliver, report, rig, run

SECRET = "the code is 4711"


def test_a_received_text_is_blanked_wherever_it_stands(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            (item,) = deliver(SECRET, at=box.clock.now())
            await box.receive(item)
            await box.released(item)
            (message,) = await box.service.messages(MessageFilter(words="code"))
            (stored,) = [each for each in await box.service.events(0, 100) if each.event.subject == message.id]
            hook = json.dumps({"event": "inbox", "seq": stored.seq, "data": {"text": SECRET, "from": "x"}})
            form = json.dumps({"fields": [["From", "+49"], ["Body", SECRET]]})
            kept = Delivery(
                id="1",
                webhook="hook",
                seq=stored.seq,
                kind="inbox",
                subject=message.id,
                body=hook,
                created_at=box.clock.now(),
            )
            both = (kept, replace(kept, id="2", webhook="application", body=form))
            await box.store.write(lambda tx: [tx.deliveries.insert(each) for each in both])

            redacted = await box.service.removal.redact(message.id)
            assert (redacted.text, redacted.status, redacted.peer) == ("", message.status, message.peer)
            (event,) = await box.events("inbox")
            assert (event["text"], event["redacted"], event["from"]) == ("", True, message.peer)
            (again,) = [each for each in await box.service.events(0, 100) if each.seq == stored.seq]
            assert SECRET not in again.event.payload  # nor is it in memory
            bodies = [json.loads(body) for (body,) in await box.sql("SELECT body FROM deliveries ORDER BY id")]
            assert bodies[0]["data"] == {"text": "", "from": "x", "redacted": True}
            assert bodies[1] == {"fields": [["From", "+49"], ["Body", ""]]}
            assert await box.sql("SELECT DISTINCT pdu FROM parts") == [("",)]
            assert await box.service.messages(MessageFilter(words="code")) == []
            _, _, timeline = await box.service.message(message.id)
            assert timeline[-1].what == "redacted"
            box.clock.advance(60)
            await box.receive(item)  # the same octets again: still known, though nobody can read them any more
            assert len(await box.service.messages(MessageFilter())) == 1

    run(scenario())


def test_what_was_sent_and_deleted_counts_for_the_limits_of_its_day_and_month(tmp_path: Path) -> None:
    limited = (LineSettings(name="one", daily_limit=1, monthly_limit=2),)

    async def scenario() -> None:
        async with rig(tmp_path, line_settings=limited) as box:
            await box.ready()
            first = (await box.send()).message_ids[0]
            await box.becomes(first, "sent")
            await box.receive(report(1, at=box.clock.now()))
            await box.becomes(first, "delivered")
            await box.service.removal.delete(first)
            await box.service._counts.begin()
            assert box.service.lines()[0].sent_today == 1
            await box.send(text="one too many")
            await box.idle()
            assert len(box.ports["one"].taken) == 1
        async with rig(tmp_path, line_settings=limited) as box:
            assert (box.service.lines()[0].sent_today, box.service.lines()[0].sent_this_month) == (1, 1)

    run(scenario())


def test_a_deleted_text_stays_known_as_a_repeat_and_its_id_as_used(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            (item,) = deliver(SECRET, at=box.clock.now())
            await box.receive(item)
            await box.released(item)
            (message,) = await box.service.messages(MessageFilter())
            await box.service.removal.delete(message.id)
            box.clock.advance(60)
            await box.receive(item)
            assert await box.service.messages(MessageFilter()) == []
            assert len(await box.events("inbox")) == 1

            await box.ready()
            sent = await box.send(client_id="once", text=SECRET)
            (message_id,) = sent.message_ids
            await box.becomes(message_id, "sent")
            with pytest.raises(RequestError, match="a delivery report may come"):
                await box.service.removal.delete(message_id)
            await box.service.removal.redact(message_id)
            assert {pdu for (pdu,) in await box.sql("SELECT pdu FROM segments")} == {""}
            box.clock.advance(REPORT_WINDOW.total_seconds())
            await box.service.removal.delete(message_id)
            with pytest.raises(RequestError, match="no message"):
                await box.service.message(message_id)
            again = await box.send(client_id="once", text=SECRET)
            assert (again.status, again.message_ids) == ("duplicate", (message_id,))
            assert await box.sql("SELECT count(*) FROM segments") == [(0,)]

    run(scenario())


@pytest.mark.parametrize("end", ["canceled", "delivered"])
def test_a_text_whose_first_attempt_may_have_left_stays_as_long_as_that_may_be_reported(
    tmp_path: Path, end: str
) -> None:
    """Else its report would be taken for one on another text of unknown outcome, which then never leaves."""

    async def scenario() -> None:
        async with rig(tmp_path, on_unknown="resend", unknown_hold_s=60) as box:
            box.ports["one"].answers.extend([UNKNOWN, NOT_SENT] if end == "canceled" else [UNKNOWN])
            await box.ready()
            (message_id,) = (await box.send(text="twice")).message_ids
            await box.becomes(message_id, "unknown")
            if end == "canceled":
                box.down()
                await box.store.write(lambda tx: _give_up(tx, message_id, box))
                await box.service.cancel(message_id)
            else:
                await box.sweep()
                box.pass_time(61)
                await box.becomes(message_id, "sent")
                await box.receive(report(1, at=box.clock.now() + timedelta(seconds=1)))
                box.clock.advance(60)
                await box.receive(report(1, at=box.clock.now()))
                await box.becomes(message_id, "delivered")
            assert len(await box.sql("SELECT * FROM doubts")) == 1
            with pytest.raises(RequestError, match="a delivery report may come"):
                await box.service.removal.delete(message_id)
            box.clock.advance(timedelta(days=3).total_seconds())
            old = Retention(box.store, box.clock, 1)
            await old.delete_old()
            assert (await box.service.message(message_id))[0].status == end
            box.clock.advance(REPORT_WINDOW.total_seconds())
            await box.service.removal.delete(message_id)

    run(scenario())


def _give_up(tx: Tx, message_id: str, box: Rig) -> None:
    (unknown,) = tx.segments.of(message_id)
    outbound.give_up_waiting(tx, unknown, Policy(max_attempts=5, on_unknown="resend"), box.clock.now())


def test_what_is_not_finished_stays(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            (message_id,) = (await box.send()).message_ids
            for take_away in (box.service.removal.delete, box.service.removal.redact):
                with pytest.raises(RequestError, match="cancel it first") as refused:
                    await take_away(message_id)
                assert refused.value.code == "not_finished"
                with pytest.raises(RequestError, match="there is no message"):
                    await take_away("SM0")
            await box.service.cancel(message_id)
            await box.service.removal.delete(message_id)
            assert await box.service.messages(MessageFilter()) == []

    run(scenario())


def test_a_text_with_parts_missing_waits_for_them(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            first, *_ = deliver("x" * 300, at=box.clock.now())
            await box.receive(first)
            (message,) = await box.service.messages(MessageFilter())
            with pytest.raises(RequestError, match="is receiving"):
                await box.service.removal.delete(message.id)

    run(scenario())


@pytest.mark.parametrize("wholly", [False, True])
def test_a_repeat_of_a_concatenated_text_is_known_though_nobody_can_read_it(tmp_path: Path, wholly: bool) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            items = deliver(SECRET * 20, at=box.clock.now())
            assert len(items) > 1
            await box.receive(*items)
            await box.released(*items)
            (message,) = await box.service.messages(MessageFilter())
            await (box.service.removal.delete if wholly else box.service.removal.redact)(message.id)
            box.clock.advance(60)
            await box.receive(*items)  # the network says it once more
            assert [event["text"] for event in await box.events("inbox")] == [""]
            assert len(await box.service.messages(MessageFilter())) == (0 if wholly else 1)
            assert await box.events("alert") == []
            assert not [kept for (kept,) in await box.sql("SELECT pdu FROM parts") if kept]
            later = deliver("another " * 30, at=box.clock.now())  # the same sender counts its references anew
            await box.receive(*later)
            assert [event["text"] for event in await box.events("inbox")] == ["", "another " * 30]

    run(scenario())
