"""The simulated network: one service centre that routes between emulated modems and virtual phones.

Every number that is no modem's is a virtual phone: it accepts everything. What a modem cannot take now waits here,
as at a real service centre, and is delivered when the modem is reachable or has room again.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway.clock import Clock
from gateway.emulator import tpdu
from gateway.emulator.commands.table import cms
from gateway.emulator.faults import Stage
from gateway.emulator.network import validity
from gateway.emulator.network.calls import Switch
from gateway.emulator.network.centres import Centres
from gateway.emulator.network.forwarding import Forwarding
from gateway.emulator.network.mailbox import Mailbox, Queue
from gateway.emulator.network.phones import Phone, Phones, key
from gateway.emulator.network.receipts import MAX_REPORTS, Receipt, Reported
from gateway.emulator.network.ussd import Ussd
from gateway.emulator.network_config import NetworkConfig
from gateway.emulator.outcomes import EXPIRED, ST, arrives
from gateway.emulator.reception import Item, Verdict

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem

TRAVEL_S = (4.5, 8.0)  # from accepted to delivered or reported when timing is realistic: after the slowest +CMGS answer
MAX_SUBMITTED = 100_000
MAX_WAITING = 100_000  # per modem and kind; what comes on top is lost, and counted
NO_CREDIT = 21  # CMS: short message transfer rejected, which is what an empty account looks like
ROUNDING = 1e-9
RETRY_S = (1.0, 3.0)  # how soon a service centre tries again after "memory available", when timing is realistic


@dataclass(slots=True)
class Submitted:
    """One SMS-SUBMIT that the network took; `pdu` as the client wrote it, `time` in monotonic seconds."""

    n: int
    modem: str
    to: str
    mr: int
    wants_report: bool
    pdu: bytes
    time: float
    arrived: float | None = None  # at a phone


class Network:
    """The service centre. All methods run on the event loop; nothing blocks."""

    def __init__(self, config: NetworkConfig, clock: Clock, *, realistic: bool = False) -> None:
        self.clock = clock
        self.realistic = realistic
        self._loop = asyncio.get_running_loop()
        self._modems: dict[str, Modem] = {}
        self._mailboxes: dict[str, Mailbox] = {}
        self._parked: dict[str, Mailbox] = {}  # of SIMs that were taken out, by number
        self._addresses: dict[str, bytes] = {}
        self.lost = 0  # what no mailbox had room for
        self.under_way = 0  # TPDUs on their way to a modem's mailbox
        self._generation = 0  # what was scheduled before a reset does not happen any more
        self.submitted: deque[Submitted] = deque(maxlen=MAX_SUBMITTED)
        self.reported: deque[Reported] = deque(maxlen=MAX_REPORTS)
        self._reports = 0
        self.accepted = 0
        self._balances: dict[str, float] = {}  # of prepaid SIMs, by number, once they have sent something
        self.phones = Phones()
        self.forwarding = Forwarding()
        self.calls = Switch(self)
        self.ussd = Ussd(self)
        self.configure(config)

    def configure(self, config: NetworkConfig) -> None:
        """Takes over `config`; its random numbers start again from the seed."""
        self.config = config
        self._rng = random.Random(config.seed)  # noqa: S311  reproducible, not secret
        self.centres = Centres(config, self.clock)
        self.ussd.configure(config.ussd)

    def attach(self, modem: Modem) -> None:
        """Makes the modem reachable by its number."""
        self._modems[key(modem.config.number)] = modem
        self._addresses[modem.config.name] = tpdu.address(modem.config.number)
        self._mailboxes[modem.config.name] = Mailbox()

    def renumber(self, modem: Modem, old: str) -> None:
        """Another SIM is in the modem. What waits for the one that was in before waits until it is back."""
        number = modem.config.number
        del self._modems[key(old)]
        self._modems[key(number)] = modem
        self._addresses[modem.config.name] = tpdu.address(number)
        self._parked[old] = self._mailboxes[modem.config.name]
        self._mailboxes[modem.config.name] = self._parked.pop(number, Mailbox())
        self.flush(modem)

    def reset(self) -> None:
        """Forgets every message: waiting, under way, or recorded."""
        self._generation += 1
        self.under_way = self.lost = 0
        self.submitted.clear()
        self.reported.clear()
        self.accepted = self._reports = 0
        self._parked.clear()
        for name in self._mailboxes:
            self._mailboxes[name] = Mailbox()
        self._balances.clear()
        for part in (self.phones, self.forwarding, self.calls, self.ussd):
            part.reset()

    def modem_of(self, number: str) -> Modem | None:
        """The modem with the SIM of that number, None when it is a phone's."""
        return self._modems.get(key(number))

    def left(self, modem: Modem, *, powered: bool) -> None:
        """The modem can no longer be reached: its calls and its USSD session are over."""
        self.calls.lost(modem, powered=powered)
        self.ussd.lost(modem)

    def balance_text(self, number: str) -> str:
        """What is left on the account of a prepaid SIM, with two decimals."""
        return f"{self._balances.get(number, self.config.balance or 0.0):.2f}"

    def _charge(self, number: str) -> None:
        """Takes the price of one text from a prepaid account. Raises a CMS error where there is too little on it."""
        if self.config.balance is None:
            return
        left = self._balances.get(number, self.config.balance) - self.config.text_price
        if left < -ROUNDING:
            raise cms(NO_CREDIT)
        self._balances[number] = left

    def chance(self, least: float, most: float) -> float:
        """A number between the two, from the network's seed."""
        return self._rng.uniform(least, most)

    # time

    def local_time(self) -> datetime:
        """What the main service centre's clock shows."""
        return self.centres.main.local_time()

    def _later(self, delay: float, action: Callable[..., None], *arguments: Any) -> None:
        self.under_way += 1
        if delay <= 0:
            self._loop.call_soon(self._do, self._generation, action, *arguments)
        else:
            self._loop.call_later(delay, self._do, self._generation, action, *arguments)

    def _do(self, generation: int, action: Callable[..., None], *arguments: Any) -> None:
        if generation == self._generation:
            self.under_way -= 1
            action(*arguments)

    # from the modems

    def submit(self, modem: Modem, submit: tpdu.Submit, text: bytes) -> int:
        """Takes a SUBMIT from `modem` and returns its TP-MR; `text`: the PDU as hex, with the address of its centre.

        Raises a CMS error where the centre is not there, the recipient is refused, or the account is empty.
        """
        to = submit.to
        pdu = bytes.fromhex(text.decode("ascii"))
        centre = self.centres.of(tpdu.centre_of(pdu[: 1 + pdu[0]]), modem.sim.smsc)
        centre.check(to)
        self._charge(modem.config.number)
        mr = modem.next_mr()
        self.accepted += 1
        now = self.clock.monotonic()
        sent = Submitted(self.accepted, modem.config.name, to, mr, submit.wants_report, text, now)
        self.submitted.append(sent)
        scts = centre.timestamp()
        outcome = self.config.outcomes.get(to) or self.phones.outcome(to)
        sts = ST[outcome or self.config.reports]
        wanted = submit.wants_report and bool(sts)
        receipt = Receipt(network=self, modem=modem, centre=centre, mr=mr, ra=submit.da, scts=scts, wanted=wanted)
        if outcome and not arrives(outcome):
            receipt.send(sts)
            return mr
        period = validity.seconds(submit.vpf, submit.vp, centre.local_time())
        item = Item(
            octets=b"",
            report=False,
            taken=lambda: receipt.send(sts),
            centre=centre.address,
            expires=now + (centre.validity_s if period is None else period) * self.config.validity_scale,
            expired=lambda: receipt.send((EXPIRED,)),
        )
        target = self.modem_of(to)
        if target is None:
            self._to_phone(sent, item)
        else:
            item.octets = tpdu.deliver(submit, self._addresses[modem.config.name], scts)
            self.route(target, item)
        return mr

    def _to_phone(self, sent: Submitted, item: Item) -> None:
        if self.config.drop and self._rng.random() < self.config.drop:
            return
        phone = self.phones.known(sent.to)
        if phone is not None and not phone.takes:
            phone.waiting.append((sent, item))
            self._watch_expiry(item, phone)
        else:
            self._arrived(sent, item, phone)

    def _arrived(self, sent: Submitted, item: Item, phone: Phone | None) -> None:
        sent.arrived = self.clock.monotonic()
        if phone is not None:
            phone.stored += 1
        _stop_watching(item)
        if item.taken is not None:
            item.taken()

    def phone_changed(self, phone: Phone) -> None:
        """A phone may be able to take what waited for it."""
        while phone.waiting and phone.takes:
            sent, item = phone.waiting.popleft()
            self._arrived(sent, item, phone)

    def send_report(self, modem: Modem, to: str, mr: int, st: int, item: Item) -> None:
        """Sends a status report to `modem`, with the delays and repeats that the network has."""
        self._reports += 1
        self.reported.append(Reported(self._reports, modem.config.name, to, mr, st, self.clock.monotonic()))
        config, rng = self.config, self._rng
        for _ in range(2 if config.report_repeat and rng.random() < config.report_repeat else 1):
            delay = config.report_delay_s + self._travel(config.report_jitter_s)
            for more in _delays(modem, item):
                self._later(delay + more, self._arrive, modem, item)

    def _watch_expiry(self, item: Item, where: Queue | Phone) -> None:
        if item.expires is not None and item.timer is None:
            delay = max(0.0, item.expires - self.clock.monotonic())
            item.timer = self._loop.call_later(delay, self._expire, self._generation, item, where)

    def _expire(self, generation: int, item: Item, where: Queue | Phone) -> None:
        if generation == self._generation and where.take(item) and item.expired is not None:
            item.expired()

    def _travel(self, jitter_s: float) -> float:
        """What chance adds to a delay."""
        jitter = self._rng.uniform(0, jitter_s) if jitter_s else 0.0
        return jitter + (self._rng.uniform(*TRAVEL_S) if self.realistic else 0.0)

    # to the modems

    def route(self, modem: Modem, item: Item, delay_s: float = 0.0) -> None:
        """Sends a message to `modem`, with the delays, losses and repeats that the network has."""
        config, rng = self.config, self._rng
        if config.drop and rng.random() < config.drop:
            return
        copies = 2 if config.repeat and rng.random() < config.repeat else 1
        for _ in range(copies):
            delay = delay_s + config.delay_s + self._travel(config.jitter_s)
            if config.reorder and rng.random() < config.reorder:
                delay += config.reorder_s
            for more in _delays(modem, item):
                self._later(delay + more, self._arrive, modem, item)

    def _arrive(self, modem: Modem, item: Item) -> None:
        queue = self._mailboxes[modem.config.name].queue(item)
        if len(queue.items) >= MAX_WAITING:
            self.lost += 1
            return
        queue.items.append(item)
        self._work_off(modem, queue)
        if queue.items:
            self._watch_expiry(item, queue)

    def returned(self, modem: Modem, item: Item) -> None:
        """A delivery that was not acknowledged: first in line for the next occasion."""
        queue = self._mailboxes[modem.config.name].queue(item)
        queue.items.appendleft(item)
        self._watch_expiry(item, queue)

    def flush(self, modem: Modem) -> None:
        """The modem may be able to take more: what waits is tried again in the next turn of the loop."""
        mailbox = self._mailboxes.get(modem.config.name)
        if mailbox is None:
            return
        mailbox.messages.full = mailbox.reports.full = False
        if mailbox and not mailbox.scheduled:
            mailbox.scheduled = True
            self._loop.call_soon(self._deliver_waiting, modem)

    def room_made(self, modem: Modem) -> None:
        """ "Memory available" (23.040 3.3.2)."""
        if self._mailboxes[modem.config.name]:
            self._later(self._rng.uniform(*RETRY_S) if self.realistic else 0, self.flush, modem)

    def waiting(self, modem: Modem) -> int:
        """How many TPDUs wait at the service centre for the modem."""
        return len(self._mailboxes[modem.config.name])

    def _deliver_waiting(self, modem: Modem) -> None:
        mailbox = self._mailboxes[modem.config.name]
        mailbox.scheduled = False
        self._work_off(modem, mailbox.messages)
        self._work_off(modem, mailbox.reports)

    def _work_off(self, modem: Modem, queue: Queue) -> None:
        while queue.items and not queue.full:
            item = queue.items[0]
            verdict = modem.reception.take(item)
            if verdict in (Verdict.TAKEN, Verdict.OWED):
                queue.items.popleft()
                _stop_watching(item)
                if verdict is Verdict.TAKEN and item.taken is not None:
                    item.taken()
            else:
                queue.full = verdict is Verdict.FULL
                return


def _stop_watching(item: Item) -> None:
    if item.timer is not None:
        item.timer.cancel()
        item.timer = None


def _delays(modem: Modem, item: Item) -> tuple[float, ...]:
    """When the copies of a TPDU arrive, beyond what it takes anyway: one, unless a fault of the modem wants otherwise."""
    if not modem.faults.active:
        return (0.0,)
    fault = modem.faults.take(Stage.NETWORK, "report" if item.report else "message")
    return (0.0,) if fault is None else _COPIES[fault.kind](fault.delay_s)


_COPIES: Mapping[str, Callable[[float], tuple[float, ...]]] = {
    "message-repeat": lambda delay_s: (0.0, delay_s),
    "message-late": lambda delay_s: (delay_s,),
    "report-repeat": lambda delay_s: (0.0, delay_s),
    "report-late": lambda delay_s: (delay_s,),
    "report-lost": lambda _: (),
}
