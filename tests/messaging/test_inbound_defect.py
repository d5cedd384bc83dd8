"""A defect of ours with one TPDU is the end of nothing: the texts around it are shown, and it is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import StoreError
from gateway.messaging import inbound
from gateway.pdu import Content, UserData
from gateway.pdu import join as real_join
from tests.messaging.rig import deliver, rig, run


def test_a_text_that_meets_a_defect_is_kept_raw_and_the_others_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def join(parts: list[UserData]) -> Content:
        content = real_join(parts)
        if content.text == "poison":
            raise RuntimeError("a defect")
        return content

    monkeypatch.setattr(inbound, "join", join)

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            items = [deliver(word, at=box.clock.now(), index=n)[0] for n, word in enumerate(("one", "poison", "two"))]
            await box.receive(*items)
            assert await box.texts() == ["one", "two"]
            assert [alert["code"] for alert in await box.events("alert")] == ["bad_pdu"]
            assert await box.sql("SELECT slot, pdu FROM parts WHERE kind = 'undecodable'") == [(1, items[1].pdu)]
            await box.receive(*items)  # not deleted from the modem yet
            await box.released(*items)
            await box.receive(replace(items[1], index=5))
            assert await box.texts() == ["one", "two"]
            assert len(await box.events("alert")) == 1

    run(scenario())


def test_a_database_that_takes_nothing_is_no_defect_of_a_text(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            await box.sql("CREATE TRIGGER no BEFORE INSERT ON messages BEGIN SELECT RAISE(ABORT, 'no'); END")
            with pytest.raises(StoreError):
                await box.receive(*deliver("kept in the modem", at=box.clock.now()))
            assert await box.sql("SELECT count(*) FROM parts") == [(0,)]

    run(scenario())
