"""Nothing that a modem can say takes more than linear work: counted in instructions, not in time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.at import Engine
from gateway.at.fields import MAX_RANGE, Fields
from gateway.at.lexer import MAX_LINE, Lexer
from tests.at.driving import PDU, STARTS, events, started
from tests.support.work import is_linear

Call = Callable[[], object]

# What is said again and again, with and without line ends.
WORDS = (
    b"x", b">", b"> ", b'"', b'">', b'"a>', b",", b"\r", b"\r\n", b"x\r\n", b"\x00", b"\xff\xfe", b"\x1a", b"a b",
    b"OK\r\n", b"OK", b"OK+", b"ERROR+", b"+CME ERROR: 1", b"ERROR+CME ERROR: SIM busy", b"+CMS ERROR: 38\r\n",
    b"+CMGS: 1\r\n", b"+CMGL: 1,1,,20\r\n", b"+CMGL: 1,1,,20\r\n00\r\n", b"+CMT: ,20\r\n", b"+CMT: ,20\r\n00\r\n",
    b"+CDS: 20\r\n+CMT: ,20\r\n", b'+CUSD: 0,"a', b'+CUSD: 0,"a\r\n', b'+CUSD: 0,"a"\r\n', b'+CUSD: 0,"\r\n"\r\n', b'"\r\n',
    b"+CSQ: 20,99\r\n", b"+CREG: 1\r\n", b"RING\r\n", b"CONNECT", b"+CNMI: 2,\r\n", b"1,2,\r\n", b"AT\r", b"AT+CMGS=21\r",
    b"AT+CMGL=4", PDU.encode(), PDU.encode() + b"\r\n", PDU[:8].encode(), b"0011+", b"+CMEE: 1\r\n", b"+CSMS: 1\r\nOK\r\n",
)  # fmt: skip


def repeated(word: bytes, size: int) -> bytes:
    return (word * size)[:size]


def hearing(start: str, data: bytes, piece: int) -> Call:
    """An engine in a state, which is told the data in pieces of a size."""
    engine = started(start)
    pieces = [data[at : at + piece] for at in range(0, len(data), piece)]
    return lambda: _hear(engine, pieces)


def _hear(engine: Engine, pieces: list[bytes]) -> None:
    for piece in pieces:
        engine.receive(piece, 20.0)
        events(engine)
    engine.tick(30.0)
    events(engine)


def saying(start: str, word: bytes, piece: int | None = None) -> Callable[[int], Call]:
    return lambda size: hearing(start, repeated(word, size), piece or size)


@pytest.mark.parametrize("word", WORDS)
def test_said_at_once(word: bytes) -> None:
    assert [start for start in STARTS if not is_linear(saying(start, word), 160)] == []


@pytest.mark.parametrize("word", WORDS)
def test_said_octet_by_octet(word: bytes) -> None:
    starts = ("idle", "identity", "prompt", "ended")
    assert [start for start in starts if not is_linear(saying(start, word, 1), 96)] == []


@pytest.mark.parametrize("word", [b'+CUSD: 0,"a\r\n', b'+CUSD: 0,"', b'">', b"OK+"])
def test_beyond_every_limit(word: bytes) -> None:
    # From twice the limit on, since a text is dealt with twice once it is past it.
    assert is_linear(saying("idle", word, 4096), 2 * MAX_LINE)


@pytest.mark.parametrize("final", [b"OK\r\n", b"+CMS ERROR: 38\r\n", b""])
@pytest.mark.parametrize("urc", [b"RING\r\n", b'+CMTI: "SM",1\r\n', b"+CMT: ,20\r\n00\r\n", b'+CUSD: 1,"a\r\nb"\r\n'])
def test_unsolicited_codes_before_the_final(urc: bytes, final: bytes) -> None:
    assert is_linear(lambda size: hearing("list", urc * size + final, 100), 16)


def test_a_line_without_an_end_in_the_lexer() -> None:
    assert is_linear(lambda size: lambda: _lex(b"x" * size), 1000)


def _lex(data: bytes) -> None:
    lexer = Lexer()
    for octet in data:
        lexer.feed(bytes((octet,)))
        assert lexer.next_line() is None


FIELDS = ("1,", '"', '",', "(", "(,", ")", "(1-9),", "a-", "0-", '"a""', " ", "(0-1023,", '("SM",', "+CMGL: ", "9")


@pytest.mark.parametrize("word", FIELDS)
@pytest.mark.parametrize("opening", ["", "(", '"', "+CMGL: "])
def test_fields(opening: str, word: str) -> None:
    assert is_linear(lambda size: lambda: _read(opening + word * (size // len(word)) + ")"), 200)


def _read(text: str) -> None:
    for read in (Fields.number, Fields.string, Fields.list):
        fields = Fields(text)
        while fields.more:
            read(fields)
    Fields(text).rest()


def test_a_range_is_spread_only_so_far() -> None:
    assert len(Fields(f"(0-{MAX_RANGE - 1})").list()) == MAX_RANGE
    assert Fields(f"(0-{MAX_RANGE})").list() == (0, MAX_RANGE)
