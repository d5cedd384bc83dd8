"""What needs a person is kept until it is over or was seen, over restarts too."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.errors import RequestError
from gateway.messaging import alerts
from gateway.messaging.alerts import REOPENS, Alert, AlertFilter
from tests.messaging.rig import Rig, rig, run
from tests.messaging.test_service import State


async def told(box: Rig, **wanted: object) -> list[Alert]:
    return await box.service.alerts.find(AlertFilter(**wanted))  # type: ignore[arg-type]


async def state(box: Rig, line: str, word: str) -> None:
    box.service.listener.state_changed(line, State(state=word, error="" if word == "ready" else "why"))
    await box.store.write(lambda tx: None)


def test_a_condition_is_active_until_it_is_over_and_the_same_one_when_it_soon_comes_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, start=False) as box:
            await state(box, "one", "lost")
            (alert,) = await told(box, active=True)
            assert (alert.code, alert.line, alert.message, alert.count) == ("modem_error", "one", "one: why", 1)
            with pytest.raises(RequestError) as refused:
                await box.service.alerts.dismiss(alert.n)
            assert refused.value.code == "alert_lasts"
            await state(box, "one", "ready")
            assert await told(box, active=True) == []
            (over,) = await told(box, active=False)
            assert over.until is not None
            await state(box, "one", "lost")
            (again,) = await told(box)
            assert (again.n, again.since, again.count, again.until) == (alert.n, alert.since, 2, None)
            await state(box, "one", "ready")
            box.clock.advance((REOPENS + timedelta(seconds=1)).total_seconds())
            await state(box, "one", "lost")
            assert [(each.count, each.until is None) for each in await told(box)] == [(1, True), (2, False)]

    run(scenario())


def test_an_incident_stays_until_it_is_dismissed_and_counts(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, start=False) as box:
            for text in ("the first", "the second"):
                await box.service.alert("database_replaced", text)
            (alert,) = await told(box, active=True)
            assert (alert.message, alert.count, alert.lasting, alert.line) == ("the second", 2, False, "")
            dismissed = await box.service.alerts.dismiss(alert.n)
            assert dismissed.until is not None
            assert await box.service.alerts.dismiss(alert.n) == dismissed
            assert await told(box, active=True) == []
            assert [each["over"] for each in await box.events("alert")] == [False, False, True]
            await box.service.alert("database_replaced", "a third")
            assert [each.count for each in await told(box)] == [1, 2]
            with pytest.raises(RequestError) as unknown:
                await box.service.alerts.dismiss(99)
            assert unknown.value.code == "unknown_alert"

    run(scenario())


def test_after_a_restart_incidents_are_still_there_and_conditions_are_told_anew(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, start=False) as box:
            await state(box, "one", "sim_missing")
            await box.service.alert("database_replaced", "text")
            before = {each.code: each for each in await told(box, active=True)}
            await box.store.write(lambda tx: alerts.recover(tx, box.clock.now()))
            assert [each.code for each in await told(box, active=True)] == ["database_replaced"]
            await box.store.write(
                lambda tx: alerts.tell(tx, "sim_missing", "one: why", "one", box.clock.now(), lasting=True)
            )
            after = {each.code: each for each in await told(box, active=True)}
            assert after["sim_missing"].since == before["sim_missing"].since
            assert [each.code for each in await told(box, line="one")] == ["sim_missing"]
            assert [each.n for each in await told(box, limit=1)] == [2]
            assert [each.n for each in await told(box, before=2)] == [1]

    run(scenario())


def test_alerts_that_are_over_are_deleted_when_they_are_old(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path, start=False) as box:
            await box.service.alert("bad_pdu", "over")
            await box.service.alerts.dismiss(1)
            await box.service.alert("database_replaced", "active")
            later = box.clock.now() + timedelta(days=400)
            await box.store.write(lambda tx: tx.old.delete_alerts(0, later, 50))
            assert [each.code for each in await told(box)] == ["database_replaced"]

    run(scenario())
