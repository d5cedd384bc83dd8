"""The rules: what is accepted, sent once, received once, and told. No I/O of its own; see `ports` for what it needs."""

from gateway.messaging.lines import LineSettings
from gateway.messaging.service import Service, Settings

__all__ = ["LineSettings", "Service", "Settings"]
