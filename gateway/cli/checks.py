"""What `smsgw doctor` looks at around the gateway: files, disk, database, clock, supply voltage, broker. Nothing is changed."""

from __future__ import annotations

import fcntl
import getpass
import os
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from gateway.app import DATABASE
from gateway.clock import SystemClock
from gateway.config import Config
from gateway.lock import LOCK
from gateway.modem.usb import SYSTEM, Roots
from gateway.mqtt.check import refusal
from gateway.secret_files import SECRETS

MIB = 1024 * 1024
DISK_PROBLEM, DISK_WARNING = 50 * MIB, 500 * MIB
NOT_BEFORE = datetime(2025, 1, 1, tzinfo=UTC)  # a clock that says less has not been set
UNDER_VOLTAGE_NOW, UNDER_VOLTAGE_SEEN = 0x1, 0x10000  # bits of the Raspberry Pi firmware's get_throttled
THROTTLED = "devices/platform/soc/soc:firmware/get_throttled"
_PROGRAM_S = 5.0


class Level(Enum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the examination. `remedy`: what to do about it, "" where there is nothing to do."""

    level: Level
    subject: str
    message: str
    remedy: str = ""


def output_of(arguments: Sequence[str]) -> str:
    """What a program says, "" where it is not there, fails or takes too long."""
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=_PROGRAM_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The box that is examined; tests give another one."""

    roots: Roots = SYSTEM
    run: Path = Path("/run")
    output_of: Callable[[Sequence[str]], str] = output_of
    now: Callable[[], datetime] = field(default_factory=lambda: SystemClock().now)


def ok(subject: str, message: str) -> Finding:
    return Finding(level=Level.OK, subject=subject, message=message)


def warning(subject: str, message: str, remedy: str) -> Finding:
    return Finding(level=Level.WARNING, subject=subject, message=message, remedy=remedy)


def problem(subject: str, message: str, remedy: str) -> Finding:
    return Finding(level=Level.PROBLEM, subject=subject, message=message, remedy=remedy)


def gateway_runs(config: Config) -> bool:
    """Whether a gateway holds the data directory's lock."""
    try:
        with (config.gateway.data_dir / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def files(config: Config, _: Surroundings) -> Iterator[Finding]:
    """The data directory, the secrets and the PINs: there, usable, and nobody else's business."""
    folder = config.gateway.data_dir
    if not folder.is_dir():
        parent = next(path for path in folder.parents if path.is_dir())
        if os.access(parent, os.W_OK):
            yield ok("data", f"{folder} will be made at the first start")
        else:
            yield problem(
                "data", f"{folder} is not there and {me()} cannot make it", f"sudo install -d -o {me()} {folder}"
            )
    elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield problem("data", f"{me()} cannot write to {folder}", f"sudo chown -R {me()} {folder}")
    else:
        yield ok("data", f"{folder} can be written")
    secrets = folder / SECRETS
    if secrets.exists():
        yield _private("secrets", secrets, 0o077)
    for modem in config.modems:
        if modem.pin_file is not None:
            yield _pin(modem.name, modem.pin_file)


def disk(config: Config, _: Surroundings) -> Iterator[Finding]:
    """Room for messages: without it new texts stay in the modem, which holds a few dozen."""
    folder = next(path for path in (config.gateway.data_dir, *config.gateway.data_dir.parents) if path.is_dir())
    free = shutil.disk_usage(folder).free
    text = f"{free // MIB} MiB free at {folder}"
    if free < DISK_PROBLEM:
        yield problem("disk", text, "make room: texts are refused and stay in the modems when the disk is full")
    elif free < DISK_WARNING:
        yield warning("disk", text, "make room, or lower store.retention_days")
    else:
        yield ok("disk", text)


def database(config: Config, _: Surroundings) -> Iterator[Finding]:
    """The database can be read and is whole; copies that were set aside are told."""
    path = config.gateway.data_dir / DATABASE
    if not path.exists():
        yield ok("database", f"{path} will be made at the first start")
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            said = [row[0] for row in db.execute("PRAGMA quick_check(3)")]
    except sqlite3.Error as exc:
        said = [str(exc)]
    if said == ["ok"]:
        yield ok("database", f"{path} is whole ({path.stat().st_size // 1024} KiB)")
    else:
        yield problem("database", f"{path}: {'; '.join(said)}", "restart the gateway: it sets a damaged database aside")
    aside = sorted(one.name for one in path.parent.glob(f"{path.stem}.damaged-*"))
    if aside:
        yield warning(
            "database", f"damaged ones were set aside: {', '.join(aside)}", "is the SD card worn out? keep copies"
        )


def clock(config: Config, around: Surroundings) -> Iterator[Finding]:
    """A box without a clock battery starts in the past."""
    now = around.now()
    path = config.gateway.data_dir / DATABASE
    newest = datetime.fromtimestamp(path.stat().st_mtime, UTC) if path.exists() else NOT_BEFORE
    shown = now.isoformat(timespec="seconds")
    if now < NOT_BEFORE:
        yield problem("clock", f"it says {shown}, which cannot be", "set the time, or let systemd-timesyncd do it")
    elif (newest - now).total_seconds() > 60:
        text = f"it says {shown}, but the database was written at {newest.isoformat(timespec='seconds')}"
        yield warning("clock", text, "it went back: set the time, or let systemd-timesyncd do it")
    elif (around.run / "systemd/timesync").is_dir() and not (around.run / "systemd/timesync/synchronized").exists():
        yield warning("clock", f"it says {shown}, not yet confirmed by the network", "timedatectl status")
    else:
        yield ok("clock", shown)


def voltage(_: Config, around: Surroundings) -> Iterator[Finding]:
    """A Raspberry Pi whose supply gives way loses its USB modems in the middle of a text."""
    flags = _throttled(around)
    alarm = _hwmon_alarm(around.roots)
    kernel = _kernel_log(around.roots)
    remedy = "use the Pi's own power supply and a powered USB hub for the modems"
    if alarm or (flags is not None and flags & UNDER_VOLTAGE_NOW):
        yield problem("power", "the supply voltage is too low at this moment", remedy)
    elif (flags is not None and flags & UNDER_VOLTAGE_SEEN) or kernel:
        yield warning("power", "the supply voltage was too low since the start of the box", remedy)
    elif flags is not None or alarm is not None:
        yield ok("power", "the supply voltage has been high enough")


def broker(config: Config, _: Surroundings) -> Iterator[Finding]:
    """The MQTT broker takes us."""
    if not config.mqtt.url:
        yield ok("broker", "MQTT is off")
    elif why := refusal(config.mqtt):
        yield problem("broker", why, "is mosquitto running, and are [mqtt] url, user and password right?")
    else:
        yield ok("broker", f"{config.mqtt.url.rpartition('@')[2].removeprefix('mqtt://')} takes us")


def me() -> str:
    """The user that this runs as."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _pin(modem: str, path: Path) -> Finding:
    try:
        pin = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as exc:
        why = getattr(exc, "strerror", None) or "it is no ASCII text"
        return problem("pin", f"{modem}: {path} cannot be read: {why}", f"sudo chown {me()} {path}")
    if not (4 <= len(pin) <= 8 and pin.isdecimal()):
        return problem("pin", f"{modem}: {path} holds no PIN of 4 to 8 digits", "write the PIN alone into it")
    return _private("pin", path, 0o037)


def _private(subject: str, path: Path, forbidden: int) -> Finding:
    """The file is nobody else's to read. `forbidden`: permission bits that it must not have."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & forbidden:
        return problem(subject, f"{path} has mode {mode:04o}: others can read it", f"chmod 600 {path}")
    return ok(subject, f"{path} has mode {mode:04o}")


def _throttled(around: Surroundings) -> int | None:
    """The firmware's flags, from sysfs or from vcgencmd; None on a box that is no Raspberry Pi."""
    try:
        text = (around.roots.sys / THROTTLED).read_text(encoding="ascii").strip()
    except OSError:
        text = around.output_of(("vcgencmd", "get_throttled")).strip().rpartition("=")[2]
    try:
        return int(text, 16)
    except ValueError:
        return None


def _hwmon_alarm(roots: Roots) -> bool | None:
    """The kernel's own sensor on a Raspberry Pi (driver raspberrypi-hwmon)."""
    for folder in sorted((roots.sys / "class/hwmon").glob("*")):
        try:
            if (folder / "name").read_text(encoding="ascii").strip() == "rpi_volt":
                return (folder / "in0_lcrit_alarm").read_text(encoding="ascii").strip() == "1"
        except OSError:
            continue
    return None


def _kernel_log(roots: Roots) -> bool:
    """Whether the kernel has told of an under-voltage; False where its log is not ours to read."""
    try:
        log = os.open(roots.dev / "kmsg", os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        while record := os.read(log, 8192):
            if b"Under-voltage detected" in record:
                return True
    except OSError:
        return False  # EAGAIN: that was the last one; EPIPE: it was overtaken
    finally:
        os.close(log)
    return False
