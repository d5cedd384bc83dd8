"""Who has a port open: other programs that would take the modem's answers away."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from gateway.modem.usb import SYSTEM, Roots


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that has the port open."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})"


def holders(port: str, roots: Roots = SYSTEM, *, but: int = 0) -> list[Holder]:
    """The processes that have `port` open, without process `but`. Of other users' processes only root can tell."""
    target = os.path.realpath(port)
    found = []
    for entry in sorted(roots.proc.glob("[0-9]*"), key=lambda path: int(path.name)):
        if int(entry.name) != but and _has_open(entry / "fd", target):
            found.append(Holder(pid=int(entry.name), name=_name(entry)))
    return found


def running(name: str, roots: Roots = SYSTEM) -> list[Holder]:
    """The processes of that name."""
    found = [Holder(pid=int(entry.name), name=_name(entry)) for entry in roots.proc.glob("[0-9]*")]
    return [one for one in found if one.name == name]


def _has_open(folder: Path, target: str) -> bool:
    try:
        return any(os.readlink(folder / descriptor) == target for descriptor in os.listdir(folder))
    except OSError:
        return False  # ended meanwhile, or another user's


def _name(entry: Path) -> str:
    try:
        return (entry / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "?"
