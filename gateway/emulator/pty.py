"""A modem's port: the master side of a pty in raw mode, never blocking, with clients watched through inotify.

A serial device loses what it sends while nobody has its port open. A pty would keep it for the next client instead,
so the watch counts opens and closes of the slave and output is discarded while there are none. The emulator holds one
slave descriptor itself: the master then never sees EIO, and the line settings outlive the clients.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import os
import struct
import termios
import tty
from collections.abc import Callable
from pathlib import Path

from gateway.errors import ModemError

IN_OPEN, IN_CLOSE = 0x20, 0x18  # inotify(7); close after writing or after reading only
INOTIFY_EVENT = struct.Struct("iIII")
READ_SIZE = 4096
MAX_PENDING = 65536  # octets kept for a client that does not read; more is lost, as on a UART without flow control


class ClientWatch:
    """Counts the clients of every port of one emulator."""

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
        """Takes the opens and closes that have happened until now."""
        try:
            events = os.read(self._fd, READ_SIZE)
        except BlockingIOError:
            return
        at = 0
        while at < len(events):
            watch, mask, _, name = INOTIFY_EVENT.unpack_from(events, at)
            at += INOTIFY_EVENT.size + name
            port = self._ports.get(watch)
            if port is not None and mask & (IN_OPEN | IN_CLOSE):
                port.client_changed(1 if mask & IN_OPEN else -1)


class Port:
    """One pty. `receive` is called with what clients write; `write` never blocks."""

    def __init__(self, watch: ClientWatch, receive: Callable[[bytes], None], link: Path | None) -> None:
        self._watch = watch
        self._receive = receive
        self._link = link
        self._loop = asyncio.get_running_loop()
        self._pending = bytearray()
        self._clients = 0
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._watched = watch.add(self, self.path)
        self._loop.add_reader(self._master, self._readable)
        if link is not None:
            fresh = link.with_name(link.name + ".new")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(self.path)
            fresh.replace(link)

    @property
    def name(self) -> str:
        """What a client opens."""
        return str(self._link or self.path)

    @property
    def clients(self) -> int:
        return self._clients

    def close(self) -> None:
        """The device vanishes: its link first, then the pty; clients see a hang-up."""
        if self._link is not None and self._link.is_symlink() and os.readlink(self._link) == self.path:
            self._link.unlink()
        self._loop.remove_reader(self._master)
        self._loop.remove_writer(self._master)
        self._watch.remove(self._watched)
        os.close(self._slave)
        os.close(self._master)
        self._pending.clear()

    def write(self, data: bytes) -> None:
        """Sends `data` to the client; lost when there is none or when it has stopped reading for too long."""
        self._watch.drain()  # one may have opened or closed in this very moment; it costs a microsecond
        if not self._clients:
            return
        if not self._pending:
            data = data[self._write_some(data) :]
            if not data:
                return
            self._loop.add_writer(self._master, self._writable)
        if len(self._pending) + len(data) <= MAX_PENDING:
            self._pending += data

    def client_changed(self, change: int) -> None:
        """Called by the watch. At the first open and the last close nothing that is under way is for anybody."""
        before, self._clients = self._clients, max(0, self._clients + change)
        if not before or not self._clients:
            self._pending.clear()
            self._loop.remove_writer(self._master)
            self._discard_unread()

    def _discard_unread(self) -> None:
        unread = bytearray(4)
        for _ in range(MAX_PENDING // READ_SIZE):  # the line discipline is refilled from the driver's own buffer
            termios.tcflush(self._slave, termios.TCIFLUSH)
            fcntl.ioctl(self._slave, termios.FIONREAD, unread)
            if not int.from_bytes(unread, "little"):
                return

    def _write_some(self, data: bytes | bytearray) -> int:
        try:
            return os.write(self._master, data)
        except BlockingIOError:
            return 0

    def _writable(self) -> None:
        self._watch.drain()
        del self._pending[: self._write_some(self._pending)]
        if not self._pending:
            self._loop.remove_writer(self._master)

    def _readable(self) -> None:
        try:
            data = os.read(self._master, READ_SIZE)
        except BlockingIOError:
            return
        self._receive(data)
