"""What systemd wants to be told (sd_notify(3)): one datagram, no library."""

from __future__ import annotations

import asyncio
import os
import socket


def notify(state: str) -> bool:
    """Sends e.g. `READY=1` to the service manager. False when there is none that listens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    if address.startswith("@"):  # the abstract namespace
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.connect(address)
            sock.sendall(state.encode())
    except OSError:
        return False  # a manager that went away is no reason to stop
    return True


STARTING_S = 10.0
PATIENCE_US = 120_000_000
"""What is asked for anew each time; a loop that does not turn any more does not ask."""


async def ask_for_patience() -> None:
    """While it starts: a large database on an SD card is looked through for longer than a manager waits by itself."""
    while notify(f"EXTEND_TIMEOUT_USEC={PATIENCE_US}"):  # noqa: ASYNC110  # a heartbeat, not a wait for something
        await asyncio.sleep(STARTING_S)


async def feed_watchdog() -> None:
    """Tells the watchdog that this event loop turns, twice per period; returns at once when there is no watchdog.

    One word that did not arrive (a manager that starts anew, a full queue) must not be the last.
    """
    period = os.environ.get("WATCHDOG_USEC", "")
    owner = os.environ.get("WATCHDOG_PID")
    if not period.isdecimal() or int(period) == 0 or owner not in (None, str(os.getpid())):
        return
    while os.environ.get("NOTIFY_SOCKET"):  # a heartbeat, not a wait for something
        notify("WATCHDOG=1")
        await asyncio.sleep(int(period) / 1_000_000 / 2)
