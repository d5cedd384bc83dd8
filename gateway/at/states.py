"""The states of the engine, and the sets of them that behave alike."""

from __future__ import annotations

from enum import Enum, auto
from typing import Literal


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


SEES_PROMPT = frozenset({State.IDLE, State.PROMPT, State.ABORT, State.FENCE})
UNSENT = frozenset({State.PROMPT, State.READY, State.PAYLOAD})
NOTHING_TO_ABORT = frozenset({State.IDLE, State.ABORT, State.FENCE, State.SPENT})
STAGES: dict[State, Literal["prompt", "payload", "final"]] = {
    State.PROMPT: "prompt",
    State.READY: "payload",
    State.PAYLOAD: "payload",
    State.FINAL: "final",
}
