"""Cell broadcast: pages become messages that are told once, and no text has a worse setting for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.modem import Broadcast, Line, broadcast, profiles
from gateway.modem.settings import cnmi_candidates
from gateway.pdu import CbsDcs, CbsPage, Serial, encode_page, pages_of
from tests.modem.bench import Recorder, running
from tests.modem.peer import DELIVER, OK, Peer, Reply, length

SERIAL = Serial(scope=1, code=42, update=3)
LONG = "Flood warning for the lower town. " * 6


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


@asynccontextmanager
async def at_work(replies: dict[str, Reply] | None = None, **config: Any) -> AsyncIterator[tuple[Peer, Line, Recorder]]:
    peer = Peer()
    peer.replies |= {"AT+CSCB=": OK} | (replies or {})
    async with running(peer.path, **({"cell_broadcast": (50, 919)} | config)) as (line, listener):
        await listener.hears("ready")
        yield peer, line, listener
    peer.unplug()


def cbm(pages: Iterable[CbsPage]) -> str:
    return "".join(f"\r\n+CBM: 88\r\n{encode_page(page).hex().upper()}\r\n" for page in pages)


def pages(text: str, serial: Serial = SERIAL, channel: int = 919) -> tuple[CbsPage, ...]:
    return pages_of(text, serial=serial, message_id=channel)


def test_the_channels_are_chosen_and_pages_handed_on() -> None:
    async def scenario() -> None:
        async with at_work() as (peer, _, listener):
            assert 'AT+CSCB=0,"50,919",""' in peer.heard
            assert peer.cnmi == "2,1,2,2,0"
            peer.say(cbm(pages("Grüße")))
            assert await listener.hears("broadcast") == Broadcast(
                channel=919, serial=SERIAL.number, text="Grüße", pages=1
            )

    run(scenario())


def test_without_channels_nothing_is_asked_for() -> None:
    async def scenario() -> None:
        async with at_work(cell_broadcast=()) as (peer, _, __):
            assert peer.cnmi == "2,1,0,2,0"
            assert not [each for each in peer.heard if each.startswith("AT+CSCB")]

    run(scenario())


def test_a_modem_that_refuses_it_has_the_same_setting_for_texts() -> None:
    refuses = {"AT+CNMI=2,1,2": "\r\nERROR\r\n", "AT+CSCB=": "\r\nERROR\r\n"}

    async def scenario() -> None:
        async with at_work(dict(refuses)) as (peer, _, __):
            assert peer.cnmi == "2,1,0,2,0"

    run(scenario())
    generic = profiles()["generic"]
    plain, wanted = list(cnmi_candidates([], generic)), list(cnmi_candidates([], generic, broadcast=True))
    assert [each for each in wanted if each[2] == 0] == plain
    assert [(*each[:2], 0, *each[3:]) for each in wanted if each[2] == 2] == plain


def test_pages_in_any_order_are_one_message_and_repetitions_none() -> None:
    async def scenario() -> None:
        async with at_work() as (peer, _, listener):
            all_pages = pages(LONG)
            assert len(all_pages) > 2
            for _ in range(3):
                peer.say(cbm(reversed(all_pages)))
            peer.say(cbm(pages("Привет", channel=50)))
            assert (await listener.hears("broadcast", 2)).text == "Привет"
            first = listener.of("broadcast")[0]
            assert (first.text, first.pages, first.pages_missing) == (LONG, len(all_pages), ())
            peer.say(cbm(pages(LONG, Serial(scope=1, code=42, update=4))))  # an update is another message
            assert (await listener.hears("broadcast", 3)).serial != first.serial

    run(scenario())


def test_missing_pages_are_told_of_and_the_whole_message_when_it_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast, "PAGES_S", 0.05)

    async def scenario() -> None:
        async with at_work() as (peer, _, listener):
            first, second, *rest = pages(LONG)
            peer.say(cbm([first, *rest]))
            part = await listener.hears("broadcast")
            assert part.pages_missing == (2,)
            assert "[…]" in part.text
            monkeypatch.setattr(broadcast, "PAGES_S", 60)
            peer.say(cbm([second, first, *rest]))
            assert (await listener.hears("broadcast", 2)).text == LONG

    run(scenario())


def test_octets_language_and_what_cannot_be_read() -> None:
    async def scenario() -> None:
        async with at_work() as (peer, _, listener):
            peer.say("\r\n+CBM: 88\r\nNOT HEX\r\n" + "\r\n+CBM: 3\r\n012345\r\n")
            data = CbsPage(serial=SERIAL, message_id=1, dcs=CbsDcs(octet=0x44), content=b"\x01\x02")
            peer.say(f"\r\n+CBM: 8\r\n{encode_page(data)[:8].hex()}\r\n")
            assert (await listener.hears("broadcast")).data_hex == "0102"
            german = pages_of("Achtung", serial=SERIAL, message_id=2, dcs=0x00)
            peer.say(cbm(german))
            assert (await listener.hears("broadcast", 2)).language == "de"

    run(scenario())


def test_the_format_of_umts_has_all_pages_in_one() -> None:
    async def scenario() -> None:
        async with at_work() as (peer, _, listener):
            contents = [page.content for page in pages(LONG)]
            body = b"".join(content.ljust(82, b"\0") + bytes((len(content),)) for content in contents)
            head = bytes((1,)) + (4370).to_bytes(2, "big") + SERIAL.number.to_bytes(2, "big")
            octets = head + bytes((0x0F, len(contents))) + body
            peer.say(f"\r\n+CBM: {len(octets)}\r\n{octets.hex().upper()}\r\n")
            found = await listener.hears("broadcast")
            assert (found.channel, found.text) == (4370, LONG)

    run(scenario())


def test_texts_come_in_between_pages() -> None:
    async def scenario() -> None:
        async with at_work() as (peer, _, listener):
            first, *rest = pages(LONG)
            peer.storages["ME"][5] = DELIVER
            peer.say(cbm([first]) + '\r\n+CMTI: "ME",5\r\n' + cbm(rest))
            [item] = await listener.hears("received")
            assert (item.pdu, item.length) == (DELIVER, length(DELIVER))
            assert (await listener.hears("broadcast")).text == LONG

    run(scenario())


def test_what_is_open_and_known_has_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast, "MAX_OPEN", 3)
    monkeypatch.setattr(broadcast, "MAX_TOLD", 3)

    async def scenario() -> None:
        async with at_work() as (peer, _, listener):
            peer.say(cbm([pages(LONG, Serial(code=n))[0] for n in range(8)]))
            await listener.hears("broadcast", 5)  # the oldest are told as they are
            peer.say(cbm(pages("end", channel=7)))
            await listener.until(lambda: listener.of("broadcast")[-1].text == "end")
            assert len(listener.of("broadcast")) == 7  # the last one needed a place too

    run(scenario())
