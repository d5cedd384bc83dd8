"""Every modem family goes through the same life in plain AT; what it showed is what docs/emulator.md says of it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

import gateway.emulator.personalities
from gateway.emulator import Emulator, ModemConfig, content
from gateway.emulator.network.legs import Stat
from gateway.emulator.personalities import PERSONALITIES
from tests.emulator.bench import PHONE, eventually, run
from tests.emulator.client import Client, silent, submit, text_of

PAGE = Path(__file__).parents[2] / "docs" / "emulator.md"
NOTES = Path(__file__).parents[2] / "firmware-notes"
CITATION = re.compile(r"# ([a-z0-9-]+\.md)#([a-z0-9-]+)")
MARK = "<!-- personalities -->"
CNMI = ("2,1,0,2,0", "1,1,0,2,0", "2,1,0,1,0", "1,1,0,1,0")  # the first one that a family takes is used
INDICATED = rb'\r\n\+CMTI: "(\w+)",(\d+)\r\n'

Cell = Callable[[Emulator, Client], Awaitable[str]]


async def agree(client: Client) -> str:
    """Sets the first +CNMI that the family takes, and says which."""
    await client.ok("ATE0+CMEE=1")
    await client.ok("AT+CPMS?")  # what nags until then is silent
    for values in CNMI:
        if (await client.at(f"AT+CNMI={values}"))[-1] == "OK":
            return values
    raise AssertionError("no +CNMI is taken")


async def read(client: Client, memory: str, index: int) -> str:
    """The PDU in a slot, which is deleted."""
    await client.ok(f'AT+CPMS="{memory}"')
    lines = await client.ok(f"AT+CMGR={index}")  # a URC may have come in front
    header, pdu = lines[-2:]
    assert header.startswith("+CMGR: ")
    await client.ok(f"AT+CMGD={index}")
    return pdu


async def identify(emulator: Emulator, client: Client) -> str:
    await client.ok("ATE0")
    family = emulator.modem("one").personality
    assert await client.ok("AT+CGMI") == [family.manufacturer]
    (model,) = await client.ok("AT+CGMM")
    assert await client.ok("AT+CGMR") == [family.identity_prefix.get("+CGMR", "") + family.revision]
    imei = emulator.modem("one").config.imei
    assert await client.ok("AT+CGSN") == [imei]
    assert await client.ok("ATI") == [line.format(imei=imei) for line in family.ati]
    return model


async def send(emulator: Emulator, client: Client) -> str:
    """Also what ESC at the prompt brings."""
    await agree(client)
    client.write(b"AT+CMGS=20\r")
    await client.wait_for(rb"> ")
    client.write(b"0011\x1b")
    if emulator.modem("one").personality.prompt_abort:
        escaped = (await client.wait_for(rb"(OK|ERROR)\r\n")).split()[-1].decode()
    else:
        assert await silent(client, 0.02)
        escaped = "nothing"
    assert emulator.network.submitted == type(emulator.network.submitted)()
    assert await client.cmgs(submit(PHONE, "short")) == ["+CMGS: 0", "OK"]
    assert await client.cmgs(submit(PHONE, "again")) == ["+CMGS: 1", "OK"]
    assert [one.to for one in emulator.network.submitted] == [PHONE, PHONE]
    return f"`+CMGS: <mr>`; ESC: {escaped}"


async def long_text(emulator: Emulator, client: Client) -> str:
    await agree(client)
    await client.at("AT+CMMS=2")
    parts = ["first → ", "second → ", "third"]
    for n, part in enumerate(parts, 1):
        assert (await client.cmgs(submit(PHONE, part, concat=(7, 3, n))))[-1] == "OK"
    (message,) = content.messages([one for one in emulator.network.submitted if one.to == PHONE])
    assert message["text"] == "".join(parts)
    return "3 parts"


async def report(emulator: Emulator, client: Client) -> str:
    values = await agree(client)
    await client.cmgs(submit(PHONE, "?", report=True))
    if values.split(",")[3] == "1":
        shown = await client.wait_for(rb"\+CDS: (,?)\d+\r\n[0-9A-F]+\r\n")
        pdu = shown.split()[-1].decode()
        told = re.sub(r"\d+", "<length>", shown.decode().split("\r\n")[-3])
    else:
        shown = await client.wait_for(rb'\+CDSI: "\w+",\d+\r\n')
        memory, index = re.findall(r'"(\w+)",(\d+)', shown.decode())[0]
        pdu = await read(client, memory, int(index))
        told = f'+CDSI: "{memory}"'
    octets = bytes.fromhex(pdu)[8:]
    assert octets[0] & 3 == 2  # a STATUS-REPORT …
    assert octets[1] == 0  # … of the reference that was given
    return f"`{told}`"


async def receive(emulator: Emulator, client: Client) -> str:
    await agree(client)
    await emulator.deliver("one", sender=PHONE, text="stored →")
    shown = await client.wait_for(INDICATED)
    memory, index = re.findall(r'"(\w+)",(\d+)', shown.decode())[0]
    assert int(index) == emulator.modem("one").personality.first_index
    assert text_of(await read(client, memory, int(index))) == ("stored →", None)
    refused = (await client.at("AT+CNMI=2,2,0,0,0"))[-1] != "OK"
    await client.ok("AT+CNMI=1,2,0,0,0")
    await emulator.deliver("one", sender=PHONE, text="direct →")
    shown = await client.wait_for(rb"\+CMT: ,\d+\r\n[0-9A-F]+\r\n")
    assert text_of(shown.split()[-1].decode()) == ("direct →", None)
    return f'`+CMTI: "{memory}"`, `+CMT`' + (", mode 2 refused" if refused else "")


async def full_storage(emulator: Emulator, client: Client) -> str:
    """Two messages fill it; the third waits at the service centre until there is room."""
    await agree(client)
    family = emulator.modem("one").personality
    if family.full_urc_if:
        await client.ok('AT+QINDCFG="smsfull",1')
    for text in "abc":
        await emulator.deliver("one", sender=PHONE, text=f"{text}→")
    memory, index = re.findall(r'"(\w+)",(\d+)', (await client.wait_for(INDICATED)).decode())[0]
    await client.wait_for(INDICATED)
    told = ""
    if family.full_urc:
        wanted = family.full_urc.format(memory=memory)
        await client.wait_for(re.escape(wanted.encode()) + rb"\r\n")
        told = f"`{wanted}`"
    await eventually(lambda: emulator.network.waiting(emulator.modem("one")) == 1 and not emulator.network.under_way)
    assert await silent(client, 0.02)
    assert text_of(await read(client, memory, int(index)))[0] == "a→"
    if family.full_silences:
        assert await silent(client, 0.02)
        await eventually(lambda: not emulator.network.waiting(emulator.modem("one")))
        assert sum("+CMGL:" in line for line in await client.ok("AT+CMGL=4")) == 2
        told = f"{told}, then no `+CMTI`"
    else:
        await client.wait_for(INDICATED)
    assert text_of(await read(client, memory, int(index)))[0] == "c→"
    return told or "says nothing"


def packed(text: str) -> str:
    """Septets in octets, as hex, with CR where seven bits would be left (23.038 6.1.2.3)."""
    text += "\r" if len(text) % 8 == 7 else ""
    bits = sum(ord(character) << 7 * n for n, character in enumerate(text))
    return bits.to_bytes((7 * len(text) + 7) // 8, "little").hex().upper()


async def ussd(emulator: Emulator, client: Client) -> str:
    """The answer to a code, in characters or, where the family takes no others, in packed septets."""
    await client.ok("ATE0+CMEE=1")
    await client.at('AT+CSCS="GSM"')
    code, answer = "*100#", "Answer to *100#"
    final = (await client.at(f'AT+CUSD=1,"{code}",15'))[-1]
    if not emulator.modem("one").personality.services:
        assert final != "OK"
        return f"– (`{final}`)"
    if final == "OK":
        assert f'+CUSD: 0,"{answer}",15'.encode() in await client.wait_for(rb"\+CUSD: [^\r]*\r\n")
        return "characters"
    client.write(f'AT+CUSD=1,"{packed(code)}",15\r'.encode())
    shown = (await client.wait_for(rb"\+CUSD: [^\r]*\r\n")).decode().strip()
    assert shown.split("\r\n")[-1] == f'+CUSD: 0,"{packed(answer)}",15'
    return "packed septets"


async def call(emulator: Emulator, client: Client) -> str:
    """One that comes in, then one that goes out; and what the family says of that beside the usual."""
    calls, modem = emulator.network.calls, emulator.modem("one")
    await client.ok("ATE0+CMEE=1")
    if not modem.personality.services:
        return f"– (`{(await client.at(f'ATD{PHONE};'))[-1]}`)"
    await client.ok("AT+CRC=1;+CLIP=1")
    calls.call(modem, PHONE)
    await client.wait_for(rb'\+CRING: VOICE\r\n\r\n\+CLIP: "\+491719999999",145,.*\r\n')
    await client.ok("ATA")
    calls.hang_up_other(modem)
    await client.wait_for(rb"\r\nNO CARRIER\r\n")
    for line in ("AT+CLCC=1", "AT^DSCI=1", "AT+MORING=1", "AT+UCALLSTAT=1"):
        await client.at(line)
    client.buffer = b""
    await client.ok(f"ATD{PHONE};")
    await eventually(lambda: [leg.stat for leg in calls.of(modem)] == [Stat.ACTIVE])
    client.write(b"AT+CHUP\r")
    heard = (await client.wait_for(rb"\r\nOK\r\n")).decode()
    await eventually(lambda: not calls.of(modem))
    names = dict.fromkeys(line.partition(":")[0] for line in heard.split("\r\n") if line not in ("", "OK"))
    return ", ".join(f"`{name}`" for name in names) or "`+CLCC` when asked"


async def reset(emulator: Emulator, client: Client) -> str:
    """Each command of the family, with its boot messages; what switches off needs power again."""
    modem = emulator.modem("one")
    await agree(client)
    done: dict[str, list[str]] = {"reboot": [], "off": []}
    current = client
    for command, power in modem.personality.power.items():
        await current.ok("ATE0")
        current.write(f"AT{command}\r".encode())
        for word in (power.final, power.says):
            if word:
                await current.wait_for(rf"(?:^|\n){word}\r\n".encode())
        current = await _goes(emulator, current, power.then)
        done[power.then].append(f"`AT{command}`")
    if current is not client:
        current.close()
    kept = "port stays" if modem.personality.uart else "port goes"
    off = f"; off: {', '.join(done['off'])}" if done["off"] else ""
    return f"{', '.join(done['reboot'])}{off}; {kept}"


async def _goes(emulator: Emulator, client: Client, then: str) -> Client:
    """Waits until the modem is gone, and back; returns a client of the port as it is then."""
    modem = emulator.modem("one")
    uart = modem.personality.uart
    if not uart:
        await client.hang_up()
        client.close()
    await eventually(lambda: not modem.powered or then == "reboot")
    if then == "off":
        await eventually(lambda: (modem.port is not None) is uart)
        if uart:
            client.write(b"AT\r")
            assert await silent(client, 0.02)
        modem.replug()
    await eventually(lambda: modem.powered and modem.port is not None)
    if not uart:
        client = Client(emulator.port("one"))
    for _, text in modem.personality.boot:
        await client.wait_for(re.escape(text.split("{")[0].encode()))
    forgotten = "cnmi" not in modem.personality.remembers
    assert ((await client.ok("AT+CNMI?"))[-1] == "+CNMI: 0,0,0,0,0") is forgotten
    return client


CELLS: dict[str, Cell] = {
    "identify": identify,
    "send": send,
    "long text": long_text,
    "report": report,
    "receive": receive,
    "full storage": full_storage,
    "USSD": ussd,
    "call": call,
    "reset": reset,
}


def documented() -> dict[str, dict[str, str]]:
    """The table of the page: personality -> cell -> what it says."""
    _, found, rest = PAGE.read_text(encoding="utf-8").partition(MARK)
    assert found
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in rest.strip().partition("\n\n")[0].splitlines()
        if line.startswith("|")
    ]
    head = rows[0]
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows[2:]}


def test_every_citation_names_a_heading() -> None:
    sources = sorted(Path(gateway.emulator.personalities.__file__).parent.glob("*.py"))
    cited = [match.groups() for source in sources for match in CITATION.finditer(source.read_text(encoding="utf-8"))]
    assert len(cited) > 50
    for page, anchor in cited:
        headings = re.findall(r"^## (.+)$", (NOTES / page).read_text(encoding="utf-8").lower(), re.MULTILINE)
        assert anchor in headings, (page, anchor)
    assert {family.notes for family in PERSONALITIES.values()} <= {page.name for page in NOTES.glob("*.md")}


def test_the_page_has_every_personality_and_every_cell() -> None:
    table = documented()
    assert list(table) == list(PERSONALITIES)
    assert all(list(row) == list(CELLS) for row in table.values())


@pytest.mark.parametrize("name", list(PERSONALITIES))
@pytest.mark.parametrize("cell", list(CELLS))
def test_a_family_does_what_the_page_says(name: str, cell: str) -> None:
    storages = dict.fromkeys(set(PERSONALITIES[name].memories) - {"SR"}, 2) if cell == "full storage" else {}
    seen: list[str] = []

    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            seen.append(await CELLS[cell](emulator, client))

    run(scenario, ModemConfig(name="one", personality=name, storages=storages))
    assert seen == [documented()[name][cell]]
