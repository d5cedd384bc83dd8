"""Hostile input: any octets, in any pieces and states, raise nothing and fill nothing."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.at import Completed, Engine, FinalKind, Noise, ProtocolMisuse, cmgl, from_text
from gateway.at.engine import MAX_ESCAPES, MAX_EVENTS, MAX_LINES
from gateway.at.fence import FENCES
from gateway.at.lexer import MAX_CHUNK, MAX_LINE, Lexer
from tests.at.driving import PDU, STARTS, events, started

WORDS = (
    b"\r\n", b"\r", b"\n", b"> ", b">", b'"', b",", b"OK", b"ERROR", b"+CMS ERROR: 38", b"+CME ERROR: ", b"+CMGS: 5",
    b"+CMGL: 1,1,,20", b"+CMT: ,20", b"+CDS: 20", b'+CMTI: "SM",1', b'+CUSD: 1,"a', b"+CMEE: 1", b"+CSMS: 1",
    b"AT+CMGS=21", PDU.encode(), PDU[:8].encode(), b"\x1a", b"\x1b", b"\x00", b"\xff", b"\x80", b"RING", b"NO CARRIER",
)  # fmt: skip

pieces = st.lists(st.one_of(st.binary(max_size=40), st.sampled_from(WORDS)), max_size=40)


@given(st.sampled_from(STARTS), pieces, st.lists(st.floats(0.0, 90.0), max_size=40))
def test_any_octets_raise_nothing(start: str, data: list[bytes], waits: list[float]) -> None:
    engine, now = started(start), 20.0
    done = 0
    for at, piece in enumerate(data):
        engine.receive(piece, now)
        if at < len(waits):
            now += waits[at]
            engine.tick(now)
        done += sum(isinstance(event, Completed) for event in events(engine))
        escapes = (MAX_ESCAPES + 1) * b"\x1b"
        written = engine.data_to_send()
        assert set(written.replace(b"\x1b", b"").split(b"\r")) <= {b"", *(fence.text.encode() for fence in FENCES)}
        assert escapes * 2 not in written
    assert done <= 1


def test_a_control_character_behind_a_prompt_is_the_same_noise_in_any_pieces() -> None:
    whole, cut = Engine(), Engine()
    whole.receive(b">\x0b\r", 0.0)
    for octet in (b">", b"\x0b", b"\r"):
        cut.receive(octet, 0.0)
    assert events(whole) == events(cut)
    assert whole.data_to_send() == cut.data_to_send()


def test_two_prompts_in_one_read_are_left_as_in_two() -> None:
    """Found by the test below, rarely."""
    one, other = started("idle"), started("idle")
    one.receive(b">>", 20.0)
    other.receive(b">", 20.0)
    other.receive(b">", 20.0)
    assert events(one) == events(other)
    assert one.data_to_send() == other.data_to_send() == b"\x1b\x1b"


@given(st.sampled_from(STARTS), pieces, st.data())
def test_cuts_change_nothing(start: str, data: list[bytes], draw: st.DataObject) -> None:
    octets = b"".join(data)
    one, other = started(start), started(start)
    one.receive(octets, 20.0)
    at = 0
    while at < len(octets):
        size = draw.draw(st.integers(1, 9))
        other.receive(octets[at : at + size], 20.0)
        at += size
    assert events(one) == events(other)
    assert one.data_to_send() == other.data_to_send()
    assert one.idle == other.idle


@given(st.sampled_from(STARTS), pieces)
def test_silence_always_ends(start: str, data: list[bytes]) -> None:
    engine = started(start)
    engine.receive(b"".join(data), 0.0)
    for _ in range(40):
        if engine.deadline is None:
            break
        engine.tick(engine.deadline)
    assert engine.deadline is None


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("flood", [b"A", b">", b'+CUSD: 0,"a', b"+CMT: ,20\r\n", b"x\r\n", b"\r\n> ", b"+CMGS: 1\r\n"])
def test_floods_stay_within_the_limits(start: str, flood: bytes) -> None:
    engine = started(start)
    for _ in range(10):
        engine.receive(flood * 1000, 20.0)
    assert len(engine._lexer.tail) <= MAX_LINE
    assert len(engine._lexer._lines) == 0
    assert len(engine._lines) <= MAX_LINES
    assert len(engine._gatherer._headers) <= 2
    assert sum(map(len, engine._gatherer._open)) <= MAX_LINE
    assert len(engine._out) <= 200
    assert len(events(engine)) <= MAX_EVENTS + 8


def test_a_line_that_is_too_long_is_cut_and_the_next_one_is_whole() -> None:
    for size in (MAX_LINE, MAX_LINE + 1, 3 * MAX_LINE + 5):
        engine = Engine()
        engine.receive(b"x" * size + b"\r\nRING\r\n", 0.0)
        first, second = events(engine)
        assert first == Noise(text="x" * MAX_LINE)
        assert getattr(second, "name", None) == "RING"


def test_lexer_takes_a_chunk() -> None:
    lexer = Lexer()
    lexer.feed(b"\r" * MAX_CHUNK)
    assert lexer.next_line() is None
    assert lexer.tail == b""


def test_an_answer_with_too_many_lines_is_never_ok() -> None:
    engine = Engine()
    engine.send(cmgl(), 0.0)
    engine.receive(b"+CMGL: 1,1,,1\r\n00\r\n" * (MAX_LINES + 1) + b"OK\r\n", 0.0)
    (done,) = events(engine)
    assert isinstance(done, Completed)
    assert done.final.kind is FinalKind.OVERFLOW
    assert not done.ok
    assert len(done.lines) == MAX_LINES


def test_events_that_nobody_takes_are_counted() -> None:
    engine = Engine()
    engine.send(from_text("AT"), 0.0)
    engine.receive(b"RING\r\n" * (MAX_EVENTS + 10) + b"OK\r\n", 0.0)
    assert engine.dropped == 10
    assert isinstance(events(engine)[-1], Completed)


@pytest.mark.parametrize("call", ["send", "send_payload", "send_end", "abort"])
@pytest.mark.parametrize("start", STARTS)
def test_calls_out_of_turn_are_misuse(start: str, call: str) -> None:
    allowed = {
        "send": {"idle"},
        "send_payload": {"ready"},
        "send_end": {"payload"},
        "abort": {"idle", "prompt", "ready", "payload", "abort", "fence", "pause"},
    }
    engine = started(start)

    def run() -> None:
        if call == "send":
            engine.send(from_text("AT"), 0.0)
        else:
            getattr(engine, call)(0.0)

    if start in allowed[call]:
        run()
        assert events(engine) == []
    else:
        with pytest.raises(ProtocolMisuse):
            run()
        assert engine.data_to_send() == b""


def test_a_silent_modem_leaves_the_engine_spent() -> None:
    engine = started("fence")
    while engine.deadline is not None:
        engine.tick(engine.deadline)
    assert not engine.idle
    with pytest.raises(ProtocolMisuse):
        engine.send(from_text("AT"), 100.0)


# In one read and one line, noise may glue together what else comes alone.
GLUED = (b">", b"> ", b"+CMS ERROR1", b"ERROR+CME ERROR:1", b'+CUSD:"a\n', b"OK", b'"', b'">', b'+CUSD:"\n')


@pytest.mark.parametrize("word", GLUED)
@pytest.mark.parametrize("start", STARTS)
def test_thousands_in_a_row_are_no_deep_call(start: str, word: bytes) -> None:
    engine = started(start)
    row = word * ((MAX_LINE - 2) // len(word))
    for end in (b"\r\n", b"x" * MAX_LINE + b"\r\n", b"\r\n"):
        engine.receive(row + end, 20.0)
    assert len(events(engine)) <= MAX_EVENTS + 3


SLOW = 40
"""So many times the cost of plain lines is no more linear; the factor is generous, since the machine is shared."""


def cost(start: str, pieces: list[bytes]) -> float:
    """Processor time per octet, the best of three."""
    best = float("inf")
    for _ in range(3):
        engine = started(start)
        began = time.process_time()
        for piece in pieces:
            engine.receive(piece, 20.0)
        best = min(best, time.process_time() - began)
    return best / sum(map(len, pieces))


def test_a_text_that_never_ends_is_not_given_up_anew_at_each_line() -> None:
    assert cost("idle", [b'+CUSD: 0,"a\r\n' * 3000]) < SLOW * cost("idle", [b"^BOOT: 1,23\r\n" * 3000])


def test_a_prompt_among_quoted_ones_is_found_at_a_glance() -> None:
    assert cost("prompt", [b'"', *[b">"] * 3000]) < SLOW * cost("prompt", [b"x"] * 3000)
