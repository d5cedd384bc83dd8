"""SIMCom modules."""

from __future__ import annotations

from dataclasses import replace

from gateway.modem.profiles.generic import GENERIC
from gateway.modem.profiles.profile import Query

SIM7600 = replace(
    GENERIC,
    name="sim7600",
    notes="sim7600.md",
    manufacturers=("simcom",),
    models=("sim7600", "sim7500"),
    extra_init=("AT+CTZR=0",),  # sim7600.md#noise
    iccid=(Query(command="AT+CICCID", prefixes=("+ICCID:",)), *GENERIC.iccid),  # sim7600.md#iccid
    pin_attempts=(Query(command="AT+SPIC", prefixes=("+SPIC:",)), *GENERIC.pin_attempts),  # sim7600.md#pin
    temperature=Query(command="AT+CPMUTEMP", prefixes=("+CPMUTEMP:",)),  # sim7600.md#temperature
    receive_memories=("ME", "SM"),  # sim7600.md#storage
    reset="AT+CRESET",  # sim7600.md#reset
)
