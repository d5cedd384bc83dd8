"""The engine: one command in flight, unsolicited codes at any point, and no answer ever given to the wrong command.

The shell around it calls `send`, `receive` and `tick`, then takes `next_event` until None and writes `data_to_send`.
It reads `deadline` to know when to tick. All times are monotonic seconds.
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from typing import Literal

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
from gateway.at.lexer import MAX_CHUNK, MAX_LINE, Lexer
from gateway.at.urcs import DEFAULT_URCS, LATE_SUBMIT, UrcRow, UrcTable

CTRL_Z = b"\x1a"
ESC = b"\x1b"

MAX_LINES = 4096
"""Information lines kept of one answer; with more it ends as OVERFLOW, never as OK."""
MAX_EVENTS = 4096
"""Events that wait to be taken; past it what nobody asked for is dropped and counted in `dropped`."""
MAX_ESCAPES = 3
"""ESC written for one prompt that does not go away."""

OK_GRACE = 5.0
"""Seconds from `+CMGS: <mr>` to its OK; the message is sent all the same."""
PAYLOAD_TIMEOUT = 60.0
"""Seconds from the prompt to Ctrl-Z; past it the prompt is left."""
ESCAPE_PAUSE = 1.0
"""Seconds that a modem gets to leave the prompt; some say nothing to ESC, some lose what follows at once."""
CONTINUATION_TIMEOUT = 5.0
"""Seconds from a header to its PDU line, or to the closing quote of a text over several lines."""


class State(Enum):
    """Where the engine stands."""

    IDLE = auto()
    FINAL = auto()
    """Waiting for information lines and the final result."""
    PROMPT = auto()
    """Waiting for the prompt of a two-phase command."""
    READY = auto()
    """The prompt is there; the payload is the caller's move."""
    PAYLOAD = auto()
    """The payload is handed out; Ctrl-Z is the caller's move."""
    ABORT = auto()
    """ESC is written."""
    FENCE = auto()
    SPENT = auto()
    """The modem answered no fence: a late answer could be taken for anything from here on."""


_SEES_PROMPT = frozenset({State.PROMPT, State.ABORT, State.FENCE})
_UNSENT = frozenset({State.PROMPT, State.READY, State.PAYLOAD})
_NOTHING_TO_ABORT = frozenset({State.IDLE, State.ABORT, State.FENCE, State.SPENT})
_STAGES: dict[State, Literal["prompt", "payload", "final"]] = {
    State.PROMPT: "prompt",
    State.READY: "payload",
    State.PAYLOAD: "payload",
    State.FINAL: "final",
}
_UNASKED = (Noise, Urc, LateSubmit)
_MARKS = frozenset("+^*#%$&")


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
        # Headers whose PDU line is due, the later on top: a +CMT may come between +CMGL and its PDU.
        self._headers: list[tuple[UrcRow | None, str]] = []
        self._open_text: list[str] = []
        self._continue_by: float | None = None
        self._fence: Fence | None = None
        self._pausing = False

    @property
    def idle(self) -> bool:
        """True when `send` may be called."""
        return self._state is State.IDLE

    @property
    def deadline(self) -> float | None:
        """When `tick` is due at the latest."""
        if self._deadline is None or self._continue_by is None:
            return self._continue_by if self._deadline is None else self._deadline
        return min(self._deadline, self._continue_by)

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
        if self._state in _NOTHING_TO_ABORT:
            return
        if self._state not in _UNSENT:
            raise ProtocolMisuse("a command that is written whole cannot be taken back")
        self._out += ESC
        self._escapes = 1
        self._enter(State.ABORT, now + ESCAPE_PAUSE)

    def receive(self, data: bytes, now: float) -> None:
        """Take what was read, any octets in any pieces."""
        for start in range(0, len(data), MAX_CHUNK):
            self._lexer.feed(data[start : start + MAX_CHUNK])
            self._drain(now)

    def tick(self, now: float) -> None:
        """Act on what is overdue; harmless at any other time."""
        if self._continue_by is not None and now >= self._continue_by:
            self._give_up_continuation(now)
            self._drain(now)
        if self._deadline is not None and now >= self._deadline:
            self._expire(now)

    # Lines

    def _drain(self, now: float) -> None:
        while (line := self._lexer.next_line()) is not None:
            self._line(line, now)
        if b">" in self._lexer.tail and self._state in _SEES_PROMPT and not self._open_text:
            tail = self._lexer.tail.decode("latin-1")
            at = self._prompt_at(tail)
            if at >= 0:
                self._lexer.cut_tail(at + 1)
                self._line_before_prompt(tail[:at], now)

    def _line(self, text: str, now: float) -> None:
        if self._open_text:
            self._continue_text(text, now)
            return
        if ">" in text and self._state in _SEES_PROMPT:
            at = self._prompt_at(text)
            if at >= 0:
                self._line_before_prompt(text[:at], now)
                rest = text[at + 1 :].strip()
                if rest:
                    self._line(rest, now)
                return
        self._classify(text, now)

    def _prompt_at(self, text: str) -> int:
        """Where a prompt stands: at the start, or glued behind an echo or a known code without a line end; else -1."""
        at = text.find(">")
        while at > 0 and text.count('"', 0, at) % 2:
            at = text.find(">", at + 1)
        head = text[:at].strip() if at > 0 else ""
        return at if not head or self._is_echo(head) or self._urcs.match(head) is not None else -1

    def _line_before_prompt(self, head: str, now: float) -> None:
        if head := head.strip():
            self._classify(head, now)
        if self._state is State.PROMPT:
            assert self._command is not None
            self._enter(State.READY, now + PAYLOAD_TIMEOUT)
            self._emit(PromptReady(command=self._command))
        elif self._state in _SEES_PROMPT and self._escapes < MAX_ESCAPES:
            # It opened after our ESC, or ate the fence command as the first octets of a PDU.
            self._escapes += 1
            self._out += ESC
            self._pausing = self._state is State.FENCE
            self._deadline = now + ESCAPE_PAUSE

    def _classify(self, text: str, now: float, *, whole: bool = False) -> None:
        text = self._without_echo(text)
        if not text:
            return
        command = self._command
        match = self._finals.match(text, command.text if command is not None else "")
        if match is not None:
            self._final(match[0], now)
            if match[1]:
                self._line(match[1], now)
            return
        row = self._urcs.match(text)
        owned = command is not None and self._state is State.FINAL and text.startswith(command.prefixes)
        if owned and row is not None:
            assert command is not None
            owned = command.prefixes != ANY and not row.surely_unsolicited(text)
        if self._headers and row is None and not (text[0] in _MARKS and (owned or text.startswith(LATE_SUBMIT))):
            self._pdu_line(text)
        elif not whole and row is not None and row.multiline and _is_open(text):
            self._open_text.append(text)
            self._continue_by = now + CONTINUATION_TIMEOUT
        elif owned:
            self._information(text, now)
        elif row is not None:
            self._unsolicited(row, text, now)
        else:
            self._stray(text)

    def _is_echo(self, text: str) -> bool:
        return text[:2] in ("AT", "at") and text in self._echoes

    def _without_echo(self, text: str) -> str:
        if self._is_echo(text):
            return ""
        command = self._command
        if command is None or command.payload is None or self._state not in (State.PAYLOAD, State.FINAL):
            return text
        payload, folded = command.payload.upper(), text.upper()
        if folded.startswith(payload):
            return text[len(payload) :].strip("\x1a\x1b> ")
        return "" if folded in payload else text

    def _information(self, text: str, now: float) -> None:
        command = self._command
        assert command is not None
        if command.pdu_lines:
            self._drop_header(unsolicited=False)
            self._headers.append((None, text))
            return
        self._keep(InfoLine(text=text))
        if command.payload is not None and text.startswith(LATE_SUBMIT):
            self._referenced = True
            self._deadline = now + OK_GRACE

    def _unsolicited(self, row: UrcRow, text: str, now: float) -> None:
        if row.has_pdu(text):
            self._drop_header(unsolicited=True)
            self._headers.append((row, text))
            self._continue_by = now + CONTINUATION_TIMEOUT
        else:
            self._emit(Urc(name=row.name, text=text))

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
        else:
            self._emit(Noise(text=text))

    # Lines that belong together

    def _pdu_line(self, text: str) -> None:
        row, header = self._headers.pop()
        self._join_header(row, header, text)

    def _drop_header(self, *, unsolicited: bool) -> None:
        """The PDU line of a waiting header did not come."""
        for waiting in [item for item in self._headers if (item[0] is not None) is unsolicited]:
            self._headers.remove(waiting)
            self._join_header(*waiting, "")

    def _join_header(self, row: UrcRow | None, header: str, pdu: str) -> None:
        if row is None:
            self._keep(InfoLine(text=header, pdu=pdu))
        else:
            self._emit(Urc(name=row.name, text=header, pdu=pdu))
            self._continue_by = None

    def _continue_text(self, text: str, now: float) -> None:
        self._open_text.append(text)
        joined = "\n".join(self._open_text)
        if not _is_open(joined):
            self._open_text.clear()
            self._continue_by = None
            self._classify(joined, now, whole=True)
        elif len(joined) > MAX_LINE:
            self._give_up_continuation(now)

    def _give_up_continuation(self, now: float) -> None:
        """What was taken for the rest of a text may have been anything: look at it again line by line."""
        self._continue_by = None
        first, *others = self._open_text or ("",)
        self._open_text.clear()
        if first:
            self._classify(first, now, whole=True)
        for line in others:
            self._line(line, now)
        self._drop_header(unsolicited=True)

    # Results

    def _final(self, final: Final, now: float) -> None:
        self._drop_header(unsolicited=False)
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
                self._start_fence(command, now, escape=state is State.PROMPT, late=False)

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
        self._drop_header(unsolicited=False)
        if self._referenced:
            self._complete(Final(kind=FinalKind.OK))
            self._start_fence(command, now, escape=False, late=False)
        elif state is State.ABORT:
            self._complete(Final(kind=FinalKind.ABORTED))
            self._start_fence(command, now, escape=True, late=False)
        else:
            self._emit(TimedOut(command=command, stage=_STAGES[state]))
            self._lines = []
            self._command = None
            # A command that is taken for PDU text shows as a prompt: somebody left it open.
            escape = state in _UNSENT or self._lexer.tail.startswith(b">")
            self._start_fence(command, now, escape=escape, late=self._ended)

    # Fence

    def _start_fence(self, after: Command, now: float, *, escape: bool, late: bool) -> None:
        self._fence = Fence(after, late=late)
        self._enter(State.FENCE, now)
        self._pausing = escape
        self._escapes = 1 if escape else 0
        if escape:
            self._out += ESC
            self._deadline = now + ESCAPE_PAUSE
        else:
            self._next_fence(now)

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

    def _keep(self, line: InfoLine) -> None:
        if len(self._lines) < MAX_LINES:
            self._lines.append(line)
        else:
            self._whole = False

    def _emit(self, event: Event) -> None:
        if len(self._events) >= MAX_EVENTS and isinstance(event, _UNASKED):
            self.dropped += 1
        else:
            self._events.append(event)


def _is_basic(command: Command) -> bool:
    return command.text[2:3] not in _MARKS


def _is_open(text: str) -> bool:
    """True while the quoted text of `+CUSD: 0,"...",15` has no end: a quote there is not escaped, so look at the end."""
    _, quote, body = text.partition('"')
    _, last, behind = body.rpartition('"')
    return bool(quote) and not (last and not behind.strip(" ,0123456789"))
