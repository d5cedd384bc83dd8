"""Calls that modems tell of: one id and one row in the log for each, and an event for each state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from gateway.errors import RequestError
from gateway.messaging import announce
from gateway.messaging.model import CALL_OPEN, Call
from gateway.messaging.numbers import normalise
from gateway.messaging.ports import CallChange, Tx

INBOUND = "inbound"


class CallLog:
    """Gives each call of a line its id. `region`: for callers that are told without a country code."""

    def __init__(self, new_id: Callable[[], str], region: str | None) -> None:
        self._new_id = new_id
        self._region = region
        self._ids: dict[tuple[str, int], str] = {}

    def changed(self, line: str, iccid: str, change: CallChange, now: datetime) -> Callable[[Tx], None]:
        """The change to be committed for what a line told."""
        key = (line, change.call)
        call_id = self._ids.get(key) or self._new_id()
        if change.state in CALL_OPEN:
            self._ids[key] = call_id
        else:
            self._ids.pop(key, None)
        state, peer = str(change.state), self._caller(change.number)
        fresh = Call(id=call_id, line=line, iccid=iccid, direction=INBOUND, peer=peer, state=state, started_at=now)

        def commit(tx: Tx) -> None:
            _put(tx, replace(tx.calls.get(call_id) or fresh, peer=peer, state=state), now)

        return commit

    def _caller(self, number: str | None) -> str | None:
        """As messages have it, so that calls and texts of one number are found together; a strange one as it came."""
        if not number:
            return None
        try:
            return normalise(number, self._region)
        except RequestError:
            return number


def recover(tx: Tx, now: datetime) -> None:
    """At the start: what rang or went on when the last run ended is over by now."""
    for call in tx.calls.open():
        _put(tx, replace(call, state="missed" if call.state == "ringing" else "ended"), now)


def _put(tx: Tx, call: Call, now: datetime) -> None:
    if call.state == "answered":
        call = replace(call, answered_at=call.answered_at or now)
    elif call.state not in CALL_OPEN:
        call = replace(call, ended_at=now)
    tx.calls.put(call)
    tx.events.add(announce.call(call, now), now)
