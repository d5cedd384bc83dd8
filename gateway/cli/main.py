"""`smsgw`: the table of commands, and how mistakes are told: one clear line on standard error, exit status not 0."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click
from click.shell_completion import CompletionItem

from gateway.errors import ConfigError, GatewayError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command is, and its line in the help, so that the help needs no import."""

    module: str
    name: str
    summary: str


COMMANDS = {
    "run": Entry("gateway.cli.daemon", "run", "Run the gateway."),
    "demo": Entry("gateway.cli.demo", "demo", "Show everything at work, without hardware."),
    "emulate": Entry("gateway.cli.emulate", "emulate", "Emulate modems and a network, without hardware."),
    "send": Entry("gateway.cli.messages", "send", "Send a text through the running gateway."),
    "messages": Entry("gateway.cli.messages", "messages", "List messages, newest first."),
    "show": Entry("gateway.cli.messages", "show", "Show one message and all that happened to it."),
    "cancel": Entry("gateway.cli.removal", "cancel", "Cancel messages of which nothing has left yet."),
    "delete": Entry("gateway.cli.removal", "delete", "Delete finished messages."),
    "redact": Entry("gateway.cli.removal", "redact", "Blank what finished messages said."),
    "leftovers": Entry("gateway.cli.leftovers", "leftovers", "Show reports and PDUs that belong to no text."),
    "stats": Entry("gateway.cli.stats", "stats", "Count texts: how many, how many arrive, how soon."),
    "calls": Entry("gateway.cli.calls", "calls", "List calls, newest first."),
    "block": Entry("gateway.cli.lists", "block", "Block a number, or numbers that begin so."),
    "unblock": Entry("gateway.cli.lists", "unblock", "Take an entry off the block list."),
    "allow": Entry("gateway.cli.lists", "allow", "Allow a number, or numbers that begin so."),
    "unallow": Entry("gateway.cli.lists", "unallow", "Take an entry off the allow list."),
    "lists": Entry("gateway.cli.lists", "lists", "Show the block and allow lists."),
    "consent": Entry("gateway.cli.lists", "consent", "Show who opted out of texts, and in again."),
    "health": Entry("gateway.cli.health", "health", "Show how the gateway is: database, disk, broker, modems, alerts."),
    "alerts": Entry("gateway.cli.health", "alerts", "Show what needs a person, and take from the list what was seen."),
    "events": Entry("gateway.cli.events", "events", "Show what happened last, or what happens now."),
    "ussd": Entry("gateway.cli.ussd", "ussd", "Ask the network by a code like *100#."),
    "forward": Entry("gateway.cli.forward", "forward", "Show, set or clear call forwarding."),
    "phonebook": Entry("gateway.cli.phonebook", "phonebook", "Read and change the phonebook of a SIM."),
    "reset": Entry("gateway.cli.ussd", "reset", "Restart a modem."),
    "modems": Entry("gateway.cli.modems", "modems", "Show the modems as they are now."),
    "recorder": Entry("gateway.cli.recorder", "recorder", "Hand out what the flight recorder of a modem has."),
    "webhooks": Entry("gateway.cli.webhooks", "webhooks", "Show what is posted to webhooks, and post it again."),
    "users": Entry("gateway.cli.accounts", "users", "Add, change, list and delete people who may log in."),
    "tokens": Entry("gateway.cli.accounts", "tokens", "Make, list and delete tokens: the keys of programs."),
    "sessions": Entry("gateway.cli.accounts", "sessions", "List and end what people are logged in with."),
    "audit": Entry("gateway.cli.accounts", "audit", "Show who logged in and who changed what, newest first."),
    "conversations": Entry("gateway.cli.conversations", "conversations", "List conversations, and mark them as read."),
    "export": Entry("gateway.cli.conversations", "export", "Write messages to a CSV or JSON lines file."),
    "codes": Entry("gateway.cli.codes", "codes", "Tell what error codes mean: CODE, or all of them."),
    "completion": Entry(
        "gateway.cli.completion", "completion", "Print the script that makes a shell complete commands."
    ),
    "probe": Entry("gateway.cli.probe", "probe", "Identify the modem at PORT without changing it."),
    "doctor": Entry("gateway.cli.doctor", "doctor", "Examine ports, modems, broker, disk, clock and supply."),
    "db": Entry("gateway.cli.db", "db", "Back up, restore and migrate the database."),
    "pdu": Entry("gateway.cli.pdu", "pdu", "Decode and encode SMS PDUs."),
    "config": Entry("gateway.cli.config", "config", "Check the configuration."),
}


class Commands(click.Group):
    """A group that imports a command when it is called, and turns our errors into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = getattr(importlib.import_module(entry.module), entry.name)
        assert isinstance(command, click.Command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """As click's, without loading every command for its help."""
        found = [
            CompletionItem(name, help=entry.summary) for name, entry in COMMANDS.items() if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """As click's, but mistakes are told our way."""
        try:
            status = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except (click.ClickException, click.Abort, GatewayError) as exc:
            if not standalone_mode:
                raise
            sys.exit(_tell(exc))
        if not standalone_mode:
            return status
        sys.exit(status if isinstance(status, int) else 0)


def _tell(exc: Exception) -> int:
    """One line a mistake on standard error. Returns the exit status."""
    if isinstance(exc, click.Abort):
        return EXIT_INTERRUPTED
    text = exc.format_message() if isinstance(exc, click.ClickException) else str(exc)
    for line in text.splitlines():
        click.echo(f"smsgw: {line}", err=True)
    if isinstance(exc, click.ClickException):
        return exc.exit_code
    return EXIT_USAGE if isinstance(exc, ConfigError) else EXIT_FAILED


def _print_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from gateway import __version__

        click.echo(f"smsgw {__version__}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version."
)
def cli() -> None:
    """GSM modem SMS gateway: never loses a text, never sends one twice."""


def main() -> None:
    """The program."""
    cli(prog_name="smsgw")
