"""Modem families as data: one base, and per family only what differs from it."""

from __future__ import annotations

from gateway.emulator.personalities.generic import GENERIC
from gateway.emulator.personalities.huawei import HUAWEI_E173, HUAWEI_E3372, HUAWEI_E3372H
from gateway.emulator.personalities.personality import Cnmi, Nag, Personality, Power, Tty
from gateway.emulator.personalities.quectel import EC25, EC200, EG25, M66
from gateway.emulator.personalities.simcom import A7670, SIM800, SIM7070, SIM7600
from gateway.emulator.personalities.telit import LE910
from gateway.emulator.personalities.ublox import SARA_R4, SARA_U2
from gateway.emulator.personalities.zte import ZTE_MF

__all__ = ["ALIASES", "PERSONALITIES", "Cnmi", "Nag", "Personality", "Power", "Tty", "personality"]

_SIMCOM = (SIM800, SIM7600, SIM7070, A7670)
_QUECTEL = (EC25, EG25, EC200, M66)
_ALL = (GENERIC, HUAWEI_E173, HUAWEI_E3372, HUAWEI_E3372H, *_SIMCOM, *_QUECTEL, LE910, SARA_R4, SARA_U2, ZTE_MF)
PERSONALITIES: dict[str, Personality] = {one.name: one for one in _ALL}
ALIASES = {
    "huawei": "huawei-e3372",
    "e3372": "huawei-e3372",
    "e173": "huawei-e173",
    "simcom": "sim7600",
    "sim800c": "sim800",
    "sim7600e": "sim7600",
    "quectel": "ec25",
    "telit": "le910",
    "zte": "zte-mf",
}


def personality(name: str) -> Personality | None:
    """The personality of that name or alias, None when there is none."""
    return PERSONALITIES.get(ALIASES.get(name, name))
