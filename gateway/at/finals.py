"""Final result codes as a table, and how to find one at the start of a line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.at.codes import cme_number, cms_number
from gateway.at.events import Final, FinalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalRow:
    """`text` ends a command: as the whole line, or with `prefix` as its start. `dial`: only while dialling or answering."""

    text: str
    kind: FinalKind
    prefix: bool = False
    dial: bool = False


FINALS: tuple[FinalRow, ...] = (
    FinalRow(text="OK", kind=FinalKind.OK),
    FinalRow(text="ERROR", kind=FinalKind.ERROR),
    FinalRow(text="+CME ERROR", kind=FinalKind.CME, prefix=True),
    FinalRow(text="+CMS ERROR", kind=FinalKind.CMS, prefix=True),
    FinalRow(text="+EXT ERROR", kind=FinalKind.ERROR, prefix=True),
    FinalRow(text="MODEM ERROR", kind=FinalKind.ERROR, prefix=True),
    FinalRow(text="ERROR:", kind=FinalKind.ERROR, prefix=True),
    FinalRow(text="COMMAND NOT SUPPORT", kind=FinalKind.NOT_SUPPORTED, prefix=True),
    FinalRow(text="TOO MANY PARAMETERS", kind=FinalKind.ERROR),
    FinalRow(text="ABORTED", kind=FinalKind.ABORTED),
    # V.250 6.3: outside ATD/ATA these tell of a call that ended, not of the command in flight.
    FinalRow(text="NO CARRIER", kind=FinalKind.NO_CARRIER, dial=True),
    FinalRow(text="BUSY", kind=FinalKind.BUSY, dial=True),
    FinalRow(text="NO ANSWER", kind=FinalKind.NO_ANSWER, dial=True),
    FinalRow(text="NO DIALTONE", kind=FinalKind.NO_DIALTONE, dial=True),
    FinalRow(text="NO DIAL TONE", kind=FinalKind.NO_DIALTONE, dial=True),
    FinalRow(text="CONNECT", kind=FinalKind.CONNECT, prefix=True, dial=True),
)

_NUMBERS = {FinalKind.CME: cme_number, FinalKind.CMS: cms_number}
_DIALLING = ("ATD", "ATA", "ATO")
# Marks that start another line when one was glued on without a line end: `ERROR+CNUM: "",...`.
_GLUE = frozenset("+^*#%$")


class FinalTable:
    """The rows, indexed. `match` gives the final result and what was glued behind it."""

    __slots__ = ("_exact", "_glued", "_prefixes", "_rows")

    def __init__(self, rows: Iterable[FinalRow] = FINALS) -> None:
        table = tuple(rows)
        self._exact = {row.text: (row, Final(kind=row.kind, text=row.text)) for row in table if not row.prefix}
        self._rows = tuple(row for row in table if row.prefix)
        self._prefixes = tuple(row.text for row in self._rows)
        self._glued = tuple(row.text for row in table if not row.prefix and not row.dial)

    def match(self, line: str, command: str = "") -> tuple[Final, str] | None:
        """The final result at the start of the line, for the command in flight, and the rest of the line."""
        exact = self._exact.get(line)
        if exact is not None:
            row, final = exact
            return None if row.dial and not _dials(command) else (final, "")
        if line.startswith(self._prefixes):
            return self._with_detail(line, command)
        if line.startswith(self._glued):
            return self._with_glue(line)
        return None

    def _with_detail(self, line: str, command: str) -> tuple[Final, str] | None:
        row = next(row for row in self._rows if line.startswith(row.text))
        if row.dial and not _dials(command):
            return None
        detail = line[len(row.text) :].lstrip(": ")
        digits = len(detail) - len(detail.lstrip("0123456789"))
        # A number may have a line glued to it; a verbose text only one that starts like an extended response.
        end = digits if digits and detail[digits : digits + 1] in _GLUE else detail.find("+C") if not digits else -1
        head, rest = (detail, "") if end <= 0 else (detail[:end], detail[end:])
        code = int(head[:6]) if head.isdecimal() else _NUMBERS[row.kind](head) if row.kind in _NUMBERS else None
        return Final(kind=row.kind, code=code, text=head), rest

    def _with_glue(self, line: str) -> tuple[Final, str] | None:
        for text in self._glued:
            if line.startswith(text) and line[len(text)] in _GLUE:
                return self._exact[text][1], line[len(text) :]
        return None


def _dials(command: str) -> bool:
    return command.upper().startswith(_DIALLING)


DEFAULT_FINALS = FinalTable()
