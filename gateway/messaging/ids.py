"""Message ids: `SM` and the 32 hex digits of a UUIDv7 (RFC 9562), so that ids sort by time."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from gateway.clock import Clock

_RANDOM_BITS = 62
_COUNTER_BITS = 12


def id_maker(clock: Clock, prefix: str = "SM") -> Callable[[], str]:
    """A function that gives a new id at each call; ids of one maker rise strictly, also within a millisecond."""
    last_ms = 0
    counter = 0

    def make() -> str:
        nonlocal last_ms, counter
        ms = int(clock.now().timestamp() * 1000)
        if ms > last_ms:
            last_ms, counter = ms, 0
        else:  # same millisecond, or a clock that was set back: stay above what was given out
            counter += 1
            if counter >> _COUNTER_BITS:
                last_ms, counter = last_ms + 1, 0
        high = (last_ms << 16) | 0x7000 | counter
        low = (0b10 << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
        return f"{prefix}{(high << 64) | low:032x}"

    return make
