"""Quectel modules."""

from __future__ import annotations

from dataclasses import replace

from gateway.modem.profiles.generic import GENERIC
from gateway.modem.profiles.profile import Query, SignalQuery, TimeQuery

_QUECTEL = replace(
    GENERIC,
    name="quectel",
    manufacturers=("quectel",),
    errors="quectel",  # quectel.md#errors
    voltage=Query(command="AT+CBC", prefixes=("+CBC:",), field=2, scale=0.001),  # quectel.md#voltage
)

EC25 = replace(
    _QUECTEL,
    name="quectel-ec25",
    notes="quectel.md",
    models=("ec25", "eg25", "ec21", "eg21", "ec20", "eg91", "eg95"),
    usb_init=('AT+QURCCFG="urcport","usbat"',),  # quectel.md#wiring
    iccid=(Query(command="AT+QCCID", prefixes=("+QCCID:",)), *GENERIC.iccid),  # quectel.md#iccid
    pin_attempts=(  # quectel.md#pin
        Query(command="AT+QPINC?", prefixes=("+QPINC:",), field=1, label="SC"),
        *GENERIC.pin_attempts,
    ),
    temperature=Query(command="AT+QTEMP", prefixes=("+QTEMP:",)),  # quectel.md#temperature
    signal=SignalQuery(command="AT+QCSQ", prefix="+QCSQ:", reader="qcsq"),  # quectel.md#radio
    time=TimeQuery(init="AT+CTZU=3"),  # quectel.md#time
)

EC200 = replace(EC25, name="quectel-ec200", models=("ec200", "ec600"))  # quectel.md#ec200

EC200S = replace(EC200, name="quectel-ec200s", models=("ec200s",), calls=False)  # quectel.md#ec200

M66 = replace(
    _QUECTEL,
    name="quectel-m66",
    notes="quectel-m66.md",
    models=("m66", "m95", "mc60"),
    only_access="gsm",  # quectel-m66.md#radio
    acknowledge=False,  # quectel-m66.md#direct
)
