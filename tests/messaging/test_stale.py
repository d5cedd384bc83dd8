"""Two lines look at one queue: what one of them read may be over by the time it acts on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.messaging.ports import Tx
from gateway.messaging.selection import pull
from tests.messaging.rig import NOT_SENT, UNKNOWN, Answer, Rig, refused, rig, run, until

LONG = "0123456789" * 40  # three segments


class Delay:
    """Holds back what a line read from the queue until `over` is set."""

    def __init__(self, box: Rig, line: str) -> None:
        self.over = asyncio.Event()
        self.waiting = asyncio.Event()
        self._line = line
        self._read = box.store.read
        box.store.read = self.read  # type: ignore[method-assign]

    async def read(self, question: Callable[[Tx], Any]) -> Any:
        found = await self._read(question)
        is_its = isinstance(question, partial) and question.func is pull and question.args[1].line == self._line
        if is_its and found[0] and not self.over.is_set():
            self.waiting.set()
            await self.over.wait()
        return found


CASES: list[tuple[str, list[Answer], str, str]] = [
    *(
        case
        for text in ("short", LONG)
        for case in (
            (text, [], "sent", "sent"),
            (text, [UNKNOWN], "unknown", "sent"),
            (text, [refused("retry")], "queued", "sent"),
            (text, [NOT_SENT], "queued", "sent"),
            (text, [refused("permanent")], "failed", "failed"),
        )
    ),
    (LONG, [Answer(outcome="sent", mr=1), UNKNOWN], "unknown", "sent"),
]


@pytest.mark.parametrize(("text", "answers", "reached", "ends"), CASES)
def test_what_another_line_had_meanwhile_is_neither_sent_again_nor_forgotten(
    tmp_path: Path, text: str, answers: list[Answer], reached: str, ends: str
) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, lines=("one", "two"), unknown_hold_s=60, start=False) as box:
            one, two = box.ports["one"], box.ports["two"]
            delay = Delay(box, "two")
            box.tasks.append(asyncio.create_task(box.service.run(box.ports)))
            message_id = (await box.send(text=text)).message_ids[0]
            await box.ready("two")
            await delay.waiting.wait()
            one.answers.extend(answers)
            await box.ready("one")
            await until(lambda: one.offered, "the other line to send")
            await box.becomes(message_id, reached)
            await box.idle("one")
            before = len(one.offered), await box.statuses(message_id)
            attempts = [segment.attempts for segment in await box.segments(message_id)]
            box.down("one")
            delay.over.set()
            await box.idle("two")
            if reached != "queued" or attempts[0]:
                assert two.taken == [], "its pause is not over, or it is not to be sent at all"
            assert (len(one.offered), await box.statuses(message_id)) == before or reached == "queued"
            for _ in range(3):
                await box.ready("one")
                await box.sweep("one")
                box.pass_time(1000)
                await box.idle("one")
                await box.idle("two")
            await box.becomes(message_id, ends)
            taken = [(text, seq) for port in (one, two) for _, text, seq in port.taken]
            assert len(taken) == len(set(taken)) == (0 if ends == "failed" else len(await box.segments(message_id)))
            assert len({segment.iccid for segment in await box.segments(message_id) if segment.iccid}) == 1
            if attempts[0] and len(answers) == 1 and ends == "sent":
                assert (await box.segments(message_id))[0].attempts == attempts[0] + 1
            assert box.service._senders._held <= {message_id}

    run(scenario())
