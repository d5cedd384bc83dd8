"""How much chaos: `SMSGW_CHAOS_SEEDS` is a count ("20") or a range ("21-40"); without it each test has one short go."""

from __future__ import annotations

import os

ASKED = os.environ.get("SMSGW_CHAOS_SEEDS", "")


def seeds() -> range:
    first, dash, last = ASKED.partition("-")
    if dash:
        return range(int(first), int(last) + 1)
    return range(1, int(first or 1) + 1)
