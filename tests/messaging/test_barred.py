"""A SIM that the network lets send nothing says so, once, and says when it is over."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.messaging.ledger import LOCAL_PAUSE_S
from gateway.messaging.listener import REFUSALS
from tests.messaging.rig import Answer, rig, run, until


@pytest.mark.parametrize("error", sorted(REFUSALS))
def test_a_barred_sim_is_an_alert_until_something_leaves_again(tmp_path: Path, error: str) -> None:
    barred = Answer(outcome="refused", error=error, cause="local", detail="no credit")

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            port = box.ports["one"]
            port.answers.extend([barred, barred])
            await box.ready()
            message_id = (await box.send(text="hello")).message_ids[0]
            for tries in (1, 2):
                await until(lambda n=tries: len(port.offered) == n, "another try")
                await until(lambda: error in box.service.lines()[0].error, "the modem's state to say it")
                await box.idle()
                box.pass_time(LOCAL_PAUSE_S + 1)
            await box.becomes(message_id, "sent")
            await until(lambda: box.service.lines()[0].error == "", "the modem's state to say it no more")
            await box.store.write(lambda tx: None)
            alerts = [one for one in await box.events("alert") if one["code"] == REFUSALS[error]]
            assert [one["over"] for one in alerts] == [False, True]
            assert error in alerts[0]["message"]
            assert len(port.taken) == 1

    run(scenario())
