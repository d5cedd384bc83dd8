"""No answer is ever given to the wrong command: a model of a modem that answers in order, late, or not at all."""

from __future__ import annotations

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from gateway.at import Command, Completed, Engine, Fenced, FinalKind, LateSubmit, TimedOut, Urc, cmgs
from gateway.at.fence import FENCES
from tests.at.driving import events

PDU = "0011000C919451010099990000FF07F7B0BC0DAAC301"
COMMANDS = (
    Command(text="AT+CSCA?", prefixes=("+CSCA:",), timeout=5.0),
    Command(text="AT+CMEE?", prefixes=("+CMEE:",), timeout=5.0),
    Command(text="AT+CGSN", prefixes=("",), timeout=5.0),
    Command(text="AT+CMGL=4", prefixes=("+CMGL:",), timeout=20.0, pdu_lines=True),
    Command(text="AT", timeout=5.0),
)


class LateModem:
    """Answers each line in order; every answer takes `delay` seconds after the one before, or never comes (None).

    Each information line carries the running number of the command line that it answers.
    """

    def __init__(self, delays: list[float | None]) -> None:
        self._delays = deque(delays)
        self._due: deque[tuple[float, bytes]] = deque()
        self._free_at = 0.0
        self._input = b""
        self.lines = 0

    def write(self, data: bytes, now: float) -> None:
        self._input += data
        while b"\r" in self._input:
            line, _, self._input = self._input.partition(b"\r")
            self.lines += 1
            delay = self._delays.popleft() if self._delays else 0.01
            if delay is not None:
                self._free_at = max(self._free_at, now) + delay
                self._due.append((self._free_at, self._answer(line.decode())))

    def _answer(self, line: str) -> bytes:
        number = self.lines
        if line == "AT":
            return b"\r\nOK\r\n"
        if line == "AT+CSCS?":  # one fence command that this firmware does not know
            return b"\r\nERROR\r\n"
        if line == "AT+CMGL=4":
            return f"\r\n+CMGL: {number},1,,8\r\n{number:08X}\r\n\r\nOK\r\n".encode()
        if line == "AT+CGSN":
            return f"\r\n{number}\r\n\r\nOK\r\n".encode()
        return f"\r\n{line[2:].rstrip('?')}: {number}\r\n\r\nOK\r\n".encode()

    def next_due(self) -> float | None:
        return self._due[0][0] if self._due else None

    def read(self, now: float) -> bytes:
        data = b""
        while self._due and self._due[0][0] <= now:
            data += self._due.popleft()[1]
        return data


class Bench:
    """An engine and a modem in simulated time."""

    def __init__(self, modem: LateModem) -> None:
        self.engine = Engine()
        self.modem = modem
        self.now = 0.0
        self.events: list[object] = []

    def step(self) -> bool:
        """Go to whatever happens next; False when nothing will."""
        self.modem.write(self.engine.data_to_send(), self.now)
        moments = [moment for moment in (self.engine.deadline, self.modem.next_due()) if moment is not None]
        if not moments:
            return False
        self.now = max(self.now, min(moments))
        self.engine.receive(self.modem.read(self.now), self.now)
        deadline = self.engine.deadline
        if deadline is not None and deadline <= self.now:
            self.engine.tick(self.now)
        self.events += events(self.engine)
        return True


@given(
    st.lists(st.sampled_from(COMMANDS), min_size=1, max_size=8),
    st.lists(st.one_of(st.none(), st.floats(0.01, 40.0)), max_size=24),
)
def test_an_answer_completes_its_own_command_only(commands: list[Command], delays: list[float | None]) -> None:
    bench = Bench(LateModem(delays))
    for command in commands:
        bench.engine.send(command, bench.now)
        mine = bench.modem.lines + 1
        seen = len(bench.events)
        while not bench.engine.idle and bench.step():
            pass
        fresh = bench.events[seen:]
        done = [event for event in fresh if isinstance(event, Completed)]
        late = [event for event in fresh if isinstance(event, TimedOut)]
        assert len(done) + len(late) == 1
        for event in done:
            assert event.command is command
            expected = [] if command.text == "AT" else [mine]
            assert [int(line.text.rpartition(":")[2].split(",")[0]) for line in event.lines] == expected
        assert not [event for event in fresh if isinstance(event, Urc | LateSubmit)]
        if not bench.engine.idle:
            assert Fenced(answered=False) in fresh  # spent: it takes no further command
            return


@given(
    st.sampled_from([b"\r\n+CMGS: 5\r\n\r\nOK\r\n", b"\r\n+CMS ERROR: 38\r\n", b"\r\nERROR\r\n", None]),
    st.lists(st.sampled_from(["info", "error", "cms", "silent"]), min_size=5, max_size=5),
    st.integers(0, 4),
)
def test_a_late_submit_is_told_only_where_it_is_sure(answer: bytes | None, fences: list[str], delay: int) -> None:
    """The modem answers the submit after so many fence commands were written, or never; in order in any case."""
    engine = Engine()
    engine.send(cmgs(21, PDU, 10.0), 0.0)
    engine.receive(b"\r\n> ", 0.0)
    engine.send_payload(0.0)
    engine.send_end(0.0)
    engine.data_to_send()
    waiting: list[bytes] = [] if answer is None else [answer]
    found = events(engine)
    written = 0
    for _ in range(16):
        if engine.deadline is None:
            break
        now = engine.deadline
        engine.tick(now)
        for line in engine.data_to_send().split(b"\r")[:-1]:
            fence = next(command for command in FENCES if command.text.encode() == line)
            kind = fences[written]
            written += 1
            if kind == "info":
                waiting.append(f"\r\n{fence.prefixes[0]} 0\r\n\r\nOK\r\n".encode())
            elif kind != "silent":
                waiting.append(b"\r\nERROR\r\n" if kind == "error" else b"\r\n+CMS ERROR: 310\r\n")
        if written > delay:
            for data in waiting:
                engine.receive(data, now + 0.1)
            waiting.clear()
        found += events(engine)
    told = [event for event in found if isinstance(event, LateSubmit)]
    assert len(told) <= 1
    assert isinstance(found[-1], Fenced)
    for event in told:
        assert answer is not None
        if event.mr is not None:
            assert event.mr == 5
            assert answer.startswith(b"\r\n+CMGS")
        else:
            assert event.final is not None
            kind = FinalKind.CMS if b"CMS" in answer else FinalKind.ERROR
            assert event.final.kind is kind
            assert event.final.code == (38 if kind is FinalKind.CMS else None)


def test_a_late_reference_is_always_told() -> None:
    engine = Engine()
    engine.send(cmgs(21, PDU, 10.0), 0.0)
    engine.receive(b"\r\n> ", 0.0)
    engine.send_payload(0.0)
    engine.send_end(0.0)
    engine.tick(10.0)
    engine.tick(15.0)
    engine.receive(b"\r\n+CMGS: 5\r\n\r\nOK\r\n", 16.0)
    assert LateSubmit(mr=5, final=None) in events(engine)
    assert not engine.idle


def test_an_error_shortens_the_wait_for_the_fence() -> None:
    engine = Engine()
    engine.send(COMMANDS[0], 0.0)
    engine.tick(5.0)
    engine.data_to_send()
    engine.receive(b"\r\nERROR\r\n", 5.1)
    assert engine.deadline is not None
    assert engine.deadline <= 5.1 + 1.0
    engine.tick(engine.deadline)
    assert engine.data_to_send() == b"AT+CSMS?\r"


def test_the_fence_avoids_the_command_that_timed_out() -> None:
    engine = Engine()
    engine.send(COMMANDS[1], 0.0)
    engine.data_to_send()
    engine.tick(5.0)
    assert engine.data_to_send() == b"AT+CSMS?\r"
    engine.receive(b"\r\n+CMEE: 1\r\n\r\nOK\r\n", 6.0)
    assert not engine.idle
    engine.receive(b"\r\n+CSMS: 1,1,1,1\r\n\r\nOK\r\n", 6.0)
    assert engine.idle
