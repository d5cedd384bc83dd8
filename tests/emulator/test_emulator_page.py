"""What docs/emulator.md shows of the network is what the control and the configuration take."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import httpx
import pytest

from gateway.emulator import Emulator, ModemConfig, NetworkConfig
from gateway.emulator.config import load
from gateway.emulator.control import application
from gateway.emulator.outcomes import ST, arrives

from .bench import ONE, PHONE, eventually, run
from .client import Client, submit

PAGE = (Path(__file__).parents[2] / "docs" / "emulator.md").read_text(encoding="utf-8")
SECTION = re.split(r"^## ", PAGE.partition("## The network\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
CURL = re.compile(r"^\$ curl (?:--json '([^']*)' )?http://127\.0\.0\.1:8090(\S+)", re.MULTILINE)
TOML = re.findall(r"^```toml\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)


def test_every_line_for_curl_does_what_it_says() -> None:
    async def scenario(emulator: Emulator) -> None:
        transport = httpx.ASGITransport(app=application(emulator))
        lines = CURL.findall(SECTION)
        assert len(lines) == SECTION.count("$ curl ")
        async with httpx.AsyncClient(transport=transport, base_url="http://emulator") as http:
            with Client(emulator.port("modem")) as client:
                await client.ok("AT+CNMI=2,1,2,0,0")
                await client.ok("AT+CUSD=1")
                await client.ok('AT+CSCB=0,"50"')
                await client.cmgs(submit(PHONE))
                for body, path in lines:
                    answer = await (http.post(path, json=json.loads(body)) if body else http.get(path))
                    assert answer.status_code == 200, (path, body, answer.text)
                    if path == "/call" and "rings" not in body:
                        await client.ok("ATA")
                for shown in (b"+CMTI", b"+CUSD: 0", b"+CUSD: 1", b"RING", b"+CBM: 88"):
                    await eventually(lambda shown=shown: shown in b"".join(client.reads))

    run(scenario, ModemConfig(name="modem", number=ONE), network=NetworkConfig(ring_interval_s=0.02))


@pytest.mark.parametrize("text", TOML)
def test_every_piece_of_configuration_is_taken(text: str, tmp_path: Path) -> None:
    path = tmp_path / "emulator.toml"
    path.write_text(text, encoding="utf-8")
    assert load(path).network != NetworkConfig()
    assert tomllib.loads(text)


def test_the_table_of_outcomes_is_complete() -> None:
    listed: dict[str, tuple[list[str], bool]] = {}
    for row in re.findall(r"^\| (`.*?) \| (.*?) \| (yes|no) \|$", SECTION, re.MULTILINE):
        names = re.findall(r"`([a-z-]+)`", row[0])
        each = row[1].split("; ") if ";" in row[1] else row[1].split(", ") if len(names) > 1 else [row[1]]
        for name, codes in zip(names, each, strict=True):
            listed[name] = (re.findall(r"\b\d\d\b", codes), row[2] == "yes")
    assert listed == {name: ([f"{st:02X}" for st in sts], arrives(name)) for name, sts in ST.items()}
