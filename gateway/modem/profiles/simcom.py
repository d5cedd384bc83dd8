"""SIMCom modules."""

from __future__ import annotations

from dataclasses import replace

from gateway.modem.profiles.generic import GENERIC
from gateway.modem.profiles.profile import Query, SignalQuery, TimeQuery

_SIMCOM = replace(GENERIC, name="simcom", manufacturers=("simcom",), errors="simcom")  # simcom.md#errors

SIM800 = replace(
    _SIMCOM,
    name="sim800",
    notes="sim800.md",
    models=("sim800", "sim808", "sim868", "sim900"),
    pin_attempts=(Query(command="AT+SPIC", prefixes=("+SPIC:",)), *GENERIC.pin_attempts),  # sim800.md#pin
    temperature=Query(command="AT+CMTE?", prefixes=("+CMTE:",), field=1),  # sim800.md#temperature
    voltage=Query(command="AT+CBC", prefixes=("+CBC:",), field=2, scale=0.001),  # sim800.md#voltage
    only_access="gsm",  # sim800.md#radio
    time=TimeQuery(init="AT+CLTS=1"),  # sim800.md#time
    cnmi_dss=(1, 0),  # sim800.md#indications
    submit_timeout_s=60,  # sim800.md#submit
)

SIM7600 = replace(
    _SIMCOM,
    name="sim7600",
    notes="sim7600.md",
    models=("sim7600", "sim7500"),
    extra_init=("AT+CTZR=0",),  # sim7600.md#noise
    iccid=(Query(command="AT+CICCID", prefixes=("+ICCID:",)), *GENERIC.iccid),  # sim7600.md#iccid
    pin_attempts=(Query(command="AT+SPIC", prefixes=("+SPIC:",)), *GENERIC.pin_attempts),  # sim7600.md#pin
    temperature=Query(command="AT+CPMUTEMP", prefixes=("+CPMUTEMP:",)),  # sim7600.md#temperature
    voltage=Query(command="AT+CBC", prefixes=("+CBC:",)),  # sim7600.md#voltage
    signal=SignalQuery(command="AT+CPSI?", prefix="+CPSI:", reader="cpsi"),  # sim7600.md#radio
    receive_memories=("ME", "SM"),  # sim7600.md#storage
    reset="AT+CRESET",  # sim7600.md#reset
)

A7670 = replace(
    SIM7600,
    name="a7670",
    notes="a7670.md",
    manufacturers=("simcom", "incorporated"),  # a7670.md#identity
    models=("a7670", "a7600", "a7602", "a7608"),
    signal=None,  # a7670.md#radio
)

SIM7070 = replace(
    _SIMCOM,
    name="sim7070",
    notes="sim7070.md",
    models=("sim7070", "sim7080", "sim7090"),
    voltage=Query(command="AT+CBC", prefixes=("+CBC:",), field=2, scale=0.001),  # sim7070.md#voltage
    signal=SignalQuery(command="AT+CPSI?", prefix="+CPSI:", reader="cpsi"),  # sim7070.md#radio
    calls=False,  # sim7070.md#calls
    ussd=False,  # sim7070.md#calls
)
