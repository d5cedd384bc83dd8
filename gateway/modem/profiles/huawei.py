"""Huawei sticks that still have AT ports (E173 … E3372 with stick firmware)."""

from __future__ import annotations

from dataclasses import replace

from gateway.modem.profiles.generic import GENERIC
from gateway.modem.profiles.profile import AccessQuery, Query, SignalQuery

HUAWEI_STICK = replace(
    GENERIC,
    name="huawei-stick",
    notes="huawei-stick.md",
    manufacturers=("huawei",),
    errors="huawei",  # huawei-stick.md#errors
    extra_init=("AT^CURC=0",),  # huawei-stick.md#noise
    iccid=(Query(command="AT^ICCID?", prefixes=("^ICCID:",)), *GENERIC.iccid),  # huawei-stick.md#iccid
    pin_attempts=(  # huawei-stick.md#pin
        Query(command="AT^CPIN?", prefixes=("^CPIN:",), field=3),
        *GENERIC.pin_attempts,
    ),
    temperature=Query(command="AT^CHIPTEMP?", prefixes=("^CHIPTEMP:",), scale=0.1),  # huawei-stick.md#temperature
    access=AccessQuery(  # huawei-stick.md#radio
        command="AT^SYSINFO", prefix="^SYSINFO:", field=3, words={"3": "gsm", "5": "umts", "15": "umts"}
    ),
    receive_memories=("SM", "ME"),  # huawei-stick.md#storage
    negative_acknowledge="",  # huawei-stick.md#direct
    reset="AT^RESET",  # huawei-stick.md#reset
    ussd_packed=True,  # huawei-stick.md#ussd
)

HUAWEI_E3372 = replace(
    HUAWEI_STICK,
    name="huawei-e3372",
    models=("e3372",),
    signal=SignalQuery(command="AT^HCSQ?", prefix="^HCSQ:", reader="hcsq"),  # huawei-stick.md#radio
    access=None,  # huawei-stick.md#radio
    ussd_packed=False,  # huawei-stick.md#ussd
)
