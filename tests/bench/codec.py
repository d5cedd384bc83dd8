"""The codec against python-gsmmodem-new's, both in one run: microseconds to encode and to decode one message."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from gsmmodem import pdu as other

from gateway.pdu import Address, Direction, Submit, decode_frame, encode_frame, join, segment

TO = "+491701234567"
TEXT = "The pump in the lower field has stopped; level 3.2 m"
DELIVER = "07916407058099F9040B916407281553F800006211429050704A0AE8329BFD4697D9EC37"
ROUNDS, REPEATS = 15, 400


def encode_ours() -> None:
    cut = segment(TEXT)
    for ud in cut.parts:
        encode_frame(Submit(da=Address.parse(TO), ud=ud, dcs=cut.dcs))


def encode_other() -> None:
    other.encodeSmsSubmitPdu(TO, TEXT)


def decode_ours() -> None:
    frame = decode_frame(DELIVER, Direction.MT)
    assert frame.tpdu.ud is not None
    join([frame.tpdu.ud])


def decode_other() -> None:
    other.decodeSmsPdu(DELIVER)


def microseconds(work: Callable[[], None]) -> float:
    """The median of several rounds."""
    rounds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        for _ in range(REPEATS):
            work()
        rounds.append((time.perf_counter() - begun) / REPEATS * 1e6)
    return statistics.median(rounds)


def codec() -> list[tuple[str, str, str]]:
    """Rows for the table."""
    rows = []
    for what, ours, theirs in (("encode", encode_ours, encode_other), ("decode", decode_ours, decode_other)):
        us, them = microseconds(ours), microseconds(theirs)
        figure = f"{us:.1f} µs, gsmmodem {them:.1f} µs: {them / us:.1f} times as fast"
        rows.append((f"codec: {what} one message", figure, "≥ 3 times"))
    return rows
