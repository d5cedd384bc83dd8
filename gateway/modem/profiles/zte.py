"""ZTE sticks of the MF series."""

from __future__ import annotations

from dataclasses import replace

from gateway.modem.profiles.generic import GENERIC
from gateway.modem.profiles.profile import AccessQuery, Query

ZTE_MF = replace(
    GENERIC,
    name="zte-mf",
    notes="zte-mf.md",
    manufacturers=("zte",),
    extra_init=("AT+CPMS?", "AT+ZOPRT=5"),  # zte-mf.md#noise
    iccid=(*GENERIC.iccid, Query(command="AT+ZGETICCID", prefixes=("+ZGETICCID:",))),  # zte-mf.md#iccid
    pin_attempts=(Query(command="AT+ZPINPUK=?", prefixes=("+ZPINPUK:",)), *GENERIC.pin_attempts),  # zte-mf.md#pin
    access=AccessQuery(  # zte-mf.md#radio
        command="AT+ZPAS?",
        prefix="+ZPAS:",
        field=0,
        words={
            "gsm": "gsm",
            "gprs": "gsm",
            "edge": "gsm",
            "umts": "umts",
            "hsdpa": "umts",
            "hsupa": "umts",
            "hspa": "umts",
            "hspa+": "umts",
            "lte": "lte",
            "no service": "",
            "limited service": "",
        },
    ),
    cnmi_modes=(1,),  # zte-mf.md#indications
)
