"""Counts are right whatever happened to messages, in every zone, and are had quickly."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.errors import RequestError
from gateway.messaging import statistics
from gateway.messaging.statistics import Answer, Cell, Question, spans_of
from tests.messaging.rig import Rig, deliver, refused, report, rig, run

DAY = timedelta(days=1)


async def asked(box: Rig, **more: Any) -> Answer:
    await box.service.statistics.catch_up()
    now = box.clock.now()
    return await box.service.statistics.ask(Question(**{"since": now - DAY, "until": now + DAY} | more))


def counts(answer: Answer) -> dict[str, dict[str, int]]:
    return {group.key: dict(group.counts) for group in answer.groups}


def test_a_message_is_counted_once_as_what_it_is_now(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            first = (await box.send()).message_ids[0]
            second = (await box.send(to="+4915112345679", text="Grüße 😀")).message_ids[0]
            assert counts(await asked(box)) == {"": {"queued": 2}}
            box.ports["one"].answers.extend([refused("permanent")])
            await box.ready()
            await box.becomes(first, "failed")
            await box.becomes(second, "sent")
            assert counts(await asked(box)) == {"one": {"failed": 1, "sent": 1}}
            box.clock.advance(8)
            await box.receive(report(1, ra="+4915112345679", at=box.clock.now()))
            await box.receive(*deliver("hello", oa="+33612345678", at=box.clock.now(), index=5))
            found = await asked(box)
            assert counts(found) == {"one": {"failed": 1, "delivered": 1, "received": 1}}
            (group,) = found.groups
            assert group.rate == 0.5
            assert group.median_s == pytest.approx(8, rel=0.06)
            assert group.p95_s == group.median_s
            assert found.behind == 0
            assert counts(await asked(box, by="country")) == {
                "DE": {"failed": 1, "delivered": 1},
                "FR": {"received": 1},
            }
            assert set(counts(await asked(box, by="encoding"))) == {"gsm7", "ucs2"}
            assert counts(await asked(box, by="hour")) == {"12": {"failed": 1, "delivered": 1, "received": 1}}
            assert counts(await asked(box, by="direction", direction="inbound")) == {"inbound": {"received": 1}}
            assert counts(await asked(box, line="two")) == {}
            assert set(counts(await asked(box, by="error"))) == {"", "network_rejected"}
            assert await box.sql("SELECT count(*) FROM stat_cells WHERE count <= 0") == [(0,)]

    run(scenario())


def test_what_was_there_before_is_counted_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "BATCH", 3)

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            for n in range(7):
                await box.send(to=f"+49151123450{n:02}")
            await box.sql("UPDATE stat_progress SET seq = (SELECT max(seq) FROM events), upto = 7")
            await box.sql("DELETE FROM events")
            await box.send(to="+4915112345099")
            assert counts(await asked(box)) == {"": {"queued": 8}}
            await box.service.statistics._prune()
            assert counts(await asked(box)) == {"": {"queued": 8}}
            before = int(box.clock.now().timestamp()) // 900 + 1
            await box.store.write(lambda tx: tx.records.statistics.prune(before))
            assert counts(await asked(box)) == {}

    run(scenario())


def test_days_and_hours_are_those_of_the_zone(tmp_path: Path) -> None:
    berlin = ZoneInfo("Europe/Berlin")

    async def scenario() -> None:
        async with rig(tmp_path, start=False) as box:
            await box.service.statistics.catch_up()
            for text in (
                "2026-03-28T22:59",
                "2026-03-28T23:00",
                "2026-03-29T00:30",
                "2026-03-29T01:00",
                "2026-03-29T22:00",
            ):
                await counted(box, datetime.fromisoformat(f"{text}+00:00"))
            wide = {"since": datetime(2026, 3, 28, tzinfo=UTC), "until": datetime(2026, 3, 30, tzinfo=UTC)}
            days = await asked(box, zone=berlin, **wide)
            assert [(point.at.isoformat(), sum(point.counts.values())) for point in days.points] == [
                ("2026-03-28T00:00:00+01:00", 1),
                ("2026-03-29T00:00:00+01:00", 3),  # the day on which the clock is put forward
                ("2026-03-30T00:00:00+02:00", 1),
            ]
            hours = await asked(box, zone=berlin, bucket="hour", **wide)
            assert [point.at.isoformat() for point in hours.points] == [
                *("2026-03-28T23:00:00+01:00", "2026-03-29T00:00:00+01:00", "2026-03-29T01:00:00+01:00"),
                *("2026-03-29T03:00:00+02:00", "2026-03-30T00:00:00+02:00"),
            ]
            nepal = await asked(box, zone=timezone(timedelta(hours=5, minutes=45)), bucket="hour", **wide)
            assert nepal.points[0].at.isoformat() == "2026-03-29T04:00:00+05:45"

    run(scenario())


async def counted(box: Rig, moment: datetime) -> None:
    slot, n = int(moment.timestamp()) // 900, int(moment.timestamp())
    cell = Cell(
        slot=slot, direction="outbound", line="one", country="DE", encoding="gsm7", status="sent", error="", took=-1
    )
    progress = await box.store.read(lambda tx: tx.records.statistics.progress())
    await box.store.write(lambda tx: tx.records.statistics.count([(n, cell)], progress))


@pytest.mark.parametrize("zone", [UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe")])
def test_spans_cover_the_time_without_gap_or_overlap(zone: Any) -> None:
    spans = spans_of(
        Question(since=datetime(2025, 1, 1, 0, 7, tzinfo=UTC), until=datetime(2026, 6, 1, tzinfo=UTC), zone=zone)
    )
    assert all(one.end == other.first for one, other in itertools.pairwise(spans))
    assert len(spans) == (1 if zone is UTC else 4)
    for span in spans:
        for slot in (span.first, span.end - 1):
            local = datetime.fromtimestamp(slot * 900, UTC).astimezone(zone).utcoffset()
            assert local is not None
            assert local.total_seconds() == span.offset


def test_too_much_is_not_asked_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, start=False) as box:
            now = box.clock.now()
            for since, bucket in ((now - 1001 * DAY, "day"), (now - 42 * DAY, "hour"), (now, "day")):
                with pytest.raises(RequestError) as refusal:
                    await box.service.statistics.ask(Question(since=since, until=now, bucket=bucket))
                assert refusal.value.field == "since"

    run(scenario())


def test_many_messages_are_added_up_rightly(tmp_path: Path) -> None:
    """Against a plain count, with cells as a busy year leaves them."""
    draw = random.Random(7)
    facts = [
        (
            draw.randrange(96 * 60),
            draw.choice(("one", "two")),
            draw.choice(("DE", "FR")),
            draw.choice(("sent", "delivered")),
        )
        for _ in range(3000)
    ]

    async def scenario() -> None:
        async with rig(tmp_path, start=False) as box:
            first = int(box.clock.now().timestamp()) // 900 // 96 * 96
            cells = [
                (
                    n,
                    Cell(
                        slot=first + slot,
                        direction="outbound",
                        line=line,
                        country=country,
                        encoding="gsm7",
                        status=status,
                        error="",
                        took=8 if status == "delivered" else -1,
                    ),
                )
                for n, (slot, line, country, status) in enumerate(facts, 1)
            ]
            progress = await box.store.read(lambda tx: tx.records.statistics.progress())
            await box.store.write(lambda tx: tx.records.statistics.count(cells, progress))
            since = datetime.fromtimestamp(first * 900, UTC)
            answer = await asked(box, since=since, until=since + 60 * DAY, by="country")
            assert {group.key: group.total for group in answer.groups} == {
                country: sum(1 for fact in facts if fact[2] == country) for country in ("DE", "FR")
            }
            for point in answer.points:
                day = (point.at - since) // DAY
                plain = [fact[3] for fact in facts if fact[0] // 96 == day and fact[1] == point.line]
                assert point.counts == {status: plain.count(status) for status in set(plain)}

    run(scenario())
