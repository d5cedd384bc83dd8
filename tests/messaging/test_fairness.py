"""Fair turns: a flood does not hold up a single text, equals get equal shares, each client keeps its order."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.messaging import sender
from gateway.messaging.fairness import QUANTUM, DeficitRoundRobin, Turns
from gateway.messaging.model import Candidate, Message, Origin, Status
from gateway.messaging.routing import Routing
from tests.messaging.rig import rig, run, until

NOW = datetime(2026, 3, 1, tzinfo=UTC)

backlogs = st.dictionaries(
    st.sampled_from("abcde"), st.lists(st.integers(1, 255) | st.just(1), min_size=1, max_size=30), min_size=1
)


def candidate(n: int, client: str, *, segments: int = 1, priority: int = 5) -> Candidate:
    message = Message(
        id=f"SM{n}",
        direction="outbound",
        peer="72211",
        status=Status.QUEUED,
        created_at=NOW,
        updated_at=NOW,
        n=n,
        segments=segments,
        priority=priority,
    )
    return Candidate(message=message, client=client)


@given(backlogs)
def test_clients_that_always_wait_get_equal_shares(waiting: dict[str, list[int]]) -> None:
    robin = DeficitRoundRobin()
    served: Counter[str] = Counter()
    largest = max(map(max, waiting.values()))
    left = {client: list(costs) for client, costs in waiting.items()}
    while all(left.values()):  # as long as every client waits
        client = robin.take({name: costs[0] for name, costs in left.items()})
        served[client] += left[client].pop(0)
        assert max(served[name] for name in left) - min(served[name] for name in left) <= largest + QUANTUM


@given(backlogs, st.data())
def test_a_single_text_waits_for_one_round_at_most(waiting: dict[str, list[int]], data: st.DataObject) -> None:
    """Whatever the others had before: between its coming and its turn each of them sends one text at most, or its credit."""
    robin = DeficitRoundRobin()
    left = {client: [1] * len(costs) for client, costs in waiting.items()}
    for _ in range(data.draw(st.integers(0, 20))):
        if any(left.values()):
            client = robin.take({name: costs[0] for name, costs in left.items() if costs})
            left[client].pop()
    left["alarm"] = [1]
    before: Counter[str] = Counter()
    while (client := robin.take({name: costs[0] for name, costs in left.items() if costs})) != "alarm":
        left[client].pop()
        before[client] += 1
    assert all(count <= 1 for count in before.values())


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 3), st.integers(0, 9)), max_size=40),
    st.integers(1, 50),
)
def test_what_is_chosen_is_urgent_first_and_in_order_for_each_client(
    kinds: list[tuple[str, int, int]], count: int
) -> None:
    found = [candidate(n, client, segments=size, priority=priority) for n, (client, size, priority) in enumerate(kinds)]
    chosen = Turns().choose(reversed(found), count)
    assert len(chosen) == min(count, len(found))
    assert len({each.message.n for each in chosen}) == len(chosen)
    priorities = [each.message.priority for each in chosen]
    assert priorities == sorted((each.message.priority for each in found), reverse=True)[: len(chosen)]
    for client in "abc":
        for priority in range(10):
            of_one = [each.message.n for each in chosen if (each.client, each.message.priority) == (client, priority)]
            assert of_one == sorted(of_one)


def test_urgent_texts_in_between_do_not_begin_the_round_anew() -> None:
    turns = Turns()
    flood = [candidate(n, "flood") for n in range(20)]
    single = candidate(50, "single")
    taken = []
    for n in range(4):
        urgent = candidate(100 + n, "urgent", priority=9)
        assert turns.choose([*flood, single, urgent], 1) == [urgent]
        taken += turns.choose([*flood, single], 1)
        flood = [each for each in flood if each not in taken]
    assert single in taken[:2]


@pytest.mark.parametrize("how", ["edge", "client", "tag"])
def test_a_flood_does_not_hold_up_the_text_of_another_client(tmp_path: Path, how: str) -> None:
    bulk, alarm = {
        "edge": ({"origin": Origin(edge="mqtt")}, {"origin": Origin(edge="api")}),
        "client": ({"origin": Origin(edge="api", client="a")}, {"origin": Origin(edge="api", client="b")}),
        "tag": ({"tags": {"app": "bulk"}}, {"tags": {"app": "alarm"}}),
    }[how]

    async def scenario() -> None:
        async with rig(tmp_path, routing=Routing(client_tag="app")) as box:
            port = box.ports["one"]
            for n in range(100):
                await box.send(to=f"+49151123{n:05d}", text=f"bulk {n}", **bulk)
            await box.ready()
            await until(lambda: len(port.taken) >= 10, "the flood to be under way")
            await box.send(text="alarm", **alarm)
            await until(lambda: len(port.taken) == 101, "all to be sent")
            texts = [text for _, text, _ in port.taken]
            assert texts.index("alarm") < 10 + 2 * sender.MAX_AHEAD + 10
            assert [text for text in texts if text != "alarm"] == [f"bulk {n}" for n in range(100)]

    run(scenario())


def test_two_floods_share_a_line(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            for client in "ab":
                for n in range(30):
                    await box.send(text=f"{client}{n}", tags={"client": client})
            await box.ready()
            await until(lambda: len(box.ports["one"].taken) == 60, "all to be sent")
            texts = [text or "" for _, text, _ in box.ports["one"].taken]
            for end in range(1, 61):
                shares = Counter(text[0] for text in texts[:end])
                assert abs(shares["a"] - shares["b"]) <= 1

    run(scenario())
