"""Service centres: number, clock, what each refuses, and which of them a SUBMIT goes to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from gateway.emulator import tpdu
from gateway.emulator.commands.table import cms
from gateway.emulator.network.phones import key

if TYPE_CHECKING:
    from gateway.clock import Clock
    from gateway.emulator.network_config import CentreConfig, NetworkConfig

UNKNOWN_ADDRESS, OUT_OF_ORDER = 330, 38  # CMS: there is no address; there is nobody at it
ANY = "*"


class Centre:
    """One service centre."""

    def __init__(
        self, number: str, clock: Clock, quarters: int, ahead_s: float, refuse: Mapping[str, int], validity_s: float
    ) -> None:
        self.number = number
        self.address = tpdu.service_centre(number)
        self.validity_s = validity_s
        self._clock = clock
        self._zone = timezone(timedelta(minutes=15 * quarters))
        self._ahead = timedelta(seconds=ahead_s)
        self._refuse = refuse
        self._stamp: tuple[int, bytes] = (0, b"")

    def local_time(self) -> datetime:
        """What its clock shows."""
        return self._clock.now().astimezone(self._zone) + self._ahead

    def timestamp(self) -> bytes:
        """TP-SCTS of now; made once a second."""
        second = int(self._clock.monotonic())
        if self._stamp[0] != second or not self._stamp[1]:
            self._stamp = (second, tpdu.timestamp(self.local_time()))
        return self._stamp[1]

    def check(self, to: str) -> None:
        """Raises the CMS error with which it refuses a message for `to`."""
        code = self._refuse.get(to, self._refuse.get(ANY))
        if code is not None:
            raise cms(code)


class Centres:
    """The main one, and those that are configured beside it."""

    def __init__(self, config: NetworkConfig, clock: Clock) -> None:
        self.main = Centre(config.smsc, clock, config.utc_offset_quarters, 0.0, config.refuse, config.validity_s)
        self._known = {key(one.number): _centre(one, config, clock) for one in config.centre}
        self._strict = bool(self._known)
        self._known.setdefault(key(config.smsc), self.main)

    def of(self, address: str, configured: str) -> Centre:
        """The one that a PDU names (`address`), or else the SIM (`configured`). Raises CMS 330 and 38."""
        number = address or configured
        if not number:
            raise cms(UNKNOWN_ADDRESS)
        found = self._known.get(key(number))
        if found is None and self._strict:
            raise cms(OUT_OF_ORDER)
        return found or self.main


def _centre(one: CentreConfig, network: NetworkConfig, clock: Clock) -> Centre:
    quarters = network.utc_offset_quarters if one.utc_offset_quarters is None else one.utc_offset_quarters
    validity_s = network.validity_s if one.validity_s is None else one.validity_s
    return Centre(one.number, clock, quarters, one.clock_offset_s, one.refuse, validity_s)
