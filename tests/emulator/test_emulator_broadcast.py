"""Cell broadcasts, and notifications of multimedia messages, over the port."""

from __future__ import annotations

import re

import pytest

from gateway.emulator import Emulator, ModemConfig, gsm7, tpdu
from gateway.emulator.mms import Notification
from gateway.emulator.network.broadcast import Broadcast
from gateway.errors import RequestError

from .bench import run
from .client import Client

PAGE = rb"\+CBM: 88\r\n([0-9A-F]{176})\r\n"


async def pages(client: Client, count: int) -> list[bytes]:
    return [bytes.fromhex((await client.wait_for(PAGE)).split()[-1].decode()) for _ in range(count)]


async def listen(client: Client, channels: str = "50") -> None:
    await client.ok("ATE0")
    await client.ok("AT+CNMI=2,1,2,0,0")
    await client.ok(f'AT+CSCB=0,"{channels}",""')


def test_a_broadcast_comes_in_pages_to_those_who_listen() -> None:
    async def scenario(emulator: Emulator) -> None:
        text = "Flood warning € " * 8
        with Client(emulator.port("one")) as client:
            await listen(client)
            shown = emulator.broadcast(Broadcast(channel=50, serial=0x4010, text=text, language="en"))
            assert shown == {"one": 2, "two": 0}
            first, second = await pages(client, 2)
            assert first[:6] == bytes.fromhex("401000320112")
            assert second[5] == 0x22
            read = "".join(gsm7.text(gsm7.unpacked(page[6:])).rstrip("\r@") for page in (first, second))
            assert read == text

    run(scenario)


def test_other_alphabets_come_in_ucs2_with_their_language() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await listen(client)
            emulator.broadcast(Broadcast(channel=50, serial=1, text="Наводнение", language="ru"), "one")
            (page,) = await pages(client, 1)
            assert page[4] == 0x11
            assert gsm7.text(gsm7.unpacked(page[6:8])) == "ru"
            assert page[8:].decode("utf-16-be").rstrip("\r") == "Наводнение"

    run(scenario)


def test_only_what_is_chosen_is_shown_and_a_repetition_is_not() -> None:
    async def scenario(emulator: Emulator) -> None:
        def send(channel: int, serial: int, language: str = "") -> int:
            return emulator.broadcast(Broadcast(channel=channel, serial=serial, text="x", language=language))["one"]

        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            assert send(50, 1) == 0
            await listen(client, "0-49,50,4370-4380")
            assert await client.ok("AT+CSCB?") == ['+CSCB: 0,"0-49,50,4370-4380",""']
            assert [send(50, 1), send(50, 1), send(50, 2), send(51, 1), send(4371, 1)] == [1, 0, 1, 0, 1]
            await client.ok('AT+CSCB=0,"50","0-1"')
            assert [send(50, 3, "en"), send(50, 4, "fr")] == [1, 0]
            await client.ok('AT+CSCB=1,"50"')
            assert [send(50, 5), send(51, 5)] == [0, 1]
            await client.ok("AT+CNMI=2,1,0,0,0")
            assert send(51, 6) == 0
            for wrong in ('AT+CSCB=2,"1"', 'AT+CSCB=0,"a"', 'AT+CSCB=0,"5-1"', 'AT+CSCB=0,"65536"'):
                assert (await client.at(wrong))[-1] == "+CMS ERROR: 302"

    run(scenario)


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (Broadcast(channel=1, serial=1, text="x", language="xx"), "language: must be one of "),
        (Broadcast(channel=1, serial=1, text="x" * 1396), "text: must be 1 to 15 pages of 93 characters, or 40"),
    ],
)
def test_what_is_no_broadcast_is_refused(message: Broadcast, error: str) -> None:
    async def scenario(emulator: Emulator) -> None:
        with pytest.raises(RequestError, match=re.escape(error)):
            emulator.broadcast(message)

    run(scenario)


# multimedia messages


def test_a_notification_has_the_octets_of_the_specification() -> None:
    push = Notification(sender="+49", url="http://m/1", size=10_000, subject="Üb", transaction="T9A").push()
    assert push.hex(" ").upper().replace(" ", "") == (
        "0106" "03BEAF84" "8C82" "9854394100" "8D92"
        "890F80" "2B34392F545950453D504C4D4E00"
        "9606EA7FC39C6200" "8A80" "8E022710" "8805810303F480" "83687474703A2F2F6D2F3100"
    )  # fmt: skip


def test_long_fields_have_a_length_of_their_own() -> None:
    push = Notification(sender="someone@" + "x" * 150, url="http://m/1", size=0, subject="plain").push()
    assert b"\x89\x1f\x81\x20\x80someone@" in push
    assert b"\x96plain\0" in push
    assert b"\x8e\x01\x00" in push


@pytest.mark.parametrize(("personality", "added"), [("sim800", b',"MMS PUSH"'), ("sim7600", b"")])
def test_it_goes_to_the_port_of_wap_pushes_and_is_indicated_as_the_family_does(personality: str, added: bytes) -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("ATE0")
            await client.ok("AT+CNMI=2,1,0,0,0")
            url = "http://mmsc.example/" + "m" * 100
            assert await emulator.notify("one", "+491719999999", url=url, size=1) == 2
            for _ in range(2):
                await client.wait_for(rb'\+CMTI: "\w+",\d+' + re.escape(added) + rb"\r\n")
            memory = emulator.modem("one").memories[emulator.modem("one").settings.memories[2]]
            octets = [bytes.fromhex(stored.pdu) for _, stored in memory.listing()]
            parts = [one[1 + one[0] :] for one in octets]
            assert [tpdu.destination_port(part) for part in parts] == [2948, 2948]
            assert [tpdu.deliver_dcs(part) for part in parts] == [4, 4]
            await emulator.deliver("one", text="none")
            heard = await client.wait_for(rb'\+CMTI: "\w+",\d+[^\r]*\r\n')
            assert b"PUSH" not in heard

    run(scenario, ModemConfig(name="one", personality=personality))


def test_the_port_is_found_behind_other_elements_and_missed_in_broken_headers() -> None:
    head = bytes.fromhex("4403910100 00 04 00000000000000 0C")
    assert tpdu.destination_port(head + bytes.fromhex("0B 000301020105040B8423F0")) == 2948
    assert tpdu.destination_port(head + bytes.fromhex("06 05040B8423")) is None
    assert tpdu.destination_port(head[:5]) is None
