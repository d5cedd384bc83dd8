"""u-blox: SARA-R4 (LTE-M) and SARA-U2 (UMTS), CDC-ACM. firmware-notes/ublox.md"""

from __future__ import annotations

from dataclasses import replace

from gateway.emulator import dialects
from gateway.emulator.personalities.generic import GENERIC, RESET
from gateway.emulator.personalities.personality import Cnmi, Personality, Power, Tty

_FIXED = {
    "+UPINCNT": "+UPINCNT: {pin_tries},3,{puk_tries},10",
    "+UTEMP?": "+UTEMP: {temperature_tenths}",
    "+CIND?": "+CIND: {battery},{bars},1,0,0,0,{roaming},0,0,0,0,0",
}
_POWER = {"+CFUN=16": RESET, "+CFUN=1,1": RESET, "+CPWROFF": Power(then="off")}

SARA_U2: Personality = replace(
    GENERIC,
    name="sara-u2",
    notes="ublox.md",
    manufacturer="u-blox",
    model="SARA-U201",
    revision="23.60",
    ati=("SARA-U201-03S-00",),
    usb="1546:1102",
    ttys=(  # ublox.md#wiring
        Tty(interface=0, role="at"),
        Tty(interface=2, role="at2"),
        Tty(interface=4, role="at2"),
        Tty(interface=8, role="log"),
    ),
    memories={"SM": 50, "ME": 350, "SR": 50},
    memory_choice=(("ME", "MT", "SM", "SR"), ("ME", "MT", "SM"), ("ME", "MT", "SM")),
    memory_default="ME",
    calls=dialects.UBLOX_CALLS,
    registers={
        "+UPSV": (0, (0, 1, 2, 3)),
        "+UCALLSTAT": (0, (0, 1)),
        "+UDTMFD": (0, (0, 1, 2)),
        "+URAT": (1, (0, 1, 2)),
        "+UDCONF": (0, (0, 1)),
    },
    of_sim={"+CCID": "+CCID: {iccid}"},
    fixed=_FIXED,
    vendor=frozenset(),
    absent=frozenset({"+CEREG"}),
    accesses=("umts", "gsm"),
    power=_POWER,  # ublox.md#reset
    boot=((1.0, "+PBREADY"),),  # ublox.md#noise
    reboot_s=10.0,
)

SARA_R4: Personality = replace(
    SARA_U2,
    name="sara-r4",
    model="SARA-R410M-02B",
    revision="L0.0.00.00.05.08 [Apr 17 2019 19:34:02]",
    ati_of={"9": ("L0.0.00.00.05.08,A.02.04",)},  # ublox.md#identity
    ati=("Manufacturer: u-blox", "Model: SARA-R410M-02B", "Revision: L0.0.00.00.05.08 [Apr 17 2019 19:34:02]"),
    usb="05c6:90b2",
    ttys=(Tty(interface=0, role="diag"), Tty(interface=2, role="at")),
    cnmi=Cnmi(dss=(0, 1)),  # ublox.md#storage
    memories={"SM": 20, "ME": 23},
    memory_choice=(("ME", "MT", "SM"), ("ME", "MT", "SM"), ("ME", "SM", "MT")),
    registers={"+UPSV": (0, (0, 1, 4)), "+URAT": (7, (7, 8, 9))},
    absent=frozenset({"+CLVL", "+CRSL", "+VTD", "+CCWA", "+CVHU"}),
    accesses=("lte",),
    calls=dialects.PLAIN_CALLS,
    services=frozenset(),  # ublox.md#calls
    boot=(),  # ublox.md#noise
    submit_delay=(2.0, 8.0),
)
