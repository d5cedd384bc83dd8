"""What one modem family does differently, as data. Nothing outside this folder asks who made a modem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A command whose answer has one value of interest.

    `prefixes`: how its information line may begin. `label`: only the line whose first field is this one counts.
    `field` counts from 0; `scale` is what one unit of the value is worth.
    """

    command: str
    prefixes: tuple[str, ...]
    field: int = 0
    label: str = ""
    scale: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalQuery:
    """A command that tells more of the radio than +CSQ. `reader`: a key of `gateway.modem.signal.READERS`."""

    command: str
    prefix: str
    reader: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessQuery:
    """A command that tells the access technology in a word or number of its own.

    `words`: that value, in lower case → "gsm", "umts", "lte" or "nr"; "" for none.
    """

    command: str
    prefix: str
    field: int
    words: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeQuery:
    """How a modem is asked for the time that the network told it. `init`: has it taken over from the network.

    `utc`: the time shown is UTC, whatever the offset beside it; else it is local time.
    """

    init: str = "AT+CTZU=1"  # 27.007 8.40
    command: str = "AT+CCLK?"  # 27.007 8.15
    prefix: str = "+CCLK:"
    utc: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One family. Every value that differs from the base names the place in firmware-notes/ that says why."""

    name: str
    notes: str  # page in firmware-notes/
    manufacturers: tuple[str, ...] = ()  # lower-case parts of +CGMI, or of ATI
    models: tuple[str, ...] = ()  # lower-case parts of +CGMM, or of ATI; () takes any
    errors: str = ""  # whose +CMS ERROR numbers from 512 on these are: a key of `gateway.at.vendor_codes.VENDORS`
    extra_init: tuple[str, ...] = ()  # commands that help where they exist; an error is no matter
    usb_init: tuple[str, ...] = ()  # the same, on the AT interface of the modem's own USB
    iccid: tuple[Query, ...] = (
        Query(command="AT+CCID", prefixes=("+CCID:", "8", "98")),
        Query(command="AT+CRSM=176,12258,0,0,10", prefixes=("+CRSM:",), field=2),
    )
    pin_attempts: tuple[Query, ...] = (
        Query(command="AT+CPINR", prefixes=("+CPINR:",), field=1, label="SIM PIN"),
        Query(
            command='AT+CSIM=10,"0020000100"', prefixes=("+CSIM:",), field=1
        ),  # VERIFY without a PIN costs no attempt
    )
    temperature: Query | None = None  # degrees Celsius; the first number from `field` on
    voltage: Query | None = None  # volts after `scale`
    signal: SignalQuery | None = None  # beside +CSQ
    access: AccessQuery | None = None  # where +COPS? and +CREG? do not tell
    time: TimeQuery = TimeQuery()  # asked only while the clock of this machine is not trusted
    only_access: str = ""  # a family that has one access technology
    receive_memories: tuple[str, ...] = ("ME", "SM")  # in this order of preference, what +CPMS=? offers for <mem3>
    cnmi_modes: tuple[int, ...] = (2, 1)
    cnmi_mts: tuple[int, ...] = (1, 2)
    cnmi_dss: tuple[int, ...] = (2, 1, 0)
    acknowledge: bool = True  # with direct delivery, take CSMS=1 and answer +CMT/+CDS by +CNMA
    negative_acknowledge: str = "AT+CNMA=2"  # 27.005 4.7: RP-ERROR; "" where the firmware lacks it
    submit_timeout_s: float = 120
    busy_retry_s: float = 60  # how long the SMS part of the modem may say "not ready" after power-up
    reset: str = "AT+CFUN=1,1"
    calls: bool = True  # voice calls
    ussd: bool = True
    ussd_packed: bool = False  # +CUSD takes and gives packed septets as hex instead of characters
    # True where message references count accepted messages only, so that a gap tells of a lost answer
    references_count_accepted: bool = False
