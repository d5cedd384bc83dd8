"""Status reports on their way back to the modem that asked for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.emulator import tpdu
from gateway.emulator.reception import Item

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem
    from gateway.emulator.network.centres import Centre
    from gateway.emulator.network.core import Network

MAX_REPORTS = 100_000


@dataclass(frozen=True, slots=True)
class Reported:
    """One status report that left the service centre; `time` in monotonic seconds."""

    n: int
    modem: str
    to: str
    mr: int
    st: int
    time: float


@dataclass(slots=True, kw_only=True)
class Receipt:
    """What a report of one message needs. Without `wanted` nothing is sent."""

    network: Network
    modem: Modem
    centre: Centre
    mr: int
    ra: bytes
    scts: bytes
    wanted: bool

    def send(self, sts: Sequence[int]) -> None:
        """Sends the reports of one outcome, once: a repeated part is reported once."""
        if not self.wanted:
            return
        self.wanted = False
        for st in sts:
            octets = tpdu.status_report(self.mr, self.ra, self.scts, self.centre.timestamp(), st)
            item = Item(octets=octets, report=True, centre=self.centre.address)
            self.network.send_report(self.modem, tpdu.number(self.ra), self.mr, st, item)
