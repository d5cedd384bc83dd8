"""Unsolicited result codes as a table. A profile adds its own rows by `UrcTable.extended`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto


class Form(Enum):
    """How much of the line names the code."""

    NAMED = auto()
    """`name`, a colon, values."""
    WHOLE = auto()
    """`name` is the whole line."""
    START = auto()
    """`name` is how the line begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UrcRow:
    """One code. `pdu`: a PDU line follows where the header has at most so many commas (text mode has more)."""

    name: str
    form: Form = Form.NAMED
    pdu_commas: int | None = None
    multiline: bool = False
    """A quoted value may run over several lines."""
    registration: bool = False
    """Shares its prefix with the answer of a read command: 27.007 7.2 has one field less when unsolicited."""

    def has_pdu(self, line: str) -> bool:
        return self.pdu_commas is not None and line.count(",") <= self.pdu_commas

    def surely_unsolicited(self, line: str) -> bool:
        """True for a line that no read command answers: `+CREG: 1` and `+CREG: 1,"00C3",...`."""
        if not self.registration:
            return False
        _, comma, second = line.partition(",")
        return not comma or second.lstrip().startswith('"')


def _named(names: str) -> tuple[UrcRow, ...]:
    return tuple(UrcRow(name=name) for name in names.split())


def _words(form: Form, *names: str) -> tuple[UrcRow, ...]:
    return tuple(UrcRow(name=name, form=form) for name in names)


URCS: tuple[UrcRow, ...] = (
    # 27.005 3.4.1: +CMT and +CBM have a text-mode form too, whose next line is the text
    UrcRow(name="+CMT", pdu_commas=64),
    UrcRow(name="+CDS", pdu_commas=1),
    UrcRow(name="+CBM", pdu_commas=64),
    UrcRow(name="+CUSD", multiline=True),
    UrcRow(name="+CREG", registration=True),
    UrcRow(name="+CGREG", registration=True),
    UrcRow(name="+CEREG", registration=True),
    UrcRow(name="+C5GREG", registration=True),
    *_named("+CMTI +CDSI +CBMI +CRING +CLIP +CCWA +CSSI +CSSU +COLP +CDIP +CTZV +CTZE +CTZEU +CTZR +CIEV +CGEV +CPIN"),
    *_named("+CFUN +CSQ +CSQN +CLCC +CUSATP +CUSATS +STIN +CNSMOD +CPSI +RXDTMF +CENG +CMTE +CSMINS +PDP +CBC"),
    *_named("+QUSIM +QIND +QIURC +QSIMSTAT +QTONEDET +QJDR +SJDR +QSTK +QIOPEN +QNTP +QUSATPR +NITZ +CEMODE"),
    *_named("+UUSIMSTAT +UCALLSTAT +UUDTMFD +UUPSDD +UUPSDA +UMWI +UREG +ZUSIMR +ZDONR +ZPASR +ZPSTM +WIND +PACSP"),
    *_named(
        "^RSSI ^RSSILVL ^HRSSILVL ^HCSQ ^CSQ ^BOOT ^MODE ^DSFLOWRPT ^CSNR ^SRVST ^SIMST ^STIN ^NDISSTAT ^ORIG ^CIEV"
    ),
    *_named("^CONF ^CONN ^CEND ^SMMEMFULL ^DSDORMANT ^PDPDEACT ^NDISEND ^RFSWITCH ^ECCLIST ^LTERSRP ^CSCHANNELINFO"),
    *_named("^CCALLSTATE ^EONS ^LWURC ^POSITION ^NWTIME ^NWNAME ^THERM ^SLCC ^DSCI ^SIMLOCK ^HWNAT ^LOCCHD ^ANLEVEL"),
    *_named("*PSNWID *PSUTTZ *ATREADY *EUICC *COPN *MGCOUNT *EMRDY *EMWI *E2NAP #QSS #PSNT #NITZ #CREG #ECAM"),
    *_words(Form.WHOLE, "RING", "RDY", "Call Ready", "SMS Ready", "SMS DONE", "PB DONE", "POWERED DOWN", "MO RING"),
    *_words(Form.WHOLE, "MO CONNECTED", "NORMAL POWER DOWN", "+CUSATEND", "+ZEND", "+PBREADY", "+READY", "^SYSSTART"),
    *_words(Form.WHOLE, "^POSEND", "NO CARRIER", "BUSY", "NO ANSWER", "NO DIALTONE", "NO DIAL TONE", "+SMS FULL"),
    *_words(
        Form.START,
        "UNDER-VOLTAGE",
        "UNDER_VOLTAGE",
        "OVER-VOLTAGE",
        "OVER_VOLTAGE",
        "VOICE CALL:",
        "MISSED_CALL:",
        "DST:",
        "+SAPBR ",
        "^SYSSTART ",
    ),
    *_words(Form.START, "CONNECT", "RING ", "SIM not "),
)

LATE_SUBMIT = "+CMGS:"
"""Outside a submit this is the answer of one that timed out (27.005 4.3)."""


class UrcTable:
    """The rows, indexed: one dictionary lookup for nearly every line."""

    __slots__ = ("_named", "_rows", "_starts", "_whole")

    def __init__(self, rows: Iterable[UrcRow] = URCS) -> None:
        self._rows = tuple(rows)
        self._named = {row.name: row for row in self._rows if row.form is Form.NAMED}
        self._whole = {row.name: row for row in self._rows if row.form is Form.WHOLE}
        self._starts = tuple(row.name for row in self._rows if row.form is Form.START)

    def extended(self, *rows: UrcRow) -> UrcTable:
        """A table with these rows on top; a row of the same name replaces the old one."""
        return UrcTable((*self._rows, *rows))

    def match(self, line: str) -> UrcRow | None:
        """The row that the line belongs to."""
        name, colon, _ = line.partition(":")
        if colon and (row := self._named.get(name)):
            return row
        if (row := self._whole.get(line)) is not None:
            return row
        if line.startswith(self._starts):
            start = next(start for start in self._starts if line.startswith(start))
            return UrcRow(name=start.rstrip(": "), form=Form.START)
        return None


DEFAULT_URCS = UrcTable()
