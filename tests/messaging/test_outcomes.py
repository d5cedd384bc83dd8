"""Whatever modems answer, in whatever order: statuses keep their order, and what was sent is not sent again."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.errors import RequestError
from gateway.messaging.announce import ANNOUNCED
from tests.messaging.rig import NOT_SENT, UNKNOWN, Answer, Port, Rig, late, refused, report, rig, run

NEXT = {
    "queued": {"sent", "unknown", "failed", "canceled"},
    "unknown": {"queued", "sent", "failed", "unknown"},  # another segment of the text
    "sent": {"delivered", "undelivered"},
    "undelivered": {"delivered"},
    "delivered": set(),
    "failed": set(),
    "canceled": set(),
}
"""Which status may follow which. Nothing follows `delivered` or `failed`, and `delivered` follows nothing but `sent`."""

FINAL = {"sent", "delivered", "undelivered", "failed", "canceled"}

WORDS = ("sent", "lost", "arrived", "not_sent", "before_prompt", "retry", "permanent", "local", "ambiguous")
ANSWERS = {
    "lost": UNKNOWN,  # no answer, and it did not leave
    "arrived": UNKNOWN,  # no answer, although the network took it
    "not_sent": NOT_SENT,
    "before_prompt": NOT_SENT,
    "retry": refused("retry"),
    "permanent": refused("permanent"),
    "local": refused("local"),
    "ambiguous": refused("ambiguous"),
}


@dataclass
class Network:
    """What really happened: every segment that the network took, by the octets of its PDU.

    `owed`: the reference that a line has not told, when its last submit was the one that got no answer.
    """

    words: list[str]
    took: Counter[str] = field(default_factory=Counter)
    confirmed: Counter[str] = field(default_factory=Counter)
    unanswered: list[tuple[str, int]] = field(default_factory=list)
    owed: dict[str, int | None] = field(default_factory=dict)
    mr: int = 0
    after_confirmed: list[str] = field(default_factory=list)


class Line(Port):
    """A modem on that network."""

    def __init__(self, name: str, network: Network) -> None:
        super().__init__(name)
        self.network = network

    async def submit(self, pdu: str, length: int, *, gate: object = None) -> Answer:
        network = self.network
        word = network.words.pop(0) if network.words else "sent"
        if network.confirmed[pdu]:
            network.after_confirmed.append(pdu)
        if word == "before_prompt":
            return NOT_SENT
        await gate  # type: ignore[misc]
        await asyncio.sleep(0)
        network.owed[self.name] = network.mr + 1 if word == "arrived" else None
        if word not in ("sent", "arrived"):
            return ANSWERS[word]
        network.took[pdu] += 1
        network.mr += 1
        if word == "arrived":
            network.unanswered.append((pdu, network.mr))
            return UNKNOWN
        network.confirmed[pdu] += 1
        return Answer(outcome="sent", mr=network.mr)


async def calm(box: Rig) -> None:
    """Until the lines have nothing more to do at this moment."""
    for _ in range(2):
        for name in box.ports:
            await box.idle(name)


async def settle(box: Rig, ids: list[str]) -> None:
    """Time passes, storages are swept, until everything has come to an end."""
    for _ in range(40):
        await calm(box)
        last = [(await box.statuses(each))[-1] for each in ids]
        if set(last) <= FINAL:
            return
        for name in box.ports:
            await box.sweep(name)
        box.pass_time(1000)
    raise AssertionError(f"still {last}")


@settings(max_examples=40)
@given(
    words=st.lists(st.sampled_from(WORDS), max_size=24),
    sizes=st.lists(st.sampled_from((1, 1, 1, 3)), min_size=1, max_size=5),
    evidence=st.sampled_from(("none", "reports", "late")),
    lines=st.integers(1, 2),
)
@example(words=["sent", "arrived", "sent"], sizes=[3], evidence="reports", lines=1)
@example(words=["sent", "not_sent", "retry", "local"], sizes=[3, 1], evidence="none", lines=2)
@example(words=["arrived", "arrived", "lost", "lost"], sizes=[1, 1], evidence="late", lines=2)
def test_any_sequence_of_outcomes(words: list[str], sizes: list[int], evidence: str, lines: int) -> None:
    names = ("one", "two")[:lines]

    async def scenario(path: Path) -> None:
        async with rig(path, lines=names, unknown_hold_s=60, max_attempts=4, start=False) as box:
            network = Network(list(words))
            box.ports = {name: Line(name, network) for name in names}
            box.tasks.append(asyncio.create_task(box.service.run(box.ports)))
            ids = []
            for n, size in enumerate(sizes):
                to = f"+49151000000{n:02d}"
                ids.append((await box.send(to=to, text=f"{n}:" + "x" * (150 * size - 2 * size))).message_ids[0])
            for name in names:
                await box.ready(name)
            await calm(box)
            if evidence == "reports":
                await reports(box, network, ids)
            elif evidence == "late":
                for name, mr in network.owed.items():
                    if mr is not None:
                        await box.service.listener.late_submit(name, late(mr=mr))
            await settle(box, ids)
            await check(box, network, ids, evidence)

    with tempfile.TemporaryDirectory() as directory:
        run(scenario(Path(directory)))


async def reports(box: Rig, network: Network, ids: list[str]) -> None:
    """The service centre reports on everything that it took and that was not confirmed."""
    peers = {}
    for message_id in ids:
        message, segments, _ = await box.service.message(message_id)
        peers |= {segment.pdu: (message.peer, segment.iccid) for segment in segments}
    for n, (pdu, mr) in enumerate(network.unanswered):
        if pdu in peers:
            peer, iccid = peers[pdu]
            line = iccid.removeprefix("iccid-") or "one"
            await box.receive(report(mr, peer, at=box.clock.now(), index=n), line=line)


async def check(box: Rig, network: Network, ids: list[str], evidence: str) -> None:
    assert network.after_confirmed == [], "what was confirmed is not submitted again"
    for message_id in ids:
        statuses = await box.statuses(message_id)
        assert statuses[0] == "queued"
        for before, after in itertools.pairwise(statuses):
            assert after in NEXT[before], statuses
        message, segments, timeline = await box.service.message(message_id)
        assert message.status == statuses[-1]
        assert message.segments_sent == sum(each.state in ("sent", "delivered", "undelivered") for each in segments)
        if message.status in ("sent", "delivered"):
            assert all(network.took[each.pdu] for each in segments), "it says sent and did not leave"
            assert len({each.iccid for each in segments}) == 1, "all segments by one SIM"
        for segment in segments:
            assert segment.attempts <= 4
            assert network.took[segment.pdu] <= 1 + segment.attempts
        assert timeline[0].what == "queued"
    if evidence == "none" and not network.unanswered:
        assert all(count == 1 for count in network.took.values()), "nothing was unknown, nothing left twice"
    assert await _open(box) == []


async def _open(box: Rig) -> list[tuple[object, ...]]:
    return await box.sql("SELECT message_id, seq FROM segments WHERE state IN ('submitting', 'unknown')")


@settings(max_examples=25)
@given(
    words=st.lists(st.sampled_from(("sent", "retry", "not_sent", "arrived")), max_size=12),
    cancels=st.lists(st.integers(0, 5), max_size=3),
    ordered=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_ordered_texts_arrive_in_order_whatever_happens(
    words: list[str], cancels: list[int], ordered: list[bool]
) -> None:
    """Each ordered text is with the network, or given up, before a later one to the same number leaves."""

    async def scenario(path: Path) -> None:
        async with rig(path, lines=("one", "two"), unknown_hold_s=60, start=False) as box:
            network = Network(list(words))
            box.ports = {name: Line(name, network) for name in ("one", "two")}
            box.tasks.append(asyncio.create_task(box.service.run(box.ports)))
            ids = [(await box.send(text=f"n{n}", ordered=ordered[n])).message_ids[0] for n in range(6)]
            await box.ready("one")
            await box.ready("two")
            for n in cancels:
                with suppress(RequestError):
                    await box.service.cancel(ids[n])
            await settle(box, ids)
            rows = await box.sql("SELECT message_id, what FROM timeline ORDER BY n")
            over = {each: max(k for k, row in enumerate(rows) if row[0] == each) for each in ids}
            begun = {each: [k for k, row in enumerate(rows) if row == (each, "submitting")] for each in ids}
            for earlier, later in itertools.combinations(range(6), 2):
                if ordered[earlier] and begun[ids[later]]:
                    assert over[ids[earlier]] < begun[ids[later]][0]

    with tempfile.TemporaryDirectory() as directory:
        run(scenario(Path(directory)))


def test_the_table_of_statuses_is_complete() -> None:
    """Every status that is announced for an outbound text has its row above."""
    assert {status.value for status in ANNOUNCED} - set(NEXT) == {"scheduled", "received"}
