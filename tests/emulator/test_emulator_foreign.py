"""An independent program on the emulated modem: python-gsmmodem connects, sends, receives, waits for its report."""

from __future__ import annotations

import asyncio
import threading

import pytest

from gateway.emulator import Emulator, ModemConfig

from .bench import PHONE, eventually, run
from .client import Client, submit

gsmmodem = pytest.importorskip("gsmmodem.modem")


@pytest.mark.parametrize("family", ["generic", "sim7600", "huawei"])
def test_python_gsmmodem_sends_and_receives(family: str) -> None:
    async def scenario(emulator: Emulator) -> None:
        received: list[tuple[str, str]] = []
        arrived = threading.Event()

        def on_sms(sms) -> None:
            received.append((sms.number, sms.text))
            arrived.set()

        modem = gsmmodem.GsmModem(emulator.port("one"), 115200, smsReceivedCallbackFunc=on_sms)

        def session() -> tuple[object, str]:
            modem.connect()
            sent = modem.sendSms(PHONE, "hello from afar", waitForDeliveryReport=True, deliveryTimeout=5)
            return sent.status, modem.smsc

        async with asyncio.timeout(15):
            status, smsc = await asyncio.to_thread(session)
            assert status == gsmmodem.SentSms.DELIVERED
            assert smsc == "+491710760000"
            assert [one.to for one in emulator.network.submitted] == [PHONE]
            assert emulator.network.submitted[0].wants_report
            with Client(emulator.port("two")) as two:
                await two.ok("ATE0")
                await two.cmgs(submit("+491700000001", "Grüße"))
            assert await asyncio.to_thread(arrived.wait, 5)
            assert received == [("+491700000002", "Grüße")]
            # its own thread deletes the message after the callback; a command of ours goes behind that
            await eventually(lambda: not any(memory.slots for memory in emulator.modem("one").memories.values()))
            await asyncio.to_thread(modem.write, "AT")
            await asyncio.to_thread(modem.close)

    run(scenario, ModemConfig(name="one", personality=family), ModemConfig(name="two"))
