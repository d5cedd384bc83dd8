"""The same TPDU a second time: when it is the same text, it is not shown again; when it is another one, it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.messaging.rig import deliver, rig, run


def test_listings_of_two_runs_have_nothing_in_common_but_their_number(tmp_path: Path) -> None:
    """Each run counts its listings from 1: the first sweep after a restart has the number of the first one before."""

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            first = deliver("yes", at=box.clock.now(), index=1, listing=3)
            await box.receive(*first)
            await box.released(*first)
            clock = box.clock
        clock.advance(60)
        async with rig(tmp_path, clock=clock) as box:
            await box.receive(replace(first[0], index=2))
            assert await box.texts() == ["yes"]

    run(scenario())


def test_a_repeat_is_known_though_the_clock_was_set_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            first = deliver("yes", at=box.clock.now())
            await box.receive(*first)
            await box.released(*first)
            box.clock.advance(-3600)
            await box.receive(replace(first[0], index=2))
            assert await box.texts() == ["yes"]

    run(scenario())


@pytest.mark.parametrize(("memory", "index"), [("", None), ("SM", 4)])
@pytest.mark.parametrize("apart_s", [0, 60])
def test_what_was_not_acknowledged_comes_again_wherever_it_lands(
    tmp_path: Path, memory: str, index: int | None, apart_s: int
) -> None:
    """The commit was late, or the acknowledgement did not count: however soon the network sends it again."""

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            (direct,) = (replace(each, index=None) for each in deliver("yes", at=box.clock.now(), memory=""))
            await box.receive(direct)
            box.clock.advance(apart_s)
            await box.receive(replace(direct, memory=memory, index=index))
            assert await box.texts() == ["yes"]

    run(scenario())


def test_the_same_word_delivered_directly_twice_and_acknowledged_each_time(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            (direct,) = (replace(each, index=None) for each in deliver("yes", at=box.clock.now(), memory=""))
            for _ in range(2):
                await box.receive(direct)
                await box.released(direct)
                box.clock.advance(3)
            assert await box.texts() == ["yes", "yes"]

    run(scenario())
