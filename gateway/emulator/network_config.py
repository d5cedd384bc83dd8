"""How the simulated network is: service centres, delays, losses, reports, USSD, accounts, ringing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.emulator.outcomes import ST
from gateway.emulator.ussd_tree import tree as ussd_tree
from gateway.errors import ConfigError

NUMBER = re.compile(r"\+?[0-9]{1,20}")
DELAYS = ("delay_s", "jitter_s", "reorder_s", "report_delay_s", "report_jitter_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class CentreConfig:
    """One more service centre. `utc_offset_quarters` and `validity_s`: None is what the network has."""

    number: str
    utc_offset_quarters: int | None = None
    clock_offset_s: float = 0.0  # how far its clock is ahead
    validity_s: float | None = None
    refuse: Mapping[str, int] = field(default_factory=dict)  # recipient or * -> CMS error of the submit


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """How the service centre treats what it routes. Probabilities are 0 … 1, drawn from one seeded generator."""

    seed: int = 1
    smsc: str = "+491710760000"
    utc_offset_quarters: int = 8  # of service-centre timestamps; not 0, so that an ignored offset shows
    delay_s: float = 0.0
    jitter_s: float = 0.0
    reorder: float = 0.0  # probability that a part is overtaken by those behind it
    reorder_s: float = 0.05
    repeat: float = 0.0  # probability that a part is delivered twice
    drop: float = 0.0  # probability that a part is lost between service centre and recipient
    reports: str = "delivered"  # or another of `outcomes.ST`
    outcomes: Mapping[str, str] = field(default_factory=dict)  # recipient -> the same; what fails does not arrive
    report_delay_s: float = 0.0
    report_jitter_s: float = 0.0
    report_repeat: float = 0.0  # probability that a report comes twice
    refuse: Mapping[str, int] = field(default_factory=dict)  # recipient or * -> CMS error of the submit
    centre: Sequence[CentreConfig] = ()  # further service centres; with any, those not known are refused
    validity_s: float = 172_800.0  # of a message that says nothing of it
    validity_scale: float = 1.0  # below 1 validity periods run out sooner
    # code -> text, or a table of text, replies, m, delay_s, raw; `*` for any other; {code} and {balance} are filled in
    ussd: Mapping[str, Any] = field(default_factory=lambda: {"*": "Answer to {code}"})
    ussd_timeout_s: float = 60.0  # how long the network waits for a reply
    balance: float | None = None  # of every SIM at the start; left out: no prepaid accounts
    text_price: float = 0.09
    ring_interval_s: float = 0.0  # 0: 5 s, or 0.05 s when nothing takes time
    no_answer_s: float = 60.0  # how long a call rings


def _check_refusals(refuse: Mapping[str, int], where: str) -> None:
    if any(not isinstance(code, int) or not 0 <= code <= 65535 for code in refuse.values()):
        raise ConfigError(f"{where}: refuse: must be CMS error codes by recipient")


def _check_centre(centre: CentreConfig, where: str) -> None:
    if not NUMBER.fullmatch(centre.number):
        raise ConfigError(f"{where}: number: must be 1 to 20 digits, with or without +")
    if centre.utc_offset_quarters is not None and not -48 <= centre.utc_offset_quarters <= 56:
        raise ConfigError(f"{where}: utc_offset_quarters: must be -48 to 56 quarters of an hour")
    if centre.validity_s is not None and centre.validity_s <= 0:
        raise ConfigError(f"{where}: validity_s: must be positive")
    _check_refusals(centre.refuse, where)


def check_network(network: NetworkConfig, where: str = "network") -> None:
    """Raises ConfigError when a value of the network is out of its range."""
    if not NUMBER.fullmatch(network.smsc):
        raise ConfigError(f"{where}: smsc: must be 1 to 20 digits, with or without +")
    if not -48 <= network.utc_offset_quarters <= 56:
        raise ConfigError(f"{where}: utc_offset_quarters: must be -48 to 56 quarters of an hour")
    _check_refusals(network.refuse, where)
    if network.reports not in ST:
        raise ConfigError(f"{where}: reports: must be one of {', '.join(ST)}")
    if any(outcome not in ST for outcome in network.outcomes.values()):
        raise ConfigError(f"{where}: outcomes: must be one of {', '.join(ST)} by recipient")
    for n, centre in enumerate(network.centre):
        _check_centre(centre, f"{where}: centre[{n}]")
    if network.validity_s <= 0 or network.validity_scale <= 0:
        raise ConfigError(f"{where}: validity_s and validity_scale: must be positive")
    for name in ("reorder", "repeat", "drop", "report_repeat"):
        if not 0 <= getattr(network, name) <= 1:
            raise ConfigError(f"{where}: {name}: must be a probability, 0 to 1")
    ussd_tree(network.ussd, f"{where}: ussd")
    if network.text_price < 0:
        raise ConfigError(f"{where}: text_price: must not be negative")
    for name in (*DELAYS, "ussd_timeout_s", "ring_interval_s", "no_answer_s"):
        if not 0 <= getattr(network, name) <= 86400:
            raise ConfigError(f"{where}: {name}: must be 0 to 86400 seconds")
