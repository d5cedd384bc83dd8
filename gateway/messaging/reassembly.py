"""Putting concatenated parts together: pure decisions, no I/O, no clock.

3GPP TS 23.040 clause 9.2.3.24.1 scopes a concatenation reference to the sender; the reference is only 8 or 16 bits and
comes round, so the service-centre time and the content tell a repeat from a new text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.pdu import Content, UserData, join

SAME_TEXT = timedelta(hours=24)
"""Parts of one text have service-centre times that lie at most this far apart."""

MISSING_MARK = "[…]"
"""What a text shows where parts are missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An assembly that has the part's key. `there`: (user data, service-centre time) that it has in the part's place."""

    n: int
    scts: datetime | None
    there: tuple[UserData, datetime | None] | None = None

    def apart(self, scts: datetime | None) -> timedelta:
        """How far its service-centre time and the part's lie apart; nothing where one of them tells no time."""
        return timedelta(0) if scts is None or self.scts is None else abs(scts - self.scts)


def choose(scts: datetime | None, ud: UserData, candidates: Sequence[Candidate]) -> tuple[int, bool] | None:
    """Where a part belongs: (assembly, is a repeat), or None for a new assembly. `candidates` newest first.

    A repeat by the network keeps content and service-centre time. The same content at another time is another text:
    alarms say the same words again, and some senders never change their reference. So a repeat is looked for in all
    of them before the part fills a gap, and it fills the one of the text that was sent at about its time.
    """
    near = [each for each in candidates if each.apart(scts) <= SAME_TEXT]
    for candidate in near:
        if candidate.there == (ud, scts):
            return candidate.n, True
    lacking = [each for each in near if each.there is None]
    return (min(lacking, key=lambda each: each.apart(scts)).n, False) if lacking else None


def missing(total: int, parts: Mapping[int, UserData]) -> tuple[int, ...]:
    """The sequence numbers that are not there, rising."""
    return tuple(seq for seq in range(1, total + 1) if seq not in parts)


def assemble(total: int, parts: Mapping[int, UserData]) -> Content:
    """The text of all parts in order; where some are missing, a mark stands in a text and nothing in binary data."""
    if not missing(total, parts):
        return join([parts[seq] for seq in range(1, total + 1)])
    runs: list[list[UserData] | None] = []
    for seq in range(1, total + 1):
        part = parts.get(seq)
        if part is None:
            if not runs or runs[-1] is not None:
                runs.append(None)
        elif runs and (last := runs[-1]) is not None:
            last.append(part)
        else:
            runs.append([part])
    contents = [None if run is None else join(run) for run in runs]
    known = [content for content in contents if content is not None]
    if all(content.text is not None for content in known):
        text = "".join(MISSING_MARK if content is None else content.text or "" for content in contents)
        return Content(text=text, data=None, encoding=known[0].encoding)
    data = b"".join(content.data or (content.text or "").encode() for content in known)
    return Content(text=None, data=data, encoding=known[0].encoding)
