"""Putting concatenated parts together: pure decisions, no I/O, no clock.

3GPP TS 23.040 clause 9.2.3.24.1 scopes a concatenation reference to the sender; the reference is only 8 or 16 bits and
comes round, so the service-centre time and the content tell a repeat from a new text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.pdu import Concat, Content, UserData, join

SAME_TEXT = timedelta(hours=24)
"""Parts of one text have service-centre times that lie at most this far apart."""

MISSING_MARK = "[…]"
"""What a text shows where parts are missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An assembly that has the part's key. `parts`: sequence number → (user data, service-centre time) of what is there."""

    n: int
    scts: datetime | None
    parts: Mapping[int, tuple[UserData, datetime | None]]


def choose(
    concat: Concat, scts: datetime | None, ud: UserData, candidates: Sequence[Candidate]
) -> tuple[int, bool] | None:
    """Where a part belongs: (assembly, is a repeat), or None for a new assembly. `candidates` newest first.

    A repeat by the network keeps content and service-centre time. The same content at another time is another text:
    alarms say the same words again, and some senders never change their reference.
    """
    for candidate in candidates:
        if scts is not None and candidate.scts is not None and abs(scts - candidate.scts) > SAME_TEXT:
            continue
        there = candidate.parts.get(concat.seq)
        if there is None:
            return candidate.n, False
        if there == (ud, scts):
            return candidate.n, True
    return None


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
