"""python-gsmmodem: a library that reads each message on its indication and leaves joining to its user."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import wait_until

from .bench import GSM7, PHONE, UCS2, Bench, bench

gsmmodem = pytest.importorskip("gsmmodem.modem")


@pytest.mark.parametrize("family", ["generic", "sim7600", "huawei"])
def test_gsmmodem_sends_with_a_report_and_receives(family: str, tmp_path: Path) -> None:
    with bench(tmp_path, family) as world:
        # It loses a report that comes before it has begun to wait, so this one comes when the test says.
        world.control("/network", {"reports": "none"})
        received: list[Any] = []
        with _connected(world, received) as modem:
            assert modem.smsc == "+491710760000"
            assert modem.imei == world.control("/modems")["modems"][0]["imei"]
            for number, text in ((PHONE, GSM7), (PHONE[:-1], UCS2)):
                _send(world, modem, number, text)
            for ref, text in ((7, GSM7), (8, UCS2)):
                assert _receive(world, received, text, ref) == text


@contextmanager
def _connected(world: Bench, received: list[Any]) -> Iterator[Any]:
    modem = gsmmodem.GsmModem(world.port, 115200, smsReceivedCallbackFunc=received.append)
    before = set(threading.enumerate())
    modem.connect()
    try:
        yield modem
        # a message is deleted after the callback, in a thread of its own; that must not find the port closed
        wait_until(lambda: set(threading.enumerate()) - before <= {modem.rxThread}, "its threads to end")
    finally:
        modem.close()


def _send(world: Bench, modem: Any, number: str, text: str) -> None:
    sent = modem.sendSms(number, text)
    parts = world.wait_message(text, number)
    assert all(part["status_report_request"] for part in parts)
    assert sent.reference == parts[-1]["mr"]  # what it knows of its message is the last part
    assert sent.status == gsmmodem.SentSms.ENROUTE
    world.control("/status-report", {"modem": "modem", "to": number, "mr": sent.reference})
    wait_until(lambda: sent.status == gsmmodem.SentSms.DELIVERED, "the report")
    world.wait_empty()


def _receive(world: Bench, received: list[Any], text: str, ref: int) -> str:
    """What came, joined as the header says. Part after part: it misses an indication while it waits for an answer."""
    received.clear()
    _receive_part(world, received, text, ref, 1)
    total = received[0].udh[0].parts
    assert total >= 2
    for seq in range(2, total + 1):
        _receive_part(world, received, text, ref, seq)
    assert [sms.number for sms in received] == [PHONE] * total
    assert [sms.udh[0].reference for sms in received] == [ref] * total
    return "".join(sms.text for sms in sorted(received, key=lambda sms: sms.udh[0].number))


def _receive_part(world: Bench, received: list[Any], text: str, ref: int, seq: int) -> None:
    world.control("/deliver", {"modem": "modem", "from": PHONE, "text": text, "ref": ref, "order": [seq]})
    wait_until(lambda: len(received) == seq, f"part {seq}")
    world.wait_empty()
