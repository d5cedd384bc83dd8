"""The one account that this gateway is, in Twilio's words."""

from __future__ import annotations

from dataclasses import dataclass, field

API_VERSION = "2010-04-01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """`sid`: `AC` and 32 hexadecimal digits; `token` lets a client in and signs what goes to applications.

    `region`: for numbers without `+`.
    """

    sid: str
    token: str = field(repr=False)
    region: str | None = None
