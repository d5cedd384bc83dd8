"""The life of a line as a table. A missing key is a defect, not a state."""

from __future__ import annotations

from enum import Enum

from gateway.errors import GatewayError


class State(Enum):
    """What a line is doing; the values are the words of the state topic."""

    CONNECTING = "connecting"  # the port was not open yet
    INITIALISING = "initialising"  # open; the modem is being set up and swept
    SIM_MISSING = "sim_missing"
    SIM_PIN = "sim_pin"  # wants its PIN, and it may not or must not be given
    SIM_PUK = "sim_puk"
    SEARCHING = "searching"  # set up, receives; no network to send through
    ROAMING = "roaming"  # set up, receives; abroad, where this line is told not to send
    READY = "ready"  # registered, first sweep done, able to send
    FAILED = "failed"  # the port is there, the modem does not do what it must
    LOST = "lost"  # the port went away
    STOPPED = "stopped"


class Happening(Enum):
    """What moves a line from one state to another."""

    OPENED = "opened"
    REGISTERED = "registered"
    UNREGISTERED = "unregistered"
    ABROAD = "abroad"
    PORT_LOST = "port_lost"
    FAILED = "failed"
    SIM_MISSING = "sim_missing"
    SIM_PIN = "sim_pin"
    SIM_PUK = "sim_puk"
    STOPPED = "stopped"


SET_UP = frozenset({State.SEARCHING, State.ROAMING, State.READY})
"""The modem is set up and receives."""

_ENDS = {
    Happening.PORT_LOST: State.LOST,
    Happening.FAILED: State.FAILED,
    Happening.SIM_MISSING: State.SIM_MISSING,
    Happening.SIM_PIN: State.SIM_PIN,
    Happening.SIM_PUK: State.SIM_PUK,
    Happening.STOPPED: State.STOPPED,
}
_SERVES = {Happening.REGISTERED: State.READY, Happening.UNREGISTERED: State.SEARCHING, Happening.ABROAD: State.ROAMING}

# A new try from a state that needs somebody's help does not show as progress until it succeeds: the status topic
# would flap at every try.
NEXT: dict[State, dict[Happening, State]] = {
    State.CONNECTING: {**_ENDS, Happening.OPENED: State.INITIALISING, Happening.PORT_LOST: State.CONNECTING},
    State.INITIALISING: {**_ENDS, **_SERVES},
    State.SIM_MISSING: {**_ENDS, **_SERVES, Happening.OPENED: State.SIM_MISSING},
    State.SIM_PIN: {**_ENDS, **_SERVES, Happening.OPENED: State.SIM_PIN},
    State.SIM_PUK: {**_ENDS, **_SERVES, Happening.OPENED: State.SIM_PUK},
    State.SEARCHING: {**_ENDS, **_SERVES},
    State.ROAMING: {**_ENDS, **_SERVES},
    State.READY: {**_ENDS, **_SERVES},
    State.FAILED: {**_ENDS, **_SERVES, Happening.OPENED: State.FAILED},
    State.LOST: {**_ENDS, Happening.OPENED: State.INITIALISING},
    State.STOPPED: {Happening.STOPPED: State.STOPPED, Happening.OPENED: State.INITIALISING},
}


def after(state: State, happening: Happening) -> State:
    """The state that follows. Raises GatewayError for a combination that cannot be."""
    try:
        return NEXT[state][happening]
    except KeyError:
        raise GatewayError(f"a line in state {state.value} cannot see {happening.value}") from None
