"""The driver on the project's emulator: a modem that was written by its own reading of the specifications."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway import at
from gateway.clock import SystemClock
from gateway.emulator import Emulator, EmulatorConfig, ModemConfig, NetworkConfig
from gateway.modem import Line, LineConfig, SubmitOutcome, supervisor
from tests.modem.bench import Recorder, running
from tests.modem.peer import DELIVER

TO_PHONE = "0011000B911326040000F00000AA0CC8F71D14969741F977FD07"
TO_PHONE_LENGTH = 25
WITH_REPORT = "0031000B911326040000F00000AA0CC8F71D14969741F977FD07"

Script = Callable[[Emulator, Line, Recorder], Awaitable[None]]


def play(
    script: Script,
    personality: str = "sim7600",
    *,
    before: Callable[[Emulator], Awaitable[object]] | None = None,
    network: NetworkConfig | None = None,
    modem: dict[str, Any] | None = None,
    links: Path | None = None,
    **config: Any,
) -> None:
    """Run `script` on a line that is ready, on an emulated modem called `one`."""

    async def main() -> None:
        bench = EmulatorConfig(
            modems=(ModemConfig(name="one", personality=personality, **(modem or {})),),
            network=network or NetworkConfig(),
            links=links,
        )
        async with Emulator(bench) as emulator:
            if before is not None:
                await before(emulator)
            async with running(emulator.port("one"), **config) as (line, listener):
                await listener.hears("ready")
                await listener.shows("ready")
                await script(emulator, line, listener)

    asyncio.run(main())


def stored(emulator: Emulator) -> int:
    return sum(len(memory.slots) for memory in emulator.modem("one").memories.values())


async def prompted(emulator: Emulator) -> None:
    """Wait until the modem stands in its prompt."""
    async with asyncio.timeout(5):
        while not emulator.modem("one").interpreter.prompting:  # noqa: ASYNC110 - the modem tells nobody
            await asyncio.sleep(0)


async def deliver(emulator: Emulator, number: int) -> None:
    """A message that differs from all others in its service-centre time."""
    stamp = f"208062{number // 60:02d}{number % 60:02d}1408"
    await emulator.deliver("one", pdu=f"07911326040000F0040B911346610089F60000{stamp}0CC8F71D14969741F977FD07")


@pytest.mark.parametrize(
    ("personality", "cnmi", "memories", "profile"),
    [
        ("generic", [2, 1, 0, 2, 0], "ME", "ACME"),
        ("huawei-e3372", [2, 1, 0, 2, 0], "SM", "huawei"),
        ("sim7600", [2, 1, 0, 2, 0], "ME", "SIMCOM INCORPORATED"),
        ("sim800", [2, 1, 0, 1, 0], "ME", "SIMCOM_Ltd"),
    ],
)
def test_what_is_agreed_with_each_family(personality: str, cnmi: list[int], memories: str, profile: str) -> None:
    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        modem = emulator.modem("one")
        assert modem.settings.cnmi == cnmi
        assert modem.settings.memories[2] == memories
        assert modem.settings.csms == (1 if cnmi[3] == 1 else 0)
        identity, late = listener.of("ready")[0]
        assert (identity.imei, identity.iccid, identity.imsi) == (
            modem.config.imei,
            modem.config.iccid,
            modem.config.imsi,
        )
        assert identity.manufacturer == modem.personality.manufacturer
        assert identity.number == modem.config.number
        assert late is None
        swept = [memory for memory, _ in listener.of("swept")]
        assert set(swept) == set(modem.memories)
        assert swept[-1] == memories

    play(script, personality)


@pytest.mark.parametrize("personality", ["generic", "huawei-e3372", "sim7600", "sim800"])
def test_send_receive_and_report(personality: str) -> None:
    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        result = await line.submit(WITH_REPORT, TO_PHONE_LENGTH)
        assert result.outcome is SubmitOutcome.SENT
        assert result.mr == emulator.network.submitted[-1].mr
        await listener.until(lambda: len(listener.items("released")) == 1)
        (report,) = listener.items()
        assert report.kind == "status-report"
        await deliver(emulator, 1)
        await listener.until(lambda: len(listener.items("released")) == 2)
        assert listener.items()[-1].kind == "deliver"
        assert stored(emulator) == 0

    play(script, personality)


def test_a_burst_arrives_whole_while_sends_go_on() -> None:
    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        for number in range(120):  # more than the storage holds: the service centre keeps the rest
            await deliver(emulator, number)
            if number % 10 == 0:
                assert (await line.submit(TO_PHONE, TO_PHONE_LENGTH)).outcome is SubmitOutcome.SENT
        await listener.until(lambda: len(listener.items("released")) == 120)
        assert len({item.pdu for item in listener.items()}) == 120
        assert stored(emulator) == 0

    play(script)


@pytest.mark.parametrize("personality", ["huawei-e3372", "sim7600"])
def test_what_came_while_nobody_was_there_is_swept_at_the_start(personality: str) -> None:
    async def before(emulator: Emulator) -> None:
        for number in range(12):
            await deliver(emulator, number)

    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        await listener.until(lambda: len(listener.items("released")) == 12)
        assert stored(emulator) == 0
        assert len(listener.items()) == 12

    play(script, personality, before=before)


def test_full_storage_loses_nothing() -> None:
    async def before(emulator: Emulator) -> None:
        for number in range(30):
            await deliver(emulator, number)

    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        await listener.until(lambda: len({item.pdu for item in listener.items("released")}) == 30)
        assert stored(emulator) == 0

    play(script, "huawei-e3372", before=before, modem={"storages": {"SM": 5}})


def test_a_refusal_by_the_network() -> None:
    async def script(emulator: Emulator, line: Line, _: Recorder) -> None:
        emulator.fault("one", "cms-error", code=38)
        result = await line.submit(TO_PHONE, TO_PHONE_LENGTH)
        assert (result.outcome, result.error) == (SubmitOutcome.REFUSED, "cms:38")
        assert (await line.submit(TO_PHONE, TO_PHONE_LENGTH)).outcome is SubmitOutcome.SENT
        assert len(emulator.network.submitted) == 1

    play(script)


def test_a_reply_that_is_lost_is_unknown_and_one_that_is_late_is_told() -> None:
    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        emulator.fault("one", "drop-reply", match=r"\+CMGS")
        result = await line.submit(TO_PHONE, TO_PHONE_LENGTH)
        assert (result.outcome, result.error) == (SubmitOutcome.UNKNOWN, "timeout")
        assert (await line.submit(TO_PHONE, TO_PHONE_LENGTH)).outcome is SubmitOutcome.SENT
        emulator.fault("one", "delay-reply", match=r"\+CMGS", delay_s=0.6)
        assert (await line.submit(TO_PHONE, TO_PHONE_LENGTH)).outcome is SubmitOutcome.UNKNOWN
        late = await listener.hears("late_submit")
        assert late.mr == emulator.network.submitted[-1].mr
        assert (await line.submit(TO_PHONE, TO_PHONE_LENGTH)).mr == emulator.network.submitted[-1].mr
        assert len(emulator.network.submitted) == 4

    play(script, submit_timeout_s=0.3)


def test_an_ok_that_is_lost_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.at.engine.OK_GRACE", 0.2)

    async def script(emulator: Emulator, line: Line, _: Recorder) -> None:
        emulator.fault("one", "drop-ok")
        assert (await line.submit(TO_PHONE, TO_PHONE_LENGTH)).outcome is SubmitOutcome.SENT
        assert (await line.submit(TO_PHONE, TO_PHONE_LENGTH)).outcome is SubmitOutcome.SENT
        assert len(emulator.network.submitted) == 2

    play(script)


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for prompts and fences only as long as a test can."""
    cmgs = at.cmgs
    monkeypatch.setattr(at, "cmgs", lambda *values: replace(cmgs(*values), prompt_timeout=0.3))
    monkeypatch.setattr("gateway.at.engine.FENCE_TIMEOUT", 0.1)
    monkeypatch.setattr("gateway.at.engine.ESCAPE_PAUSE", 0.1)


def test_a_prompt_that_does_not_come_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    impatient(monkeypatch)

    async def script(emulator: Emulator, line: Line, _: Recorder) -> None:
        emulator.fault("one", "no-prompt")
        result = await line.submit(TO_PHONE, TO_PHONE_LENGTH)
        assert (result.outcome, result.error) == (SubmitOutcome.NOT_SENT, "timeout")
        assert not emulator.network.submitted
        assert (await line.submit(TO_PHONE, TO_PHONE_LENGTH)).outcome is SubmitOutcome.SENT
        assert len(emulator.network.submitted) == 1

    play(script)


def test_unplugged_after_ctrl_z(tmp_path: Path) -> None:
    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        emulator.fault("one", "unplug", match=r"\+CMGS", duration_s=0.1)
        result = await line.submit(TO_PHONE, TO_PHONE_LENGTH)
        assert result.outcome is SubmitOutcome.UNKNOWN
        assert len(emulator.network.submitted) == 1  # it did leave: only the answer is missing
        await listener.hears("ready", 2)
        assert (await line.submit(TO_PHONE, TO_PHONE_LENGTH)).outcome is SubmitOutcome.SENT

    play(script, links=tmp_path)


def test_unplugged_at_the_prompt(tmp_path: Path) -> None:
    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(line.submit(TO_PHONE, TO_PHONE_LENGTH, gate=gate))
        await prompted(emulator)
        emulator.fault("one", "unplug", duration_s=0.1)
        await listener.hears("down")
        gate.set_result(None)
        assert (await task).outcome is SubmitOutcome.NOT_SENT
        await listener.hears("ready", 2)
        assert not emulator.network.submitted

    play(script, links=tmp_path)


def test_messages_that_came_during_an_absence_are_found(tmp_path: Path) -> None:
    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        emulator.fault("one", "unplug", duration_s=0.1)
        for number in range(5):
            await deliver(emulator, number)
        await listener.hears("ready", 2)
        await listener.until(lambda: len(listener.items("released")) == 5)
        assert stored(emulator) == 0

    play(script, links=tmp_path)


def test_a_killed_client_left_the_prompt_open() -> None:
    """The next one leaves it by ESC; what stood there is not sent."""

    async def main() -> None:
        async with Emulator(EmulatorConfig(modems=(ModemConfig(name="one", personality="huawei-e3372"),))) as emulator:
            killed = os.open(emulator.port("one"), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            os.write(killed, b"AT+CMGF=0\rAT+CMGS=25\r")
            await prompted(emulator)
            os.write(killed, TO_PHONE[:20].encode())
            os.close(killed)
            async with running(emulator.port("one")) as (line, listener):
                await listener.hears("ready")
                assert not emulator.network.submitted
                assert (await line.submit(TO_PHONE, TO_PHONE_LENGTH)).outcome is SubmitOutcome.SENT
            assert len(emulator.network.submitted) == 1

    asyncio.run(main())


@pytest.mark.parametrize("fault", [{"kind": "split", "chunk": 1, "interval_s": 0.0002}, {"kind": "glue"}])
def test_dripping_and_glued_output(fault: dict[str, Any]) -> None:
    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        values = dict(fault)
        emulator.fault("one", values.pop("kind"), **values)
        for number in range(3):
            await deliver(emulator, number)
            assert (await line.submit(TO_PHONE, TO_PHONE_LENGTH)).outcome is SubmitOutcome.SENT
        await listener.until(lambda: len(listener.items("released")) == 3)
        assert stored(emulator) == 0

    play(script)


def test_garbage_and_foreign_urcs_do_no_harm() -> None:
    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        for text in ("^RSSI:20", "+CUSATP: 1", "RING", "*PSUTTZ: 26,1,1", '+CLIP: "",128', "%NOISE"):
            emulator.fault("one", "urc", text=text)
            emulator.fault("one", "garbage")
            assert (await line.submit(TO_PHONE, TO_PHONE_LENGTH)).outcome is SubmitOutcome.SENT
        assert listener.states[-1].state == "ready"

    play(script)


def test_a_listener_that_cannot_store_keeps_everything_in_the_modem() -> None:
    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        listener.fail_received = 1
        await deliver(emulator, 1)
        await listener.hears("refused")
        assert stored(emulator) == 1
        emulator.fault("one", "urc", text="SMS DONE")
        await listener.until(lambda: len(listener.items("released")) == 1)
        assert stored(emulator) == 0

    play(script)


def test_indications_that_were_switched_off_come_back_and_nothing_is_missed() -> None:
    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        emulator.fault("one", "forget-cnmi")
        await deliver(emulator, 1)
        emulator.fault("one", "urc", text="SMS DONE")  # as at every minute
        await listener.until(lambda: len(listener.items("released")) == 1)
        await listener.until(lambda: emulator.modem("one").settings.cnmi == [2, 1, 0, 2, 0])
        await deliver(emulator, 2)
        await listener.until(lambda: len(listener.items("released")) == 2)

    play(script)


def test_the_network_goes_and_comes_back() -> None:
    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        emulator.fault("one", "registration-lost")
        await listener.hears("down")
        assert not (await listener.shows("searching")).registered
        emulator.fault("one", "clear")
        await listener.hears("ready", 2)
        assert (await listener.shows("ready")).registered

    play(script)


def test_a_sim_that_locks_without_a_word_is_unlocked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "PAUSE_SIM", 0.1)
    pin_file = tmp_path / "pin"
    pin_file.write_text("1234\n")

    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        emulator.fault("one", "sim-locked")
        await listener.hears("down")
        await listener.hears("ready", 2)
        await deliver(emulator, 1)
        await listener.until(lambda: len(listener.items("released")) == 1)

    play(script, pin_file=pin_file)


@pytest.mark.parametrize("personality", ["generic", "huawei-e3372", "sim7600"])
def test_the_pin_of_each_family(personality: str, tmp_path: Path) -> None:
    pin_file = tmp_path / "pin"
    pin_file.write_text("2468\n")

    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        assert emulator.modem("one").sim.pin_tries == 3
        assert (await line.submit(TO_PHONE, TO_PHONE_LENGTH)).outcome is SubmitOutcome.SENT

    play(script, personality, modem={"pin": "2468"}, pin_file=pin_file)


@pytest.mark.parametrize("personality", ["generic", "huawei-e3372", "sim7600"])
def test_a_wrong_pin_never_takes_the_last_attempt(personality: str, tmp_path: Path) -> None:
    pin_file = tmp_path / "pin"
    pin_file.write_text("1111")

    async def main() -> None:
        bench = EmulatorConfig(modems=(ModemConfig(name="one", personality=personality, pin="2468"),))
        async with Emulator(bench) as emulator:
            for _ in range(4):  # a daemon in a restart loop
                async with running(emulator.port("one"), pin_file=pin_file) as (_, listener):
                    await listener.shows("sim_pin")
            assert emulator.modem("one").sim.pin_tries == 1

    asyncio.run(main())


def test_a_reset_brings_the_modem_back(tmp_path: Path) -> None:
    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        await line.reset()
        await listener.hears("down")
        await listener.hears("ready", 2)
        assert emulator.modem("one").settings.cnmi == [2, 1, 0, 2, 0]

    play(script, links=tmp_path)


def test_a_mute_modem_shows_why_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    impatient(monkeypatch)
    monkeypatch.setattr("gateway.modem.wake.PROBE_TIMEOUT_S", 0.1)

    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        emulator.fault("one", "mute")
        result = await line.submit(TO_PHONE, TO_PHONE_LENGTH)
        assert result.outcome is SubmitOutcome.NOT_SENT  # no prompt came
        await listener.hears("down")
        emulator.modem("one").recover()
        await listener.hears("ready", 2)
        assert (await line.submit(TO_PHONE, TO_PHONE_LENGTH)).outcome is SubmitOutcome.SENT

    play(script)


def test_two_lines_do_not_meet() -> None:
    async def main() -> None:
        bench = EmulatorConfig(modems=(ModemConfig(name="one"), ModemConfig(name="two", personality="sim7600")))
        async with Emulator(bench) as emulator:
            listener = Recorder()
            async with running(emulator.port("one")) as (line, first):
                other = Line(LineConfig(name="two", port=emulator.port("two")), listener, SystemClock())
                task = asyncio.create_task(other.run())
                await first.hears("ready")
                await listener.hears("ready")
                await first.shows("ready")
                await emulator.deliver("two", pdu=DELIVER)
                assert (await line.submit(TO_PHONE, TO_PHONE_LENGTH)).outcome is SubmitOutcome.SENT
                await listener.until(lambda: len(listener.items("released")) == 1)
                assert not first.items()
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())


def test_another_memory_than_the_chosen_one_and_no_indication_at_all() -> None:
    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        emulator.fault("one", "other-memory", memory="ME")
        await deliver(emulator, 1)
        await listener.until(lambda: len(listener.items("released")) == 1)
        assert listener.items()[0].memory == "ME"
        emulator.fault("one", "no-indication")
        await deliver(emulator, 2)
        emulator.fault("one", "urc", text='^SMMEMFULL:"SM"')  # any reason to sweep
        await listener.until(lambda: len(listener.items("released")) == 2)
        assert stored(emulator) == 0

    play(script, "huawei-e3372")


def test_a_flash_message_comes_directly_although_messages_are_stored() -> None:
    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        await emulator.deliver("one", pdu=DELIVER.replace("F60000", "F60010"))
        await listener.until(lambda: len(listener.items("released")) == 1)
        (item,) = listener.items()
        assert (item.memory, item.index, item.kind) == ("", None, "deliver")

    play(script)


def test_reports_that_come_only_directly_are_acknowledged() -> None:
    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        for number in range(1, 6):
            assert (await line.submit(WITH_REPORT, TO_PHONE_LENGTH)).outcome is SubmitOutcome.SENT
            await listener.until(lambda count=number: len(listener.items("released")) == count)
        modem = emulator.modem("one")
        assert modem.settings.cnmi == [2, 1, 0, 1, 0]  # no acknowledgement was missed
        assert not modem.reception.owes
        assert {item.kind for item in listener.items()} == {"status-report"}

    play(script, "sim800")
