"""The base: what 27.005 and 27.007 promise, with the tolerance that most modems need."""

from __future__ import annotations

from gateway.modem.profiles.profile import Profile

GENERIC = Profile(name="generic", notes="generic.md")
