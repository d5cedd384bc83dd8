"""What the engine reports. Every event is frozen; `text` is always the whole line, for `Fields(text)`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from gateway.at.commands import Command


@dataclass(frozen=True, slots=True, kw_only=True)
class InfoLine:
    """One information line. `pdu` is the hex line after it; "" where one was due and did not come, None where none is."""

    text: str
    pdu: str | None = None


class FinalKind(Enum):
    """How a command ended (V.250 5.7.1, 27.007 9.1, 27.005 3.2.5)."""

    OK = "ok"
    ERROR = "error"
    CME = "cme"
    CMS = "cms"
    NOT_SUPPORTED = "not_supported"
    NO_CARRIER = "no_carrier"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    NO_DIALTONE = "no_dialtone"
    CONNECT = "connect"
    ABORTED = "aborted"
    """ABORTED, or any end of a two-phase command before its Ctrl-Z was written: nothing was sent."""
    OVERFLOW = "overflow"
    """Our own: the answer had more lines than the engine keeps, so it is not whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """The final result. `code` is the number of a +CME/+CMS ERROR, also of a verbose one where the text is known."""

    kind: FinalKind
    code: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """The command in flight has its final result; the engine takes the next one."""

    command: Command
    lines: tuple[InfoLine, ...]
    final: Final

    @property
    def ok(self) -> bool:
        return self.final.kind is FinalKind.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptReady:
    """The modem stands in the prompt of `command`: go on with `send_payload`, or `abort`."""

    command: Command


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedOut:
    """No answer in time. Before stage "final" nothing was sent. The engine fences by itself; wait for `Fenced`."""

    command: Command
    stage: Literal["prompt", "payload", "final"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fenced:
    """The fence is over. With `answered` False the modem is silent and this engine is spent: re-open the port."""

    answered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Urc:
    """An unsolicited result code. `name` has no colon ("+CMTI", "RING"); `pdu` as in `InfoLine`."""

    name: str
    text: str
    pdu: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LateSubmit:
    """The answer of a submit that is no longer in flight: a reference, or the final result that refused it."""

    mr: int | None
    final: Final | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """A line that belongs to nothing known. For the log."""

    text: str


Event = Completed | PromptReady | TimedOut | Fenced | Urc | LateSubmit | Noise
