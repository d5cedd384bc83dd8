"""The codec against python-gsmmodem-new's, both in one run: CPU microseconds to encode and decode a full message."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime

from gsmmodem import pdu as other

from gateway.pdu import (
    Address,
    Dcs,
    Deliver,
    Direction,
    Submit,
    Timestamp,
    decode_frame,
    encode_frame,
    join,
    segment,
)

TO = "+491701234567"
TEXT = ("The pump in the lower field has stopped; level 3.2 m, pressure 4 bar. " * 3)[:160]
DELIVER = encode_frame(
    Deliver(
        oa=Address.parse(TO),
        dcs=Dcs(octet=0),
        scts=Timestamp.of(datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ud=segment(TEXT).parts[0],
    ),
    sc=Address.parse("+491710760000"),
)[0]
ROUNDS, REPEATS = 9, 2000


def encode_ours() -> None:
    cut = segment(TEXT)
    for ud in cut.parts:
        encode_frame(Submit(da=Address.parse(TO), ud=ud, dcs=cut.dcs))


def encode_other() -> None:
    for made in other.encodeSmsSubmitPdu(TO, TEXT):
        str(made)


def decode_ours() -> None:
    frame = decode_frame(DELIVER, Direction.MT)
    assert isinstance(frame.tpdu, Deliver)
    join([frame.tpdu.ud])
    _ = frame.tpdu.scts.moment


def decode_other() -> None:
    other.decodeSmsPdu(DELIVER)


def microseconds(work: Callable[[], None]) -> float:
    """The median of several rounds."""
    rounds = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(REPEATS):
            work()
        rounds.append((time.process_time() - begun) / REPEATS * 1e6)
    return statistics.median(rounds)


def codec() -> list[tuple[str, str, str]]:
    """Rows for the table."""
    rows = []
    for what, ours, theirs in (("encode", encode_ours, encode_other), ("decode", decode_ours, decode_other)):
        us, them = microseconds(ours), microseconds(theirs)
        figure = f"{us:.1f} µs, gsmmodem {them:.1f} µs: {them / us:.1f} times as fast"
        rows.append((f"codec: {what} one message", figure, "≥ 3 times"))
    return rows
