"""`smsgw emulate`: emulated modems on pseudo-terminals, attached to one simulated network."""

from __future__ import annotations

import asyncio
import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from gateway.emulator import replay
from gateway.emulator.config import TIMINGS, EmulatorConfig, check, default_modems, load
from gateway.emulator.service import serve
from gateway.errors import ConfigError, GatewayError

DEFAULT_MODEMS = 2


def _address(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, int] | None:
    if value is None:
        return None
    host, _colon, port = value.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise click.BadParameter("must be HOST:PORT or :PORT, for example 127.0.0.1:8700; port 0 takes a free one")
    return host or "127.0.0.1", int(port)


@click.command()
@click.option("--modems", type=click.IntRange(1, 64), help="How many modems, of alternating families. [default: 2]")
@click.option("--links", type=click.Path(file_okay=False, path_type=Path), help="Make stable links to the ports here.")
@click.option("--control", metavar="HOST:PORT", callback=_address, help="Serve the HTTP control here; port 0: any.")
@click.option(
    "--timing", type=click.Choice(TIMINGS), help="Answer at once, or as slowly as real modems. [default: none]"
)
@click.option("-c", "--config", "file", type=click.Path(path_type=Path), help="Modems and network from a TOML file.")
@click.option(
    "--replay", "recording", type=click.Path(path_type=Path), help="Play the modem's side of a recorded dialogue."
)
@click.option(
    "--speed", type=click.FloatRange(min=0), help="How much faster than recorded; 0: without pauses. [default: 1]"
)
def emulate(
    modems: int | None,
    links: Path | None,
    control: tuple[str, int] | None,
    timing: str | None,
    file: Path | None,
    recording: Path | None,
    speed: float | None,
) -> None:
    """Emulate modems and a network, without hardware.

    Prints one JSON line with the ports and the control's address when ready, then runs until it is stopped.
    """
    others = (modems, control, timing, file)
    if recording is None and speed is not None:
        raise click.UsageError("--speed goes with --replay")
    if recording is not None and any(other is not None for other in others):
        raise click.UsageError("--replay goes with --links and --speed only")
    try:
        if recording is not None:
            asyncio.run(_replay(recording, 1.0 if speed is None else speed, links))
            return
        config = _config(modems, file)
        config = replace(config, links=links or config.links, control=control, timing=timing or config.timing)
        asyncio.run(_run(config))
    except (GatewayError, OSError) as exc:
        raise click.ClickException(str(exc)) from exc


def _config(modems: int | None, file: Path | None) -> EmulatorConfig:
    config = EmulatorConfig() if file is None else load(file)
    if config.modems and modems is not None:
        raise ConfigError(f"{file}: it names its modems; leave --modems out")
    if not config.modems:
        config = replace(config, modems=default_modems(modems or DEFAULT_MODEMS))
    check(config)
    return config


def _stopped() -> asyncio.Event:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped


async def _run(config: EmulatorConfig) -> None:
    await serve(config, _print, _stopped())


async def _replay(path: Path, speed: float, links: Path | None) -> None:
    trouble = await replay.serve(replay.Replay(replay.load(path), speed=speed, links=links), _print, _print, _stopped())
    if trouble:
        raise click.ClickException(f"{path}: {trouble}")


def _print(description: dict[str, Any]) -> None:
    click.echo(json.dumps(description))
