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


def busy_share(found: list[Chunk]) -> float:
    """The share of the time from the first AT+CMGS to the last answer in which a command was under way."""
    begun = next(c.time for c in found if c.direction == "<" and "AT+CMGS" in c.text)
    busy, since, last = 0.0, None, begun
    for chunk in found:
        if chunk.time < begun:
            continue
        if chunk.direction == "<" and since is None:
            since = chunk.time
        elif chunk.direction == ">" and since is not None and FINAL.search(chunk.text):
            busy += chunk.time - since
            since, last = None, chunk.time
    sends = [c.time for c in found if c.direction == "<" and "AT+CMGS" in c.text]
    answers = [c.time for c in found if c.direction == ">" and "+CMGS:" in c.text]
    if not sends or not answers:
        return 0.0
    end = max(answers[-1], begun)
    return min(1.0, busy / (last - begun)) if last > end else busy / (end - begun)
