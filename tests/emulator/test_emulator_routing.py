"""What the simulated network makes of messages: modem to modem, parts, reports, memories, acknowledgements."""

from __future__ import annotations

import re

import pytest

from gateway.emulator import Emulator, ModemConfig, NetworkConfig

from .bench import ONE, PHONE, TWO, eventually, run
from .client import Client, silent, submit, text_of

PARTS = [submit(TWO, text, concat=(7, 3, seq)) for seq, text in enumerate(("one ", "two ", "three"), start=1)]
CMTI = re.compile(rb'\+CMTI: "(\w+)",(\d+)\r\n')


async def prepared(emulator: Emulator, name: str, cnmi: str, csms: int = 0) -> Client:
    client = Client(emulator.port(name))
    await client.ok("ATE0+CMEE=1")
    await client.ok(f"AT+CSMS={csms};+CNMI={cnmi}")
    return client


async def stored(client: Client, memory: str = "SM") -> list[tuple[int, str]]:
    """(index, PDU) of everything in `memory`."""
    await client.ok(f'AT+CPMS="{memory}"')
    lines = await client.ok("AT+CMGL=4")
    return [(int(head.split(" ")[1].split(",")[0]), pdu) for head, pdu in zip(lines[::2], lines[1::2], strict=True)]


def test_a_text_goes_from_modem_to_modem_and_is_read_once_as_unread() -> None:
    async def scenario(emulator: Emulator) -> None:
        two = await prepared(emulator, "two", "2,1,0,2,0")
        with Client(emulator.port("one")) as one, two:
            await one.ok("ATE0")
            assert await one.cmgs(submit(TWO, "Grüße 😀")) == ["+CMGS: 0", "OK"]
            assert await two.wait_for(CMTI) == b'\r\n+CMTI: "SM",1\r\n'
            head, pdu = await two.ok("AT+CMGR=1")
            assert head == f"+CMGR: 0,,{len(pdu) // 2 - 8}"
            assert text_of(pdu) == ("Grüße 😀", None)
            assert "0C91947100000010" in pdu  # the sender's number, +491700000001
            assert (await two.ok("AT+CMGR=1"))[0].startswith("+CMGR: 1,")
            assert (await two.ok("AT+CMGL=0")) == []
            assert len(await two.ok("AT+CMGL=1")) == 2
            assert await two.ok("AT+CMGD=?") == ["+CMGD: (1),(0-4)"]
            await two.ok("AT+CMGD=1")
            assert await two.at("AT+CMGR=1") == ["+CMS ERROR: 321"]
            assert await two.at("AT+CMGR=51") == ["+CMS ERROR: 321"]
            assert await two.at("AT+CMGD=51") == ["+CMS ERROR: 321"]
            await two.ok("AT+CMGD=1")

    run(scenario)


@pytest.mark.parametrize(
    ("network", "copies"),
    [
        (NetworkConfig(), {1: 1, 2: 1, 3: 1}),
        (NetworkConfig(repeat=1.0), {1: 2, 2: 2, 3: 2}),
        (NetworkConfig(delay_s=0.01, jitter_s=0.02), {1: 1, 2: 1, 3: 1}),
    ],
)
def test_parts_arrive_as_the_network_sends_them(network: NetworkConfig, copies: dict[int, int]) -> None:
    async def scenario(emulator: Emulator) -> None:
        two = await prepared(emulator, "two", "2,1")
        with Client(emulator.port("one")) as one, two:
            await one.ok("ATE0")
            for part in PARTS:
                await one.cmgs(part)
            for _ in range(sum(copies.values())):
                await two.wait_for(CMTI)
            concats = [text_of(pdu)[1] for _, pdu in await stored(two)]
            assert {seq: concats.count((7, 3, seq)) for seq in (1, 2, 3)} == copies

    run(scenario, network=network)


def test_reordering_and_loss_follow_the_seed() -> None:
    orders = []
    network = NetworkConfig(seed=5, reorder=0.5, reorder_s=0.02, drop=0.2)

    async def scenario(emulator: Emulator) -> None:
        two = await prepared(emulator, "two", "2,1")
        with Client(emulator.port("one")) as one, two:
            await one.ok("ATE0")
            for seq in range(1, 21):
                await one.cmgs(submit(TWO, "x", concat=(1, 20, seq)))
            await one.cmgs(submit(PHONE))
            await eventually(lambda: len(emulator.modem("two").memories["SM"].slots) >= 15 and _quiet(emulator))
            orders.append([text_of(pdu)[1][2] for _, pdu in await stored(two)])

    def _quiet(emulator: Emulator) -> bool:
        return not emulator.network.waiting(emulator.modem("two")) and not emulator.network.under_way

    run(scenario, network=network)
    run(scenario, network=network)
    assert sorted(orders[0]) == sorted(orders[1])
    assert len(orders[0]) < 20
    assert orders[0] != sorted(orders[0])


def test_parts_of_a_delivery_may_be_chosen_ordered_repeated() -> None:
    async def scenario(emulator: Emulator) -> None:
        two = await prepared(emulator, "two", "2,1")
        with two:
            count = await emulator.deliver(
                "two", "+491715550000", text="ü→" * 120, ref=9, order=[4, 2, 1, 3], drop_parts=[2], repeat=2
            )
            assert count == 6
            for _ in range(count):
                await two.wait_for(CMTI)
            found = await stored(two)
            assert [text_of(pdu)[1] for _, pdu in found] == [(9, 4, 4)] * 2 + [(9, 4, 1)] * 2 + [(9, 4, 3)] * 2

    run(scenario)


@pytest.mark.parametrize(("reports", "st"), [("delivered", "00"), ("failed", "46")])
def test_a_report_comes_back_into_its_own_memory(reports: str, st: str) -> None:
    async def scenario(emulator: Emulator) -> None:
        one = await prepared(emulator, "one", "2,1,0,2,0")
        with one:
            assert await one.cmgs(submit(PHONE, report=True)) == ["+CMGS: 0", "OK"]
            assert await one.wait_for(rb"\+CDSI: .*\r\n") == b'\r\n+CDSI: "SR",1\r\n'
            ((index, pdu),) = await stored(one, "SR")
            assert index == 1
            octets = bytes.fromhex(pdu)[8:]
            assert octets[:3] == bytes((0x06, 0, 12))
            assert octets[4:10].hex() == "947191999999"
            assert octets[-1:].hex() == st
            await one.ok("AT+CMGD=1")

    run(scenario, network=NetworkConfig(reports=reports))


def test_reports_may_be_provisional_and_may_repeat() -> None:
    async def scenario(emulator: Emulator) -> None:
        one = await prepared(emulator, "one", "2,1,0,2,0")
        with one:
            await one.cmgs(submit(PHONE, report=True))
            for _ in range(4):
                await one.wait_for(rb"\+CDSI: .*\r\n")
            assert [pdu[-2:] for _, pdu in await stored(one, "SR")] == ["21", "21", "00", "00"]

    run(scenario, network=NetworkConfig(reports="retrying", report_repeat=1.0))


def test_reports_that_find_no_room_wait_and_messages_do_not() -> None:
    async def scenario(emulator: Emulator) -> None:
        one = await prepared(emulator, "one", "2,1,0,2,0")
        with one:
            for _ in range(3):
                await one.cmgs(submit(PHONE, report=True))
            await one.cmgs(submit(ONE))
            await one.wait_for(CMTI)
            assert emulator.network.waiting(emulator.modem("one")) == 1
            await one.ok('AT+CPMS="SR"')
            await one.ok("AT+CMGD=2")
            assert await one.wait_for(rb"\+CDSI: .*\r\n") == b'\r\n+CDSI: "SR",2\r\n'

    run(scenario, ModemConfig(name="one", storages={"SR": 2}))


def test_a_report_may_come_directly_or_wait_for_cnmi() -> None:
    async def scenario(emulator: Emulator) -> None:
        one = await prepared(emulator, "one", "2,1,0,0,0")
        with one:
            assert await one.cmgs(submit(PHONE, report=True)) == ["+CMGS: 0", "OK"]
            assert await silent(one)
            assert emulator.network.waiting(emulator.modem("one")) == 1
            await one.ok("AT+CNMI=2,1,0,1,0")
            assert re.search(rb"\+CDS: 25\r\n0791[0-9A-F]{62}\r\n", await one.wait_for(rb"\+CDS: .*\r\n.*\r\n"))
            assert emulator.network.waiting(emulator.modem("one")) == 0

    run(scenario)


def test_no_report_without_request_or_when_the_network_makes_none() -> None:
    async def scenario(emulator: Emulator) -> None:
        one = await prepared(emulator, "one", "2,1,0,2,0")
        with one:
            await one.cmgs(submit(PHONE))
            emulator.configure_network(reports="none")
            await one.cmgs(submit(PHONE, report=True))
            assert await silent(one)
            emulator.status_report("one", PHONE, 77, 0x30)
            await one.wait_for(rb"\+CDSI: .*\r\n")
            ((_, pdu),) = await stored(one, "SR")
            assert pdu[18:20] == "4D"
            assert pdu[-2:] == "30"

    run(scenario)


def test_a_report_of_modem_to_modem_means_that_it_was_taken() -> None:
    async def scenario(emulator: Emulator) -> None:
        one = await prepared(emulator, "one", "2,1,0,2,0")
        emulator.fault("two", "registration-lost")
        with one:
            await one.cmgs(submit(TWO, report=True))
            assert await silent(one)
            emulator.fault("two", "clear")
            await one.wait_for(rb"\+CDSI: .*\r\n")

    run(scenario)


@pytest.mark.parametrize("memory", ["SM", "ME"])
def test_what_finds_no_room_waits_at_the_service_centre(memory: str) -> None:
    async def scenario(emulator: Emulator) -> None:
        two = await prepared(emulator, "two", "2,1")
        with two:
            await two.ok(f'AT+CPMS="{memory}","{memory}","{memory}"')
            for text in "abcd":
                await emulator.deliver("two", text=text + "→")
            assert await two.wait_for(CMTI) == f'\r\n+CMTI: "{memory}",1\r\n'.encode()
            await two.wait_for(CMTI)
            assert await two.ok("AT+CPMS?") == [f'+CPMS: "{memory}",2,2,"{memory}",2,2,"{memory}",2,2']
            assert emulator.network.waiting(emulator.modem("two")) == 2
            two.write(b"AT+CMGD=1\r")
            assert await two.wait_for(CMTI) == f'\r\nOK\r\n\r\n+CMTI: "{memory}",1\r\n'.encode()
            two.write(b"AT+CMGD=1,4\r")
            await two.wait_for(CMTI)
            texts = [text_of(pdu)[0] for _, pdu in await stored(two, memory)]
            assert texts == ["d→"]

    run(scenario, ModemConfig(name="one"), ModemConfig(name="two", storages={"SM": 2, "ME": 2}))


def test_a_full_huawei_says_so() -> None:
    async def scenario(emulator: Emulator) -> None:
        one = await prepared(emulator, "one", "2,1,0,2,0")
        with one:
            emulator.fault("one", "storage-full", memory="SM")
            await emulator.deliver("one", text="x")
            await one.wait_for(rb'\^SMMEMFULL:"SM"\r\n')

    run(scenario, ModemConfig(name="one", personality="huawei"))


def test_direct_delivery_without_phase_2_is_over_when_it_is_shown() -> None:
    async def scenario(emulator: Emulator) -> None:
        one = await prepared(emulator, "one", "1,2,0,1,0")
        with one:
            await emulator.deliver("one", text="hi→")
            found = await one.wait_for(rb"\+CMT: ,(\d+)\r\n([0-9A-F]+)\r\n")
            length, pdu = found.split(b"\r\n")[1:3]
            assert int(length.split(b",")[1]) == len(pdu) // 2 - 8
            assert text_of(pdu.decode()) == ("hi→", None)
            assert await one.at("AT+CNMA") == ["+CMS ERROR: 340"]
        await emulator.deliver("one", text="to nobody")
        await eventually(lambda: not emulator.network.under_way)
        with Client(emulator.port("one")) as one:
            assert await stored(one) == []
            assert await silent(one)

    run(scenario)


@pytest.mark.parametrize("cnma", ["AT+CNMA", "AT+CNMA=0", "AT+CNMA=1"])
def test_direct_delivery_in_phase_2_wants_an_acknowledgement_each(cnma: str) -> None:
    async def scenario(emulator: Emulator) -> None:
        one = await prepared(emulator, "one", "1,2,0,0,0", csms=1)
        with one:
            await emulator.deliver("one", text="first")
            await emulator.deliver("one", text="second")
            await one.wait_for(rb"\+CMT: ,\d+\r\n.*\r\n")
            assert await silent(one)
            one.write(cnma.encode() + b"\r")
            assert (await one.wait_for(rb"\+CMT: ,\d+\r\n.*\r\n")).startswith(b"\r\nOK\r\n")
            await one.ok(cnma)
            assert await one.at(cnma) == ["+CMS ERROR: 340"]
            assert emulator.network.waiting(emulator.modem("one")) == 0

    run(scenario)


def test_an_acknowledgement_with_pdu_and_a_negative_one() -> None:
    async def scenario(emulator: Emulator) -> None:
        one = await prepared(emulator, "one", "1,2,0,0,0", csms=1)
        with one:
            await emulator.deliver("one", text="again")
            await one.wait_for(rb"\+CMT: ,\d+\r\n.*\r\n")
            await one.ok("AT+CNMA=2")
            assert emulator.network.waiting(emulator.modem("one")) == 1
            await one.ok("AT+CNMI=1,2,0,0,0")
            await one.wait_for(rb"\+CMT: ,\d+\r\n.*\r\n")
            one.write(b"AT+CNMA=1,2\r")
            await one.wait_for(rb"> ")
            one.write(b"0000\x1a")
            await one.wait_for(rb"OK\r\n")
            assert emulator.network.waiting(emulator.modem("one")) == 0

    run(scenario)


def test_without_acknowledgement_it_is_stored_and_direct_delivery_ends() -> None:
    async def scenario(emulator: Emulator) -> None:
        one = await prepared(emulator, "one", "1,2,0,0,0", csms=1)
        with one:
            await emulator.deliver("one", text="kept→")
            await one.wait_for(rb"\+CMT: ,\d+\r\n.*\r\n")
            await eventually(lambda: emulator.modem("one").memories["SM"].slots)
            assert await one.ok("AT+CNMI?") == ["+CNMI: 1,0,0,0,0"]
            assert [text_of(pdu)[0] for _, pdu in await stored(one)] == ["kept→"]

    run(scenario, ModemConfig(name="one", cnma_timeout_s=0.05))


@pytest.mark.parametrize(
    ("cnmi", "message_class", "wanted"),
    [
        ("2,1", 0, rb"\+CMT: ,"),
        ("2,2", 0, rb"\+CMT: ,"),
        ("2,2", 2, rb'\+CMTI: "SM",1'),
        ("2,1", 2, rb'\+CMTI: "SM",1'),
        ("2,1", 1, rb'\+CMTI: "ME",1'),
        ("2,3", 3, rb"\+CMT: ,"),
        ("2,3", 1, rb'\+CMTI: "ME",1'),
        ("2,2", None, rb"\+CMT: ,"),
    ],
)
def test_classes_go_where_they_belong(cnmi: str, message_class: int | None, wanted: bytes) -> None:
    async def scenario(emulator: Emulator) -> None:
        one = await prepared(emulator, "one", cnmi)
        with one:
            await one.ok('AT+CPMS="ME","ME","ME"')
            await emulator.deliver("one", text="x", message_class=message_class)
            assert await one.wait_for(wanted)

    run(scenario)


def test_indications_are_kept_while_the_mode_is_0() -> None:
    async def scenario(emulator: Emulator) -> None:
        one = await prepared(emulator, "one", "0,1")
        with one:
            await emulator.deliver("one", text="x")
            await eventually(lambda: emulator.modem("one").memories["SM"].slots)
            assert await silent(one)
            await one.ok("AT+CNMI=2,1")
            await one.wait_for(CMTI)

    run(scenario)


def test_a_replace_type_message_takes_the_place_of_its_predecessor() -> None:
    async def scenario(emulator: Emulator) -> None:
        one = await prepared(emulator, "one", "2,1")
        with one:
            for text in ("old→", "new→"):
                await emulator.deliver("one", text=text, pid=0x41)
                await one.wait_for(CMTI)
            await emulator.deliver("one", text="silent", pid=0x40)
            await emulator.deliver("one", "+491715550001", text="other→", pid=0x41)
            await one.wait_for(CMTI)
            assert [text_of(pdu)[0] for _, pdu in await stored(one)] == ["new→", "other→"]

    run(scenario)


def test_messages_survive_a_power_cycle_and_wait_for_an_absent_modem() -> None:
    async def scenario(emulator: Emulator) -> None:
        await emulator.deliver("one", text="before→")
        await eventually(lambda: emulator.modem("one").memories["SM"].slots)
        emulator.fault("one", "unplug")
        await emulator.deliver("one", text="meanwhile→")
        await eventually(lambda: emulator.network.waiting(emulator.modem("one")) == 1)
        emulator.modem("one").replug()
        with Client(emulator.port("one")) as one:
            await eventually(lambda: len(emulator.modem("one").memories["SM"].slots) == 2)
            await one.ok("ATE0")
            assert [text_of(pdu)[0] for _, pdu in await stored(one)] == ["before→", "meanwhile→"]

    run(scenario)


def test_recipients_that_the_network_refuses() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as one:
            await one.ok("ATE0")
            assert await one.cmgs(submit(PHONE)) == ["+CMS ERROR: 1"]
            assert await one.cmgs(submit(ONE)) == ["+CMGS: 0", "OK"]
            assert [sent.to for sent in emulator.network.submitted] == [ONE]

    run(scenario, network=NetworkConfig(refuse={PHONE: 1}))
