"""The tables of what is kept for people to look at, beside texts; and what retention takes away."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from gateway.messaging.alerts import AlertTable


class Records(Protocol):
    """No rule decides by what is in here."""

    @property
    def alerts(self) -> AlertTable: ...


class OldRows(Protocol):
    """What is old and finished, deleted a few rows at a time; each call says where the next one goes on, None at the end."""

    def delete_messages(
        self, after: int, before: datetime, settled_before: datetime, counted_since: datetime, limit: int
    ) -> int | None: ...
    def delete_assemblies(self, after: int, before: datetime, limit: int) -> int | None: ...
    def delete_parts(self, after: int, before: datetime, limit: int) -> int | None: ...
    def delete_reports(self, after: int, before: datetime, limit: int) -> int | None: ...
    def delete_commands(self, after: int, before: datetime, limit: int) -> int | None: ...
    def delete_alerts(self, after: int, before: datetime, limit: int) -> int | None: ...
    def delete_calls(self, after: int, before: datetime, limit: int) -> int | None: ...
    def delete_events(self, after: int, before: datetime, read: int, limit: int) -> int | None: ...
