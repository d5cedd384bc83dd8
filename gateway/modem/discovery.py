"""Finds the tty of a modem by its IMEI, or by the ICCID of its SIM, wherever it is plugged in.

A tty is asked only while no line of ours uses its device, and not again before something may have changed.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from gateway.clock import Clock
from gateway.errors import ModemError
from gateway.modem.errors import PortLost
from gateway.modem.probe import Overheard, identify
from gateway.modem.usb import SYSTEM, Roots, UsbTty, tty_of, ttys
from gateway.modem.usb_ids import LAYOUTS, MODEM_VENDORS, Id, Role

log = logging.getLogger(__name__)

SILENT_S = (
    3.0,
    3.0,
    5.0,
    5.0,
    10.0,
    30.0,
    60.0,
)  # until a tty that did not answer is asked again; a modem boots for 20 s
SIM_S = 30.0  # until a modem is asked for its SIM again
_IMEI_DIGITS = 14  # what follows is a check digit, or a software version (23.003 6.2)
_ICCID_DIGITS = 18  # some modems leave out the last one

Node = tuple[str, int, int]
"""A device node: the same name after re-plugging is another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is looked for: a modem by IMEI or a SIM by ICCID. `ids`: only among USB devices of these identities."""

    imei: str = ""
    iccid: str = ""
    ids: frozenset[Id] = frozenset()

    def fits(self, imei: str, iccid: str) -> bool:
        return same_imei(self.imei, imei) if self.imei else same_iccid(self.iccid, iccid)

    def __str__(self) -> str:
        return f"IMEI {self.imei}" if self.imei else f"the SIM {self.iccid}"


@dataclass(slots=True, kw_only=True)
class _Known:
    """What a tty told when it was asked last."""

    imei: str = ""
    iccid: str = ""
    due: float = 0.0  # loop time at which it is worth asking again
    silent: int = 0  # times in a row that it did not answer
    why: str = ""  # … and what it did instead


class Finder:
    """One for all lines. `roots`: where hardware is looked for."""

    def __init__(self, clock: Clock, roots: Roots = SYSTEM) -> None:
        self.roots = roots
        self._clock = clock
        self._held: dict[str, Path | str] = {}  # line -> device in use
        self._known: dict[Node, _Known] = {}
        self._found: dict[str, Node] = {}  # line -> where its modem was found last
        self._overheard: dict[Node, Overheard] = {}
        self._silences: dict[str, Callable[[], float]] = {}
        self._asking = asyncio.Lock()  # two lines must not ask the same tty

    def owes(self, line: str, silence_s: Callable[[], float]) -> None:
        """`silence_s`: how long the line's modem may still take for the answer to a submit; it is not disturbed so long.

        Which tty that modem is at is not known before one has asked.
        """
        self._silences[line] = silence_s

    def overheard(self, port: str) -> Overheard:
        """What the modem there told while it was asked; told once."""
        node = _node(port)
        return (self._overheard.pop(node, None) if node is not None else None) or Overheard()

    def hold(self, line: str, port: str) -> UsbTty | None:
        """The line uses this port: nothing else of its device, which is returned, is asked."""
        tty = tty_of(port, self.roots)
        self._held[line] = tty.device.folder if tty is not None else os.path.realpath(port)
        return tty

    def release(self, line: str) -> None:
        self._held.pop(line, None)

    async def locate(self, line: str, wanted: Wanted, baudrate: int) -> str:
        """The path of the tty to open. Raises PortLost when what is wanted is not there."""
        if (path := self._still_there(line, wanted)) is not None:
            return path
        async with self._asking:
            candidates = await asyncio.to_thread(ttys, self.roots)
            nodes = {tty.path: node for tty in candidates if (node := _node(tty.path)) is not None}
            self._known = {node: known for node, known in self._known.items() if node in nodes.values()}
            self._overheard = {node: heard for node, heard in self._overheard.items() if node in nodes.values()}
            for group in self._groups(line, candidates, wanted):
                found = await self._among(group, nodes, wanted, baudrate)
                if found is not None:
                    self._held[line] = found.device.folder
                    self._found[line] = nodes[found.path]
                    return found.path
        raise PortLost(f"no free modem with {wanted} is plugged in{self._instead()}")

    def _still_there(self, line: str, wanted: Wanted) -> str | None:
        """Where the line's modem was last, if that device node is the same; who opens it looks whether it is the modem."""
        node = self._found.get(line)
        known = self._known.get(node) if node is not None else None
        if node is None or known is None or _node(node[0]) != node or not wanted.fits(known.imei, known.iccid):
            return None
        tty = tty_of(node[0], self.roots)
        if tty is None or any(place == tty.device.folder for name, place in self._held.items() if name != line):
            return None
        self._held[line] = tty.device.folder
        return node[0]

    def _instead(self) -> str:
        """What is there in place of what is looked for."""
        seen = sorted({known.imei for known in self._known.values() if known.imei})
        silent = sorted({known.why for known in self._known.values() if known.why})
        parts = [f"there is {', '.join(seen)}"] if seen else []
        return "".join(f"; {part}" for part in (*parts, *silent))

    def forget(self, port: str) -> None:
        """What was known of this port is not true any more."""
        node = _node(port)
        if node is not None:
            self._known.pop(node, None)

    def _groups(self, line: str, candidates: Iterable[UsbTty], wanted: Wanted) -> list[list[UsbTty]]:
        """The ttys that may be asked, device by device, known modems first."""
        held = {place for name, place in self._held.items() if name != line}
        groups: dict[Path, list[UsbTty]] = {}
        for tty in candidates:
            allowed = not wanted.ids or tty.device.id in wanted.ids
            if allowed and tty.speaks_at and tty.device.folder not in held and os.path.realpath(tty.path) not in held:
                groups.setdefault(tty.device.folder, []).append(tty)
        return sorted(groups.values(), key=lambda group: not _is_modem(group[0]))

    async def _among(self, group: list[UsbTty], nodes: dict[str, Node], wanted: Wanted, baudrate: int) -> UsbTty | None:
        """The tty of this device that answers, where it is the one that is wanted."""
        for tty in group:
            node = nodes.get(tty.path)
            if node is None:
                continue
            known = self._known.setdefault(node, _Known())
            if asyncio.get_running_loop().time() >= known.due:
                await self._ask(tty, known, self._overheard.setdefault(node, Overheard()), baudrate)
            if known.imei or known.iccid:  # the others of the device are the same modem
                return tty if wanted.fits(known.imei, known.iccid) else None
        return None

    async def _ask(self, tty: UsbTty, known: _Known, overheard: Overheard, baudrate: int) -> None:
        now = asyncio.get_running_loop().time
        silence_s = max((each() for each in self._silences.values()), default=0.0)
        try:
            known.imei, known.iccid = await identify(
                tty.path, baudrate, self._clock, overheard=overheard, silence_s=silence_s
            )
        except ModemError as error:
            known.imei = known.iccid = ""
            known.due = now() + SILENT_S[min(known.silent, len(SILENT_S) - 1)]
            known.silent += 1
            known.why = str(error)
            log.info("looking for a modem: %s", error)
        else:
            known.silent, known.why = 0, ""
            known.due = now() + SIM_S
            log.info("looking for a modem: %s has IMEI %s", tty.path, known.imei or "unknown")


def same_imei(one: str, other: str) -> bool:
    """Whether two IMEIs, one of them perhaps with its software version, are of one modem."""
    return len(one) >= _IMEI_DIGITS and one[:_IMEI_DIGITS] == other[:_IMEI_DIGITS]


def same_iccid(one: str, other: str) -> bool:
    """Whether two ICCIDs, one of them perhaps without its last digit, are of one SIM."""
    one, other = one.rstrip("Ff"), other.rstrip("Ff")
    return min(len(one), len(other)) >= _ICCID_DIGITS and (one.startswith(other) or other.startswith(one))


def _is_modem(tty: UsbTty) -> bool:
    return tty.device.id in LAYOUTS or (tty.device.vendor in MODEM_VENDORS and tty.role is not Role.OTHER)


def _node(path: str) -> Node | None:
    try:
        stat = os.lstat(path)
    except OSError:
        return None
    return path, stat.st_ino, stat.st_ctime_ns
