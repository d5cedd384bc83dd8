"""The driver on every modem family of the emulator: it finds out what there is, sends, is told, receives."""

from __future__ import annotations

import pytest

from gateway.emulator import Emulator
from gateway.emulator.personalities import PERSONALITIES
from gateway.modem import Line, SubmitOutcome
from tests.modem.bench import Recorder
from tests.modem.test_on_emulator import TO_PHONE_LENGTH, WITH_REPORT, deliver, play, stored


@pytest.mark.parametrize("name", list(PERSONALITIES))
def test_the_driver_gets_on_with_every_family(name: str) -> None:
    family = PERSONALITIES[name]

    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        modem = emulator.modem("one")
        identity, _ = listener.of("ready")[0]
        assert (identity.manufacturer, identity.model) == (family.manufacturer, family.model)
        assert (identity.imei, identity.iccid) == (modem.config.imei, modem.config.iccid)
        assert identity.revision == family.revision
        swept = [memory for memory, _ in listener.of("swept")]
        assert set(swept) == set(modem.memories)
        result = await line.submit(WITH_REPORT, TO_PHONE_LENGTH)
        assert result.outcome is SubmitOutcome.SENT
        assert result.mr == emulator.network.submitted[-1].mr
        await listener.until(lambda: len(listener.items("released")) == 1)
        assert [item.kind for item in listener.items()] == ["status-report"]
        for number in range(3):
            await deliver(emulator, number)
        await listener.until(lambda: len(listener.items("released")) == 4)
        assert [item.kind for item in listener.items()[1:]] == ["deliver"] * 3
        assert stored(emulator) == 0
        assert emulator.network.waiting(modem) == 0

    play(script, name)
