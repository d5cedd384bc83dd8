"""How a modem takes a mobile-terminated message: stored or direct, indicated, acknowledged (27.005 3.4.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from gateway.emulator import tpdu
from gateway.emulator.faults import Stage
from gateway.emulator.replies import wrong_length
from gateway.emulator.storage import Memory, Stat, Stored

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem

MAX_BUFFERED = 32  # indications kept while +CNMI mode is 0
BROADCAST_SHOWN = (2, 3)  # <bm>: all, or class 3 at least, which has no other way here
PID_TYPE_0 = 0x40  # 23.040 9.2.3.9: acknowledged, never shown or stored
PID_REPLACE = range(0x41, 0x48)
WAP_PUSH = 2948  # port
WRONG_LENGTH = frozenset({"wrong-length"})


class Verdict(Enum):
    """What became of a delivery attempt."""

    TAKEN = "taken"  # acknowledged to the service centre
    FULL = "full"  # memory capacity exceeded: the service centre keeps it until there is room
    LATER = "later"  # not reachable, or an earlier acknowledgement is owed
    OWED = "owed"  # handed to the client, which owes +CNMA


@dataclass(slots=True, kw_only=True, eq=False)
class Item:
    """A TPDU on its way to a modem. `taken` is called once it is acknowledged, `expired` when it waited too long.

    `centre`: address of the service centre that brings it; b"": the network's main one. `expires`: monotonic seconds.
    """

    octets: bytes
    report: bool
    taken: Callable[[], None] | None = None
    centre: bytes = b""
    expires: float | None = None
    expired: Callable[[], None] | None = None
    timer: asyncio.TimerHandle | None = None


class Reception:
    """The receiving half of a modem."""

    def __init__(self, modem: Modem) -> None:
        self._modem = modem
        self._owed: Item | None = None
        self._owed_timer: asyncio.TimerHandle | None = None
        self._buffered: list[str] = []

    @property
    def owes(self) -> bool:
        """Whether a CNMA is expected."""
        return self._owed is not None

    def take(self, item: Item) -> Verdict:
        """One delivery attempt of the service centre."""
        if not (self._modem.registered and self._modem.sms_ready) or self._modem.plight.deaf:
            return Verdict.LATER
        return self._take_report(item) if item.report else self._take_message(item)

    def _take_report(self, item: Item) -> Verdict:
        mode, _, _, ds, _ = self._modem.settings.cnmi
        if ds == 1 and mode:
            return self._direct(item, self._modem.personality.cds_header.format(length=len(item.octets)))
        memory = self._modem.memories.get(self._modem.personality.report_memory)
        if ds != 2 or memory is None:
            return Verdict.LATER  # nobody wants it now; a modem without ds=2 has no memory for it either
        return self._store(item, memory, "+CDSI")

    def _take_message(self, item: Item) -> Verdict:
        mode, mt, _, _, _ = self._modem.settings.cnmi
        dcs = tpdu.deliver_dcs(item.octets)
        message_class = None if dcs is None else tpdu.message_class(dcs)
        pid = tpdu.deliver_pid(item.octets)
        if pid == PID_TYPE_0:
            return Verdict.TAKEN
        direct = (mt == 2 and message_class != 2) or (mt == 3 and message_class == 3) or (message_class == 0 and mt > 0)
        if direct and mode:
            return self._direct(item, f"+CMT: ,{len(item.octets)}")
        name = "SM" if message_class == 2 else self._modem.settings.memories[2]
        return self._store(item, self._modem.memory(name), "+CMTI" if mt else "", replaces=pid in PID_REPLACE)

    def broadcast(self, page: bytes) -> bool:
        """A page of a cell broadcast: shown where +CNMI and +CSCB want it, else it has passed. Returns which."""
        modem = self._modem
        mode, _, bm, _, _ = modem.settings.cnmi
        if not (modem.registered and mode and bm in BROADCAST_SHOWN) or modem.plight.deaf:
            return False
        if not modem.settings.listening.hears(page):
            return False
        modem.urc(f"+CBM: {len(page)}\r\n{page.hex().upper()}")
        return True

    def _direct(self, item: Item, header: str) -> Verdict:
        if self._owed is not None:
            return Verdict.LATER
        faults = self._modem.faults
        fault = faults.take(Stage.REPLY, header, WRONG_LENGTH) if faults.active else None
        header = header if fault is None else wrong_length(header, fault.by)
        self._modem.urc(f"{header}\r\n{self.hex(item)}")
        if not self._modem.settings.csms:
            return Verdict.TAKEN
        self._owed = item
        self._owed_timer = self._modem.later(self._modem.config.cnma_timeout_s, self._unacknowledged)
        return Verdict.OWED

    def _store(self, item: Item, memory: Memory, indication: str, *, replaces: bool = False) -> Verdict:
        faults = self._modem.faults
        fault = faults.take(Stage.DELIVER, indication) if faults.active else None
        if fault is not None and fault.kind == "other-memory":
            memory = self._modem.memories[fault.memory]
        stored = Stored(self.hex(item), len(item.octets), Stat.REC_UNREAD)
        index = self._replaced(item, memory, stored) if replaces else None
        if index is None:
            index = memory.put(stored)
        if index is None:
            memory.silent = self._modem.personality.full_silences
            if self._modem.personality.full_urc and self._modem.enabled(self._modem.personality.full_urc_if):
                self._modem.urc(self._modem.personality.full_urc.format(memory=memory.name))
            return Verdict.FULL
        if indication and not memory.silent and (fault is None or fault.kind != "no-indication"):
            self._indicate(f'{indication}: "{memory.name}",{index}{self._kind(item)}')
        return Verdict.TAKEN

    def _kind(self, item: Item) -> str:
        """What the family adds to an indication of a WAP push."""
        added = self._modem.personality.push_indication
        return added if added and not item.report and tpdu.destination_port(item.octets) == WAP_PUSH else ""

    @staticmethod
    def _replaced(item: Item, memory: Memory, stored: Stored) -> int | None:
        """23.040 9.2.3.9: a message of the same replace type and originator gives way."""
        key = tpdu.originator_and_pid(item.octets)
        for index, old in memory.slots.items():
            octets = bytes.fromhex(old.pdu)
            if tpdu.originator_and_pid(octets[1 + octets[0] :]) == key:
                memory.slots[index] = stored
                return index
        return None

    def hex(self, item: Item) -> str:
        """The PDU as AT shows it, with the service centre's address in front."""
        return ((item.centre or self._modem.network.centres.main.address) + item.octets).hex().upper()

    # indications

    def _indicate(self, line: str) -> None:
        if self._modem.settings.cnmi[0]:
            self._modem.urc(line)
        elif len(self._buffered) < MAX_BUFFERED:
            self._buffered.append(line)

    def cnmi_changed(self) -> None:
        """+CNMI was set: buffered indications are flushed (bfr 0) or cleared (1), and what waited is tried again."""
        mode, _, _, _, bfr = self._modem.settings.cnmi
        if mode:
            lines, self._buffered = self._buffered, []
            for line in lines if not bfr else ():
                self._modem.loop.call_soon(self._modem.urc, line)
        self._modem.network.flush(self._modem)

    # acknowledgement

    def acknowledged(self, positive: bool) -> None:
        """CNMA. A negative one sends the message back to the service centre, which keeps it for the next occasion."""
        item, self._owed = self._owed, None
        if self._owed_timer is not None:
            self._owed_timer.cancel()
        if item is None:
            return
        if positive:
            if item.taken is not None:
                item.taken()
            self._modem.network.flush(self._modem)
        else:
            self._modem.network.returned(self._modem, item)

    def _unacknowledged(self) -> None:
        item, self._owed = self._owed, None
        if self._modem.personality.cnma_loss_disables:
            self._modem.settings.cnmi[1] = self._modem.settings.cnmi[3] = 0
        if item is not None:
            self._modem.network.returned(self._modem, item)
            self._modem.network.flush(self._modem)

    def power_lost(self) -> None:
        item, self._owed = self._owed, None
        self._buffered.clear()
        if item is not None:
            self._modem.network.returned(self._modem, item)

    def forget(self) -> None:
        self._owed = None
        self._buffered.clear()
