"""What needs a person: told as an event, and kept until it is over, so that it can be looked at at any time.

A *lasting* alert is a condition: whoever raises it also says when it is over. The others are incidents: something happened,
and stays in the list until somebody has seen it and dismisses it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from gateway.clock import Clock
from gateway.errors import RequestError
from gateway.messaging import announce

if TYPE_CHECKING:
    from gateway.messaging.ports import Store, Tx

REOPENS = timedelta(minutes=15)
"""A condition that comes back so soon is the same one: a modem that comes and goes, or a gateway that was restarted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """`line`: the modem, "" for the gateway itself. `since`, `last_at`: first and last told; `until`: None while it goes on."""

    code: str
    line: str
    message: str
    since: datetime
    last_at: datetime
    lasting: bool
    until: datetime | None = None
    count: int = 1
    n: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFilter:
    """Which alerts to list; newest first; `before` is an `n` (cursor). `active`: only what goes on, or only what is over."""

    active: bool | None = None
    line: str | None = None
    code: str | None = None
    before: int | None = None
    limit: int = 50


class AlertTable(Protocol):
    """Alerts by number."""

    def get(self, n: int) -> Alert | None: ...
    def put(self, alert: Alert) -> None: ...
    def active(self, code: str, line: str) -> Alert | None: ...
    def ended(self, code: str, line: str, since: datetime) -> Alert | None: ...
    def end_lasting(self, now: datetime) -> None: ...
    def find(self, wanted: AlertFilter) -> list[Alert]: ...


def tell(
    tx: Tx, code: str, text: str, modem: str | None, now: datetime, *, over: bool = False, lasting: bool = False
) -> None:
    """Adds the event, and writes down what it says. `over`: the condition of that code and modem has ended."""
    tx.events.add(announce.alert(code, text, modem, now, over=over), now)
    table, line = tx.records.alerts, modem or ""
    known = table.active(code, line)
    if over:
        if known is not None:
            table.put(replace(known, until=now))
        return
    if known is None and lasting:
        known = table.ended(code, line, now - REOPENS)
    if known is None:
        table.put(Alert(code=code, line=line, message=text, since=now, last_at=now, lasting=lasting))
    else:
        table.put(replace(known, message=text, last_at=now, until=None, count=known.count + 1))


def recover(tx: Tx, now: datetime) -> None:
    """At the start: whether a condition goes on is not known; if it does, it is told again, and is the same alert."""
    tx.records.alerts.end_lasting(now)


class Alerts:
    """The list, as edges see it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def find(self, wanted: AlertFilter) -> list[Alert]:
        """Alerts that match, newest first."""
        return await self._store.read(lambda tx: tx.records.alerts.find(wanted))

    async def dismiss(self, n: int) -> Alert:
        """Somebody has seen an incident. Returns after the commit. Raises RequestError (unknown_alert, alert_lasts)."""
        now = self._clock.now()

        def change(tx: Tx) -> Alert:
            alert = tx.records.alerts.get(n)
            if alert is None:
                raise RequestError(f"there is no alert {n}", code="unknown_alert")
            if alert.until is not None:
                return alert
            if alert.lasting:
                raise RequestError(f"{alert.code} ends when its cause does", code="alert_lasts")
            ended = replace(alert, until=now)
            tx.records.alerts.put(ended)
            told = announce.alert(alert.code, "it was seen and dismissed", alert.line or None, now, over=True)
            tx.events.add(told, now)
            return ended

        return await self._store.write(change)
