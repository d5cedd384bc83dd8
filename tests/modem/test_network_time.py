"""The time that a network tells a modem, for a box whose own clock is not trusted."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from gateway.clock import SystemClock
from gateway.emulator import Emulator, EmulatorConfig, ModemConfig
from gateway.modem import Line, LineConfig, answers, telemetry
from tests.modem.bench import PATIENCE, Recorder

NEVER_SET = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("shown", "utc", "moment"),
    [
        ("26/03/01,14:00:00+08", False, "2026-03-01T12:00:00"),
        ("26/03/01,08:30:00-14", False, "2026-03-01T12:00:00"),
        ("2026/03/01,14:00:00+08", True, "2026-03-01T14:00:00"),
        ("26/03/01,14:00:00+08,0", False, "2026-03-01T12:00:00"),
        ("80/01/06,00:00:12+00", False, "1980-01-06T00:00:12"),
        ("04/01/01,00:20:11+00", False, "2004-01-01T00:20:11"),
        ("70/01/01,00:00:00+00", False, "1970-01-01T00:00:00"),
    ],
)
def test_what_modems_show(shown: str, utc: bool, moment: str) -> None:
    assert answers.moment(shown, utc=utc) == datetime.fromisoformat(moment).replace(tzinfo=UTC)


@pytest.mark.parametrize("shown", ["", "26/03/01,14:00:00", "00/00/00,00:00:00+00", "26/13/01,14:00:00+08", "OK", "99"])
def test_what_is_no_time(shown: str) -> None:
    assert answers.moment(shown) is None


@pytest.mark.parametrize(
    ("personality", "before"),
    [
        ("generic", "80/01/06,00:00:12+00"),
        ("sim800", "04/01/01,00:20:11+00"),
        ("ec25", "26/03/01,14:00:00"),
    ],
)
def test_a_box_without_a_battery_has_the_time_of_the_network(
    personality: str, before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry, "PERIOD_S", 0.05)

    async def main() -> None:
        bench = EmulatorConfig(modems=(ModemConfig(name="one", personality=personality),))
        async with Emulator(bench) as emulator:
            modem, listener = emulator.modem("one"), Recorder()
            modem.surround(clock=before)
            clock = SystemClock(system_time=lambda: NEVER_SET, synchronised=lambda: False)
            clock.begin(None)
            line = Line(LineConfig(name="one", port=emulator.port("one")), listener, clock)
            task = asyncio.create_task(line.run())
            async with asyncio.timeout(PATIENCE):
                await listener.hears("ready")
                asked = _asked(line)
                while _asked(line) < asked + 2:  # noqa: ASYNC110 - the recorder tells nobody
                    await asyncio.sleep(0.01)
                assert not clock.trusted
                modem.surround(clock="")
                while not clock.trusted:  # noqa: ASYNC110 - the clock tells nobody
                    await asyncio.sleep(0.01)
            assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=PATIENCE)
            task.cancel()
            await asyncio.wait((task,))

    asyncio.run(main())


def _asked(line: Line) -> int:
    return sum("+CCLK" in str(entry) for entry in line.recorder.entries())


def test_a_clock_that_is_trusted_costs_no_command() -> None:
    async def main() -> None:
        bench = EmulatorConfig(modems=(ModemConfig(name="one"),))
        async with Emulator(bench) as emulator:
            listener = Recorder()
            line = Line(LineConfig(name="one", port=emulator.port("one")), listener, SystemClock())
            task = asyncio.create_task(line.run())
            async with asyncio.timeout(PATIENCE):
                await listener.hears("ready")
            assert _asked(line) == 0
            task.cancel()
            await asyncio.wait((task,))

    asyncio.run(main())
