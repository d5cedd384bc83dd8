"""`smsgw stats`: how many texts, how many arrive and how soon, from the running daemon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from gateway.cli.client import Api, find_socket, shown, socket_options, table
from gateway.cli.completion import modem_names
from gateway.cli.messages import json_option
from gateway.cli.moments import EXAMPLES, MOMENT, local, offset_now

GROUPS = ("modem", "country", "hour", "encoding", "error", "status", "direction")
NONE = {
    "modem": "(none yet)",
    "country": "(no country)",
    "encoding": "(unknown)",
    "error": "(no error)",
}
"""How a group without a key is called."""

STATUSES = (
    "scheduled",
    "queued",
    "sending",
    "sent",
    "delivered",
    "undelivered",
    "failed",
    "canceled",
    "unknown",
    "receiving",
    "received",
)
"""The order of the columns; one that is not among them comes last."""

SCALE = (
    (1.0, 0.001, "ms"),
    (90.0, 1.0, "s"),
    (5400.0, 60.0, "min"),
    (129600.0, 3600.0, "h"),
    (float("inf"), 86400.0, "d"),
)
"""Up to how many seconds a time is told in a unit of how many seconds."""


@click.command()
@click.option("--by", type=click.Choice(GROUPS), default="modem", help="What a line stands for. [default: modem]")
@click.option("--since", **MOMENT, help=f"Accepted or received then or later: {EXAMPLES}. [default: 30d]")
@click.option("--until", **MOMENT, help="Accepted or received before then.")
@click.option("--modem", shell_complete=modem_names, help="Only of this modem.")
@click.option("--direction", type=click.Choice(["outbound", "inbound"]), help="Only this direction.")
@click.option("--zone", help="Whose hours are meant, for example Europe/Berlin. [default: this machine's]")
@json_option
@socket_options
def stats(
    by: str,
    since: str | None,
    until: str | None,
    modem: str | None,
    direction: str | None,
    zone: str | None,
    as_json: bool,
    socket: Path | None,
    file: Path | None,
) -> None:
    """Count texts: how many, how many arrive, how soon.

    DELIVERED % is of those whose end is known. MEDIAN and 95 % are times from acceptance to the delivery report.
    """
    asked: dict[str, Any] = {"by": by, "since": since, "until": until, "modem": modem, "direction": direction}
    answer = Api(find_socket(socket, file)).get("/stats", zone=zone or offset_now(), **asked)
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    click.echo(f"{local(answer['since'])[:16]} to {local(answer['until'])[:16]}")
    if answer["groups"]:
        click.echo(table(_rows(by, answer["groups"])))
    else:
        click.echo("There are none.")
    if answer["behind"]:
        click.echo(f"{answer['behind']} events are not counted yet.")


def _rows(by: str, groups: list[dict[str, Any]]) -> list[list[str]]:
    found = {status for group in groups for status in group["counts"]}
    statuses = [status for status in STATUSES if status in found] + sorted(found.difference(STATUSES))
    if by == "status":  # each line would have one number, twice
        statuses = []
    heads = [by.upper(), "TEXTS", *(status.upper() for status in statuses), "DELIVERED %", "MEDIAN", "95 %"]
    rows = [_row(shown(group["key"]) or NONE.get(by, "-"), group, statuses) for group in groups]
    if len(groups) > 1:
        rows.append(_row("all", _sum(groups), statuses))
    return [heads, *rows]


def _row(name: str, group: dict[str, Any], statuses: list[str]) -> list[str]:
    counts = [str(group["counts"].get(status, 0)) for status in statuses]
    rate = group["delivery_rate"]
    share = "-" if rate is None else f"{rate * 100:.1f}"
    return [name, str(group["total"]), *counts, share, span(group["median_s"]), span(group["p95_s"])]


def _sum(groups: list[dict[str, Any]]) -> dict[str, Any]:
    """All groups together. Times cannot be put together from those of groups."""
    counts: dict[str, int] = {}
    for group in groups:
        for status, count in group["counts"].items():
            counts[status] = counts.get(status, 0) + count
    ended = sum(counts.get(status, 0) for status in ("delivered", "undelivered", "failed"))
    rate = counts.get("delivered", 0) / ended if ended else None
    return {
        "total": sum(counts.values()),
        "counts": counts,
        "delivery_rate": rate,
        "median_s": None,
        "p95_s": None,
    }


def span(seconds: float | None) -> str:
    """A time in the unit that a person would take: `3.2 s`, `14 min`; `-` for None."""
    if seconds is None:
        return "-"
    unit, name = next((size, name) for limit, size, name in SCALE if seconds < limit)
    value = seconds / unit
    return f"{value:.1f} {name}" if value < 10 and name != "ms" else f"{value:.0f} {name}"
