"""Modem families: the table of profiles, and which of them fits what a modem says of itself."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.modem.profiles.generic import GENERIC
from gateway.modem.profiles.huawei import HUAWEI_E3372, HUAWEI_STICK
from gateway.modem.profiles.profile import AccessQuery, Profile, Query, SignalQuery
from gateway.modem.profiles.quectel import EC25, EC200, EC200S, M66
from gateway.modem.profiles.simcom import A7670, SIM800, SIM7070, SIM7600
from gateway.modem.profiles.telit import LE910
from gateway.modem.profiles.ublox import LARA, SARA_R4, SARA_U2
from gateway.modem.profiles.zte import ZTE_MF

__all__ = ["AccessQuery", "Profile", "Query", "SignalQuery", "detect", "profiles"]

# The narrower one first: "ec200s" is an "ec200", which has "ec20" in it.
_ALL = (
    HUAWEI_E3372,
    HUAWEI_STICK,
    SIM800,
    SIM7600,
    A7670,
    SIM7070,
    EC200S,
    EC200,
    EC25,
    M66,
    LE910,
    SARA_R4,
    LARA,
    SARA_U2,
    ZTE_MF,
    GENERIC,
)
_PROFILES: dict[str, Profile] = {one.name: one for one in _ALL}


def profiles() -> Mapping[str, Profile]:
    """Every profile by its name."""
    return _PROFILES


def detect(manufacturer: str, model: str, ati: str) -> Profile:
    """The profile that fits the answers to +CGMI, +CGMM and ATI; the generic one when none does."""
    makers, kinds = f"{manufacturer} {ati}".lower(), f"{model} {ati}".lower()
    for profile in _PROFILES.values():
        if any(one in makers for one in profile.manufacturers) and (
            not profile.models or any(one in kinds for one in profile.models)
        ):
            return profile
    return GENERIC
