"""Webhook deliveries survive SIGKILL: every event arrives, a repeat carries its id, order holds per message."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

import pytest

from tests.chaos.seeds import seeds
from tests.support.box import box
from tests.support.processes import wait_until
from tests.support.receiver import Post, receiving

TEXTS = 12
KILLS = 3


@pytest.mark.parametrize("seed", seeds())
def test_every_event_reaches_the_webhook_through_kills(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    with receiving() as receiver:
        hook = f'[[webhook]]\nname = "crm"\nurl = "{receiver.url}"\nallow_private = true\n'
        with box(tmp_path, extra=hook + "[outbox]\nunknown_hold_s = 6\nlate_reply_s = 1\n") as gateway:
            gateway.start()
            gateway.wait_online("modem1")
            for n in range(TEXTS):
                gateway.send(wait=False, id=f"out{n}", to=f"+4917099{n:06d}", modem="modem1", text=f"out {n}")
            for kill in range(1, KILLS + 1):
                receiver.wait(rng.randrange(1, 3 * TEXTS * kill // (KILLS + 1)))
                gateway.kill()
                gateway.start()

            def told() -> set[int]:
                return {post.value["seq"] for post in list(receiver.posts) if post.value["event"] == "message.status"}

            def published() -> set[int]:
                return {event["seq"] for event in gateway.seen("message/+/status")}

            def over() -> bool:
                last = [(gateway.statuses(f"out{n}") or [""])[-1] for n in range(TEXTS)]
                return all(status == "delivered" for status in last) and told() == published()

            wait_until(over, "every event at the webhook", 60)
    _check(receiver.posts)


def _check(posts: list[Post]) -> None:
    ids: dict[int, set[str]] = defaultdict(set)
    order: dict[str, list[int]] = defaultdict(list)
    for post in posts:
        seq = post.value["seq"]
        ids[seq].add(post.headers["smsgw-delivery"])
        if post.value["event"] == "message.status":
            order[post.value["data"]["message_id"]].append(seq)
    assert all(len(found) == 1 for found in ids.values())
    assert len(set().union(*ids.values())) == len(ids)
    for seqs in order.values():
        assert seqs == sorted(seqs)
