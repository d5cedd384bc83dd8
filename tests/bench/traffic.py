"""What a modem heard and said, from the emulator's recorder: when a command began, when it was answered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tests.support.box import Box

FINAL = re.compile(r"\r\n(OK|ERROR|\+CM[ES] ERROR: [^\r]*)\r\n")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Octets in one direction: `<` to the modem, `>` from it; `time` in monotonic seconds."""

    time: float
    direction: str
    text: str


def chunks(box: Box, modem: str) -> list[Chunk]:
    """Everything that the recorder still has of a modem."""
    found: list[dict[str, Any]] = box.control(f"/recorder?modem={modem}")["chunks"]
    return [Chunk(each["time"], each["direction"], each["text"]) for each in found]


def first(found: list[Chunk], direction: str, text: str, after: float) -> float | None:
    """When `text` was first heard or said after a moment."""
    return next((c.time for c in found if c.time >= after and c.direction == direction and text in c.text), None)


def submits(found: list[Chunk]) -> list[float]:
    """When each AT+CMGS was heard."""
    return [c.time for c in found if c.direction == "<" and "AT+CMGS" in c.text]


def busy_share(found: list[Chunk], until: float) -> float:
    """The share of the time from a modem's first AT+CMGS to `until` in which a command was under way."""
    begun = min(submits(found), default=until)
    busy, since = 0.0, None
    for chunk in found:
        if chunk.time < begun:
            continue
        if chunk.direction == "<" and since is None:
            since = chunk.time
        elif chunk.direction == ">" and since is not None and FINAL.search(chunk.text):
            busy += max(0.0, min(chunk.time, until) - min(since, until))
            since = None
    return busy / (until - begun) if until > begun else 0.0
