"""Telit modules."""

from __future__ import annotations

from dataclasses import replace

from gateway.modem.profiles.generic import GENERIC
from gateway.modem.profiles.profile import AccessQuery, Query

LE910 = replace(
    GENERIC,
    name="telit-le910",
    notes="telit-le910.md",
    manufacturers=("telit",),
    models=("le910",),
    errors="telit",  # telit-le910.md#errors
    extra_init=("AT#QSS=1",),  # telit-le910.md#sim
    iccid=(Query(command="AT#CCID", prefixes=("#CCID:",)), *GENERIC.iccid),  # telit-le910.md#iccid
    pin_attempts=(Query(command="AT#PCT", prefixes=("#PCT:",)), *GENERIC.pin_attempts),  # telit-le910.md#pin
    temperature=Query(command="AT#TEMPMON=1", prefixes=("#TEMPMEAS:",), field=1),  # telit-le910.md#temperature
    voltage=Query(command="AT#CBC", prefixes=("#CBC:",), field=1, scale=0.01),  # telit-le910.md#voltage
    access=AccessQuery(  # telit-le910.md#radio
        command="AT#PSNT?",
        prefix="#PSNT:",
        field=1,
        words={"0": "gsm", "1": "gsm", "2": "umts", "3": "umts", "4": "lte"},
    ),
    reset="AT#REBOOT",  # telit-le910.md#reset
)
