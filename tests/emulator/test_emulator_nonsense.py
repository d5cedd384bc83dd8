"""Command lines that nobody should send: every family answers each of them, and the bench goes on."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from gateway.emulator import Emulator, ModemConfig, NetworkConfig
from gateway.emulator.commands.table import Op
from gateway.emulator.personalities import PERSONALITIES

from .bench import PHONE, run
from .client import Client

LINES = 600
ARGUMENTS = (
    *("", "0", "1", "2", "3", "4", "5", "7", "99", "-1", "9999999999", "145", "1-5", "5-1", "{1,2}", "#", "*", "A"),
    *(
        '"SM"',
        '"ON"',
        '"*100#"',
        '"+49170"',
        '"zz"',
        '"AA180C3602"',
        '"0041"',
        '"041"',
        '"D800"',
        '"{"',
        '"',
        ";",
        '"all"',
    ),
)
DIALLED = ("", "+49;", "*1#;", "123I;", "112i;", ";", "x;", "1,2;")
AT_THE_PROMPT = (b"00\x1a", b"\x1b", b"0 0 1\x1a", b"\x1a", b"00 01 00 03 91 21 43 00 00 01 41\x1a", b"FF01\x1a")


def line(rng: random.Random, names: list[str]) -> str:
    name = rng.choice(names)
    if name == "D":
        return f"ATD{rng.choice(DIALLED)}"
    op = rng.choice((Op.RUN, Op.READ, Op.TEST, Op.SET, Op.SET, Op.SET))
    arguments = ",".join(rng.choice(ARGUMENTS) for _ in range(rng.randint(0, 6))) if op is Op.SET else ""
    return f"AT{name}{op.value}{arguments}"


@pytest.mark.parametrize("personality", list(PERSONALITIES))
def test_no_line_breaks_a_modem(personality: str) -> None:
    broken: list[dict[str, Any]] = []

    async def scenario(emulator: Emulator) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: broken.append(context))
        rng, modem = random.Random(personality), emulator.modem("one")
        ends = {
            "+CFUN",
            "+CPOF",
            "+CRESET",
            "&F",
            "Z",
            "E",
            "V",
            "Q",
            *(one.split("=")[0] for one in modem.personality.power),
        }
        names = sorted({name for name, _ in modem.handlers} - ends)
        for _ in range(LINES):
            modem.interpreter.receive(line(rng, names).encode() + b"\r")
            if modem.interpreter.prompting:
                modem.interpreter.receive(rng.choice(AT_THE_PROMPT))
            if rng.random() < 0.05:
                emulator.network.calls.call(modem, PHONE, rings=rng.randint(1, 3))
            if rng.random() < 0.1:
                await asyncio.sleep(0)
        with Client(emulator.port("one")) as client:
            client.write(b"AT+CMEE=1\r")
            await client.wait_for(rb"\nOK\r\n")  # a call that ends just now says NO CARRIER in between
        assert broken == []

    network = NetworkConfig(ring_interval_s=0.001, no_answer_s=0.01)
    run(scenario, ModemConfig(name="one", personality=personality), network=network)
