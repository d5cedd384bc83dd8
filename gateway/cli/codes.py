"""`smsgw codes`: what the codes of errors mean. Needs no daemon."""

from __future__ import annotations

import json
from typing import Any

import click

from gateway.cli.client import shown, table
from gateway.cli.completion import code_names
from gateway.cli.messages import json_option
from gateway.errors import CODES


@click.command()
@click.argument("code", required=False, shell_complete=code_names)
@json_option
def codes(code: str | None, as_json: bool) -> None:
    """Tell what error codes mean: CODE, or all of them.

    CODE is one of ours, or the number that the Twilio-compatible API has for it.
    """
    found = {name for name, info in CODES.items() if code in (None, name, str(info.twilio))}
    if not found:
        raise click.ClickException(f"there is no code {shown(code or '')}; `smsgw codes` shows all")
    if as_json:
        click.echo(json.dumps({"codes": [_json(name) for name in sorted(found)]}, ensure_ascii=False))
        return
    rows = [
        [name, str(CODES[name].twilio or "-"), "yes" if CODES[name].retryable else "no", CODES[name].meaning]
        for name in sorted(found)
    ]
    click.echo(table([["CODE", "TWILIO", "TRY AGAIN", "MEANING"], *rows], cut=code is None))


def _json(name: str) -> dict[str, Any]:
    info = CODES[name]
    return {"code": name, "meaning": info.meaning, "retryable": info.retryable, "twilio": info.twilio}
