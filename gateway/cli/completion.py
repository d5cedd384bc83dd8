"""`smsgw completion`, and what the shell is offered for an argument: asked of the running daemon, quickly and silently."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class

from gateway.errors import CODES, ConfigError
from gateway.places import socket_of

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_SMSGW_COMPLETE"
PATIENCE_S = 0.5
"""A person waits with a finger on the key: without an answer by then nothing is offered."""


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script that makes a shell complete commands.

    \b
    bash: eval "$(smsgw completion bash)"         in ~/.bashrc
    zsh:  eval "$(smsgw completion zsh)"          in ~/.zshrc
    fish: smsgw completion fish | source          in ~/.config/fish/config.fish

    Names of modems, ids of messages and the like are asked of the running gateway; where there is none, nothing is
    offered.
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(click.get_current_context().find_root().command, {}, "smsgw", VARIABLE).source())


class Offer:
    """Completes an argument by a field of what the daemon lists at `path`. `about`: the fields that are shown beside it."""

    def __init__(self, path: str, field: str, *about: str) -> None:
        self._path = path
        self._kind = path.partition("?")[0].rpartition("/")[2]
        self._field = field
        self._about = about

    def __call__(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [
            CompletionItem(str(one[self._field]), help=" ".join(str(one.get(name) or "") for name in self._about))
            for one in self._known(ctx)
            if str(one[self._field]).startswith(incomplete)
        ]

    def _known(self, ctx: click.Context) -> list[dict[str, Any]]:
        try:
            where = ctx.params.get("socket") or socket_of(ctx.params.get("file"))
            answer = _get(where, f"/api/v1{self._path}")
        except (OSError, ValueError, http.client.HTTPException, ConfigError):
            return []  # whoever presses the key wants no lecture
        found = answer.get(self._kind, [])
        assert isinstance(found, list)
        return found


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket. The library of the other commands takes longer to load than the daemon to answer."""

    def __init__(self, path: Path) -> None:
        super().__init__("smsgw", timeout=PATIENCE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _get(where: Path, path: str) -> dict[str, Any]:
    connection = _Connection(where)
    try:
        connection.request("GET", path)
        answer = json.load(connection.getresponse())
    finally:
        connection.close()
    assert isinstance(answer, dict)
    return answer


def code_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The codes of errors, which need no daemon."""
    return [CompletionItem(code, help=CODES[code].meaning) for code in CODES if code.startswith(incomplete)]


modem_names = Offer("/modems", "name", "state", "operator")
message_ids = Offer("/messages?limit=50", "message_id", "direction", "status", "to", "text")
webhook_names = Offer("/webhooks", "name", "url")
user_names = Offer("/users", "name", "role")
token_ids = Offer("/tokens", "token_id", "name", "role")
alert_ids = Offer("/alerts?active=true", "alert_id", "code", "message")
session_ids = Offer("/sessions", "session_id", "user")
