"""Which ttys there are, of which USB device and interface they are, and what for. Read from sysfs; nothing is opened."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.modem.usb_ids import (
    HILINK,
    HUAWEI,
    LAYOUTS,
    MEANING,
    PROTOCOLS,
    RECEIVERS,
    SPEAKS_AT,
    STORAGE_MODE,
    Id,
    Role,
)

_KINDS = ("ttyUSB", "ttyACM")  # of usb-serial and of CDC-ACM
_UP = 6  # folders between a tty and its USB device, at most
_LINKS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """Where the kernel tells about hardware; elsewhere in tests."""

    sys: Path = Path("/sys")
    dev: Path = Path("/dev")
    proc: Path = Path("/proc")


SYSTEM = Roots()


@dataclass(frozen=True, slots=True, kw_only=True)
class UsbDevice:
    """A USB device. `folder`: its place in sysfs, which says where it is plugged in."""

    folder: Path
    vendor: str
    product: str
    maker: str = ""
    name: str = ""

    @property
    def id(self) -> Id:
        return self.vendor, self.product

    def __str__(self) -> str:
        label = " ".join(part for part in (self.maker, self.name) if part)
        return f"{self.vendor}:{self.product}{f' ({label})' if label else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsbTty:
    """A tty of a USB device. `path`: what is opened; `interface`: bInterfaceNumber."""

    path: str
    device: UsbDevice
    interface: int
    role: Role

    @property
    def speaks_at(self) -> bool:
        """False when it is known that it does not."""
        return self.role in SPEAKS_AT


def ttys(roots: Roots = SYSTEM) -> list[UsbTty]:
    """All ttys of USB devices, the better ones of each device first, in the order of the devices."""
    folder = roots.sys / "class/tty"
    found = [tty for name in _names(folder) if (tty := _usb_tty(folder / name, roots)) is not None]
    order = list(Role)
    return sorted(found, key=lambda tty: (tty.device.folder, order.index(tty.role), tty.interface))


def tty_of(port: str, roots: Roots = SYSTEM) -> UsbTty | None:
    """The USB tty that `port` is or links to; None where it is another kind of port, or gone."""
    known = {tty.path: tty for tty in ttys(roots)}
    for _ in range(_LINKS):
        port = os.path.normpath(os.path.join(roots.dev, port))
        if port in known or not os.path.islink(port):
            return known.get(port)
        port = os.path.join(os.path.dirname(port), os.readlink(port))
    return None


def devices(roots: Roots = SYSTEM) -> list[UsbDevice]:
    """All USB devices, by their place."""
    folder = roots.sys / "bus/usb/devices"
    return [device for name in _names(folder) if (device := _device((folder / name).resolve())) is not None]


def siblings(tty: UsbTty, roots: Roots = SYSTEM) -> list[UsbTty]:
    """The ttys of the same device, the better ones first, itself among them."""
    return [one for one in ttys(roots) if one.device.folder == tty.device.folder]


def advice(port: str, roots: Roots = SYSTEM) -> str:
    """What is wrong with `port` as a modem's port, in one line for a person; "" when nothing is known against it."""
    tty = tty_of(port, roots)
    if tty is None or tty.speaks_at:
        return ""
    where = f"it is interface {tty.interface} of {tty.device}: {MEANING[tty.role]}"
    better = next((one for one in siblings(tty, roots) if one.role is Role.AT), None)
    if better is None:
        return where
    return f"{where}; use {stable_name(better.path, roots)} (interface {better.interface}) instead"


def better(port: str, roots: Roots = SYSTEM) -> str:
    """The port of the same modem that is to be preferred to `port`, which answers AT too; "" when there is none."""
    tty = tty_of(port, roots)
    if tty is None or tty.role not in (Role.AT2, Role.MODEM):
        return ""
    found = next((one for one in siblings(tty, roots) if one.role is Role.AT), None)
    if found is None:
        return ""
    return f"it is {MEANING[tty.role]}, where new texts may not be announced; use {stable_name(found.path, roots)}"


def stable_name(path: str, roots: Roots = SYSTEM) -> str:
    """The name below /dev/serial/by-id that leads to `path`, which stays the same; `path` itself where there is none."""
    for link in sorted((roots.dev / "serial/by-id").glob("*")):
        if os.path.basename(os.readlink(link)) == os.path.basename(path):
            return str(link)
    return path


def trouble(device: UsbDevice) -> str:
    """Why a USB device that could be a modem has no AT port, and what to do; "" when nothing is known against it."""
    if device.id in STORAGE_MODE:
        return f"{device} is in storage mode; install usb-modeswitch and plug it in again"
    if device.id in HILINK:
        return f"{device} has HiLink firmware: a network card without AT ports; it needs stick firmware"
    return ""


def is_at_interface(port: str, roots: Roots = SYSTEM) -> bool:
    """True when `port` is known to be the AT interface of the modem's own USB: no UART, no bridge, no second port."""
    tty = tty_of(port, roots)
    return tty is not None and tty.role is Role.AT


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []  # no such bus, as in most containers


def _usb_tty(entry: Path, roots: Roots) -> UsbTty | None:
    if not entry.name.startswith(_KINDS):
        return None
    start = (entry / "device").resolve()
    interface = next((folder for folder in _up(start) if (folder / "bInterfaceNumber").is_file()), None)
    if interface is None:
        return None
    device = next((found for folder in _up(interface) if (found := _device(folder)) is not None), None)
    number = _octet(interface, "bInterfaceNumber")
    if device is None or number is None:
        return None
    role = _role(device, number, interface)
    return UsbTty(path=str(roots.dev / entry.name), device=device, interface=number, role=role)


def _up(start: Path) -> Iterator[Path]:
    yield from (start, *start.parents[:_UP])


def _device(folder: Path) -> UsbDevice | None:
    vendor, product = _text(folder, "idVendor"), _text(folder, "idProduct")
    if not vendor or not product:
        return None
    return UsbDevice(
        folder=folder,
        vendor=vendor.lower(),
        product=product.lower(),
        maker=_text(folder, "manufacturer"),
        name=_text(folder, "product"),
    )


def _role(device: UsbDevice, interface: int, folder: Path) -> Role:
    if device.id in RECEIVERS:
        return Role.NMEA
    layout = LAYOUTS.get(device.id)
    if layout is not None:
        return layout.get(interface, Role.OTHER)
    if device.vendor == HUAWEI and _octet(folder, "bInterfaceClass") == 0xFF:
        return PROTOCOLS.get(_octet(folder, "bInterfaceProtocol") or 0, Role.UNKNOWN)
    return Role.UNKNOWN


def _text(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _octet(folder: Path, name: str) -> int | None:
    try:
        return int(_text(folder, name), 16)
    except ValueError:
        return None
