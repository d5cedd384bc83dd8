"""Fuzz `Engine.receive`: any octets, in any pieces and states, raise nothing and fill nothing."""

from __future__ import annotations

import atheris

with atheris.instrument_imports(include=["gateway"]):
    from gateway.at import Completed, Engine, cmgl, cmgs, cnma, from_text
    from gateway.at.engine import MAX_EVENTS

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


def run(data: bytes) -> None:
    """Pieces behind a 0xFE octet: one octet of move, then octets up to the next. 0xFD: the octets come one by one."""
    shell = Shell()
    for piece in data.split(b"\xfe"):
        if piece:
            shell.move(piece[0])
        single, _, rest = piece[1:].rpartition(b"\xfd")
        for octet in single:
            shell.engine.receive(bytes((octet,)), shell.now)
        shell.engine.receive(rest, shell.now)
        shell.take()


if __name__ == "__main__":
    line = b"\xfe\1\r\n+CREG: 1\r\n\r\nOK\r\n\xfe\3"
    fuzz(lambda: Pace(run, (line + b"+CSQ: 20,99\r\nOK\xfd\r\n") * 40))
