"""What surrounds an emulated modem: signal, cell, operator, heat, supply. Every query of every family tells this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.errors import RequestError

LEAST_DBM, MOST_DBM = -113, -51  # what +CSQ can tell (27.007 8.5)
UNKNOWN = 99  # <rssi> and <ber> of +CSQ
AREA, CELL = "1A2B", "01A2B3C4"
OPERATOR, OPERATOR_SHORT, PLMN = "Emulated Network", "EmuNet", "26201"
SHORT_NAME = 8  # characters of the short operator name (22.042)


@dataclass(frozen=True, slots=True, kw_only=True)
class Technology:
    """One access technology: <AcT> of 27.007 7.2, its name with Quectel, its number with +CNSMOD, digits of a cell id."""

    act: int
    name: str
    cnsmod: int
    cell_digits: int


TECHNOLOGIES = {
    "gsm": Technology(act=0, name="GSM", cnsmod=1, cell_digits=4),
    "umts": Technology(act=2, name="WCDMA", cnsmod=4, cell_digits=8),
    "lte": Technology(act=7, name="LTE", cnsmod=8, cell_digits=8),
}


@dataclass(slots=True, kw_only=True)
class Conditions:
    """Set by the bench's configuration and by its control; a power cycle changes nothing of it."""

    access: str
    rssi_dbm: int = -71
    operator: str = OPERATOR
    plmn: str = PLMN
    temperature_c: float = 34.0
    voltage_mv: int = 3900
    clock: str = ""  # what +CCLK shows, also of a clock that was never set; "": the network's time

    @property
    def technology(self) -> Technology:
        return TECHNOLOGIES[self.access]

    @property
    def cell(self) -> str:
        """Cell identity as hex."""
        return CELL[-self.technology.cell_digits :]

    @property
    def operator_names(self) -> tuple[str, str, str]:
        """By +COPS <format>: long, short, numeric."""
        return (self.operator, OPERATOR_SHORT if self.operator == OPERATOR else self.operator[:SHORT_NAME], self.plmn)

    @property
    def rsrp(self) -> int:
        return self.rssi_dbm - 15

    @property
    def rsrq(self) -> int:
        return max(-19, min(-5, -8 + (self.rssi_dbm + 71) // 10))

    @property
    def sinr(self) -> int:
        return max(-10, min(30, (self.rssi_dbm + 95) // 2))

    @property
    def ecio(self) -> int:
        return max(-24, min(-2, -7 + (self.rssi_dbm + 71) // 10))

    @property
    def rscp(self) -> int:
        return self.rssi_dbm + self.ecio  # 25.215: RSCP is RSSI and Ec/Io together

    @property
    def rssi(self) -> int:
        """As +CSQ shows it."""
        return max(0, min(31, (self.rssi_dbm - LEAST_DBM) // 2))

    @property
    def bars(self) -> int:
        """0 … 5, as +CIND shows it."""
        return max(0, min(5, (self.rssi_dbm + 113) // 10))

    def cesq(self) -> str:
        """The six values of +CESQ (27.007 8.69): rxlev, ber, rscp, ecno, rsrq, rsrp."""
        values = {
            "gsm": f"{self.rssi_dbm + 110},0,255,255,255,255",
            "umts": f"99,99,{self.rscp + 121},{2 * self.ecio + 49},255,255",
            "lte": f"99,99,255,255,{2 * self.rsrq + 40},{self.rsrp + 141}",
        }
        return values[self.access]

    def facts(self, registered: bool) -> dict[str, object]:
        """What the templates of a personality can name. Scales are those of modem makers: value plus an offset."""
        return {
            "rssi": self.rssi if registered and self.rssi_dbm <= MOST_DBM else UNKNOWN,
            "ber": UNKNOWN,
            "rssi_dbm": self.rssi_dbm,
            "rssi_63": self.rssi_dbm + 110,
            "rssi_121": self.rssi_dbm + 121,
            "rssi_tenths": 10 * self.rssi_dbm,
            "rsrp": self.rsrp,
            "rsrp_141": self.rsrp + 141,
            "rsrp_tenths": 10 * self.rsrp,
            "rsrq": self.rsrq,
            "rsrq_index": 2 * self.rsrq + 40,
            "rsrq_tenths": 10 * self.rsrq,
            "sinr": self.sinr,
            "sinr_huawei": round(5 * (self.sinr + 20.2)),
            "sinr_quectel": 5 * (self.sinr + 20),
            "rscp": self.rscp,
            "rscp_index": self.rscp + 121,
            "ecio": self.ecio,
            "ecio_huawei": round(2 * (self.ecio + 32.5)),
            "bars": self.bars if registered else 0,
            "area_hex": AREA,
            "cell_hex": self.cell,
            "cell": int(self.cell, 16),
            "operator": self.operator,
            "operator_short": self.operator_names[1],
            "plmn": self.plmn,
            "mcc": self.plmn[:3],
            "mnc": self.plmn[3:],
            "act": self.technology.act,
            "act_name": self.technology.name,
            "cnsmod": self.technology.cnsmod if registered else 0,
            "temperature": round(self.temperature_c),
            "temperature_tenths": round(10 * self.temperature_c),
            "voltage_mv": self.voltage_mv,
            "voltage_ten_mv": self.voltage_mv // 10,
            "volts": f"{self.voltage_mv / 1000:g}",
            "battery": max(0, min(5, (self.voltage_mv - 3200) // 160)),
        }


def check(values: Conditions, accesses: Sequence[str]) -> None:
    """Raises RequestError, naming the field, where something cannot be on a modem with these access technologies."""
    if values.access not in accesses:
        raise RequestError(f"access: must be one of {', '.join(accesses)}", field="access")
    if not LEAST_DBM <= values.rssi_dbm <= MOST_DBM:
        raise RequestError(f"rssi_dbm: must be {LEAST_DBM} to {MOST_DBM}", field="rssi_dbm")
    if not (values.plmn.isdecimal() and len(values.plmn) in (5, 6)):
        raise RequestError("plmn: must be 5 or 6 digits", field="plmn")
    if not (values.operator.isprintable() and values.operator.isascii() and '"' not in values.operator):
        raise RequestError("operator: must be plain text without quotes", field="operator")
    if not -60 <= values.temperature_c <= 150:
        raise RequestError("temperature_c: must be -60 to 150", field="temperature_c")
    if not 0 <= values.voltage_mv <= 20_000:
        raise RequestError("voltage_mv: must be 0 to 20000", field="voltage_mv")
