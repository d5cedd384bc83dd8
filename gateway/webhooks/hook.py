"""One configured webhook."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.messaging.model import EventKind

KINDS = tuple(kind.value for kind in EventKind if kind is not EventKind.SEND_RESULT)
"""What a webhook can be told about. A command's result goes to who gave the command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where which events go. `secret` signs; `allow_private` lets targets be in the local network."""

    name: str
    url: str
    secret: str
    events: frozenset[str] = frozenset(KINDS)
    allow_private: bool = False
    concurrency: int = 4
    timeout_s: float = 15.0
