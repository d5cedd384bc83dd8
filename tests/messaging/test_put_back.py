"""What a line gives back unsent is taken up by another one at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.messaging import LineSettings
from tests.messaging.fast import FastClock
from tests.messaging.rig import Rig, rig, run, until

SPEED = 200.0
LONG = "Long enough for two segments. " * 9


async def takes_ahead(box: Rig) -> None:
    """The first line is quick enough to take several texts at a time."""
    await until(lambda: box.service._senders._lanes, "the senders to start")
    box.service._senders._lanes["one"].seconds_each = 0.01


@pytest.mark.parametrize("text", ["short", LONG])
def test_what_a_line_that_goes_down_had_taken_ahead_goes_by_another(tmp_path: Path, text: str) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, clock=FastClock(SPEED), lines=("one", "two")) as box:
            one, two = box.ports["one"], box.ports["two"]
            await takes_ahead(box)
            one.hold = asyncio.Event()
            ids = [(await box.send(text="first")).message_ids[0], (await box.send(text=text)).message_ids[0]]
            await box.ready("one")
            await until(lambda: one.at_work, "the first line to send")
            await box.ready("two")
            await box.idle("two")
            box.down("one")
            one.hold.set()
            for message_id in ids:
                await box.becomes(message_id, "sent")
            assert len(one.taken) == 1
            assert len(two.taken) == (1 if text == "short" else 2)

    run(scenario(), speed=SPEED)


def test_what_a_line_may_not_send_today_any_more_goes_by_another(tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = (LineSettings(name="one", daily_limit=1), LineSettings(name="two"))
        async with rig(tmp_path, clock=FastClock(SPEED), lines=("one", "two"), line_settings=settings) as box:
            one, two = box.ports["one"], box.ports["two"]
            await takes_ahead(box)
            one.hold = asyncio.Event()
            ids = [(await box.send(text=text)).message_ids[0] for text in ("first", "second")]
            await box.ready("one")
            await until(lambda: one.at_work, "the first line to send")
            await box.ready("two")
            await box.idle("two")
            one.hold.set()
            for message_id in ids:
                await box.becomes(message_id, "sent")
            assert (len(one.taken), len(two.taken)) == (1, 1)

    run(scenario(), speed=SPEED)
