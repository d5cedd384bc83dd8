"""A modem's port: the master side of a pty in raw mode, never blocking.

A serial device loses what it sends while nobody has its port open; a pty would keep it for the next client. So output
is written only while a client is there, and what a client left unread is discarded when it is gone. Whether one is there
the master says itself (POLLHUP); inotify only tells when to look again, since it merges equal events and cannot count.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import os
import select
import struct
import termios
import tty
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.errors import ModemError

IN_OPEN, IN_CLOSE = 0x20, 0x18  # inotify(7); IN_CLOSE is after writing or after reading only
INOTIFY_EVENT = struct.Struct("iIII")
READ_SIZE = 4096
MAX_PENDING = 65536  # octets kept for a client that does not read; more is lost, as on a UART without flow control


class ClientWatch:
    """Tells the ports of one emulator when somebody has opened or closed them."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd: int = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise ModemError(f"inotify is not available: {os.strerror(ctypes.get_errno())}")
        self._ports: dict[int, Port] = {}

    def start(self) -> None:
        asyncio.get_running_loop().add_reader(self._fd, self.drain)

    def stop(self) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)

    def add(self, port: Port, path: str) -> int:
        watch: int = self._libc.inotify_add_watch(self._fd, os.fsencode(path), IN_OPEN | IN_CLOSE)
        if watch < 0:
            raise ModemError(f"cannot watch {path}: {os.strerror(ctypes.get_errno())}")
        self._ports[watch] = port
        return watch

    def remove(self, watch: int) -> None:
        self._ports.pop(watch, None)
        self._libc.inotify_rm_watch(self._fd, watch)

    def drain(self) -> None:
        """Hands on the opens and closes that have happened until now."""
        try:
            events = os.read(self._fd, READ_SIZE)
        except BlockingIOError:
            return
        masks: dict[int, list[int]] = {}
        at = 0
        while at < len(events):
            watch, mask, _, name = INOTIFY_EVENT.unpack_from(events, at)
            at += INOTIFY_EVENT.size + name
            masks.setdefault(watch, []).append(mask)
        for watch, seen in masks.items():
            if watch in self._ports:
                self._ports[watch].clients_changed(seen)


def _fresh_pty(avoid: Sequence[str]) -> tuple[int, str]:
    """Master and path of a new pty in raw mode, whose path is none of `avoid`."""
    unwanted: list[int] = []
    try:
        while True:
            master, slave = os.openpty()
            tty.setraw(slave)  # the settings stay while the master is open
            path = os.ttyname(slave)
            os.close(slave)
            if path not in avoid:
                return master, path
            unwanted.append(master)  # kept for the moment, else the next one gets the same number
    finally:
        for master in unwanted:
            os.close(master)


class Port:
    """One pty. `receive` is called with what clients write; `write` never blocks.

    `links` are symlinks to it, the first one is its name; `avoid` are paths that it must not get.
    """

    def __init__(
        self,
        watch: ClientWatch,
        receive: Callable[[bytes], None],
        links: Sequence[Path] = (),
        avoid: Sequence[str] = (),
    ) -> None:
        self._watch = watch
        self._receive = receive
        self._links = tuple(links)
        self._loop = asyncio.get_running_loop()
        self.on_closed: Callable[[], None] | None = None  # called when nobody has the port open any more
        self._pending = bytearray()
        self._unflushed = False  # whether a client may have left something unread
        self._master, self.path = _fresh_pty(avoid)
        os.set_blocking(self._master, False)
        self._presence = select.poll()
        self._presence.register(self._master, 0)
        self._watched = watch.add(self, self.path)
        for link in self._links:
            fresh = link.with_name(link.name + ".new")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(self.path)
            fresh.replace(link)

    @property
    def name(self) -> str:
        """What a client opens."""
        return str(self._links[0]) if self._links else self.path

    @property
    def has_client(self) -> bool:
        """Whether somebody has the port open at this moment."""
        return not self._presence.poll(0)

    def close(self, *, keep_link: bool = False) -> None:
        """The device vanishes: its link first, then the pty; clients see a hang-up."""
        for link in () if keep_link else self._links:
            if link.is_symlink() and os.readlink(link) == self.path:
                link.unlink()
        self._loop.remove_reader(self._master)
        self._loop.remove_writer(self._master)
        self._watch.remove(self._watched)
        os.close(self._master)
        self._pending.clear()

    def write(self, data: bytes) -> bool:
        """Sends `data` to the client; lost when there is none (False) or when it has stopped reading for too long."""
        self._watch.drain()  # one may have gone and another come in this very moment
        if not self.has_client:
            return False
        if not self._pending:
            data = data[self._write_some(data) :]
            if not data:
                return True
            self._loop.add_writer(self._master, self._writable)
        if len(self._pending) + len(data) <= MAX_PENDING:
            self._pending += data
        return True

    def clients_changed(self, masks: list[int]) -> None:
        """Called by the watch with the inotify masks of the opens and closes since the last time, in order."""
        self._loop.add_reader(self._master, self._readable)
        closes = [place for place, mask in enumerate(masks) if mask & IN_CLOSE]
        if closes and self.on_closed is not None and not self.has_client:
            self.on_closed()
        if not closes or not self._unflushed:
            return
        if not self.has_client or any(mask & IN_OPEN for mask in masks[closes[0] :]):
            self._discard_unread()

    def _discard_unread(self) -> None:
        self._unflushed = False
        self._pending.clear()
        self._loop.remove_writer(self._master)
        try:
            slave = os.open(self.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except PermissionError:  # the client had taken the port for itself alone (TIOCEXCL), and we are not root
            return
        unread = bytearray(4)
        for _ in range(MAX_PENDING // READ_SIZE):  # the line discipline is refilled from the driver's own buffer
            termios.tcflush(slave, termios.TCIFLUSH)
            fcntl.ioctl(slave, termios.FIONREAD, unread)
            if not int.from_bytes(unread, "little"):
                break
        fcntl.ioctl(slave, termios.TIOCNXCL)  # a device forgets that at the last close
        os.close(slave)

    def _write_some(self, data: bytes | bytearray) -> int:
        self._unflushed = True
        try:
            return os.write(self._master, data)
        except BlockingIOError:
            return 0

    def _writable(self) -> None:
        self._watch.drain()
        del self._pending[: self._write_some(self._pending)]
        if not self._pending or not self.has_client:
            self._pending.clear()
            self._loop.remove_writer(self._master)

    def _readable(self) -> None:
        try:
            data = os.read(self._master, READ_SIZE)
        except BlockingIOError:
            return
        except OSError:  # EIO: the last client has closed; the watch tells when there is another
            self._loop.remove_reader(self._master)
            return
        self._receive(data)
