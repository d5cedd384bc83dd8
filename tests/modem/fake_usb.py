"""A sysfs of our own: USB devices with their ttys, and a /dev whose ttys lead to the ports of emulated modems."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from gateway.modem.usb import Roots


class FakeUsb:
    """`plug` makes a device with its ttys appear, `unplug` takes it away. Only what the gateway reads is there."""

    def __init__(self, root: Path) -> None:
        self.roots = Roots(sys=root / "sys", dev=root / "dev", proc=root / "proc")
        for folder in ("sys/class/tty", "sys/bus/usb/devices", "sys/devices", "dev/serial/by-id", "proc"):
            (root / folder).mkdir(parents=True)

    def plug(
        self,
        where: str,
        vidpid: str,
        ttys: Mapping[int, tuple[str, str]],
        *,
        protocols: Mapping[int, int] | None = None,
        acm: bool = False,
        name: str = "",
    ) -> None:
        """`where`: the place, e.g. "1-1.2"; `ttys`: interface → (tty name, what is behind it)."""
        device = self.roots.sys / "devices" / where
        device.mkdir()
        vendor, product = vidpid.split(":")
        for file, text in (("idVendor", vendor), ("idProduct", product), ("product", name)):
            (device / file).write_text(f"{text}\n")
        (self.roots.sys / "bus/usb/devices" / where).symlink_to(device)
        for interface, (tty, target) in ttys.items():
            folder = device / f"{where}:1.{interface}"
            folder.mkdir()
            (folder / "bInterfaceNumber").write_text(f"{interface:02x}\n")
            (folder / "bInterfaceClass").write_text("ff\n")
            (folder / "bInterfaceProtocol").write_text(f"{(protocols or {}).get(interface, 0xFF):02x}\n")
            behind = folder if acm else folder / tty  # usb-serial has a device of its own for each port
            behind.mkdir(exist_ok=True)
            entry = self.roots.sys / "class/tty" / tty
            entry.mkdir()
            (entry / "device").symlink_to(behind)
            (self.roots.dev / tty).symlink_to(target)
            label = f"usb-{name or vidpid.replace(':', '_')}_{where}-if{interface:02x}-port0"
            (self.roots.dev / "serial/by-id" / label).symlink_to(f"../../{tty}")

    def unplug(self, where: str) -> None:
        device = self.roots.sys / "devices" / where
        for entry in (self.roots.sys / "class/tty").iterdir():
            if (entry / "device").resolve().is_relative_to(device):
                (self.roots.dev / entry.name).unlink()
                for link in (self.roots.dev / "serial/by-id").iterdir():
                    if os.readlink(link) == f"../../{entry.name}":
                        link.unlink()
                (entry / "device").unlink()
                entry.rmdir()
        (self.roots.sys / "bus/usb/devices" / where).unlink()
        for folder, _, files in os.walk(device, topdown=False):
            for file in files:
                os.unlink(os.path.join(folder, file))
            os.rmdir(folder)

    def process(self, pid: int, name: str, *opened: str) -> None:
        """A process that has these files open."""
        folder = self.roots.proc / str(pid)
        (folder / "fd").mkdir(parents=True)
        (folder / "comm").write_text(f"{name}\n")
        for number, path in enumerate(opened):
            (folder / "fd" / str(number)).symlink_to(path)
