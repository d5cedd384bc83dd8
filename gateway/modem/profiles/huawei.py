"""Huawei sticks that still have AT ports (E173 … E3372 with stick firmware)."""

from __future__ import annotations

from dataclasses import replace

from gateway.modem.profiles.generic import GENERIC
from gateway.modem.profiles.profile import Query

HUAWEI_STICK = replace(
    GENERIC,
    name="huawei-stick",
    notes="huawei-stick.md",
    manufacturers=("huawei",),
    extra_init=("AT^CURC=0",),  # huawei-stick.md#noise
    iccid=(Query(command="AT^ICCID?", prefixes=("^ICCID:",)), *GENERIC.iccid),  # huawei-stick.md#iccid
    pin_attempts=(  # huawei-stick.md#pin
        Query(command="AT^CPIN?", prefixes=("^CPIN:",), field=3),
        *GENERIC.pin_attempts,
    ),
    temperature=Query(command="AT^CHIPTEMP?", prefixes=("^CHIPTEMP:",), scale=0.1),  # huawei-stick.md#temperature
    receive_memories=("SM", "ME"),  # huawei-stick.md#storage
    negative_acknowledge="",  # huawei-stick.md#direct
    reset="AT^RESET",
)
