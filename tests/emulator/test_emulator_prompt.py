"""The two phases of AT+CMGS, and a prompt that somebody left open."""

from __future__ import annotations

import asyncio

import pytest

from gateway.emulator import Emulator, ModemConfig

from .bench import PHONE, run
from .client import FINAL, Client, silent, submit


def test_a_submit_is_taken_and_numbered() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            assert await client.cmgs(submit(PHONE)) == ["+CMGS: 254", "OK"]
            assert await client.cmgs(submit(PHONE, report=True)) == ["+CMGS: 255", "OK"]
        with Client(emulator.port("one")) as client:
            assert await client.cmgs(submit("12345")) == ["+CMGS: 0", "OK"]
        assert [(one.n, one.to, one.mr) for one in emulator.network.submitted] == [
            (1, PHONE, 254),
            (2, PHONE, 255),
            (3, "12345", 0),
        ]
        assert [one.wants_report for one in emulator.network.submitted] == [False, True, False]

    run(scenario, ModemConfig(name="one", first_mr=254))


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (30, b"AT\r"),
        (30, b""),
        (30, b"xyz"),
        (30, b"0"),
        (30, b"00" + submit(PHONE).encode()),
        (len(submit(PHONE)) // 2, b"07" + submit(PHONE).encode()),
        (len(submit(PHONE)) // 2 - 1, b"00" + submit(PHONE)[:-2].encode()),
        (len(submit(PHONE)) // 2, b"0004" + submit(PHONE)[2:].encode()),
    ],
)
def test_what_does_not_fit_is_no_pdu(length: int, text: bytes) -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            client.write(f"AT+CMGS={length}\r".encode())
            await client.wait_for(rb"\r\n> $")
            client.write(text + b"\x1a")
            assert await client.wait_for(FINAL) == b"\r\n+CMS ERROR: 304\r\n"
            assert not emulator.network.submitted

    run(scenario)


@pytest.mark.parametrize(("family", "answer"), [("generic", "OK"), ("sim7600", "OK"), ("huawei", "ERROR")])
def test_escape_leaves_the_prompt_without_sending(family: str, answer: str) -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            client.write(b"AT+CMGS=30\r")
            await client.wait_for(rb"> ")
            client.write(b"0011\x1bAT+CSQ\r")
            assert await client.wait_for(rb"CSQ: 21,99\r\n\r\nOK") == (
                f"\r\n{answer}\r\n\r\n+CSQ: 21,99\r\n\r\nOK".encode()
            )
            assert not emulator.network.submitted

    run(scenario, ModemConfig(name="one", personality=family))


def test_a_prompt_outlives_the_client_that_opened_it() -> None:
    async def scenario(emulator: Emulator) -> None:
        client = Client(emulator.port("one"))
        await client.ok("ATE0")
        client.write(b"AT+CMGS=30\r")
        await client.wait_for(rb"> ")
        client.write(b"0011")
        client.close()
        for _ in range(2):
            client = Client(emulator.port("one"))
            client.write(b"AT\r")
            assert await silent(client)
            client.close()
        with Client(emulator.port("one")) as client:
            assert emulator.modem("one").interpreter.prompting
            client.write(b"\x1b")
            await client.wait_for(rb"OK\r\n")
            assert await client.at("AT") == ["OK"]
        assert not emulator.network.submitted

    run(scenario)


def test_a_prompt_times_out() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            client.write(b"AT+CMGS=30\r")
            await client.wait_for(rb"> ")
            assert await client.wait_for(FINAL) == b"\r\nERROR\r\n"
            assert await client.at("AT") == ["OK"]

    run(scenario, ModemConfig(name="one", prompt_timeout_s=0.05))


def test_the_pdu_may_arrive_octet_by_octet_and_with_the_echo_on() -> None:
    async def scenario(emulator: Emulator) -> None:
        pdu = submit(PHONE)
        with Client(emulator.port("one")) as client:
            client.write(f"AT+CMGS={len(pdu) // 2}\r".encode())
            await client.wait_for(rb"> ")
            for octet in b"00" + pdu.encode() + b"\x1a":
                client.write(bytes((octet,)))
                await asyncio.sleep(0)
            answer = await client.wait_for(rb"OK\r\n")
            assert answer == b"00" + pdu.encode() + b"\r\n+CMGS: 0\r\n\r\nOK\r\n"

    run(scenario)


def test_written_messages_can_be_sent_from_the_memory() -> None:
    async def scenario(emulator: Emulator) -> None:
        pdu = submit(PHONE)
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            client.write(f"AT+CMGW={len(pdu) // 2}\r".encode())
            await client.wait_for(rb"> ")
            client.write(b"00" + pdu.encode() + b"\x1a")
            assert await client.wait_for(FINAL) == b"\r\n+CMGW: 1\r\n\r\nOK\r\n"
            assert not emulator.network.submitted
            assert await client.at("AT+CMSS=1") == ["+CMSS: 0", "OK"]
            assert await client.ok("AT+CMGR=1") == [f"+CMGR: 3,,{len(pdu) // 2}", "00" + pdu]
            assert emulator.network.submitted[0].to == PHONE

    run(scenario)
