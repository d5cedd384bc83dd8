"""Lines with a meaning, read into values: what USSD, calls, supplementary services, phonebook and network say.

One function a line. All are tolerant as `Fields` is: a part that is missing or no value of its kind reads as None.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.at.fields import Fields

INTERNATIONAL = 145  # 24.008 10.5.4.7: type of number international, ISDN plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Cusd:
    """`+CUSD: <m>[,<str>[,<dcs>]]` (27.007 7.15): `m` as sent, `text` undecoded, `dcs` None where it is left out."""

    m: int
    text: str
    dcs: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls (27.007 7.11). `number` is "" where it is withheld or unknown; `validity`: 0 known, 1 withheld, 2 none."""

    number: str
    validity: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedCall:
    """A current call (27.007 7.18). `stat`: 0 active, 1 held, 2 dialling, 3 alerting, 4 incoming, 5 waiting; 6 over."""

    call: int
    incoming: bool
    stat: int
    voice: bool
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarding:
    """One class of a forwarding (27.007 7.11.4): `classes` is a sum of 1 voice, 2 data, 4 fax …; `time_s` of no reply."""

    active: bool
    classes: int
    number: str
    time_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A phonebook entry (27.007 8.12); `text` undecoded."""

    index: int
    number: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Where the modem is registered (27.007 7.2, 10.1.20, 10.1.22). `lac` and `ci` are hex as sent, "" where missing."""

    stat: int
    lac: str
    ci: str
    act: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network that was found (27.007 7.3). `stat`: 0 unknown, 1 available, 2 current, 3 forbidden; names undecoded."""

    stat: int
    long: str
    short: str
    code: str
    act: int | None


_CUSD = re.compile(r"\s*(\d+)\s*(?:,\s*(.*))?", re.DOTALL)
_QUOTED_TEXT = re.compile(r'"(.*)"(?:\s*,\s*(\d{1,3})\s*)?', re.DOTALL)
_BARE_TEXT = re.compile(r"(.*?)(?:\s*,\s*(0|1|15|16|17|68|72))?\s*", re.DOTALL)
_NETWORK = re.compile(r'\(([0-3]),((?:"[^"]*"|[^(),"]*|,)*)\)(?:,(\d+)\))?')
_NUMBER_FIELD = re.compile(r'\s*"?([^",]*)')


def cusd(line: str) -> Cusd | None:
    """A USSD answer; quotes within its text are not escaped, and some firmware leaves out quotes or coding."""
    match = _CUSD.fullmatch(line.partition(":")[2])
    if match is None:
        return None
    body = match[2] or ""
    found = _QUOTED_TEXT.fullmatch(body) or _BARE_TEXT.fullmatch(body)
    text, dcs = (found[1], found[2]) if found is not None else (body, None)
    return Cusd(m=int(match[1][:3]), text=text.removeprefix('"'), dcs=int(dcs) if dcs else None)


def clip(line: str) -> Caller:
    """`+CLIP: <number>,<type>[,<subaddr>,<satype>[,<alpha>[,<validity>]]]`."""
    fields = Fields(line)
    return Caller(number=_international(fields.string(), fields.number()), validity=fields.skip(3).number())


def clcc(line: str) -> ListedCall | None:
    """`+CLCC: <id>,<dir>,<stat>,<mode>,<mpty>[,<number>,<type>]`."""
    fields = Fields(line)
    call, direction, stat, mode = (fields.number() for _ in range(4))
    if call is None or stat is None:
        return None
    number = _international(fields.skip().string(), fields.number())
    return ListedCall(call=call, incoming=direction == 1, stat=stat, voice=mode in (0, None), number=number)


def ccfc(line: str) -> Forwarding | None:
    """`+CCFC: <status>,<class>[,<number>,<type>[,<subaddr>,<satype>[,<time>]]]`."""
    fields = Fields(line)
    status, classes = fields.number(), fields.number()
    if status is None:
        return None
    number = _international(fields.string(), fields.number())
    return Forwarding(
        active=status == 1, classes=classes if classes is not None else 7, number=number, time_s=fields.skip(2).number()
    )


def cpbr(line: str) -> Entry | None:
    """`+CPBR: <index>,<number>,<type>,<text>`; the same for +CPBF."""
    fields = Fields(line)
    index = fields.number()
    if index is None:
        return None
    number = _international(fields.string(), fields.number())
    return Entry(index=index, number=number, text=fields.string() or "")


def cnum(line: str) -> str:
    """The number of `+CNUM: [<alpha>],<number>,<type>`, "" where the SIM holds none; a lone quote does no harm."""
    fields = Fields(line)
    alpha = fields.raw()
    rest = line.partition(":")[2].lstrip()[len(alpha) :].lstrip().removeprefix(",").lstrip()
    found = _NUMBER_FIELD.match(rest)
    return found[1].strip() if found is not None and rest[:1] in '"+0123456789*#' else ""


def registration(line: str, *, asked: bool) -> Registration | None:
    """`[<n>,]<stat>[,<lac>,<ci>[,<AcT>]]`. `asked`: it answers a read command; some send that form unasked too.

    LTE modems may have a routing area of two digits between area and cell.
    """
    values = [value.strip() for value in Fields(line).rest()]
    has_mode = len(values) > 1 and (asked or (len(values) > 2 and values[1].isdecimal() and len(values[1]) <= 2))
    if has_mode:
        values = values[1:]
    stat = values[0] if values else ""
    if not stat.isdecimal():
        return None
    places = values[1:]
    if len(places) > 3 and len(places[1]) <= 2 < len(places[2]):
        del places[1]
    lac, ci, act = (*places, "", "", "")[:3]
    return Registration(stat=int(stat[:6]), lac=lac, ci=ci, act=int(act[:6]) if act.isdecimal() else None)


def networks(line: str) -> tuple[Network, ...]:
    """The networks of an `AT+COPS=?` answer; the lists of modes and formats behind them are passed over."""
    found = []
    for match in _NETWORK.finditer(line):
        fields = Fields(match[2])
        long, short, code, act = fields.string(), fields.string(), fields.string(), fields.number()
        if code is not None and '"' in match[2]:
            late = int(match[3]) if match[3] else None  # some close the bracket before the access technology
            found.append(
                Network(
                    stat=int(match[1]),
                    long=long or "",
                    short=short or "",
                    code=code,
                    act=late if late is not None else act,
                )
            )
    return tuple(found)


def _international(number: str | None, toa: int | None) -> str:
    """The number with its plus sign, which some modems leave to the type of address."""
    if not number:
        return ""
    return f"+{number}" if toa == INTERNATIONAL and number.isdecimal() else number
