"""USSD, calls, call forwarding and phonebook of the driver on emulated families, which were written by another reading."""

from __future__ import annotations

import pytest

from gateway.emulator import Emulator, NetworkConfig
from gateway.emulator.network.broadcast import Broadcast as EmulatedBroadcast
from gateway.modem import CallState, Line, SubmitOutcome
from gateway.modem.errors import ServiceError
from gateway.modem.ussd import UssdError
from tests.modem.bench import Recorder
from tests.modem.test_on_emulator import TO_PHONE, TO_PHONE_LENGTH, play

CALLER = "+491701234567"
MENU = {
    "*100#": "Balance: 12.34 EUR_[1]",
    "*101#": {"text": "1 Balance\n2 Grüße €", "replies": {"1": "12.34", "2": "Привет", "ä": "umlaut"}},
}
FAMILIES = ("generic", "huawei-e173", "huawei-e3372", "sim800", "sim7600", "ec25", "m66", "le910", "sara-u2", "zte-mf")


@pytest.mark.parametrize("personality", FAMILIES)
def test_dialogues(personality: str) -> None:
    async def script(_emulator: Emulator, line: Line, _listener: Recorder) -> None:
        ussd = line.services.ussd
        assert (await ussd.start("*100#")).text == "Balance: 12.34 EUR_[1]"
        menu = await ussd.start("*101#")
        assert (menu.text, menu.reply_wanted) == ("1 Balance\n2 Grüße €", True)
        answer = await ussd.reply("2")
        assert (answer.text, answer.reply_wanted) == ("Привет", False)
        await ussd.start("*101#")
        assert (await ussd.reply("ä")).text == "umlaut"
        with pytest.raises(UssdError) as error:
            await ussd.start("*999#")
        assert error.value.code == "ussd_unsupported"
        await ussd.start("*101#")
        await ussd.cancel()
        assert (await ussd.start("*100#")).text.startswith("Balance")
        sent = await line.submit(TO_PHONE, TO_PHONE_LENGTH)
        assert sent.outcome is SubmitOutcome.SENT

    play(script, personality, network=NetworkConfig(ussd=MENU))


def test_the_network_speaks_first_and_gives_up() -> None:
    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        emulator.network.ussd.push(emulator.modem("one"), "Accept?", reply_wanted=True, replies={"1": "Thank you"})
        assert (await listener.hears("ussd")).reply_wanted
        assert (await line.services.ussd.reply("1")).text == "Thank you"

    play(script)


@pytest.mark.parametrize("personality", FAMILIES)
def test_calls(personality: str) -> None:
    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        modem, calls = emulator.modem("one"), emulator.network.calls
        calls.call(modem, CALLER)
        assert (await listener.hears("call")).number == CALLER
        sent = await line.submit(TO_PHONE, TO_PHONE_LENGTH)
        assert sent.outcome is SubmitOutcome.SENT
        calls.hang_up_other(modem)
        assert (await listener.hears("call", 2)).state is CallState.MISSED
        calls.call(modem, CALLER)
        await listener.hears("call", 3)
        assert calls.answer(modem)
        calls.hang_up_other(modem)
        await listener.until(lambda: listener.of("call")[-1].state in (CallState.ENDED, CallState.MISSED))
        states = [change.state.value for change in listener.of("call")]
        assert states[:3] == ["ringing", "missed", "ringing"]
        assert len({change.call for change in listener.of("call")}) == 2

    play(script, personality)


@pytest.mark.parametrize("personality", FAMILIES)
def test_calls_are_rejected(personality: str) -> None:
    async def script(emulator: Emulator, _line: Line, listener: Recorder) -> None:
        modem = emulator.modem("one")
        emulator.network.calls.call(modem, CALLER, hidden=True)
        await listener.until(lambda: bool(listener.of("call")) and listener.of("call")[-1].state is CallState.REJECTED)
        assert not emulator.network.calls.of(modem)

    play(script, personality, reject_calls="always")


def test_call_forwarding() -> None:
    async def script(emulator: Emulator, line: Line, _listener: Recorder) -> None:
        services = line.services
        assert not (await services.forwarding("busy")).active
        await services.forward("busy", CALLER, None)
        await services.forward("no-reply", "01701234567", 15)
        busy, no_reply = await services.forwarding("busy"), await services.forwarding("no-reply")
        assert (busy.active, busy.number, busy.after_s) == (True, CALLER, None)
        assert (no_reply.active, no_reply.number, no_reply.after_s) == (True, "01701234567", 15)
        await services.forward_no_more("busy")
        assert not (await services.forwarding("busy")).active
        assert (await services.forwarding("no-reply")).active

    play(script)


@pytest.mark.parametrize("personality", ["generic", "sim800", "ec25"])
def test_phonebook(personality: str) -> None:
    async def script(emulator: Emulator, line: Line, _listener: Recorder) -> None:
        services = line.services
        assert await services.phonebook("SM") == []
        await services.phonebook_add("SM", CALLER, "Zoë Müller")
        await services.phonebook_add("SM", "004917012345", "Bob")
        found = await services.phonebook("SM")
        assert [(entry.number, entry.name) for entry in found] == [(CALLER, "Zoë Müller"), ("004917012345", "Bob")]
        await services.phonebook_delete("SM", found[0].index)
        assert [entry.name for entry in await services.phonebook("SM")] == ["Bob"]
        assert await services.own_numbers() == [emulator.modem("one").config.number]
        assert emulator.modem("one").settings.cscs == "GSM"
        with pytest.raises(ServiceError) as error:
            await services.phonebook_delete("SM", 99_999)
        assert error.value.code == "service_refused"

    play(script, personality)


def test_a_modem_that_is_gone_is_not_ready() -> None:
    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        emulator.fault("one", "unplug")
        await listener.hears("down")
        for doing in (line.services.forwarding("busy"), line.services.phonebook("SM"), line.services.own_numbers()):
            with pytest.raises(ServiceError) as error:
                await doing
            assert error.value.code == "modem_not_ready"

    play(script)


@pytest.mark.parametrize("personality", ["generic", "ec25", "sim7600"])
def test_cell_broadcast(personality: str) -> None:
    async def script(emulator: Emulator, _line: Line, listener: Recorder) -> None:
        for channel, text in ((4371, "Nobody listens"), (919, "Hochwasser: " * 12), (50, "Где-то")):
            emulator.broadcast(EmulatedBroadcast(channel=channel, serial=17, text=text), "one")
            emulator.broadcast(EmulatedBroadcast(channel=channel, serial=17, text=text), "one")
        await listener.hears("broadcast", 2)
        found = [(message.channel, message.serial, message.text) for message in listener.of("broadcast")]
        assert found == [(919, 17, "Hochwasser: " * 12), (50, 17, "Где-то")]
        assert listener.of("broadcast")[0].pages == 2
        await emulator.deliver("one", text="a text as ever")
        assert await listener.hears("received")

    play(script, personality, cell_broadcast=(50, 919))
