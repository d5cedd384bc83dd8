"""`smsgw config check`"""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def config() -> None:
    """Check the configuration."""


@config.command()
@click.option("-c", "--config", "file", type=click.Path(path_type=Path), help="The file, if not in the usual place.")
def check(file: Path | None) -> None:
    """Check the configuration and show what was found. Exit status 2 when it has a mistake."""
    from gateway.app import line_config
    from gateway.config import MqttAddress, load_config

    found = load_config(file)
    for n in range(len(found.modems)):
        line_config(found, n)  # knows the profiles that there are
    click.echo(f"{found.path}: no mistakes")
    click.echo(f"gateway    {found.gateway.id}, data in {found.gateway.data_dir}")
    for modem in found.modems:
        place = modem.port or (f"IMEI {modem.imei}" if modem.imei else f"the SIM {modem.iccid}")
        click.echo(f"modem      {modem.name} at {place}, {modem.baudrate} baud, profile {modem.profile}")
    if not found.modems:
        click.echo("modem      none: nothing can be sent or received")
    address = MqttAddress.parse(found.mqtt.url)
    if address is None:
        click.echo("mqtt       off")
    else:
        kind = "mqtts" if address.tls else "mqtt"
        who = f" as {address.username}" if address.username else ""
        root = f"{found.mqtt.base_topic}/{found.gateway.id}"
        click.echo(f"mqtt       {kind}://{address.host}:{address.port}{who}, topics below {root}")
    click.echo(f"web        {found.web.listen or 'off'}")
    click.echo(f"socket     {found.socket}")
