"""Fuzz `Engine.receive`: any octets, in any pieces and states, raise nothing and fill nothing."""

from __future__ import annotations

import atheris

with atheris.instrument_imports(include=["gateway"]):
    from gateway.at import Completed, Engine, cmgl, cmgs, cnma, from_text
    from gateway.at.engine import MAX_EVENTS
    from gateway.at.lexer import MAX_CHUNK

from tests.fuzz.target import Pace, fuzz

PDU = "0011000C919451010099990000FF07F7B0BC0DAAC301"
COMMANDS = (
    cmgl(),
    cmgs(21, PDU),
    cnma(1, 21, PDU),
    *map(from_text, ("AT", "ATI", "AT+CREG?", "AT+CPMS?", "AT+CUSD=1", "ATD123;", "AT+CMGR=1")),
)


class Shell:
    """Drives an engine: some octets of the input are its own moves, the rest is what the modem says."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.now = 0.0
        self.pending = 0

    def move(self, which: int) -> None:
        """Whatever the state allows of it."""
        engine = self.engine
        if engine.idle and which & 1:
            self.pending += 1
            engine.send(COMMANDS[(which >> 1) % len(COMMANDS)], self.now)
        elif which & 2:
            self.now += 0.25 * (which >> 2)
            engine.tick(self.now)
        self.take()

    def take(self) -> None:
        taken = 0
        while (event := self.engine.next_event()) is not None:
            taken += 1
            self.pending -= isinstance(event, Completed)
        assert taken <= MAX_EVENTS + 8
        assert self.pending >= 0
        assert len(self.engine.data_to_send()) < 4096


MAX_ROW = 2 * MAX_CHUNK
MAX_SINGLE = 1024
MAX_OCTETS = 4 * MAX_CHUNK
# A command or none, then an answer, or something to be said again and again.
SEEDS = tuple(
    b"\xfe" + bytes((move, 0)) + opening + b"\xfe\0\xff" + said
    for move in (0, *range(1, 2 * len(COMMANDS), 2))
    for opening in (b"", b"\r\n> ", b'"', b'+CUSD: 1,"a\r\n')
    for said in (b">", b'+CUSD: 1,"a\r\n', b"+CMGL: 1,1,,20\r\n", b"OK\r\n", b"+CMS ERROR: 1", b"x\xfd", b">\xfd")
)

COSTLY = tuple(seed for seed in SEEDS if seed[1] == 0)
"""Those without a command cost most."""


def run(data: bytes) -> int:
    """Pieces behind a 0xFE octet each: a move, how often to say the rest, then what is said, up to 0xFD octet by octet.

    Gives the octets that were received.
    """
    shell = Shell()
    received = 0
    for piece in data.split(b"\xfe"):
        if piece:
            shell.move(piece[0])
        single, _, rest = piece[2:].rpartition(b"\xfd")
        times = piece[1] ** 2 // 16 + 1 if piece[1:] else 1
        if received > MAX_OCTETS:
            times = 1
        row = (single * times)[:MAX_SINGLE]
        for octet in row:
            shell.engine.receive(bytes((octet,)), shell.now)
        chunk = (rest * times)[:MAX_ROW]
        shell.engine.receive(chunk, shell.now)
        shell.take()
        received += len(row) + len(chunk)
    return received


if __name__ == "__main__":
    line = b"\xfe\1\0\r\n+CREG: 1\r\n\r\nOK\r\n\xfe\3\0"
    fuzz(lambda: Pace(run, (line + b"+CSQ: 20,99\r\nOK\xfd\r\n") * 40, COSTLY), SEEDS)
