"""What one modem family is, as data. A family is the base with what differs; nothing else asks who made a modem.

Texts are templates: `{rssi}`, `{iccid}`, `{volts}` … are what `conditions.py` and `commands/facts.py` know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.emulator import dialects


@dataclass(frozen=True, slots=True, kw_only=True)
class Cnmi:
    """What `+CNMI=?` offers, and what is refused although it is offered.

    `needs_mode`: (field, value) -> the only modes with it. `refused_modes`: offered, never taken.
    """

    modes: tuple[int, ...] = (0, 1, 2)
    mts: tuple[int, ...] = (0, 1, 2, 3)
    bms: tuple[int, ...] = (0, 2)
    dss: tuple[int, ...] = (0, 1, 2)
    bfrs: tuple[int, ...] = (0, 1)
    needs_mode: Mapping[tuple[str, int], tuple[int, ...]] = field(default_factory=dict)
    refused_modes: tuple[int, ...] = ()

    @property
    def ranges(self) -> tuple[tuple[int, ...], ...]:
        return (self.modes, self.mts, self.bms, self.dss, self.bfrs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tty:
    """One tty of a modem by its USB interface number.

    Roles: `at` (the one to use), `at2` and `modem` (answer AT too), `nmea` (prints sentences), `diag` and `log` (binary),
    `audio` (silent). `urcs`: whether unsolicited lines leave here as well; on `at` they always do.
    """

    interface: int
    role: str
    urcs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """What a reset or power-off command does: its final result ("": none), what is said after it, and how it ends.

    `then`: `reboot` (comes back by itself) or `off` (needs power again).
    """

    then: str
    final: str = "OK"
    says: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nag:
    """A line that comes again and again until one of `until` was sent."""

    text: str
    period_s: float
    until: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Personality:
    """How one modem family answers. Delays in seconds: (least, most), drawn when the timing is realistic."""

    name: str
    notes: str = "generic.md"  # page in firmware-notes/
    usb: str = ""  # vendor and product id; "" on a UART, where it is that of some bridge
    # identity
    manufacturer: str = "GENERIC"
    model: str = "HM-1"
    revision: str = "1.0"
    ati: tuple[str, ...] = ("GENERIC HM-1",)
    ati_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # ATI9 and its like: number -> lines
    refused: frozenset[str] = frozenset()  # basic commands that the family answers by ERROR, as `Q0`
    identity_prefix: Mapping[str, str] = field(default_factory=dict)  # command -> prefix of its answer
    capabilities: str = "+CGSM,+DS,+ES"
    # ttys
    ttys: tuple[Tty, ...] = (Tty(interface=0, role="at"),)
    uart: bool = False  # behind a serial line: the port stays while the modem restarts
    # messages
    cnmi: Cnmi = field(default_factory=Cnmi)
    memories: Mapping[str, int] = field(default_factory=lambda: {"SM": 50, "ME": 100, "SR": 50})
    memory_choice: tuple[tuple[str, ...], ...] = (("SM", "ME", "SR"), ("SM", "ME"), ("SM", "ME"))
    memory_default: str = "SM"
    report_memory: str = "SR"  # where +CDSI reports lie
    first_index: int = 1
    empty_slot: int | None = 321  # CMS error of CMGR on an empty slot; None: just OK
    cms_words: Mapping[int, str] = field(default_factory=dict)  # what +CMEE=2 calls the maker's own errors
    sms_busy: int = 302  # CMS error of message commands before the memories are loaded
    csms_services: tuple[int, ...] = (0, 1)
    cnma_numbers: bool = True  # whether +CNMA takes a number or a PDU
    cnma_loss_disables: bool = True  # 27.005 3.4.1: without CNMA in time, mt and ds fall back to 0
    push_indication: str = ""  # what +CMTI has behind the index for a WAP push
    cds_header: str = "+CDS: {length}"
    full_urc: str = ""  # sent when a message did not fit; {memory} is filled in
    full_silences: bool = False  # from then on nothing is indicated, until the memory is listed
    full_urc_if: str = ""  # the setting without which it is not sent
    prompt_abort: str = "OK"  # answer to ESC at the prompt; "": nothing
    # commands
    charsets: tuple[str, ...] = ("IRA", "GSM", "UCS2")
    unknown_command: str = ""  # final result of a command that is not there; "": as +CMEE says
    unknown_vendor: str = "ERROR"  # the same for commands that begin with ^ or $
    registers: Mapping[str, tuple[int, tuple[int, ...]]] = field(default_factory=dict)  # name -> (default, allowed)
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # +QCFG and its like: key -> default values
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the only values of some of them
    # Queries of the family: `+CMD?`, `+CMD=?`, `+CMD` or `+CMD="key"` -> information text ("" is just OK). `by_access`
    # has a text for each access technology and one for none (""); `of_sim` needs a SIM.
    fixed: Mapping[str, str] = field(default_factory=dict)
    by_access: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    of_sim: Mapping[str, str] = field(default_factory=dict)
    vendor: frozenset[str] = frozenset()  # commands of commands/vendor.py that the family has
    absent: frozenset[str] = frozenset()  # commands of the base that the family lacks
    accesses: tuple[str, ...] = ("lte", "umts", "gsm")  # what the radio can do; the first one is the usual one
    tells_access: bool = True  # whether +CREG and +COPS name the access technology
    services: frozenset[str] = frozenset({"call", "ussd"})  # what there is besides messages
    calls: dialects.CallDialect = dialects.PLAIN_CALLS
    ussd: dialects.UssdDialect = dialects.PLAIN_USSD
    # power
    power: Mapping[str, Power] = field(default_factory=lambda: {"+CFUN=1,1": Power(then="reboot")})
    boot: tuple[tuple[float, str], ...] = ((1.0, "+CPIN: {sim}"),)
    boot_noise: bytes = b""  # what a UART shows when the power comes
    deaf_s: float = 0.0  # after power-on: what is written before is not heard
    low_voltage: tuple[tuple[int, str, bool], ...] = ()  # below so many mV: the warning, and whether power ends
    undervoltage: str = ""  # last words of a brown-out, where the family has any
    remembers: tuple[str, ...] = ()  # fields of `Settings` that the module saves over power cycles
    # by themselves
    idle_urcs: tuple[tuple[float, str], ...] = ()  # period and text, when the timing is realistic
    idle_urcs_if: str = ""  # the register that silences them at 0
    radio_urcs: tuple[tuple[str, str], ...] = ()  # setting ("" always) and text, when the signal changes
    nag: Nag | None = None
    # time
    command_delay: tuple[float, float] = (0.005, 0.030)
    submit_delay: tuple[float, float] = (1.0, 4.0)
    sim_ready_s: float = 1.0  # after power-on: +CPIN? says READY, …
    sms_ready_s: float = 2.0  # … messages can be used, …
    registered_s: float = 3.0  # … and the network is there
    reboot_s: float = 10.0
