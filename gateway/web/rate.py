"""How many requests a client may make: a bucket that fills evenly, told in the headers of each answer."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

from gateway.clock import Clock

MAX_CLIENTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How a client stands after a request. `reset_s`: until the bucket is full again; `wait_s`: until the next one."""

    limit: int
    remaining: int
    reset_s: float
    wait_s: float = 0.0

    @property
    def exceeded(self) -> bool:
        return self.wait_s > 0

    def headers(self) -> dict[str, str]:
        if self.limit == 0:
            return {}
        told = {
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(self.remaining),
            "ratelimit-reset": str(math.ceil(self.reset_s)),
        }
        return told | ({"retry-after": str(math.ceil(self.wait_s))} if self.exceeded else {})


class Rates:
    """One bucket a client. `per_minute`: its size and what flows in within a minute; 0 means no limit."""

    def __init__(self, per_minute: int, clock: Clock) -> None:
        self._size = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # client → content, when

    def take(self, client: str) -> Limits:
        """Takes one out of the client's bucket, if there is one."""
        if self._size == 0:
            return Limits(limit=0, remaining=0, reset_s=0)
        now, pace = self._clock.monotonic(), self._size / 60
        content, when = self._buckets.pop(client, (float(self._size), now))
        content = min(self._size, content + (now - when) * pace)
        wait_s = 0.0 if content >= 1 else (1 - content) / pace
        content -= 0 if wait_s else 1
        self._buckets[client] = (content, now)
        while len(self._buckets) > MAX_CLIENTS:
            self._buckets.popitem(last=False)
        return Limits(limit=self._size, remaining=int(content), reset_s=(self._size - content) / pace, wait_s=wait_s)
