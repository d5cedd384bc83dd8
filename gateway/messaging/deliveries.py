"""Deliveries of events to web hooks: one row each, from the event's commit until the receiver has it or we gave up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LONGEST_PAUSE = timedelta(hours=27)
"""No attempt is put off for longer: a day, and what is left to chance."""


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event for one webhook.

    `id` stays the same over all attempts, so that the receiver can drop repeats. `subject` is the message (or modem) that
    the event is about: deliveries of one webhook and subject keep their order. `next_at`: not before.
    """

    id: str
    webhook: str
    seq: int
    kind: str
    subject: str
    body: str
    created_at: datetime
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    next_at: datetime | None = None
    updated_at: datetime | None = None
    status: int | None = None  # of the last answer
    error: str = ""
