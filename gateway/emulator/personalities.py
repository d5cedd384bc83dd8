"""Modem families as data: one base, and per family only what differs from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Cnmi:
    """What `+CNMI=?` offers, and combinations that are refused although offered: ((field, value), allowed modes)."""

    modes: tuple[int, ...] = (0, 1, 2)
    mts: tuple[int, ...] = (0, 1, 2, 3)
    bms: tuple[int, ...] = (0, 2)
    dss: tuple[int, ...] = (0, 1, 2)
    bfrs: tuple[int, ...] = (0, 1)
    needs_mode: Mapping[tuple[str, int], tuple[int, ...]] = field(default_factory=dict)

    @property
    def ranges(self) -> tuple[tuple[int, ...], ...]:
        return (self.modes, self.mts, self.bms, self.dss, self.bfrs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Personality:
    """How one modem family answers. Delays in seconds: (least, most), drawn when the timing is realistic."""

    name: str
    manufacturer: str = "GENERIC"
    model: str = "HM-1"
    revision: str = "1.0"
    ati: tuple[str, ...] = ("GENERIC HM-1",)
    identity_prefix: Mapping[str, str] = field(default_factory=dict)  # command -> prefix of its answer
    cnmi: Cnmi = field(default_factory=Cnmi)
    charsets: tuple[str, ...] = ("IRA", "GSM", "UCS2")
    memories: Mapping[str, int] = field(default_factory=lambda: {"SM": 50, "ME": 100, "SR": 50})
    memory_choice: tuple[tuple[str, ...], ...] = (("SM", "ME", "SR"), ("SM", "ME"), ("SM", "ME"))
    memory_default: str = "SM"
    first_index: int = 1
    empty_slot: int | None = 321  # CMS error of CMGR on an empty slot; None: just OK
    unknown_command: str = ""  # final result of a command that is not there; "": as +CMEE says
    unknown_vendor: str = "ERROR"  # the same for commands that begin with ^ or $
    prompt_abort: str = "OK"  # answer to ESC at the prompt; "": nothing
    csms_services: tuple[int, ...] = (0, 1)
    cnma_loss_disables: bool = True  # 27.005 3.4.1: without CNMA in time, mt and ds fall back to 0
    undervoltage: str = ""  # last words of a brown-out, where the family has any
    full_urc: str = ""  # sent when a message did not fit; {memory} is filled in
    registers: Mapping[str, tuple[int, tuple[int, ...]]] = field(default_factory=dict)  # name -> (default, allowed)
    fixed: Mapping[str, str] = field(default_factory=dict)  # "+CMD?" -> its information text ("" is just OK)
    absent: frozenset[str] = frozenset()  # commands of the base that the family lacks
    boot: tuple[tuple[float, str], ...] = ((1.0, "+CPIN: READY"),)
    idle_urcs: tuple[tuple[float, str], ...] = ()  # period and text, when the timing is realistic
    command_delay: tuple[float, float] = (0.005, 0.030)
    submit_delay: tuple[float, float] = (1.0, 4.0)
    sim_ready_s: float = 1.0  # after power-on: +CPIN? says READY, …
    sms_ready_s: float = 2.0  # … messages can be used, …
    registered_s: float = 3.0  # … and the network is there
    reboot_s: float = 10.0


GENERIC = Personality(name="generic")

HUAWEI_E3372 = replace(
    GENERIC,
    name="huawei-e3372",
    manufacturer="huawei",
    model="E3372",
    revision="21.180.01.00.00",
    ati=("Manufacturer: huawei", "Model: E3372", "Revision: 21.180.01.00.00", "IMEI: {imei}", "+GCAP: +CGSM,+DS,+ES"),
    memories={"SM": 40, "ME": 100, "SR": 20},
    first_index=0,
    unknown_command="ERROR",
    unknown_vendor="COMMAND NOT SUPPORT",
    prompt_abort="ERROR",
    full_urc='^SMMEMFULL:"{memory}"',
    sim_ready_s=0.5,
    registers={
        "^CURC": (1, (0, 1)),
        "^USSDMODE": (0, (0, 1)),
        "^DSCI": (0, (0, 1)),
        "^PREFMODE": (2, (2, 4, 8)),
        "^CVOICE": (0, (0, 1)),
    },
    fixed={
        "^CVOICE?": "^CVOICE:0,8000,16,20",
        "^SYSINFO": "^SYSINFO:2,3,0,6,1,,6",
        "^SYSINFOEX": '^SYSINFOEX:2,3,0,1,,6,"LTE",101,"LTE"',
        "^HCSQ?": '^HCSQ:"LTE",48,35,86,14',
        "^SETPORT?": "^SETPORT:A1,A2;12,16",
        "^GETPORTMODE": "^GETPORTMODE: TYPE: WCDMA: huawei,MDM:0,DIAG:1,PCUI:2",
        "^CHIPTEMP?": "^CHIPTEMP:410,650,650,65535,65535",
        "^RFSWITCH?": "^RFSWITCH:1,1",
        "^SIMST?": "^SIMST:1",
    },
    absent=frozenset({"+CICCID", "+CCID", "+SPIC", "+CRESET", "+CPOF", "+CPMUTEMP"}),
    boot=((0.5, "^SIMST:1"), (1.5, "^SRVST:2"), (2.0, "^MODE:5,4"), (2.5, "^RSSI:20")),
    idle_urcs=((5.0, "^RSSI:20"), (20.0, "^BOOT:27710117,0,0,0,75"), (7.0, '^HCSQ:"LTE",48,35,86,14')),
)

SIM7600 = replace(
    GENERIC,
    name="sim7600",
    manufacturer="SIMCOM INCORPORATED",
    model="SIMCOM_SIM7600E-H",
    revision="LE20B04SIM7600M22",
    ati=(
        "Manufacturer: SIMCOM INCORPORATED",
        "Model: SIMCOM_SIM7600E-H",
        "Revision: SIM7600M22_V2.0.1",
        "IMEI: {imei}",
        "+GCAP: +CGSM",
    ),
    identity_prefix={"+CGMR": "+CGMR: "},
    cnmi=Cnmi(needs_mode={("mt", 3): (1,), ("ds", 1): (1,), ("mt", 2): (1, 2)}),
    memories={"SM": 50, "ME": 23, "SR": 20},
    memory_choice=(("ME", "MT", "SM", "SR"), ("ME", "MT", "SM"), ("ME", "SM")),
    memory_default="ME",
    first_index=0,
    empty_slot=None,
    unknown_command="ERROR",
    registers={"+AUTOCSQ": (0, (0, 1)), "+CNSMOD": (0, (0, 1)), "+DDET": (0, (0, 1)), "+CPCMFRM": (0, (0, 1))},
    fixed={
        "+CPSI?": "+CPSI: LTE,Online,262-01,0x1A2B,28013570,101,EUTRAN-BAND3,1300,5,5,-94,-850,-567,15",
        "+CNSMOD?": "+CNSMOD: 0,8",
        "+CPMUTEMP": "+CPMUTEMP: 34",
        "+CBC": "+CBC: 3.9V",
        "+CGSMS?": "+CGSMS: 3",
    },
    absent=frozenset({"^ICCID", "^CPIN", "^RESET", "+CCID"}),
    boot=((1.0, "+CPIN: READY"), (4.0, "SMS DONE"), (6.0, "PB DONE")),
    submit_delay=(1.0, 3.0),
    sms_ready_s=4.0,
)

SIM800 = replace(
    GENERIC,
    name="sim800",
    manufacturer="SIMCOM_Ltd",
    model="SIMCOM_SIM800C",
    revision="Revision:1418B05SIM800C24",
    ati=("SIM800 R14.18",),
    cnmi=Cnmi(modes=(0, 1, 2, 3), bms=(0, 2), dss=(0, 1)),  # no ds=2: reports come as +CDS only
    charsets=("IRA", "GSM", "UCS2", "HEX", "PCCP", "PCDN", "8859-1"),
    memories={"SM": 30, "ME": 50},
    memory_choice=(("SM", "ME", "MT"), ("SM", "ME", "MT"), ("SM", "ME", "MT")),
    unknown_command="ERROR",
    undervoltage="UNDER-VOLTAGE POWER DOWN",
    sms_ready_s=4.0,
    absent=frozenset({"^ICCID", "^CPIN", "^RESET", "+CICCID", "+CRESET", "+CEREG", "+CESQ", "+CVHU"}),
    boot=((0.2, "RDY"), (0.4, "+CFUN: 1"), (1.0, "+CPIN: READY"), (3.0, "Call Ready"), (4.0, "SMS Ready")),
)

_ALL = (GENERIC, HUAWEI_E3372, SIM7600, SIM800)
PERSONALITIES: dict[str, Personality] = {one.name: one for one in _ALL}
ALIASES = {"huawei": "huawei-e3372", "e3372": "huawei-e3372", "simcom": "sim7600"}


def personality(name: str) -> Personality | None:
    """The personality of that name or alias, None when there is none."""
    return PERSONALITIES.get(ALIASES.get(name, name))
