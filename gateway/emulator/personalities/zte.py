"""ZTE MF sticks. firmware-notes/zte-mf.md"""

from __future__ import annotations

from dataclasses import replace

from gateway.emulator.personalities.generic import GENERIC, RESET
from gateway.emulator.personalities.personality import Cnmi, Nag, Personality, Tty

ZTE_MF: Personality = replace(
    GENERIC,
    name="zte-mf",
    notes="zte-mf.md",
    manufacturer="ZTE INCORPORATED",
    model="MF627",
    revision="BD_3GHAP673A4V1.0.0B02",
    ati=(
        "Manufacturer: ZTE INCORPORATED",
        "Model: MF627",
        "Revision: BD_3GHAP673A4V1.0.0B02",
        "IMEI: {imei}",
        "+GCAP: +CGSM,+FCLASS,+DS",
    ),
    capabilities="+CGSM,+FCLASS,+DS",
    usb="19d2:0031",
    ttys=(Tty(interface=0, role="diag"), Tty(interface=1, role="modem"), Tty(interface=3, role="at")),
    cnmi=Cnmi(refused_modes=(2,), dss=(0, 1)),  # zte-mf.md#indications
    memories={"SM": 30, "ME": 100},
    memory_choice=(("SM", "ME"), ("SM", "ME"), ("SM", "ME")),
    cds_header="+CDS: ,{length}",  # zte-mf.md#indications
    prompt_abort="",  # zte-mf.md#prompt
    unknown_command="ERROR",
    registers={"+ZOPRT": (5, (5, 6)), "+ZCPG": (0, (0, 1))},
    of_sim={"+ZGETICCID": "+ZGETICCID: {iccid}"},  # zte-mf.md#iccid
    fixed={"+ZPINPUK=?": "+ZPINPUK: {pin_tries},{puk_tries}", "+ZSNT?": "+ZSNT: 0,0,0"},
    by_access={
        "+ZPAS?": {"umts": '+ZPAS: "UMTS","CS_PS"', "gsm": '+ZPAS: "EDGE","CS_PS"', "": '+ZPAS: "No Service"'},
    },
    vendor=frozenset(),
    absent=frozenset({"+CEREG", "+CESQ"}),
    accesses=("umts", "gsm"),
    power={"+CFUN=1,1": RESET},
    boot=((0.5, "+ZDONR: 1"), (1.0, '+ZPASR: "UMTS"')),
    tells_access=False,  # zte-mf.md#radio
    nag=Nag(text="+ZUSIMR:2", period_s=2.0, until=("+CPMS?",)),  # zte-mf.md#noise
    reboot_s=12.0,
)
