"""`/api/v1/health`: how the whole box stands, in one answer for a page."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from gateway import __version__
from gateway.errors import StoreError
from gateway.messaging.alerts import Alert, AlertFilter
from gateway.web.alerts import MAX_PAGE, AlertAnswer, alert_json
from gateway.web.ports import Service
from gateway.web.schema import Answer, Modem, documented
from gateway.wire import modem_json

log = logging.getLogger(__name__)

LOW_DISK = 64 * 1024 * 1024
"""Octets. With less, a database may soon take no more texts."""

READ_S = 2.0
"""A disk that is dying may not answer at all."""

SYS = Path("/sys")
Trouble = Callable[[], str | None]


class PartAnswer(Answer):
    """A part of the gateway. `error`: what is wrong with it."""

    ok: bool
    error: str | None


class DiskAnswer(PartAnswer):
    """The disk with the data directory, and the database on it, in octets; null where they cannot be told."""

    free: int | None
    total: int | None
    database: int | None


class BoxAnswer(Answer):
    """The computer. Null where it has no such sensor."""

    cpu_temperature_c: float | None
    undervoltage: bool | None


class HealthAnswer(Answer):
    """`status`: "ok", "degraded" (something needs attention, texts go on), or "down" (nothing is stored or sent)."""

    status: Literal["ok", "degraded", "down"]
    version: str
    store: PartAnswer
    disk: DiskAnswer
    parts: dict[str, PartAnswer]
    modems: list[Modem]
    waiting: int | None
    alerts: list[AlertAnswer]
    box: BoxAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the gateway keeps its data, and where the kernel tells of sensors."""

    data_dir: Path
    database: str = "smsgw.db"
    sys: Path = SYS


def health_routes(service: Service, troubles: Mapping[str, Trouble], place: Place | None) -> APIRouter:
    """`/api/v1/health`."""
    router = APIRouter(prefix="/api/v1/health")

    @router.get("", **documented(HealthAnswer))
    async def health() -> JSONResponse:
        """Database, disk, broker, modems, active alerts and the computer itself. Answers 200 whatever is wrong."""
        return JSONResponse(await _health(service, troubles, place))

    return router


async def _health(service: Service, troubles: Mapping[str, Trouble], place: Place | None) -> dict[str, Any]:
    state = service.health()
    parts = {name: _part(trouble()) for name, trouble in troubles.items()}
    store = _part(None if state["store"] == "ok" else str(state["store"]))
    disk, box = await looked(place)
    alerts, waiting = await _kept(service)
    good = all(part["ok"] for part in (store, disk, *parts.values())) and not alerts and not box["undervoltage"]
    degraded = "degraded" if state["ready"] else "down"
    return {
        "status": "ok" if good and state["ready"] else degraded,
        "version": __version__,
        "store": store,
        "disk": disk,
        "parts": parts,
        "modems": [modem_json(line) for line in service.lines()],
        "waiting": waiting,
        "alerts": [alert_json(alert) for alert in alerts],
        "box": box,
    }


async def _kept(service: Service) -> tuple[list[Alert], int | None]:
    """Active alerts, and how many messages wait; nothing and None where the database cannot be read."""
    try:
        return await service.alerts.find(AlertFilter(active=True, limit=MAX_PAGE)), await service.waiting()
    except StoreError:
        log.warning("health: the database cannot be read", exc_info=True)
        return [], None


async def looked(place: Place | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Disk and computer, looked at in a thread: files can keep one waiting."""
    unknown = {"ok": True, "error": None, "free": None, "total": None, "database": None}
    silent = {"cpu_temperature_c": None, "undervoltage": None}
    if place is None:
        return unknown, silent
    try:
        async with asyncio.timeout(READ_S):
            return await asyncio.to_thread(lambda: (disk_of(place), box_of(place.sys)))
    except TimeoutError:
        return unknown | _part("the disk does not answer"), silent


def disk_of(place: Place) -> dict[str, Any]:
    """Free and total octets, and those of the database; with what is wrong."""
    try:
        usage = shutil.disk_usage(place.data_dir)
        files = [place.data_dir / f"{place.database}{suffix}" for suffix in ("", "-wal")]
        database = sum(file.stat().st_size for file in files if file.exists())
    except OSError as exc:
        return _part(str(exc)) | {"free": None, "total": None, "database": None}
    trouble = f"only {usage.free // 1024} KiB are free" if usage.free < LOW_DISK else None
    return _part(trouble) | {"free": usage.free, "total": usage.total, "database": database}


def box_of(sys: Path) -> dict[str, Any]:
    """Temperature of the processor, and whether a Raspberry Pi's supply is too low (drivers thermal, raspberrypi-hwmon)."""
    temperature = undervoltage = None
    zones = sorted(sys.glob("class/thermal/thermal_zone*"))
    for zone in sorted(zones, key=lambda each: "cpu" not in (_text(each / "type") or "")):
        if (text := _text(zone / "temp")) is not None and text.lstrip("-").isdecimal():
            temperature = int(text) / 1000
            break
    for folder in sorted(sys.glob("class/hwmon/*")):
        if _text(folder / "name") == "rpi_volt" and (alarm := _text(folder / "in0_lcrit_alarm")) is not None:
            undervoltage = alarm == "1"
    return {"cpu_temperature_c": temperature, "undervoltage": undervoltage}


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None


def _part(trouble: str | None) -> dict[str, Any]:
    return {"ok": trouble is None, "error": trouble}
