"""`smsgw run`: the daemon, with what belongs to a process: signals, log, service manager."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.notify import ask_for_patience, feed_watchdog, notify

if TYPE_CHECKING:
    from gateway.app import Addresses
    from gateway.config import Config

log = logging.getLogger(__name__)

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

SWITCH_S = 0.001
"""The database's threads and the event loop hand each other work all the time: Python's 5 ms would be a modem's submit."""


@click.command()
@click.option("-c", "--config", "file", type=click.Path(path_type=Path), help="The file, if not in the usual place.")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
def run(file: Path | None, verbose: bool) -> None:
    """Run the gateway.

    Runs until SIGTERM or SIGINT, then finishes what the modems have in hand. Logs to standard error.
    """
    from gateway.config import load_config

    config = load_config(file)
    set_up_log(verbose)
    sys.setswitchinterval(SWITCH_S)
    asyncio.run(_run(config))


def set_up_log(verbose: bool) -> None:
    """One line an entry. The journal adds the time itself and understands `<n>` for the priority."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JournalFormatter() if "JOURNAL_STREAM" in os.environ else _terminal_formatter())
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler], force=True)
    for noisy in ("asyncio", "uvicorn", "httpx", "httpcore", "websockets"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _terminal_formatter() -> logging.Formatter:
    return logging.Formatter("%(asctime)s %(levelname)-7s %(message)s")


class _JournalFormatter(logging.Formatter):
    PRIORITY = (
        (logging.CRITICAL, 2),
        (logging.ERROR, 3),
        (logging.WARNING, 4),
        (logging.INFO, 6),
        (logging.NOTSET, 7),
    )

    def format(self, record: logging.LogRecord) -> str:
        priority = next(number for level, number in self.PRIORITY if record.levelno >= level)
        return f"<{priority}>" + super().format(record).replace("\n", f"\n<{priority}>")


async def _run(config: Config) -> None:
    from gateway import app

    loop = asyncio.get_running_loop()
    starting = asyncio.create_task(ask_for_patience(), name="starting")

    def ready(addresses: Addresses) -> None:
        starting.cancel()
        _ready(addresses)

    gateway = asyncio.create_task(app.run(config, ready=ready), name="gateway")

    def stop(number: signal.Signals) -> None:
        log.info("%s: stopping", number.name)
        notify("STOPPING=1")
        for each in STOP_SIGNALS:  # the second one ends us at once
            loop.remove_signal_handler(each)
        gateway.cancel()

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop, number)
    watchdog = asyncio.create_task(feed_watchdog(), name="watchdog")
    await asyncio.wait((gateway,))
    for task in (watchdog, starting):
        task.cancel()
    if not gateway.cancelled():
        gateway.result()
    log.info("stopped")


def _ready(addresses: Addresses) -> None:
    log.info("ready; web: %s; socket: %s", addresses.web or "off", addresses.socket)
    notify(f"READY=1\nSTATUS=web: {addresses.web or 'off'}; socket: {addresses.socket}")
