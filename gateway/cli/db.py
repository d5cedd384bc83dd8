"""`smsgw db`: backup, restore and migration of the database."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from gateway.cli.messages import json_option

CONFIG = click.option(
    "-c", "--config", "file", type=click.Path(path_type=Path), help="The file, if not in the usual place."
)
WRITTEN = click.Path(dir_okay=False, path_type=Path)
READ = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def db() -> None:
    """Back up, restore and migrate the database."""


@db.command()
@click.argument("target", type=WRITTEN)
@CONFIG
def backup(target: Path, file: Path | None) -> None:
    """Write a consistent copy of the database to TARGET; the gateway may run meanwhile.

    Passwords, tokens and webhook secrets (the files beside the database) and media are not in it.
    """
    from gateway.store.backup import copy

    database = _database(file)
    if target.exists():
        raise click.ClickException(f"{target} exists already")
    if not database.exists():
        raise click.ClickException(f"there is no database {database}")
    part = target.with_name(f"{target.name}.part")
    with _told(f"no backup was made of {database}"):
        copy(database, part, threading.Event())
        part.rename(target)
    click.echo(f"{target}: {target.stat().st_size} octets")


@db.command()
@click.argument("source", type=READ)
@CONFIG
@json_option
def restore(source: Path, file: Path | None, as_json: bool) -> None:
    """Put the backup SOURCE in the place of the database. The gateway must be stopped.

    The old database is kept aside. What waited to be sent in the backup is ended and not sent: it may have been since.
    Tokens and users that were taken away since the backup are there again.
    """
    from gateway.clock import SystemClock
    from gateway.lock import LOCK, only_one
    from gateway.store.backup import own_like
    from gateway.store.backup import restore as put_back

    database = _database(file)
    with only_one(database.parent), _told("nothing was restored"):
        own_like(database.with_name(LOCK), database.parent)
        done = put_back(source, database, SystemClock().now())
    if as_json:
        aside = str(done.aside) if done.aside else None
        click.echo(json.dumps({"database": str(database), "aside": aside, "ended": done.ended, "kept": done.kept}))
        return
    click.echo(f"{database}: restored from {source}")
    if done.aside is not None:
        click.echo(f"the database before is kept as {done.aside}")
    click.echo(f"{done.ended} messages that waited in the backup were ended and will not be sent")
    if done.kept is None:
        click.echo(
            "no database could be asked for commands and opt-outs since; a client that repeats one sends it again"
        )


@db.command()
@CONFIG
@json_option
def migrate(file: Path | None, as_json: bool) -> None:
    """Bring the database to this release's schema. The gateway must be stopped; it does the same when it starts."""
    from gateway.lock import only_one
    from gateway.store.backup import migrate as apply

    database = _database(file)
    with only_one(database.parent), _told(f"{database} was not changed"):
        applied = apply(database) if database.exists() else []
    if as_json:
        click.echo(json.dumps({"database": str(database), "applied": applied}))
    else:
        click.echo("\n".join([*applied, f"{database}: up to date"]))


def _database(file: Path | None) -> Path:
    from gateway.app import DATABASE
    from gateway.config import load_config

    return load_config(file).gateway.data_dir / DATABASE


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as exc:
        raise click.ClickException(f"{what}: {exc}") from exc
