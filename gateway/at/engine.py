"""The engine: one command in flight, unsolicited codes at any point, and no answer ever given to the wrong command.

The shell around it calls `send`, `receive` and `tick`, then takes `next_event` until None and writes `data_to_send`.
It reads `deadline` to know when to tick. All times are monotonic seconds.
"""

from __future__ import annotations

import re
from collections import deque

from gateway.at.commands import ANY, Command, ProtocolMisuse
from gateway.at.events import (
    Completed,
    Event,
    Fenced,
    Final,
    FinalKind,
    InfoLine,
    LateSubmit,
    Noise,
    PromptReady,
    TimedOut,
    Urc,
)
from gateway.at.fence import FENCE_GRACE, FENCE_TIMEOUT, Fence
from gateway.at.fields import Fields
from gateway.at.finals import DEFAULT_FINALS, FinalTable
from gateway.at.gather import Gatherer, Part, is_open
from gateway.at.lexer import EDGE, MAX_CHUNK, MAX_LINE, Lexer
from gateway.at.states import NOTHING_TO_ABORT, SEES_PROMPT, STAGES, UNSENT, State
from gateway.at.urcs import DEFAULT_URCS, LATE_SUBMIT, UrcTable

CTRL_Z = b"\x1a"
ESC = b"\x1b"

MAX_LINES = 4096
"""Information lines kept of one answer; with more it ends as OVERFLOW, never as OK."""
MAX_EVENTS = 4096
"""Events that wait to be taken; past it what nobody asked for is dropped and counted in `dropped`."""
MAX_REOPENED = MAX_LINE // 2
"""Characters at the end of a text that was given up in which another text may begin."""
MAX_ESCAPES = 3
"""ESC written for one prompt that does not go away."""

OK_GRACE = 5.0
"""Seconds from `+CMGS: <mr>` to its OK; the message is sent all the same."""
PAYLOAD_TIMEOUT = 60.0
"""Seconds from the prompt to Ctrl-Z; past it the prompt is left."""
ESCAPE_PAUSE = 1.0
"""Seconds that a modem gets to leave the prompt; some say nothing to ESC, some lose what follows at once."""


_UNASKED = (Noise, Urc, LateSubmit)
_MARKS = frozenset("+^*#%$&")
_UNQUOTED = re.compile(r'(?:[^">]|"[^"]*")*+>')
"""Up to the first prompt that is outside quotes."""


class Engine:
    """Sans-IO AT engine for one open port. Raises ProtocolMisuse for a call that the state does not allow."""

    def __init__(self, *, urcs: UrcTable = DEFAULT_URCS, finals: FinalTable = DEFAULT_FINALS) -> None:
        self.dropped = 0
        self._urcs = urcs
        self._finals = finals
        self._lexer = Lexer()
        self._events: deque[Event] = deque()
        self._out = bytearray()
        self._state = State.IDLE
        self._deadline: float | None = None
        self._command: Command | None = None
        self._lines: list[InfoLine] = []
        self._whole = True
        self._ended = False
        self._referenced = False
        self._escapes = 0
        self._echoes: deque[str] = deque(maxlen=8)
        self._gatherer = Gatherer()
        self._fence: Fence | None = None
        self._pausing = False

    @property
    def idle(self) -> bool:
        """True when `send` may be called."""
        return self._state is State.IDLE

    @property
    def deadline(self) -> float | None:
        """When `tick` is due at the latest."""
        due = self._gatherer.due
        if self._deadline is None or due is None:
            return due if self._deadline is None else self._deadline
        return min(self._deadline, due)

    def next_event(self) -> Event | None:
        """The oldest event not yet taken."""
        return self._events.popleft() if self._events else None

    def data_to_send(self) -> bytes:
        """What is to be written now; taken once."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def send(self, command: Command, now: float) -> None:
        """Start a command. Only when `idle`."""
        self._require(State.IDLE)
        self._command = command
        self._lines = []
        self._whole = True
        self._ended = self._referenced = False
        self._write_line(command)
        two_phase = command.payload is not None
        self._enter(
            State.PROMPT if two_phase else State.FINAL,
            now + (command.prompt_timeout if two_phase else command.timeout),
        )

    def send_payload(self, now: float) -> None:
        """Hand out the payload, after `PromptReady`. Raises ProtocolMisuse where the modem has left the prompt since."""
        self._require(State.READY)
        assert self._command is not None
        assert self._command.payload is not None
        self._out += self._command.payload.encode("ascii")
        self._enter(State.PAYLOAD, now + PAYLOAD_TIMEOUT)

    def send_end(self, now: float) -> None:
        """Hand out Ctrl-Z, once the payload is drained: from here on the message may leave."""
        self._require(State.PAYLOAD)
        assert self._command is not None
        self._out += CTRL_Z
        self._ended = True
        self._enter(State.FINAL, now + self._command.timeout)

    def abort(self, now: float) -> None:
        """Leave the prompt by ESC; completes as ABORTED, then fences. Where nothing is in flight there is nothing to do."""
        if self._state in NOTHING_TO_ABORT:
            return
        if self._state not in UNSENT:
            raise ProtocolMisuse("a command that is written whole cannot be taken back")
        self._escapes = 0
        self._enter(State.ABORT, None)
        self._escape(now)

    def receive(self, data: bytes, now: float) -> None:
        """Take what was read, any octets in any pieces."""
        for start in range(0, len(data), MAX_CHUNK):
            self._lexer.feed(data[start : start + MAX_CHUNK])
            self._drain(now)

    def tick(self, now: float) -> None:
        """Act on what is overdue; harmless at any other time."""
        due = self._gatherer.due
        if due is not None and now >= due:
            self._lines_one_by_one(self._gatherer.drop_text(), now)
            self._deliver(self._gatherer.drop_headers(unsolicited=True))
            self._drain(now)
        if self._deadline is not None and now >= self._deadline:
            self._expire(now)

    # Lines

    def _drain(self, now: float) -> None:
        while (line := self._lexer.next_line()) is not None:
            self._line(line, now)
        while b">" in self._lexer.tail and self._state in SEES_PROMPT and not self._gatherer.has_open_text:
            tail = self._lexer.tail.decode("latin-1")
            at = self._prompt_at(tail)
            if at < 0:
                return
            self._lexer.cut_tail(at + 1)
            self._prompt(tail[:at], now)

    def _line(self, text: str, now: float) -> None:
        while text:  # a loop: noise may glue thousands of prompts or results together
            text = self._start_of_line(text, now)

    def _start_of_line(self, text: str, now: float) -> str:
        """Act on what the line begins with; gives the rest of it."""
        if self._gatherer.has_open_text:
            self._lines_one_by_one(self._gatherer.add_text(text), now)
            return ""
        at = self._prompt_at(text) if ">" in text and self._state in SEES_PROMPT else -1
        if at < 0:
            return self._classify(text, now)
        self._prompt(text[:at], now)
        return text[at + 1 :].strip(EDGE)

    def _lines_one_by_one(self, lines: list[str], now: float) -> None:
        """A text that is whole, or given up: its first line stands for itself in any case.

        So do more of a long one: were it opened again at its second line, each line that follows would give it all up anew.
        """
        left = sum(map(len, lines))
        for at, line in enumerate(lines):
            if at == 0 or (left > MAX_REOPENED and not self._gatherer.has_open_text):
                self._line(self._classify(line, now, whole=True), now)
            else:
                self._line(line, now)
            left -= len(line)

    def _prompt_at(self, text: str) -> int:
        """Where a prompt stands: at the start, or if one is due behind an echo or a known code; else -1."""
        at = text.find(">")
        if at > 0:
            found = _UNQUOTED.match(text) if self._state is not State.IDLE else None
            at = found.end() - 1 if found is not None else -1
        head = text[:at].strip(EDGE) if at > 0 else ""
        return at if not head or self._is_echo(head) or self._urcs.match(head) is not None else -1

    def _prompt(self, head: str, now: float) -> None:
        """A prompt, and what stood in front of it on its line."""
        if head := head.strip(EDGE):
            self._line(self._classify(head, now), now)
        command = self._command
        if self._state is State.PROMPT and command is not None:
            self._enter(State.READY, now + PAYLOAD_TIMEOUT)
            self._emit(PromptReady(command=command))
        elif self._state is State.IDLE:
            # Left open by a predecessor: the next command would be taken for a PDU.
            self._emit(Noise(text=">"))
            self._start_fence(None, now, escape=True, answered=True)
        elif self._state in SEES_PROMPT and self._escapes < MAX_ESCAPES:
            # It opened after our ESC, or ate the fence command as the first octets of a PDU.
            self._escape(now)

    def _classify(self, text: str, now: float, *, whole: bool = False) -> str:
        """What the line is. Gives what was glued behind a final result, else nothing."""
        text = self._without_echo(text)
        if not text:
            return ""
        command = self._command
        match = self._finals.match(text, command.text if command is not None else "")
        if match is not None:
            self._final(match[0], now)
            return match[1]
        row = self._urcs.match(text)
        owned = command is not None and self._state is State.FINAL and text.startswith(command.prefixes)
        if owned and row is not None:
            assert command is not None
            owned = command.prefixes != ANY and not row.surely_unsolicited(text)
        gatherer = self._gatherer
        if gatherer.has_header and row is None and text[0] not in _MARKS:
            self._deliver([gatherer.add_pdu(text)])
        elif not whole and row is not None and row.multiline and is_open(text):
            gatherer.open_text(text, now)
        elif owned:
            self._information(text, now)
        elif row is not None and row.has_pdu(text):
            self._deliver(gatherer.add_header(row, text, now))
        elif row is not None:
            self._emit(Urc(name=row.name, text=text))
        else:
            self._stray(text)
        return ""

    def _is_echo(self, text: str) -> bool:
        if text[:2] in ("AT", "at") and text in self._echoes:
            return True
        # Line noise or the rest of a prompt may stand in front of it; a short one is also the end of words.
        sent = self._command.text if self._command is not None else ""
        return len(sent) > 4 and text.endswith(sent)

    def _without_echo(self, text: str) -> str:
        if self._is_echo(text):
            return ""
        command = self._command
        if command is None or command.payload is None or self._state not in (State.PAYLOAD, State.FINAL):
            return text
        payload, folded = command.payload.upper(), text.upper()
        if folded.startswith(payload):
            return text[len(payload) :].strip("\x1a\x1b> ")
        mark = next((at for at, char in enumerate(folded) if char in _MARKS), len(folded))
        return text[mark:] if folded[:mark].strip("\x1a> ") in payload else text

    def _information(self, text: str, now: float) -> None:
        command = self._command
        assert command is not None
        if command.pdu_lines:
            self._deliver(self._gatherer.add_header(None, text, now))
            return
        self._deliver([InfoLine(text=text)])
        if command.payload is not None and text.startswith(LATE_SUBMIT):
            self._referenced = True
            self._deadline = now + OK_GRACE
        elif command.ok_grace:
            self._referenced = True
            self._deadline = now + command.ok_grace

    def _stray(self, text: str) -> None:
        fence = self._fence
        if text.startswith(LATE_SUBMIT):
            if fence is not None:
                fence.late = False
            self._emit(LateSubmit(mr=Fields(text).number(), final=None))
        elif fence is not None and fence.takes_line(text):
            final = fence.late_final(text)
            if final is not None:
                self._emit(LateSubmit(mr=None, final=final))
        elif self._lines and self._lines[-1].text.endswith(",") and self._state is State.FINAL:
            self._deliver([InfoLine(text=text)])  # some break a long list after a comma
        else:
            self._emit(Noise(text=text))

    # Results

    def _final(self, final: Final, now: float) -> None:
        self._deliver(self._gatherer.drop_headers(unsolicited=False))
        state, command = self._state, self._command
        if state is State.FENCE:
            self._fence_final(final, now)
        elif command is None or (final.kind is FinalKind.CMS and _is_basic(command)):
            # 27.005 3.2.5: only a message command fails so, and none is in flight.
            late = final.kind is FinalKind.CMS
            self._emit(LateSubmit(mr=None, final=final) if late else Noise(text=final.text))
        elif state is State.FINAL:
            self._complete(final)
        else:
            unsent = state is State.ABORT or final.kind is FinalKind.OK
            self._complete(Final(kind=FinalKind.ABORTED, text=final.text) if unsent else final)
            if unsent or state is State.PAYLOAD:
                # What is left of the payload, or a prompt that still opens, must not meet the next command.
                self._start_fence(command, now, escape=state is State.PROMPT)

    def _complete(self, final: Final) -> None:
        command = self._command
        assert command is not None
        if not self._whole and final.kind is FinalKind.OK:
            final = Final(kind=FinalKind.OVERFLOW, text=f"more than {MAX_LINES} lines")
        self._emit(Completed(command=command, lines=tuple(self._lines), final=final))
        self._lines = []
        self._command = None
        self._enter(State.IDLE, None)

    def _expire(self, now: float) -> None:
        state, command = self._state, self._command
        if state is State.FENCE:
            self._next_fence(now)
            return
        assert command is not None
        self._deliver(self._gatherer.drop_headers(unsolicited=False))
        if self._referenced:
            self._complete(Final(kind=FinalKind.OK))
            self._start_fence(command, now, escape=False)
        elif state is State.ABORT:
            self._complete(Final(kind=FinalKind.ABORTED))
            self._start_fence(command, now, escape=True)
        else:
            self._emit(TimedOut(command=command, stage=STAGES[state]))
            self._lines = []
            self._command = None
            # A command that is taken for PDU text shows as a prompt: somebody left it open.
            escape = state in UNSENT or self._lexer.tail.startswith(b">")
            self._start_fence(command, now, escape=escape, late=self._ended and LATE_SUBMIT in command.prefixes)

    # Fence

    def _start_fence(
        self, after: Command | None, now: float, *, escape: bool, late: bool = False, answered: bool = False
    ) -> None:
        """`answered`: the ESC is for a prompt that was taken already, so what waits in the tail is another one."""
        self._fence = Fence(after, late=late)
        self._enter(State.FENCE, now)
        self._escapes = 0
        if escape:
            if not answered and self._lexer.tail.startswith(b">"):
                self._lexer.cut_tail(1)
            self._escape(now)
        else:
            self._next_fence(now)

    def _escape(self, now: float) -> None:
        self._escapes += 1
        self._out += ESC
        self._deadline = now + ESCAPE_PAUSE
        if self._fence is not None:
            self._pausing = True
            # A modem in the prompt has not answered the submit; the next final result answers the ESC.
            self._fence.late = False

    def _next_fence(self, now: float) -> None:
        assert self._fence is not None
        self._pausing = False
        command = self._fence.next_command()
        if command is None:
            self._end_fence(State.SPENT)
        else:
            self._write_line(command)
            self._deadline = now + FENCE_TIMEOUT

    def _fence_final(self, final: Final, now: float) -> None:
        assert self._fence is not None
        if self._fence.takes_final(final):
            self._end_fence(State.IDLE)
        elif self._pausing:
            self._next_fence(now)
        elif final.kind is not FinalKind.OK:
            self._deadline = min(self._deadline or now, now + FENCE_GRACE)

    def _end_fence(self, state: State) -> None:
        self._fence = None
        self._enter(state, None)
        self._emit(Fenced(answered=state is State.IDLE))

    # Small things

    def _require(self, state: State) -> None:
        if self._state is not state:
            raise ProtocolMisuse(f"the engine is {self._state.name}, this call needs {state.name}")

    def _enter(self, state: State, deadline: float | None) -> None:
        self._state = state
        self._deadline = deadline

    def _write_line(self, command: Command) -> None:
        self._echoes.append(command.text)
        self._out += command.text.encode("ascii") + b"\r"

    def _deliver(self, parts: list[Part]) -> None:
        for part in parts:
            if isinstance(part, Urc):
                self._emit(part)
            elif len(self._lines) < MAX_LINES:
                self._lines.append(part)
            else:
                self._whole = False

    def _emit(self, event: Event) -> None:
        if len(self._events) >= MAX_EVENTS and isinstance(event, _UNASKED):
            self.dropped += 1
        else:
            self._events.append(event)


def _is_basic(command: Command) -> bool:
    return command.text[2:3] not in _MARKS
