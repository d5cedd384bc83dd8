"""The driver on every modem family of the emulator: it finds out what there is, sends, is told, receives."""

from __future__ import annotations

import pytest

from gateway.emulator import Emulator
from gateway.emulator.personalities import PERSONALITIES
from gateway.modem import Line, SubmitOutcome
from gateway.modem.profiles import detect, profiles
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


PROFILES = {
    "generic": "generic",
    "huawei-e173": "huawei-stick",
    "huawei-e3372": "huawei-e3372",
    "huawei-e3372h-320": "huawei-e3372",
    "sim800": "sim800",
    "sim7600": "sim7600",
    "sim7070": "sim7070",
    "a7670": "a7670",
    "ec25": "quectel-ec25",
    "eg25": "quectel-ec25",
    "ec200": "quectel-ec200",
    "m66": "quectel-m66",
    "le910": "telit-le910",
    "sara-r4": "ublox-sara-r4",
    "sara-u2": "ublox-sara-u2",
    "zte-mf": "zte-mf",
}
PLACES = [(name, access) for name, family in PERSONALITIES.items() for access in family.accesses]


@pytest.mark.parametrize(("name", "access"), PLACES)
def test_what_surrounds_the_modem_is_read_from_every_family(name: str, access: str) -> None:
    """By whatever the profile asks; the emulator tells one state in all of its answers."""
    profile = profiles()[PROFILES[name]]

    async def script(_: Emulator, line: Line, listener: Recorder) -> None:
        identity, _ = listener.of("ready")[0]
        assert detect(identity.manufacturer, identity.model, "").name == PROFILES[name]
        await listener.until(lambda: bool(listener.states) and listener.states[-1].registered)
        known = (profile.temperature is not None, profile.voltage is not None)
        await listener.until(
            lambda: (listener.states[-1].temperature_c is not None, listener.states[-1].voltage_mv is not None) == known
        )
        await listener.until(lambda: bool(listener.states[-1].access))
        state = listener.states[-1]
        assert state.operator == "Test Cell"
        assert state.access == access
        assert state.rssi_dbm is not None
        assert abs(state.rssi_dbm - -93) <= 16  # RSCP stands for it where a modem tells no more
        assert state.temperature_c == (None if profile.temperature is None else pytest.approx(41, abs=0.5))
        assert state.voltage_mv == (None if profile.voltage is None else 3820)
        assert state.cell.startswith("1A2B/")

    place = {"access": access, "operator": "Test Cell", "rssi_dbm": -93, "temperature_c": 41, "voltage_mv": 3820}
    play(script, name, modem=place)


@pytest.mark.parametrize("name", list(PERSONALITIES))
def test_more_than_the_storage_holds_arrives_whole_from_every_family(name: str) -> None:
    """What waited before the line was there, and a burst while it is: two slots, twelve messages."""
    sizes = dict.fromkeys(set(PERSONALITIES[name].memories) - {"SR"}, 2)

    async def before(emulator: Emulator) -> None:
        for number in range(6):
            await deliver(emulator, number)

    async def script(emulator: Emulator, _: Line, listener: Recorder) -> None:
        for number in range(6, 12):
            await deliver(emulator, number)
        await listener.until(lambda: len(listener.items("released")) == 12)
        assert len({item.pdu for item in listener.items()}) == 12
        assert stored(emulator) == 0
        assert emulator.network.waiting(emulator.modem("one")) == 0

    play(script, name, before=before, modem={"storages": sizes})
