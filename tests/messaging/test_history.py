"""What is kept of modems over time: samples, changes, and no more of them than is meant."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.errors import RequestError
from gateway.messaging.history import KEPT, MAX_WAITING
from tests.messaging.rig import rig, run
from tests.messaging.test_service import State

MINUTE = timedelta(minutes=1)


def test_samples_are_averaged_and_changes_are_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, start=False) as box:
            begin, history = box.clock.now(), box.service.history
            for n in range(10):
                box.service.listener.state_changed(
                    "one", State(rssi_dbm=-70 - n, registered=n % 2 == 0, voltage_mv=3800)
                )
                await history.record()
                box.clock.advance(60)
            until = box.clock.now()
            samples, changes = await history.look("one", begin, until, 300)
            assert [sample.rssi_dbm for sample in samples] == [-70 - n for n in range(10)]
            assert [(each.what, each.before, each.after) for each in changes][:3] == [
                ("state", "connecting", "ready"),
                ("registered", "false", "true"),
                ("sim", "unknown", "ready"),
            ]
            assert [each.after for each in changes if each.what == "registered"] == ["true", "false"] * 5
            samples, _ = await history.look("one", begin, until, 5)
            assert [(sample.at, sample.rssi_dbm) for sample in samples] == [
                (begin + 2 * n * MINUTE, -70.5 - 2 * n) for n in range(5)
            ]
            assert [(sample.registered, sample.voltage_mv, sample.temperature_c) for sample in samples] == [
                (0.5, 3800, None)
            ] * 5
            for name, since in (("two", begin), ("one", until)):
                with pytest.raises(RequestError):
                    await history.look(name, since, until, 5)

    run(scenario())


def test_old_samples_and_those_of_a_wrong_clock_go_and_a_flapping_modem_fills_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, start=False) as box:
            history = box.service.history
            for n in range(MAX_WAITING):
                box.service.listener.state_changed("one", State(state="lost" if n % 2 else "ready"))
            await history.record()
            assert await box.sql("SELECT count(*) FROM modem_changes") == [(MAX_WAITING,)]
            box.clock.advance((KEPT + MINUTE).total_seconds())
            await history.record()
            assert await box.sql("SELECT count(*) FROM modem_changes") == [(0,)]
            assert await box.sql("SELECT count(*) FROM modem_samples") == [(1,)]
            box.clock.advance(-timedelta(days=3).total_seconds())
            await history.record()
            assert await box.sql("SELECT count(*) FROM modem_samples") == [(1,)]

    run(scenario())
