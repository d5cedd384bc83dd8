"""From what a modem says of its signal to dBm and bars. Every scale is named with its source; "unknown" is None."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gateway.modem import answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """`access`: "gsm", "umts", "lte", "nr" or "" where this answer does not tell. dBm, dBm, dB, dB."""

    access: str = ""
    rssi_dbm: int | None = None
    rsrp_dbm: int | None = None
    rsrq_db: float | None = None
    sinr_db: float | None = None


Reader = Callable[[Sequence[str]], Signal]

# what modems call the access technology, in lower case, by how it begins
_WORDS = (
    ("lte", "lte"),
    ("cat-", "lte"),
    ("emtc", "lte"),
    ("nb", "lte"),
    ("fdd lte", "lte"),
    ("tdd lte", "lte"),
    ("nr", "nr"),
    ("wcdma", "umts"),
    ("td-scdma", "umts"),
    ("hsdpa", "umts"),
    ("hsupa", "umts"),
    ("hspa", "umts"),
    ("umts", "umts"),
    ("gsm", "gsm"),
    ("gprs", "gsm"),
    ("edge", "gsm"),
)
_BARS_RSSI = ((-73, 5), (-83, 4), (-93, 3), (-103, 2), (-111, 1))
_BARS_RSRP = ((-85, 5), (-95, 4), (-105, 3), (-115, 2), (-124, 1))


def access_of(word: str) -> str:
    """The access technology that a modem means by `word`, "" when it is none."""
    folded = word.strip().lower()
    return next((access for start, access in _WORDS if folded.startswith(start)), "")


def bars(signal: Signal) -> int:
    """0 … 5: by RSRP where it is known, because an LTE receiver's RSSI is mostly other cells."""
    table, power = (_BARS_RSRP, signal.rsrp_dbm) if signal.rsrp_dbm is not None else (_BARS_RSSI, signal.rssi_dbm)
    if power is None:
        return 0
    return next((number for least, number in table if power >= least), 0)


def csq(values: Sequence[str]) -> Signal:
    """`+CSQ: <rssi>,<ber>` and Huawei's `^RSSI: <rssi>` (27.007 8.5): 0 … 31 is -113 … -51 dBm, 99 unknown."""
    return Signal(rssi_dbm=_scaled(values, 0, 31, offset=-113, step=2))


def cesq(values: Sequence[str]) -> Signal:
    """`+CESQ: <rxlev>,<ber>,<rscp>,<ecno>,<rsrq>,<rsrp>` (27.007 8.69); 99 or 255 is unknown."""
    rxlev, rscp = _scaled(values, 0, 63, offset=-110), _scaled(values, 2, 96, offset=-121)
    rsrp = _scaled(values, 5, 97, offset=-141)
    rsrq = answers.number_at(values, 4)
    access = "lte" if rsrp is not None else "umts" if rscp is not None else "gsm" if rxlev is not None else ""
    return Signal(
        access=access,
        rssi_dbm=rxlev if rxlev is not None else rscp,
        rsrp_dbm=rsrp,
        rsrq_db=-20 + rsrq / 2 if rsrq is not None and 0 <= rsrq <= 34 else None,
    )


def hcsq(values: Sequence[str]) -> Signal:
    """Huawei's `^HCSQ: "LTE",<rssi>,<rsrp>,<sinr>,<rsrq>`, `"WCDMA",<rssi>,<rscp>,<ecio>`, `"GSM",<rssi>`; 255 unknown."""
    access = access_of(values[0]) if values else ""
    rssi = _scaled(values, 1, 254, offset=-121)
    if access != "lte":
        return Signal(access=access, rssi_dbm=rssi)
    sinr, rsrq = answers.number_at(values, 3), answers.number_at(values, 4)
    return Signal(
        access=access,
        rssi_dbm=rssi,
        rsrp_dbm=_scaled(values, 2, 254, offset=-141),
        sinr_db=round(-20.2 + sinr / 5, 1) if sinr is not None and sinr < 255 else None,
        rsrq_db=-20 + rsrq / 2 if rsrq is not None and rsrq < 255 else None,
    )


def qcsq(values: Sequence[str]) -> Signal:
    """Quectel's `+QCSQ: "LTE",<rssi>,<rsrp>,<sinr>,<rsrq>`, `"WCDMA",<rssi>,<rscp>,<ecio>`, `"GSM",<rssi>`, all in dBm."""
    access = access_of(values[0]) if values else ""
    rssi = _dbm(answers.number_at(values, 1))
    if access != "lte":
        return Signal(access=access, rssi_dbm=rssi)
    sinr = answers.number_at(values, 3)
    return Signal(
        access=access,
        rssi_dbm=rssi,
        rsrp_dbm=_dbm(answers.number_at(values, 2)),
        sinr_db=sinr / 5 - 20 if sinr is not None and 0 <= sinr <= 250 else None,
        rsrq_db=answers.number_at(values, 4),
    )


def cpsi(values: Sequence[str]) -> Signal:
    """SIMCom's `+CPSI: LTE,Online,…,<rsrq>,<rsrp>,<rssi>,<rssnr>`: the last four of 14 fields, mostly in tenths."""
    access = access_of(values[0]) if values else ""
    if len(values) != 14 or values[0].upper() != "LTE":
        return Signal(access=access)  # other modes and models have other fields in these places
    rsrq, rsrp, rssi = (answers.number_at(values, at) for at in (10, 11, 12))
    return Signal(
        access=access,
        rssi_dbm=_dbm(_tenth(rssi)),
        rsrp_dbm=_dbm(_tenth(rsrp)),
        rsrq_db=rsrq / 10 if rsrq is not None else None,
        sinr_db=answers.number_at(values, 13),
    )


READERS: Mapping[str, Reader] = {"csq": csq, "cesq": cesq, "hcsq": hcsq, "qcsq": qcsq, "cpsi": cpsi}


def _scaled(values: Sequence[str], index: int, highest: int, *, offset: int, step: int = 1) -> int | None:
    value = answers.number_at(values, index)
    return offset + step * value if value is not None and 0 <= value <= highest else None


def _tenth(value: int | None) -> int | None:
    """Some firmware gives whole dBm in the same place; no receiver hears anything below -160 dBm."""
    return value if value is None or value > -160 else round(value / 10)


def _dbm(value: int | None) -> int | None:
    return value if value is not None and -160 <= value < 0 else None
