"""`smsgw webhooks`: how deliveries stand, what is dead, and making them again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from gateway.cli.client import Api, find_socket, shown, socket_options, table
from gateway.cli.completion import webhook_names

STATES = ("waiting", "delivered", "dead")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def webhooks() -> None:
    """Show what is posted to webhooks, and post it again."""


@webhooks.command("list")
@json_option
@socket_options
def overview(as_json: bool, socket: Path | None, file: Path | None) -> None:
    """Show the configured webhooks and the applications of the Twilio-compatible API, and how their deliveries stand."""
    answer = Api(find_socket(socket, file)).get("/webhooks")
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    rows = [
        [hook["name"], *(str(hook[state]) for state in STATES), shown(hook["url"]) if hook["url"] else "-"]
        for hook in answer["webhooks"]
    ]
    click.echo(table([["WEBHOOK", *(state.upper() for state in STATES), "URL"], *rows]))


@webhooks.command("deliveries")
@click.argument("name", shell_complete=webhook_names)
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@json_option
@socket_options
def deliveries(name: str, state: str | None, limit: int, as_json: bool, socket: Path | None, file: Path | None) -> None:
    """List the deliveries of the webhook NAME, newest first."""
    answer = Api(find_socket(socket, file)).get(f"/webhooks/{name}/deliveries", state=state, limit=limit)
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
    elif not answer["deliveries"]:
        click.echo("There are none.")
    else:
        click.echo(table([["DELIVERY", "EVENT", "STATE", "ATTEMPTS", "WHY"], *map(_row, answer["deliveries"])]))


@webhooks.command("replay")
@click.argument("name", shell_complete=webhook_names)
@click.argument("delivery_ids", nargs=-1)
@click.option("--dead", is_flag=True, help="All dead ones of the webhook, at most 200 at a time.")
@socket_options
def replay(name: str, delivery_ids: tuple[str, ...], dead: bool, socket: Path | None, file: Path | None) -> None:
    """Post deliveries of the webhook NAME again, under their own ids."""
    api = Api(find_socket(socket, file))
    wanted = list(delivery_ids)
    if dead:
        found = api.get(f"/webhooks/{name}/deliveries", state="dead", limit=200)["deliveries"]
        wanted += [one["delivery_id"] for one in reversed(found)]  # in the order in which they happened
    elif not wanted:
        raise click.UsageError("say which: DELIVERY_IDS, or --dead")
    for delivery_id in wanted:
        api.post(f"/webhooks/{name}/deliveries/{delivery_id}/replay", {})
    click.echo(f"{len(wanted)} will be posted again")


def _row(delivery: dict[str, Any]) -> list[str]:
    return [
        delivery["delivery_id"],
        delivery["event"],
        delivery["state"],
        str(delivery["attempts"]),
        shown(delivery["error"] or ""),
    ]
