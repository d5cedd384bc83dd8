"""One serial port on the event loop: opened exclusively by pyserial, then read and written without a thread."""

from __future__ import annotations

import array
import asyncio
import concurrent.futures
import errno
import fcntl
import logging
import os
import termios
import threading
from collections.abc import Callable

import serial

from gateway.errors import ModemError
from gateway.modem.errors import PortBusy, PortLost

log = logging.getLogger(__name__)

OPEN_TIMEOUT = 15.0  # seconds; a dying USB device can hold open() for long
CLOSE_TIMEOUT = 5.0
DRAIN_TIMEOUT = 15.0  # 300 octets take 0.3 s at 9600 Bd; longer means that flow control is stuck
READ_SIZE = 65536
WRITE_LIMIT = 65536  # octets waiting in user space; more means that nobody reads them


class _Tty(serial.Serial):
    """pyserial throws away what waits in the input when it opens; a late `+CMGS:` may be in there."""

    def _reset_input_buffer(self) -> None:
        return


class SerialPort:
    """An open port. `attach` starts the callbacks; after `on_lost` it only remains to `close`."""

    def __init__(self, tty: serial.Serial, path: str) -> None:
        self.path = path
        self._tty = tty
        self._fd: int = tty.fileno()
        self._loop = asyncio.get_running_loop()
        self._out = bytearray()
        self._writable: asyncio.Future[None] | None = None
        self._on_bytes: Callable[[bytes], None] = _ignore
        self._on_lost: Callable[[str], None] = _ignore
        self._lost = ""
        self._octet_s = 10 / max(int(tty.baudrate), 300)  # start, 8 data bits, stop

    @classmethod
    async def open(cls, path: str, baudrate: int) -> SerialPort:
        """Open and lock `path` (a symlink is followed anew each time). Raises PortLost, or PortBusy if it is there.

        A port that hangs has one thread at most, and none of the pool that the other lines use too.
        """
        before = _opening.get(path)
        if before is not None and not before.done():
            raise PortLost(f"{path}: an earlier try to open it hangs")
        opening = _opening[path] = _in_thread(path, baudrate)
        try:
            async with asyncio.timeout(OPEN_TIMEOUT):
                tty = await asyncio.shield(asyncio.wrap_future(opening))
        except TimeoutError as error:
            opening.add_done_callback(_close_late)
            raise PortLost(f"{path}: opening takes too long") from error
        except asyncio.CancelledError:
            # the thread cannot be stopped: what it opens after all must not stay locked
            opening.add_done_callback(_close_late)
            raise
        return cls(tty, path)

    def attach(self, on_bytes: Callable[[bytes], None], on_lost: Callable[[str], None]) -> None:
        """From now on `on_bytes` gets what is read and `on_lost`, once, why the port went away."""
        self._on_bytes = on_bytes
        self._on_lost = on_lost
        self._loop.add_reader(self._fd, self._readable)

    def write(self, data: bytes) -> bool:
        """Write at once what the driver takes, the rest when it takes more. False when nothing at all could be taken.

        Raises PortLost when the port is gone; then none of `data` left.
        """
        if self._lost:
            raise PortLost(self._lost)
        taken = 0
        if not self._out:
            try:
                taken = os.write(self._fd, data)
            except BlockingIOError:
                taken = 0
            except OSError as error:
                self._lose(f"write: {error.strerror}")
                raise PortLost(self._lost) from error
        if taken < len(data):
            self._out += data[taken:]
            if len(self._out) > WRITE_LIMIT:
                self._lose("write: nobody reads on the other side")
                raise PortLost(self._lost)
            self._loop.add_writer(self._fd, self._write_more)
        return taken > 0

    def drained(self) -> bool:
        """True when everything written has left: our buffer and the driver's (TIOCOUTQ) are empty."""
        return not self._out and self._queued() == 0

    async def drain(self) -> None:
        """Wait until the out queue is really empty. Raises PortLost, or ModemError after DRAIN_TIMEOUT."""
        if self.drained():
            return
        try:
            async with asyncio.timeout(DRAIN_TIMEOUT):
                while True:
                    if self._lost:
                        raise PortLost(self._lost)
                    if self._out:
                        self._writable = self._loop.create_future()
                        await self._writable
                    elif queued := self._queued():
                        await asyncio.sleep(max(0.001, queued * self._octet_s))
                    else:
                        return
        except TimeoutError as error:
            raise ModemError(f"{self.path} takes no more octets (flow control?)") from error

    async def close(self) -> None:
        """Give the port back. A close can wait for the out queue, so it has a thread."""
        if not self._tty.is_open:
            return
        self._lost = self._lost or "closed"
        self._detach()
        closing = self._loop.run_in_executor(None, self._tty.close)
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await asyncio.shield(closing)
        except TimeoutError:
            log.warning("%s: closing takes long", self.path)

    def _queued(self) -> int:
        queued = array.array("i", [0])
        try:
            fcntl.ioctl(self._fd, termios.TIOCOUTQ, queued)
        except OSError:
            return 0  # gone, or no such queue: reading will tell
        return queued[0]

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(f"read: {error.strerror}")
            return
        if data:
            self._on_bytes(data)
        else:
            self._lose("read: end of file")  # hung up: the device was unplugged

    def _write_more(self) -> None:
        try:
            taken = os.write(self._fd, self._out)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(f"write: {error.strerror}")
            return
        del self._out[:taken]
        if not self._out:
            self._loop.remove_writer(self._fd)
            self._wake()

    def _lose(self, reason: str) -> None:
        if self._lost:
            return
        self._lost = f"{self.path}: {reason}"
        self._detach()
        self._on_lost(self._lost)

    def _detach(self) -> None:
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._out.clear()
        self._wake()

    def _wake(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)


def _ignore(_: object) -> None:
    return


_opening: dict[str, concurrent.futures.Future[serial.Serial]] = {}  # by path: the last try of this process


def _in_thread(path: str, baudrate: int) -> concurrent.futures.Future[serial.Serial]:
    """Opens in a daemon thread: one that hangs in the kernel must not hold up the end of the process either."""
    opening: concurrent.futures.Future[serial.Serial] = concurrent.futures.Future()
    opening.set_running_or_notify_cancel()

    def run() -> None:
        try:
            opening.set_result(_open(path, baudrate))
        except Exception as error:  # noqa: BLE001  # handed to the task that waits
            opening.set_exception(error)

    threading.Thread(target=run, name=f"open {path}", daemon=True).start()
    return opening


def _open(path: str, baudrate: int) -> serial.Serial:
    try:
        tty = _Tty(path, baudrate, timeout=0, write_timeout=0, exclusive=True)
    except (serial.SerialException, OSError, ValueError) as error:
        kind = PortBusy if os.path.exists(path) else PortLost
        raise kind(_reason(path, error)) from error
    try:
        settings = termios.tcgetattr(tty.fileno())
        settings[2] &= ~termios.HUPCL  # closing must not drop DTR: some modems reset or hang up on it
        termios.tcsetattr(tty.fileno(), termios.TCSANOW, settings)
    except termios.error as error:
        tty.close()
        raise PortLost(f"{path}: {error.args[-1]}") from error
    return tty


def _reason(path: str, error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number == errno.EAGAIN:  # from flock
        return f"{path}: another process uses the port"
    if os.strerror(errno.ENOTTY) in str(error) or os.path.isfile(path):
        return f"{path} is no serial port"
    return f"{path}: {os.strerror(number) if number else error}"


def _close_late(opening: concurrent.futures.Future[serial.Serial]) -> None:
    if opening.exception() is None:
        opening.result().close()
