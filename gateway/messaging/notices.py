"""What modems tell beside texts, turned into durable events: calls, cell broadcast, and USSD that nobody asked for."""

from __future__ import annotations

from gateway.clock import Clock
from gateway.messaging import announce
from gateway.messaging.backlog import Backlog
from gateway.messaging.calls import CallLog
from gateway.messaging.ids import id_maker
from gateway.messaging.lines import Lines
from gateway.messaging.model import UssdAnswer
from gateway.messaging.ports import Broadcast, CallChange, Store, UssdText


class Notices:
    """The part of the modem layer's `LineListener` that needs no answer. `run` writes what was told."""

    def __init__(self, store: Store, clock: Clock, lines: Lines, region: str | None) -> None:
        self._clock = clock
        self._lines = lines
        self._calls = CallLog(id_maker(clock, "CA"), region)
        self._backlog = Backlog(store)

    async def run(self) -> None:
        """Writes until cancelled."""
        await self._backlog.run()

    async def flush(self) -> None:
        """Writes what waits, at a clean stop."""
        await self._backlog.flush()

    def broadcast(self, line: str, message: Broadcast) -> None:
        now = self._clock.now()
        event = announce.broadcast(line, message, now)
        self._backlog.add(lambda tx: tx.events.add(event, now))

    def call(self, line: str, change: CallChange) -> None:
        iccid = self._lines.by_name[line].status.iccid
        self._backlog.add(self._calls.changed(line, iccid, change, self._clock.now()))

    def ussd(self, line: str, text: UssdText) -> None:
        now = self._clock.now()
        answer = UssdAnswer(text=text.text, state="reply_wanted" if text.reply_wanted else "done")
        event = announce.ussd(line, answer, now)
        self._backlog.add(lambda tx: tx.events.add(event, now))
