"""What is known of each modem line while the gateway runs: who it is, whether it can send, what the edges are shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from gateway.clock import Clock
from gateway.messaging.chain import Chain
from gateway.messaging.ledger import Sim
from gateway.messaging.model import LineStatus
from gateway.messaging.ports import Identity, LineState

MAX_SEGMENTS = 255
"""3GPP TS 23.040 clause 9.2.3.24.1: as many segments as a concatenated message can have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSettings:
    """What the configuration says of a line. 0 means no limit.

    `daily_limit`, `monthly_limit`: segments; `daily_recipients`: different recipients.
    """

    name: str
    number: str = ""
    delivery_reports: bool = True
    rate_per_minute: float = 0
    daily_limit: int = 0
    monthly_limit: int = 0
    daily_recipients: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What a line has sent: segments today and this month, and to whom today (the last two where they are limited)."""

    today: int
    this_month: int = 0
    recipients: frozenset[str] = frozenset()


@dataclass(slots=True, eq=False)
class Line:
    """One configured line. `wake` is set when there may be something to do for its sender.

    `unstored`: a submit's outcome is unknown and that is not stored yet; a late answer has to wait for it.
    `refusal`: why the network lets nothing leave this SIM.
    `chain`: the references of this connection, for modems that count accepted messages only.
    """

    settings: LineSettings
    status: LineStatus
    sim: Sim | None = None
    ready_since: float | None = None
    swept_at: float | None = None
    sent_today: int = 0
    sent_this_month: int = 0
    recipients: set[str] = field(default_factory=set)
    unstored: bool = False
    refusal: str = ""
    chain: Chain = field(default_factory=Chain)
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def able(self) -> bool:
        """Whether it can send, and may begin something new."""
        return self.sim is not None and not self.exhausted()

    def exhausted(self) -> bool:
        """Whether the line has sent all that it may send today or this month."""
        return self.room() == 0 or self.known_only() is not None

    def room(self, just_sent: int = 0) -> int:
        """Segments that a new message may have. `just_sent`: what was sent beyond what is counted.

        A message is begun only if it can be finished, so that none is left half sent over midnight. One that is larger
        than the whole limit goes as the first of a day.
        """
        limits = (
            (self.settings.daily_limit, self.sent_today),
            (self.settings.monthly_limit, self.sent_this_month),
        )
        left = [max(0, limit - sent - just_sent) for limit, sent in limits if limit and sent + just_sent]
        return min([MAX_SEGMENTS, *left])

    def known_only(self) -> frozenset[str] | None:
        """When the line may have no more recipients today: those that it had. None: anybody."""
        limit = self.settings.daily_recipients
        return frozenset(self.recipients) if 0 < limit <= len(self.recipients) else None

    def may_begin(self, segments: int, peer: str, just_sent: int = 0) -> bool:
        """Whether a new message may be begun."""
        known = self.known_only()
        return segments <= self.room(just_sent) and (known is None or peer in known)


class Lines:
    """All lines by name, and who wants to hear of changes."""

    def __init__(self, settings: Iterable[LineSettings], clock: Clock) -> None:
        self._clock = clock
        self._callbacks: list[Callable[[LineStatus], None]] = []
        self.by_name = {
            each.name: Line(
                settings=each,
                status=LineStatus(
                    name=each.name,
                    number=each.number,
                    daily_limit=each.daily_limit,
                    monthly_limit=each.monthly_limit,
                    daily_recipients=each.daily_recipients,
                    since=clock.now(),
                ),
            )
            for each in settings
        }

    def on_change(self, callback: Callable[[LineStatus], None]) -> None:
        self._callbacks.append(callback)

    def own_numbers(self) -> dict[str, str]:
        """E.164 number → line name, for `from`."""
        return {line.status.number: name for name, line in self.by_name.items() if line.status.number}

    def ready(self, name: str, identity: Identity) -> Line:
        """The line can send from now on."""
        line = self.by_name[name]
        number = line.settings.number or identity.number
        line.sim = Sim(line=name, imei=identity.imei, iccid=identity.iccid, number=number)
        line.chain.forget()
        line.ready_since = self._clock.monotonic()
        self._show(line, able=True, imei=identity.imei, iccid=identity.iccid, number=number, since=self._clock.now())
        line.wake.set()
        return line

    def down(self, name: str) -> Line:
        """The line cannot send any more."""
        line = self.by_name[name]
        line.sim = None
        line.ready_since = None
        self._show(line, able=False, since=self._clock.now())
        self.wake_all()
        return line

    def wake_all(self) -> None:
        """What one line was meant to take may now be another's."""
        for line in self.by_name.values():
            line.wake.set()

    def swept(self, name: str) -> None:
        """A storage of the line was listed to its end."""
        self.by_name[name].swept_at = self._clock.monotonic()

    def state_changed(self, name: str, state: LineState) -> None:
        line = self.by_name[name]
        self._show(
            line,
            state=state.state,
            registered=state.registered,
            operator=state.operator,
            access=state.access,
            rssi_dbm=state.rssi_dbm,
            bars=state.bars,
            roaming=state.roaming,
            sim=state.sim,
            imei=state.imei or line.status.imei,
            iccid=state.iccid or line.status.iccid,
            number=line.settings.number or state.number or line.status.number,
            temperature_c=state.temperature_c,
            voltage_mv=state.voltage_mv,
            cell=state.cell,
            error=state.error or line.refusal,
        )

    def refused(self, name: str, text: str) -> None:
        """Why the network lets nothing leave this SIM; "" when it does again."""
        line = self.by_name[name]
        before, line.refusal = line.refusal, text
        if line.status.error in ("", before):  # what the modem says of itself goes first
            self._show(line, error=text)

    def sent(self, name: str, peer: str) -> None:
        """The line has sent one segment more."""
        line = self.by_name[name]
        room = line.room()
        line.sent_today += 1
        line.sent_this_month += 1
        if line.settings.daily_recipients:
            line.recipients.add(peer)
        if line.exhausted() or line.room() < room:  # what does not fit any more is another's
            self.wake_all()

    def counted(self, name: str, used: Used, *, queue: int) -> None:
        """What the database says; after midnight the line may be able again."""
        line = self.by_name[name]
        room, was_full = line.room(), line.known_only() is not None
        line.sent_today, line.sent_this_month, line.recipients = used.today, used.this_month, set(used.recipients)
        self._show(
            line,
            queue=queue,
            sent_today=used.today,
            sent_this_month=used.this_month,
            recipients_today=len(used.recipients),
        )
        if line.room() > room or (was_full and line.known_only() is None):
            line.wake.set()

    def _show(self, line: Line, **changes: object) -> None:
        since = changes.pop("since", line.status.since)
        status = replace(line.status, **changes)  # type: ignore[arg-type]
        if status == line.status:
            return
        assert since is None or isinstance(since, datetime)
        line.status = replace(status, since=since)
        for callback in self._callbacks:
            callback(line.status)
