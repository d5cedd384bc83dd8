"""The asyncio driver of the modems: one `Line` per configured modem, told about through a `LineListener`."""

from gateway.modem.discovery import Finder
from gateway.modem.model import (
    Broadcast,
    CallChange,
    CallState,
    Identity,
    LateSubmit,
    LineConfig,
    LineListener,
    LineState,
    Received,
    SubmitOutcome,
    SubmitResult,
    UssdText,
)
from gateway.modem.profiles import Profile, profiles
from gateway.modem.recorder import Entry, FlightRecorder
from gateway.modem.recorders import Recorders
from gateway.modem.sim import PinGuard
from gateway.modem.sim_names import SimNames
from gateway.modem.supervisor import Line, Unstored

__all__ = [
    "Broadcast",
    "CallChange",
    "CallState",
    "Entry",
    "Finder",
    "FlightRecorder",
    "Identity",
    "LateSubmit",
    "Line",
    "LineConfig",
    "LineListener",
    "LineState",
    "PinGuard",
    "Profile",
    "Received",
    "Recorders",
    "SimNames",
    "SubmitOutcome",
    "SubmitResult",
    "Unstored",
    "UssdText",
    "profiles",
]
