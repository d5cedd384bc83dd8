"""Voice calls that come in (27.007 6, 7.11, 7.18): many kinds of lines become one call with its states.

One call at a time: a second one that waits behind it is not told apart. Nobody answers here; that a call was answered is
seen where somebody else does, at another client of the modem. What each family says: firmware-notes/calls-and-ussd.md.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from gateway import at
from gateway.at import Fields, replies
from gateway.modem.model import CallChange, CallState
from gateway.modem.session import Session, cause
from gateway.modem.ussd import Job

log = logging.getLogger(__name__)

CALLER_S = 2.0  # +CLIP comes after the first RING
SILENT_S = 12.0  # RING comes every five seconds; some modems say nothing else when the caller gives up
CHECK_S = 60.0  # an answered call whose end was not told
AFTER_REJECT_S = 5.0  # the last RING may be on its way still
AFTER_END_S = 5.0  # MISSED_CALL and NO CARRIER tell of the same call

_NUMBERS = itertools.count(1)


class _Kind(Enum):
    RING = "ring"
    ANSWERED = "answered"
    OVER = "over"
    MISSED = "missed"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signal:
    """What one line tells. `number`: None where it says nothing of the caller, "" where the caller is withheld."""

    kind: _Kind
    number: str | None = None


@dataclass(slots=True, kw_only=True)
class _Call:
    n: int
    number: str | None = None
    state: CallState | None = None  # None: not told yet
    rejecting: bool = False  # we are hanging up: its end is our doing


class Calls:
    """The call of one line. `told` hears each change; `reject`: "never", "always" or "withheld"; `job`: see `Services`."""

    def __init__(self, told: Callable[[CallChange], None], reject: str, job: Callable[[Job], None]) -> None:
        self._told = told
        self._reject = reject
        self._job = job
        self._call: _Call | None = None
        self._ended_at = float("-inf")
        self._caller_timer: asyncio.TimerHandle | None = None
        self._watch_timer: asyncio.TimerHandle | None = None

    def detach(self) -> None:
        """The connection is over; what becomes of the call will not be heard."""
        self._over()

    def note(self, urc: at.Urc) -> bool:
        """Take in what may tell of a call; False for any other line."""
        reader = _READERS.get(urc.name)
        if reader is None:
            return False
        signal = reader(urc.text)
        if signal is None:  # the same name has other tales too
            return False
        self._act(signal)
        return True

    def _act(self, signal: _Signal) -> None:
        match signal.kind:
            case _Kind.RING:
                self._rings(signal.number)
            case _Kind.ANSWERED if self._call is not None and self._call.state is not CallState.REJECTED:
                self._announce(self._call)
                self._change(self._call, CallState.ANSWERED)
                self._watch(CHECK_S)
            case _Kind.OVER:
                self._over()
            case _Kind.MISSED:
                self._missed(signal.number)

    def _rings(self, number: str | None) -> None:
        call = self._call
        if call is None:
            self._call = call = _Call(n=next(_NUMBERS))
            self._caller_timer = asyncio.get_running_loop().call_later(CALLER_S, self._announce, call)
        if call.state not in (None, CallState.RINGING):
            return
        self._watch(SILENT_S)
        if number is not None and call.number is None:
            call.number = number
            self._announce(call)

    def _announce(self, call: _Call, *, over: bool = False) -> None:
        """Tell that it rings, once: when the caller is known, when that was awaited long enough, or when it is `over`."""
        self._stop_caller_timer()
        if call.state is not None:
            return
        self._change(call, CallState.RINGING)
        if not over and (self._reject == "always" or (self._reject == "withheld" and not call.number)):
            self._job(self._hang_up)

    def _missed(self, number: str | None) -> None:
        """Told by itself when it is over. Of one that did not ring here, as when the modem was busy, it is all there is."""
        if self._call is not None:
            if self._call.number is None:
                self._call.number = number
            self._over()
        elif asyncio.get_running_loop().time() - self._ended_at > AFTER_END_S:
            self._change(_Call(n=next(_NUMBERS), number=number), CallState.MISSED)

    def _over(self) -> None:
        call = self._call
        if call is None:
            return
        self._announce(call, over=True)
        if call.rejecting:
            self._change(call, CallState.REJECTED)
        else:
            self._change(call, CallState.MISSED if call.state is CallState.RINGING else CallState.ENDED)
        self._forget()

    def _forget(self) -> None:
        self._call = None
        self._ended_at = asyncio.get_running_loop().time()
        self._stop_caller_timer()
        if self._watch_timer is not None:
            self._watch_timer.cancel()

    def _change(self, call: _Call, state: CallState) -> None:
        if call.state is not state:
            call.state = state
            self._told(CallChange(call=call.n, number=call.number or None, state=state))

    # --- what the modem is to be asked or told

    async def _hang_up(self, session: Session) -> None:
        call = self._call
        if call is None or call.state is not CallState.RINGING:
            return
        call.rejecting = True  # some tell the end before the OK
        for text in ("AT+CHUP", "ATH"):  # without AT+CVHU=0 many take ATH for data calls only
            done = await session.run(at.from_text(text))
            if done.ok:
                break
        else:
            log.warning("a call was not rejected: %s", cause(done.final))
            call.rejecting = False
            return
        if self._call is call:
            self._change(call, CallState.REJECTED)
            self._watch(AFTER_REJECT_S)

    async def _look(self, session: Session) -> None:
        """Is it still there? Where the modem does not tell, it is not."""
        call = self._call
        if call is None:
            return
        done = await session.run(at.from_text("AT+CLCC"))
        listed = [each for line in done.lines if (each := replies.clcc(line.text)) is not None and each.incoming]
        if self._call is not call:
            return
        signals = [signal for each in listed if (signal := _listed(each)) is not None]
        if not signals:
            self._over()
        for signal in signals[:1]:
            self._act(signal)

    def _watch(self, seconds: float) -> None:
        if self._watch_timer is not None:
            self._watch_timer.cancel()
        self._watch_timer = asyncio.get_running_loop().call_later(seconds, self._silent)

    def _silent(self) -> None:
        if self._call is not None and self._call.state is CallState.REJECTED:
            self._forget()
        else:
            self._job(self._look)

    def _stop_caller_timer(self) -> None:
        if self._caller_timer is not None:
            self._caller_timer.cancel()
            self._caller_timer = None


# --- what lines tell

_BY_STAT = {0: _Kind.ANSWERED, 1: _Kind.ANSWERED, 4: _Kind.RING, 5: _Kind.RING, 6: _Kind.OVER, -1: _Kind.OVER}


def _listed(call: replies.ListedCall) -> _Signal | None:
    kind = _BY_STAT.get(call.stat)
    if not call.incoming or not call.voice or kind is None:
        return None
    return _Signal(kind=kind, number=call.number or None)


def _ring(_text: str) -> _Signal:
    return _Signal(kind=_Kind.RING)


def _over(_text: str) -> _Signal:
    return _Signal(kind=_Kind.OVER)


def _answered(_text: str) -> _Signal:
    return _Signal(kind=_Kind.ANSWERED)


def _cring(text: str) -> _Signal | None:
    """`+CRING: VOICE`; others are data and fax (27.007 6.11)."""
    return _Signal(kind=_Kind.RING) if "VOICE" in text.upper() else None


def _clip(text: str) -> _Signal:
    return _Signal(kind=_Kind.RING, number=replies.clip(text).number)


def _clcc(text: str) -> _Signal | None:
    call = replies.clcc(text)
    return _listed(call) if call is not None else None


def _voice_call(text: str) -> _Signal:
    """SIM7600: `VOICE CALL: BEGIN`, `VOICE CALL: END: 000041`."""
    return _Signal(kind=_Kind.ANSWERED if "BEGIN" in text else _Kind.OVER)


def _missed_call(text: str) -> _Signal:
    """SIM7600: `MISSED_CALL: 11:01AM 07712345678`."""
    words = text.partition(":")[2].split()
    return _Signal(kind=_Kind.MISSED, number=words[1] if len(words) > 1 else "")


def _qind(text: str) -> _Signal | None:
    """Quectel: `+QIND: "ccinfo",<id>,<dir>,<state>,<mode>,<mpty>,<number>,<type>`; a state of -1 is the end."""
    label, _, rest = text.partition(",")
    return _clcc(f"+CLCC: {rest}") if "ccinfo" in label else None


_DSCI_STATES = {3: _Kind.ANSWERED, 4: _Kind.RING, 5: _Kind.RING, 6: _Kind.OVER}


def _dsci(text: str) -> _Signal | None:
    """Quectel: `^DSCI: <id>,<dir>,<state>,<type>,<number>,<num_type>`."""
    fields = Fields(text).skip()
    direction, state, kind = fields.number(), fields.number(), fields.number()
    found = _DSCI_STATES.get(state) if state is not None and direction == 1 and kind == 0 else None
    return _Signal(kind=found, number=fields.string() or None) if found is not None else None


_UCALLSTAT_STATES = {0: _Kind.ANSWERED, 4: _Kind.RING, 6: _Kind.OVER, 7: _Kind.ANSWERED}


def _ucallstat(text: str) -> _Signal | None:
    """u-blox: `+UCALLSTAT: <id>,<stat>`."""
    stat = Fields(text).skip().number()
    kind = _UCALLSTAT_STATES.get(stat) if stat is not None else None
    return _Signal(kind=kind) if kind is not None else None


_READERS: Mapping[str, Callable[[str], _Signal | None]] = {
    "RING": _ring,
    "+CRING": _cring,
    "+CLIP": _clip,
    "+CLCC": _clcc,
    "NO CARRIER": _over,
    "NO ANSWER": _over,
    "BUSY": _over,
    "VOICE CALL": _voice_call,
    "MISSED_CALL": _missed_call,
    "^CONN": _answered,
    "^CEND": _over,
    "^DSCI": _dsci,
    "+QIND": _qind,
    "+UCALLSTAT": _ucallstat,
}
