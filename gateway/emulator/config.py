"""What is emulated: modems, network, timing. Frozen data with defaults, or read from a TOML file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from gateway.emulator.conditions import OPERATOR, PLMN, Conditions
from gateway.emulator.conditions import check as check_conditions
from gateway.emulator.faults import build
from gateway.emulator.network_config import NUMBER, CentreConfig, NetworkConfig, check_network
from gateway.emulator.personalities import PERSONALITIES, Personality, personality
from gateway.errors import ConfigError, RequestError

TIMINGS = ("none", "realistic")
TTYS = ("main", "all")
DEFAULT_ALTERNATION = ("sim7600", "huawei-e3372")
MAX_MODEMS = 64
MAX_AT_S = 604_800  # how late a step of a script may come


@dataclass(frozen=True, slots=True, kw_only=True)
class ModemConfig:
    """One modem with its SIM. What is left empty is made up from its position, always in the same way."""

    name: str
    personality: str = "generic"
    number: str = ""
    smsc: str = ""  # service centre of the SIM; "": the network's main one
    pin: str = ""
    puk: str = "12345678"
    imei: str = ""
    iccid: str = ""
    imsi: str = ""
    storages: Mapping[str, int] = field(default_factory=dict)  # memory -> size, over the personality's
    first_mr: int = 0  # the first TP-MR that the SIM gives out
    cnma_timeout_s: float = 15.0  # how long +CMT waits for its CNMA when CSMS=1
    prompt_timeout_s: float = 60.0
    ttys: str = "main"  # or "all": those beside it too, as the family has them
    rssi_dbm: int = -71
    access: str = ""  # gsm, umts or lte; "": what the family has first
    operator: str = ""
    plmn: str = ""
    temperature_c: float = 34.0
    voltage_mv: int = 3900
    cpms_arguments: int = 3  # how many memories +CPMS takes; some firmware takes fewer than the family


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultConfig:
    """One step of a script: a fault of `kind` on `modem` (`*`: on all), `at_s` seconds after the start."""

    kind: str
    modem: str = "*"
    at_s: float = 0.0
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorConfig:
    """The whole bench. `links`: folder for port symlinks; `control`: where the HTTP control listens (port 0: any)."""

    modems: Sequence[ModemConfig] = ()
    network: NetworkConfig = field(default_factory=NetworkConfig)
    timing: str = "none"
    links: Path | None = None
    control: tuple[str, int] | None = None
    faults: Sequence[FaultConfig] = ()


_Section = TypeVar("_Section", ModemConfig, NetworkConfig, CentreConfig)


_FITS: Mapping[str, type | tuple[type, ...]] = {
    "str": str,
    "int": int,
    "float": (int, float),
    "int | None": int,
    "float | None": (int, float),
    "Sequence[CentreConfig]": tuple,
}


def default_modems(count: int) -> tuple[ModemConfig, ...]:
    """`count` modems named modem1 … with alternating personalities."""
    return tuple(
        ModemConfig(name=f"modem{n}", personality=DEFAULT_ALTERNATION[(n - 1) % len(DEFAULT_ALTERNATION)])
        for n in range(1, count + 1)
    )


def luhn(digits: str) -> str:
    """`digits` with the check digit that IMEI and ICCID end in (ISO/IEC 7812)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)


def completed(config: ModemConfig, position: int) -> ModemConfig:
    """`config` with number, IMEI, ICCID and IMSI filled in for the modem at `position` (from 1)."""
    return replace(
        config,
        number=config.number or f"+4917000000{position:02d}",
        imei=config.imei or luhn(f"35693803564{position:03d}"),
        iccid=config.iccid or luhn(f"894920000000000{position:03d}"),
        imsi=config.imsi or f"26201000000{position:04d}",
    )


def configured(config: ModemConfig, personality: Personality) -> Conditions:
    """Signal, operator, heat and supply that the modem starts with."""
    return Conditions(
        access=config.access or personality.accesses[0],
        rssi_dbm=config.rssi_dbm,
        operator=config.operator or OPERATOR,
        plmn=config.plmn or PLMN,
        temperature_c=config.temperature_c,
        voltage_mv=config.voltage_mv,
    )


def load(path: Path) -> EmulatorConfig:
    """The bench that a TOML file describes: keys `timing`, `links`, tables `[network]`, `[[modem]]` and `[[fault]]` (may be none).

    Raises ConfigError that names file, key and what is allowed.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise ConfigError(f"{path}: {exc}") from exc
    unknown = set(document) - {"timing", "links", "network", "modem", "fault"}
    if unknown:
        raise ConfigError(f"{path}: {min(unknown)}: unknown; allowed are timing, links, network, modem, fault")
    modems, faults = (_tables(document, name, path) for name in ("modem", "fault"))
    config = EmulatorConfig(
        modems=tuple(_section(ModemConfig, entry, f"{path}: modem[{n}]") for n, entry in enumerate(modems)),
        network=_network(document.get("network", {}), path),
        timing=str(document.get("timing", "none")),
        links=Path(str(document["links"])) if "links" in document else None,
        faults=tuple(_fault(entry, f"{path}: fault[{n}]") for n, entry in enumerate(faults)),
    )
    check(config if config.modems else replace(config, modems=default_modems(1)), str(path))
    return config


def _network(entry: Any, path: Path) -> NetworkConfig:
    if not isinstance(entry, dict):
        raise ConfigError(f"{path}: network: must be a table")
    tables = _tables(entry, "centre", path)
    centres = tuple(_section(CentreConfig, one, f"{path}: network.centre[{n}]") for n, one in enumerate(tables))
    return replace(_section(NetworkConfig, {**entry, "centre": centres}, f"{path}: network"), centre=centres)


def _tables(document: Mapping[str, Any], name: str, path: Path) -> list[Any]:
    tables = document.get(name, [])
    if not isinstance(tables, list):
        raise ConfigError(f"{path}: {name}: must be a list of tables, [[{name}]]")
    return tables


def _fault(entry: Any, where: str) -> FaultConfig:
    if not isinstance(entry, dict):
        raise ConfigError(f"{where}: must be a table")
    kind, modem, at_s = entry.get("kind"), entry.get("modem", "*"), entry.get("at_s", 0.0)
    if not isinstance(kind, str) or not isinstance(modem, str):
        raise ConfigError(f"{where}: kind and modem: must be str")
    if not isinstance(at_s, int | float) or isinstance(at_s, bool) or not 0 <= at_s <= MAX_AT_S:
        raise ConfigError(f"{where}: at_s: must be 0 to {MAX_AT_S} seconds")
    values = {name: value for name, value in entry.items() if name not in ("kind", "modem", "at_s")}
    return FaultConfig(kind=kind, modem=modem, at_s=at_s, fields=values)


def _section(kind: type[_Section], entry: Any, where: str) -> _Section:
    if not isinstance(entry, dict):
        raise ConfigError(f"{where}: must be a table")
    allowed = {f.name: f for f in fields(kind)}
    for key, value in entry.items():
        if key not in allowed:
            raise ConfigError(f"{where}: {key}: unknown; allowed are {', '.join(allowed)}")
        declared = str(allowed[key].type)
        if not isinstance(value, _FITS.get(declared, dict)) or isinstance(value, bool):
            raise ConfigError(f"{where}: {key}: must be {declared}")
    try:
        return kind(**entry)
    except TypeError as exc:
        raise ConfigError(f"{where}: {exc}") from exc


def check(config: EmulatorConfig, where: str = "emulator") -> None:
    """Raises ConfigError where values contradict each other or are out of range."""
    names = [modem.name for modem in config.modems]
    if len(set(names)) != len(names):
        raise ConfigError(f"{where}: modem: two modems have one name")
    if not 1 <= len(names) <= MAX_MODEMS:
        raise ConfigError(f"{where}: modem: 1 to {MAX_MODEMS} modems are possible")
    if config.timing not in TIMINGS:
        raise ConfigError(f"{where}: timing: must be one of {', '.join(TIMINGS)}")
    check_network(config.network, where)
    for modem in config.modems:
        _check_modem(modem, where)
    for n, fault in enumerate(config.faults):
        _check_fault(fault, names, f"{where}: fault[{n}]")
    numbers = [completed(modem, position).number for position, modem in enumerate(config.modems, start=1)]
    if len(set(numbers)) != len(numbers):
        raise ConfigError(f"{where}: modem: number: two modems have one number")


def _check_fault(fault: FaultConfig, names: Sequence[str], where: str) -> None:
    if fault.modem not in ("*", *names):
        raise ConfigError(f"{where}: modem: must be one of *, {', '.join(names)}")
    try:
        build(fault.kind, fault.fields)
    except RequestError as exc:
        raise ConfigError(f"{where}: {exc}") from exc


def _check_modem(modem: ModemConfig, where: str) -> None:
    if not re.fullmatch(r"[a-z0-9-]+", modem.name):
        raise ConfigError(f"{where}: modem: {modem.name!r}: a name has only a-z, 0-9 and -")
    chosen = personality(modem.personality)
    if chosen is None:
        raise ConfigError(f"{where}: {modem.name}: personality: must be one of {', '.join(PERSONALITIES)}")
    if modem.number and not NUMBER.fullmatch(modem.number):
        raise ConfigError(f"{where}: {modem.name}: number: must be 1 to 20 digits, with or without +")
    if modem.smsc and not NUMBER.fullmatch(modem.smsc):
        raise ConfigError(f"{where}: {modem.name}: smsc: must be 1 to 20 digits, with or without +")
    if not 0 <= modem.first_mr <= 255:
        raise ConfigError(f"{where}: {modem.name}: first_mr: must be 0 to 255")
    if modem.ttys not in TTYS:
        raise ConfigError(f"{where}: {modem.name}: ttys: must be one of {', '.join(TTYS)}")
    if not 1 <= modem.cpms_arguments <= 3:
        raise ConfigError(f"{where}: {modem.name}: cpms_arguments: must be 1 to 3")
    try:
        check_conditions(configured(modem, chosen), chosen.accesses)
    except RequestError as exc:
        raise ConfigError(f"{where}: {modem.name}: {exc}") from exc
    for name, size in modem.storages.items():
        if name not in chosen.memories or not isinstance(size, int) or not 1 <= size <= 10_000:
            allowed = ", ".join(chosen.memories)
            raise ConfigError(f"{where}: {modem.name}: storages: must be sizes of {allowed}, 1 to 10000")
