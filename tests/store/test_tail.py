"""Events at hand: whoever reads them as they come gets what the database has, no more and no less."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import RequestError
from gateway.messaging.model import StoredEvent
from gateway.messaging.ports import Tx
from gateway.store import tail
from gateway.store.tail import EventTail
from tests.store.opening import NOW, Plug, event, opened


@given(
    gaps=st.lists(st.integers(1, 3), max_size=40),
    length=st.integers(1, 12),
    begins=st.integers(0, 5),
    asked=st.integers(0, 130),
    limit=st.integers(1, 50),
)
def test_a_tail_answers_as_the_whole_would_or_not_at_all(
    gaps: list[int], length: int, begins: int, asked: int, limit: int
) -> None:
    held = EventTail(begins)
    seqs = [begins + sum(gaps[: n + 1]) for n in range(len(gaps))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tail, "LENGTH", length)
        for seq in seqs:
            held.extend([StoredEvent(seq=seq, event=event(seq))])
    found = held.after(asked, limit)
    whole = [seq for seq in seqs if seq > asked][:limit]
    if found is None:
        assert asked < begins or len([seq for seq in seqs if seq > asked]) > length
    else:
        assert [each.seq for each in found] == whole
    held.forget()
    newest = seqs[-1] if seqs else begins
    assert (held.after(newest - 1, 1) is None) is bool(seqs) or newest == begins
    assert held.after(newest, 1) == []


def test_what_was_rolled_back_is_not_at_hand(tmp_path: Path) -> None:
    async def scenario() -> None:
        def fails(tx: Tx) -> None:
            tx.events.add(event(99), NOW)
            raise RequestError("no")

        async with opened(tmp_path) as store:
            first = await store.write(lambda tx: tx.events.add(event(0), NOW))
            with pytest.raises(RequestError):
                await store.write(fails)
            async with Plug(store):
                good = store.write(lambda tx: tx.events.add(event(1), NOW))
                bad = store.write(fails)
                last = store.write(lambda tx: tx.events.add(event(2), NOW))
            await asyncio.gather(good, bad, last, return_exceptions=True)
            assert [each.seq for each in await store.events(0, 10)] == [first, good.result(), last.result()]
            assert await store.events(0, 10) == await store.read(lambda tx: tx.events.after(0, 10))
        async with opened(tmp_path) as store:
            await store.write(lambda tx: tx.events.add(event(3), NOW))
            assert await store.events(0, 10) == await store.read(lambda tx: tx.events.after(0, 10))

    asyncio.run(scenario())
