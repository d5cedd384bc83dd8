"""Restarting a modem from outside: its USB device detached and attached again, or its power cut by a configured command."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shlex
from pathlib import Path

log = logging.getLogger(__name__)

SYSFS_TTYS = Path("/sys/class/tty")
COMMAND_TIMEOUT_S = 60.0
KILLED_S = 5.0  # how long the end of a command is awaited that was killed
DETACHED_S = 1.0  # long enough for the device to lose its power management state


def authorized_file(port: str) -> Path | None:
    """The kernel's switch for the USB device behind `port`; None where there is none that we may write.

    See the kernel's documentation on USB authorisation: writing 0 detaches the device, 1 attaches it again.
    """
    device = SYSFS_TTYS / os.path.basename(os.path.realpath(port)) / "device"
    if not port or not device.exists():
        return None
    for folder in (device.resolve(), *device.resolve().parents):
        switch = folder / "authorized"
        if switch.exists() and (folder / "idVendor").exists():
            return switch if os.access(switch, os.W_OK) else None
    return None


async def reauthorise(switch: Path) -> bool:
    """Detach the device and attach it again. Whether that could be done; why not is logged."""
    try:
        detaching = asyncio.create_task(asyncio.to_thread(_set, switch, "0"))
        try:
            await asyncio.shield(detaching)
            await asyncio.sleep(DETACHED_S)
        finally:  # also when we are stopped meanwhile: a detached modem would stay detached, and has no port to be found by
            await asyncio.wait((detaching,))
            await asyncio.to_thread(_set, switch, "1")
    except OSError as error:
        log.warning("%s: %s", switch, error.strerror)
        return False
    return True


async def power_cycle(command: str) -> bool:
    """Run the configured command, without a shell. True when it ended with 0; anything else is logged."""
    try:
        program, *arguments = shlex.split(command)
        process = await asyncio.create_subprocess_exec(
            program,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except (OSError, ValueError) as error:
        log.error("power_cycle: %s", error)
        return False
    try:
        async with asyncio.timeout(COMMAND_TIMEOUT_S):
            code = await process.wait()
    except TimeoutError:
        log.error("power_cycle: %s takes longer than %g s", program, COMMAND_TIMEOUT_S)
        return False
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            with contextlib.suppress(TimeoutError):  # in the kernel's hands, as with a hub that hangs: the line goes on
                async with asyncio.timeout(KILLED_S):
                    await process.wait()
    if code:
        log.error("power_cycle: %s ended with %d", program, code)
    return code == 0


def _set(switch: Path, value: str) -> None:
    switch.write_text(value, encoding="ascii")
