"""Times as people give them on the command line."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import click

from gateway.clock import SystemClock, rfc3339

UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
EXAMPLES = "24h, 7d, 2026-02-03 or 2026-02-03T04:05:06Z"

_AGO = re.compile(r"(\d{1,6})([mhdw])", re.ASCII)


def moment(text: str) -> str:
    """So long ago, a day, or a time; without an offset those of this machine's zone → RFC 3339. Raises BadParameter."""
    try:
        if (ago := _AGO.fullmatch(text)) is not None:
            return rfc3339(SystemClock().now() - int(ago[1]) * UNITS[ago[2]])
        return rfc3339(datetime.fromisoformat(text).astimezone())
    except (ValueError, OverflowError) as exc:
        raise click.BadParameter(f"{text!r:.60} is no time; give {EXAMPLES}") from exc


MOMENT: dict[str, Any] = {"type": moment, "metavar": "TIME"}
"""How an option takes a time."""


def local(moment: str) -> str:
    """RFC 3339 as a date and a time of this machine's zone."""
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M:%S}"


def offset_now() -> str:
    """This machine's offset to UTC, as `+02:00`."""
    return SystemClock().now().astimezone().isoformat()[-6:]
