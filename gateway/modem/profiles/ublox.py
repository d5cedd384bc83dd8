"""u-blox modules."""

from __future__ import annotations

from dataclasses import replace

from gateway.modem.profiles.generic import GENERIC
from gateway.modem.profiles.profile import Query, SignalQuery

_UBLOX = replace(
    GENERIC,
    name="ublox",
    notes="ublox.md",
    manufacturers=("u-blox", "ublox"),
    errors="ublox",  # ublox.md#errors
    pin_attempts=(Query(command="AT+UPINCNT", prefixes=("+UPINCNT:",)), *GENERIC.pin_attempts),  # ublox.md#pin
    temperature=Query(command="AT+UTEMP?", prefixes=("+UTEMP:",), scale=0.1),  # ublox.md#temperature
    signal=SignalQuery(command="AT+CESQ", prefix="+CESQ:", reader="cesq"),  # ublox.md#radio
    reset="AT+CFUN=16",  # ublox.md#reset
)

SARA_R4 = replace(
    _UBLOX,
    name="ublox-sara-r4",
    models=("sara-r4",),
    calls=False,  # ublox.md#calls
    ussd=False,  # ublox.md#calls
)

LARA = replace(_UBLOX, name="ublox-lara", models=("lara-", "toby-"))  # ublox.md#calls

SARA_U2 = replace(_UBLOX, name="ublox-sara-u2", models=("sara-u2", "lisa-u2"))  # ublox.md#calls
