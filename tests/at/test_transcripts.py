"""Answers of real modems, from the conformance vectors beside the repository."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.at import ANY, Command, Completed, Engine, FinalTable, Noise, Urc, from_text
from tests.at.driving import events, feed
from tests.vectors.adapter import answer

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "at-transcript.json"

pytestmark = pytest.mark.skipif(not VECTORS.exists(), reason="the conformance vectors are not beside the repository")

FINALS = FinalTable()


def _load() -> list[dict[str, Any]]:
    return json.loads(VECTORS.read_text("utf-8")) if VECTORS.exists() else []


def _is_final(line: str, command: str) -> bool:
    return FINALS.match(line, command) is not None


def _plain(line: str) -> str:
    return line.encode().decode("ascii", "backslashreplace").strip()


def _command(vector: dict[str, Any], body: list[str]) -> Command:
    """The command as the driver would build it; in text mode there are no PDU lines, so it owns every line."""
    command = from_text(vector["command"])
    text_mode = command.pdu_lines and body and '"' in body[0].partition(":")[2].partition(",")[0]
    foreign = body and not body[0].startswith(command.prefixes)
    if text_mode or foreign:
        return Command(text=command.text, prefixes=ANY, timeout=command.timeout)
    return command


def _octets(vector: dict[str, Any], lines: list[str], *, final: str) -> bytes:
    if "raw" in vector:
        return vector["raw"].encode("utf-8") + (f"\r\n{final}\r\n".encode() if final else b"")
    return "".join(f"\r\n{line}\r\n" for line in [*lines, *([final] if final else [])]).encode("utf-8")


SOLICITED = [vector for vector in _load() if "command" in vector]
OTHERS = [vector for vector in _load() if "command" not in vector]


@pytest.mark.parametrize("drip", [False, True], ids=["whole", "drip"])
@pytest.mark.parametrize("vector", SOLICITED, ids=lambda vector: vector["id"])
def test_command_completes_with_its_lines(vector: dict[str, Any], drip: bool) -> None:
    lines = vector["response_lines"]
    at = next((at for at, line in enumerate(lines) if _is_final(line, vector["command"])), None)
    ended = at is not None
    body = lines[:at]
    command = _command(vector, body)
    data = _octets(vector, lines, final="" if ended else "OK")
    engine = Engine()
    engine.send(command, 0.0)
    found = feed(engine, [data[at : at + 1] for at in range(len(data))] if drip else [data])
    done = [event for event in found if isinstance(event, Completed)]
    assert len(done) == 1
    got: list[str] = []
    for line in done[0].lines:
        got += [line.text, *([line.pdu] if line.pdu else [])]
    unasked = [event.text for event in found if isinstance(event, Urc)]
    assert got == [_plain(line) for line in body if _plain(line) not in unasked and _plain(line) != command.text]
    assert not [event for event in found if isinstance(event, Noise)]
    wanted = FINALS.match(_plain(lines[at]), command.text) if at is not None else FINALS.match("OK", "")
    assert wanted is not None
    assert done[0].final == wanted[0]
    assert engine.idle
    assert not events(engine)


@pytest.mark.parametrize("vector", OTHERS, ids=lambda vector: vector["id"])
def test_unsolicited_lines_give_events_and_nothing_else(vector: dict[str, Any]) -> None:
    data = _octets(vector, vector["response_lines"], final="")
    for pieces in ([data], [data[at : at + 1] for at in range(len(data))]):
        engine = Engine()
        found = feed(engine, pieces)
        engine.tick(60.0)
        found += events(engine)
        assert found
        assert all(not isinstance(event, Completed) for event in found)
        # A prompt that nobody asked for is left by ESC; nothing else makes the engine write.
        assert engine.idle == ("> " not in vector["response_lines"])
        assert engine.idle == (not engine.data_to_send())


def _asserted(vector: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in vector["expect"].items() if not name.startswith("source_")}


ASSERTED = [vector for vector in _load() if _asserted(vector)]


@pytest.mark.parametrize("vector", ASSERTED, ids=lambda vector: vector["id"])
def test_lines_mean_what_their_source_says(vector: dict[str, Any]) -> None:
    got = answer({**vector, "op": "at-parse"})
    for name, value in _asserted(vector).items():
        # one source has area and cell as numbers, another one as the digits that were sent
        digits = isinstance(value, str) and name in ("lac", "ci")
        assert got[f"{name}_hex" if digits else name] == value, name


def test_every_asserted_line_was_read() -> None:
    assert len(ASSERTED) == 73


NOTHING = ("nothing but a result", "no USSD answer", "no registration", "no call")  # what is offered, not what is


@pytest.mark.parametrize("vector", _load(), ids=lambda vector: vector["id"])
def test_no_line_breaks_its_reader(vector: dict[str, Any]) -> None:
    got = answer({**vector, "op": "at-parse"})
    assert got.get("error") in (None, "unsupported", *NOTHING)
