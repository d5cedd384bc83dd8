"""A recorded dialogue is played again: octet for octet, at its own pace, and as long as the client keeps to it."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from pathlib import Path

import pytest

from gateway.emulator import Emulator
from gateway.emulator.replay import Recording, Replay, load, read, written
from gateway.errors import ConfigError
from tests.support.processes import Program, smsgw

from .bench import PHONE, eventually, run
from .client import Client, submit

HEAD = '{"recording":1,"modem":"one","redacted":false,"run":1}\n'
LIMIT_S = 10


def lines(*pieces: tuple[float, str, str], redacted: bool = False) -> str:
    head = HEAD.replace("false", "true") if redacted else HEAD
    return head + "".join(json.dumps({"t": t, "who": who, "octets": octets}) + "\n" for t, who, octets in pieces)


def played(text: str, *said: bytes, speed: float = 0) -> tuple[bytes, Replay]:
    """What a client that says `said`, a piece after each answer, hears."""

    async def scenario() -> tuple[bytes, Replay]:
        async with asyncio.timeout(LIMIT_S), Replay(read(text), speed=speed) as replay:
            with Client(replay.port) as client:
                for piece in said:
                    client.write(piece)
                await replay.done.wait()
                events = [event for event in replay.recording.events if event.line <= replay.line]
                expected = b"".join(event.octets for event in events if not event.client)
                await eventually(lambda: len(client.buffer) >= len(expected))
                return client.buffer, replay

    return asyncio.run(scenario())


def _record(pieces: list[bytes]) -> tuple[str, bytes, bytes]:
    """A dialogue with the emulator: its recording, what the client said and what it heard."""
    said, heard, text = bytearray(), bytearray(), []

    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            for piece in pieces:
                said.extend(piece)
                client.write(piece)
                await client.wait_for(rb"OK\r\n|> ")
            heard.extend(b"".join(client.reads))
        text.append(written(emulator.modem("one").recorder.after(0), "one"))

    run(scenario)
    return text[0], bytes(said), bytes(heard)


DIALOGUE = [
    b"ATE1+CMEE=1\r",
    b"AT+CNMI=2,1\r",
    f"AT+CMGS={len(submit(PHONE)) // 2}\r".encode(),
    b"00" + submit(PHONE, "Grüße 🙂").encode() + b"\x1a",
]
DIALOGUE[2] = f"AT+CMGS={len(submit(PHONE, 'Grüße 🙂')) // 2}\r".encode()


def test_a_recording_replays_byte_for_byte() -> None:
    text, said, heard = _record(DIALOGUE)
    again, replay = played(text, said)
    assert again == heard
    assert not replay.divergence


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_how_the_client_cuts_what_it_says_does_not_matter(size: int) -> None:
    text, said, heard = _record(DIALOGUE)
    again, _ = played(text, *(said[at : at + size] for at in range(0, len(said), size)))
    assert again == heard


def test_a_replay_keeps_the_recorded_pauses_or_scales_them() -> None:
    text = lines((10.0, "client", "AT\r"), (10.3, "modem", "\r\nOK\r\n"), (10.6, "modem", "\r\nRING\r\n"))
    for speed, least, most in ((1.0, 0.6, 5.0), (3.0, 0.2, 0.55), (0.0, 0.0, 0.15)):
        begun = time.monotonic()
        heard, _ = played(text, b"AT\r", speed=speed)
        assert heard == b"\r\nOK\r\n\r\nRING\r\n"
        assert least <= time.monotonic() - begun < most


def test_a_client_that_says_something_else_is_told_where() -> None:
    text = lines(
        (0.0, "client", "AT\r"), (0.0, "modem", "\r\nOK\r\n"), (0.1, "client", "AT+CSQ\r"), (0.2, "modem", "never")
    )
    heard, replay = played(text, b"AT\r", b"AT+CREG?\r")
    assert heard == b"\r\nOK\r\n"
    assert replay.divergence == r"line 4: the client was to say 'AT+CSQ\r' and said 'AT+CREG?\r'"


def test_half_a_line_that_is_wrong_is_told_as_far_as_it_came() -> None:
    _, replay = played(lines((0.0, "client", "AT+CSQ\r")), b"ATZ")
    assert replay.divergence == r"line 2: the client was to say 'AT+CSQ\r' and said 'ATZ'"


def test_what_redaction_has_hidden_may_be_anything_of_that_length() -> None:
    pdu = "0011000B916407280000F00000AA0A2A542A542A542A542A54"
    text = lines((0.0, "client", "AT+CMGS=23\r"), (0.0, "modem", "> "), (0.1, "client", pdu + "\x1a"), redacted=True)
    real = b"0011000B916407281553F80000AA0AE8329BFD4697D9EC3700"
    assert not played(text, b"AT+CMGS=23\r", real + b"\x1a")[1].divergence
    assert "line 4" in played(text, b"AT+CMGS=23\r", real[:-2] + b"\x1a")[1].divergence
    assert "line 4" in played(text.replace("true", "false"), b"AT+CMGS=23\r", real + b"\x1a")[1].divergence
    pin = lines((0.0, "client", 'AT+CPIN="0000"\r'), redacted=True)
    assert not played(pin, b'AT+CPIN="1234"\r')[1].divergence
    assert played(pin, b'AT+CPIN?"1234"\r')[1].divergence


def test_the_modem_waits_for_somebody_to_listen() -> None:
    async def scenario() -> None:
        recording = read(lines((0.0, "modem", "\r\nRDY\r\n")))
        async with asyncio.timeout(LIMIT_S), Replay(recording, speed=0) as replay:
            with Client(replay.port) as client:
                assert await client.wait_for(rb"RDY\r\n") == b"\r\nRDY\r\n"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "line 1"),
        ("[]\n", "line 1"),
        ('{"recording":2}\n', "line 1"),
        (HEAD + "not json\n", "line 2"),
        (HEAD + '{"t":0,"who":"somebody","octets":""}\n', "line 2"),
        (HEAD + '{"t":0,"who":"modem","octets":"€"}\n', "line 2: octets"),
    ],
)
def test_what_is_no_recording_is_refused_by_its_line(text: str, what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        read(text)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        load(tmp_path / "none.jsonl")
    (tmp_path / "good.jsonl").write_text(HEAD + '{"t":0,"who":"note","octets":"opened"}\n')
    assert load(tmp_path / "good.jsonl") == Recording(name="one", redacted=False, events=())


def test_the_command_plays_a_file_and_says_what_went_wrong(tmp_path: Path) -> None:
    path = tmp_path / "recording.jsonl"
    path.write_text(lines((0.0, "client", "AT\r"), (0.0, "modem", "\r\nOK\r\n")))
    with Program("emulate", "--replay", str(path), "--links", str(tmp_path / "ports")) as program:
        assert json.loads(program.line())["modems"] == [{"name": "one", "port": str(tmp_path / "ports" / "one")}]
        with (tmp_path / "ports" / "one").open("r+b", buffering=0) as port:
            port.write(b"AT\r")
            assert json.loads(program.line()) == {"replay": "finished", "line": 3}
            assert port.read(6) == b"\r\nOK\r\n"
        assert program.stop(signal.SIGTERM) == 0
    with Program("emulate", "--replay", str(path), "--links", str(tmp_path / "ports")) as program:
        program.line()
        with (tmp_path / "ports" / "one").open("r+b", buffering=0) as port:
            port.write(b"ATZ\r")
            assert "line 2: the client was to say" in program.wait_error("line 2")
        assert program.process.wait(LIMIT_S) == 1


@pytest.mark.parametrize("options", [("--speed", "2"), ("--replay", "x", "--modems", "1")])
def test_options_that_do_not_go_together(options: tuple[str, ...]) -> None:
    assert smsgw("emulate", *options).returncode == 2
