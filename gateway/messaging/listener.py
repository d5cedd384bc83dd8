"""What modem lines report, turned into durable facts. The modem layer deletes or acknowledges only after `received` returned."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from gateway import crashpoints
from gateway.clock import Clock
from gateway.errors import CODES, StoreError
from gateway.messaging import alerts, inbound, outbound
from gateway.messaging.compliance import Compliance
from gateway.messaging.inbound import Box
from gateway.messaging.ledger import Outcome, Policy, Sim
from gateway.messaging.lines import Lines
from gateway.messaging.model import SegmentState
from gateway.messaging.ports import Identity, LateSubmit, LineState, Received, Store, T, Tx
from gateway.messaging.timers import Timers

log = logging.getLogger(__name__)

ALERTS = {
    "sim_missing": "sim_missing",
    "sim_pin": "sim_pin_required",
    "sim_puk": "sim_puk_required",
    "failed": "modem_error",
    "lost": "modem_error",
    "roaming": "roaming_refused",
}
"""Line states that need a person → the alert's code."""
NO_NETWORK = "no_network"
"""The alert for a line that has searched long enough to say so in its state's `error`."""
UNDECIDED = frozenset({"connecting", "initialising"})
"""Line states on the way: what was wrong is neither over nor else. A line that is tried in vain comes here each time."""
WARNINGS = {
    "low_voltage": "the supply voltage of the modem is too low",
    "storage_refused": "the modem refuses to list or to empty a storage; texts may stay in it",
}
"""What is wrong with a line that works all the same."""


REFUSALS = {
    **dict.fromkeys(("cms:8", "cms:10", "cms:50", "cms:193"), "sim_barred"),
    "cms:330": "no_service_centre",
}
"""Refusals that keep a SIM from sending at all (27.005 3.2.5) → the alert's code; over with the next text that leaves."""


class Listener:
    """Implements the modem layer's `LineListener`."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        lines: Lines,
        policy: Policy,
        timers: Timers,
        new_id: Callable[[], str],
        compliance: Compliance,
        offer: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._lines = lines
        self._policy = policy
        self._timers = timers
        self._new_id = new_id
        self._compliance = compliance
        self._offer = offer
        self._alerts: dict[str, str] = {}
        self._warned: set[tuple[str, str]] = set()
        self._owing: set[str] = set()

    def owes(self, line: str) -> None:
        """A submit on this line ended without an answer, in this run or in the one before."""
        self._owing.add(line)

    def expects_late(self, line: str) -> bool:
        """Whether a modem may still owe the answer to a submit that got none."""
        return line in self._owing or self._lines.by_name[line].unstored

    async def ready(self, line: str, identity: Identity, late: LateSubmit | None) -> None:
        if late is not None:
            await self._settle_late(Sim(line=line, imei=identity.imei, iccid=identity.iccid, number=""), late)
        self._owing.discard(line)
        self._lines.ready(line, identity)
        self._timers.expect_settlement()

    async def late_submit(self, line: str, late: LateSubmit) -> None:
        sim = self._lines.by_name[line].sim
        if sim is not None:
            await self._settle_late(sim, late)

    async def _settle_late(self, sim: Sim, late: LateSubmit) -> None:
        if self._lines.by_name[sim.line].unstored:
            raise StoreError(f"{sim.line}: what a late answer is to settle is not stored yet")
        sim = replace(sim, iccid=late.iccid or sim.iccid)
        now = self._clock.now()
        if await self._store.write(lambda tx: outbound.settle_late(tx, sim, late, self._policy, now)):
            log.info("%s: a late answer settled an unknown segment", sim.line)
            self._timers.expect_settlement()

    async def received(self, line: str, iccid: str, items: Sequence[Received]) -> None:
        box = Box(
            line=line,
            iccid=iccid,
            number=self._lines.by_name[line].status.number,
            new_id=self._new_id,
            now=self._clock.now(),
            compliance=self._compliance,
        )
        crashpoints.at("inbound.read")
        await self._take(box, items)
        crashpoints.at("inbound.stored")
        self._timers.expect_reassembly()
        if box.replies:
            self._offer()
        if any(item.kind == "status-report" for item in items):
            self._timers.expect_evidence()

    async def _take(self, box: Box, items: Sequence[Received]) -> None:
        try:
            await self._store.write(lambda tx: inbound.take(tx, box, items))
        except StoreError:
            raise
        except Exception:
            # A defect of ours with one of them. It would come again with every sweep, and the others with it, for ever.
            if len(items) > 1:
                for item in items:
                    await self._take(box, [item])
                return
            log.exception("%s: a PDU met a defect; it is kept raw", box.line)
            await self._store.write(lambda tx: inbound.keep_raw(tx, box, items[0]))

    async def released(self, line: str, iccid: str, items: Sequence[Received]) -> None:
        now = self._clock.now()
        crashpoints.at("inbound.deleted")
        self._in_background(lambda tx: inbound.released(tx, iccid, items, now))
        crashpoints.at("inbound.released")

    async def swept(self, line: str, iccid: str, memory: str, listed: Sequence[Received]) -> None:
        now = self._clock.now()
        self._lines.swept(line)
        self._timers.expect_settlement()
        if await self._store.read(lambda tx: bool(tx.parts.unreleased(iccid, memory))):
            await self._store.write(lambda tx: inbound.swept(tx, iccid, memory, listed, now))

    def state_changed(self, line: str, state: LineState) -> None:
        self._lines.state_changed(line, state)
        code = ALERTS.get(state.state, NO_NETWORK if state.state == "searching" and state.error else "")
        if state.state not in UNDECIDED:
            self._alert(line, code, state.error or state.state)
        for code, text in WARNINGS.items():
            self._warn(line, code, text, over=code not in state.warnings)

    def submitted(self, line: str, outcome: Outcome) -> None:
        """What came of a submit: a SIM that may not send needs a person, and says so until it may again."""
        if outcome.state is SegmentState.SENT:
            self._lines.refused(line, "")
            for code in set(REFUSALS.values()):
                self._warn(line, code, "", over=True)
        elif (code := REFUSALS.get(outcome.refusal, "")) and outcome.error is not None:
            text = f"{CODES[code].meaning} ({outcome.error[1]})"
            self._lines.refused(line, text)
            self._warn(line, code, text, over=False)

    def down(self, line: str) -> None:
        self._lines.down(line)

    def _alert(self, line: str, code: str, text: str) -> None:
        before = self._alerts.get(line, "")
        if code == before:
            return
        now = self._clock.now()
        if before:
            well = f"{line} is well again" if not code else text
            self._in_background(lambda tx: alerts.tell(tx, before, well, line, now, over=True))
        if code:
            self._in_background(lambda tx: alerts.tell(tx, code, f"{line}: {text}", line, now, lasting=True))
        self._alerts[line] = code

    def _warn(self, line: str, code: str, text: str, *, over: bool) -> None:
        if over == ((line, code) not in self._warned):
            return
        now = self._clock.now()
        self._warned.symmetric_difference_update({(line, code)})
        told = f"{line} is well again" if over else f"{line}: {text}"
        self._in_background(lambda tx: alerts.tell(tx, code, told, line, now, over=over, lasting=True))

    def _in_background(self, change: Callable[[Tx], T]) -> None:
        """A change that nobody waits for; that it failed is logged. Losing it costs nothing that a sweep does not mend."""

        def done(future: asyncio.Future[T]) -> None:
            if not future.cancelled() and (error := future.exception()) is not None:
                log.error("not stored: %s", error)

        self._store.write(change).add_done_callback(done)
