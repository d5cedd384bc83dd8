"""What crosses the border between a modem line and the rules above it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class LineConfig:
    """One configured modem, named by its port, its IMEI or its SIM's ICCID. Times are seconds; `submit_timeout_s` 0 means the profile's."""

    name: str
    port: str = ""
    imei: str = ""
    iccid: str = ""
    baudrate: int = 115200
    profile: str = "auto"
    submit_timeout_s: float = 0
    pin_file: Path | None = None
    smsc: str = ""
    number: str = ""
    late_reply_s: float = 10
    ussd_timeout_s: float = 60
    reject_calls: str = "never"
    cell_broadcast: tuple[int, ...] = ()
    allow_roaming: bool = True
    power_cycle: str = ""  # command line, run without a shell


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who answers on the port: the hardware by IMEI, the SIM by ICCID."""

    imei: str
    iccid: str
    imsi: str
    manufacturer: str
    model: str
    revision: str
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One TPDU as the modem gave it; nothing about it has been judged yet.

    `memory` is "" and `index` None when it was delivered directly (+CMT, +CDS). `kind` is "deliver", "status-report" or
    "unknown", after the AT context or the message type bits. `length` is the header's <length> (TPDU octets without the
    SC address). `listing` numbers the CMGL/CMGR pass; the items of one pass share it. `iccid`: the SIM that it came for,
    where it had to be kept and another one may be in by now.
    """

    memory: str
    index: int | None
    kind: str
    pdu: str
    length: int
    listing: int
    iccid: str = ""


class SubmitOutcome(Enum):
    """What is known about a submit when it is over."""

    SENT = "sent"
    NOT_SENT = "not_sent"  # Ctrl-Z was not written: nothing can have left
    REFUSED = "refused"  # an error answer, after Ctrl-Z or instead of the prompt
    UNKNOWN = "unknown"  # Ctrl-Z was written and no answer came


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitResult:
    """`error` is "cms:38", "cme:14", "error", "timeout", "port_lost", "not_ready" …; `detail` one line for a person.

    `unsent`: a refusal before Ctrl-Z was written. Nothing can have left then, also where the error leaves that open.
    `vendor`: whose error numbers these are (`gateway.at.vendor_codes`).
    """

    outcome: SubmitOutcome
    mr: int | None = None
    error: str = ""
    detail: str = ""
    unsent: bool = False
    vendor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LateSubmit:
    """A `+CMGS:` (`mr`) or `+CMS ERROR` (`error`) that came outside a submit: it answers the one that got no answer.

    `iccid`: the SIM that was in; "" before that was read.
    """

    mr: int | None
    error: str = ""
    vendor: str = ""
    iccid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineState:
    """What a line is doing, for people and for the status topic. `error` says why, in one line.

    `cell`: area code and cell as hex, "1A2B/1A2B3C4". `warnings`: codes of what is wrong although the line works.
    """

    state: str
    registered: bool = False
    operator: str = ""
    access: str = ""
    rssi_dbm: int | None = None
    bars: int = 0
    roaming: bool = False
    sim: str = "unknown"
    imei: str = ""
    iccid: str = ""
    number: str = ""
    temperature_c: float | None = None
    voltage_mv: int | None = None
    cell: str = ""
    error: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UssdText:
    """What the network said in a USSD dialogue; `reply_wanted`: it waits for an answer."""

    text: str
    reply_wanted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarding:
    """What becomes of voice calls for one reason; `after_s` is how long it rings first, where that is told."""

    reason: str
    active: bool
    number: str = ""
    after_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonebookEntry:
    """One entry of a phonebook of the SIM."""

    index: int
    number: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Broadcast:
    """A cell broadcast message: `channel` is its message identifier, `serial` its number of 16 bits (23.041 9.4.1).

    `text` is "" where the content is octets: `data_hex` has them then. `language`: ISO 639, where it is told.
    """

    channel: int
    serial: int
    text: str
    pages: int
    data_hex: str = ""
    pages_missing: tuple[int, ...] = ()
    language: str | None = None


class CallState(Enum):
    """Where a call that came in stands; the last three are ends."""

    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"
    MISSED = "missed"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallChange:
    """A call came to another state. `call` tells calls of this process apart; `number` is None where it is not known."""

    call: int
    number: str | None
    state: CallState


class LineListener(Protocol):
    """The rules above the lines. Every call for one line is made by that line's one task, in order."""

    async def ready(self, line: str, identity: Identity, late: LateSubmit | None) -> None:
        """Initialised, first sweep done, registered: the line takes submits from now on."""

    async def late_submit(self, line: str, late: LateSubmit) -> None:
        """The answer to an earlier submit came after all."""

    async def received(self, line: str, iccid: str, items: Sequence[Received]) -> None:
        """Returns only after COMMIT. If it raises, nothing is deleted or acknowledged."""

    async def released(self, line: str, iccid: str, items: Sequence[Received]) -> None:
        """These copies are gone from the modem: CMGD or CNMA confirmed."""

    async def swept(self, line: str, iccid: str, memory: str, listed: Sequence[Received]) -> None:
        """A completed listing of `memory`, called before `received` is called for what it shows."""

    def ussd(self, line: str, text: UssdText) -> None:
        """The network said something in a USSD dialogue that nobody waits for."""

    def broadcast(self, line: str, message: Broadcast) -> None:
        """A cell broadcast message came."""

    def call(self, line: str, change: CallChange) -> None:
        """A call came in, or came to another state."""

    def state_changed(self, line: str, state: LineState) -> None:
        """Called only when something in `state` changed."""

    def down(self, line: str) -> None:
        """The line takes no more submits until the next `ready`."""
