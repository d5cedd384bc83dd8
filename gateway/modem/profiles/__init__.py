"""Modem families: the table of profiles, and which of them fits what a modem says of itself."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.modem.profiles.generic import GENERIC
from gateway.modem.profiles.huawei import HUAWEI_STICK
from gateway.modem.profiles.profile import Profile, Query
from gateway.modem.profiles.simcom import SIM7600

__all__ = ["Profile", "Query", "detect", "profiles"]

_PROFILES: dict[str, Profile] = {one.name: one for one in (GENERIC, HUAWEI_STICK, SIM7600)}


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
