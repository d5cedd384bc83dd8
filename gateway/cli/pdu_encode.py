"""`smsgw pdu encode`: what to write to a modem for a text."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from gateway.errors import PduError

if TYPE_CHECKING:
    from gateway.pdu import Folding, Language, Segmentation

LANGUAGES = {"tr": "TURKISH", "es": "SPANISH", "pt": "PORTUGUESE"}
MAX_NARROW_REF = 0xFF
"""Of a concatenation reference without --wide (23.040 9.2.3.24.1)."""
FOLDINGS = {"typography": "TYPOGRAPHY", "accents": "ACCENTS", "greek": "GREEK"}


def _ports(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, int] | None:
    if value is None:
        return None
    ports = [int(port) if port.isascii() and port.isdigit() else -1 for port in value.split(",")]
    if len(ports) != 2 or not all(0 <= port <= 0xFFFF for port in ports):
        raise click.BadParameter("must be DESTINATION,SOURCE, each 0 to 65535")
    return ports[0], ports[1]


def _hex(_: click.Context, __: click.Parameter, value: str | None) -> bytes | None:
    try:
        return None if value is None else bytes.fromhex(value)
    except ValueError as exc:
        raise click.BadParameter("must be an even number of hex digits") from exc


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command(
    epilog="""\b
Examples:
  smsgw pdu encode +491701234567 "Hello"
  smsgw pdu encode +491701234567 "Wait… for it" --transliterate typography
  smsgw pdu encode 72211 --data 00FF10 --ports 16000,0
  echo "Hello" | smsgw pdu encode +491701234567 --from-stdin
"""
)
@click.argument("to")
@click.argument("text", required=False)
@click.option("--from-stdin", is_flag=True, help="Read the text from standard input.")
@click.option("--data", metavar="HEX", callback=_hex, help="Octets instead of a text.")
@click.option("--encoding", type=click.Choice(["auto", "gsm7", "ucs2"]), default="auto", help="[default: auto]")
@click.option("--class", "message_class", type=click.IntRange(0, 3), help="Message class; 0 is a flash message.")
@click.option("--ports", metavar="DST,SRC", callback=_ports, help="Application ports.")
@click.option("--report", is_flag=True, help="Ask for a status report.")
@click.option("--validity", type=click.IntRange(300), metavar="SECONDS", help="How long the network shall try.")
@click.option("--reply-path", is_flag=True, help="Set TP-RP.")
@click.option("--reject-duplicates", is_flag=True, help="Set TP-RD.")
@click.option("--sc", metavar="NUMBER", help="Service centre; the SIM's own if left out.")
@click.option(
    "--ref",
    type=click.IntRange(0, 65535),
    default=0,
    help="Concatenation reference, 0 to 255, or with --wide to 65535. [default: 0]",
)
@click.option("--wide", is_flag=True, help="Use a reference of 16 bits.")
@click.option("--language", "languages", multiple=True, type=click.Choice(list(LANGUAGES)), help="Allow its tables.")
@click.option("--locking", is_flag=True, help="Allow locking shift tables, too.")
@click.option(
    "--transliterate",
    "foldings",
    multiple=True,
    type=click.Choice(list(FOLDINGS)),
    help="Replace to stay in GSM 7-bit.",
)
@json_option
def encode(to: str, text: str | None, from_stdin: bool, data: bytes | None, as_json: bool, **options: Any) -> None:
    """Encode a text as SMS-SUBMIT PDUs: for each segment the AT command, then the hex for its prompt.

    TEXT `-` reads standard input, too. The line end at the end of standard input is no part of the text.
    """
    if [text is not None, from_stdin, data is not None].count(True) != 1:
        raise click.UsageError("give one of TEXT, --from-stdin and --data")
    if options["ref"] > MAX_NARROW_REF and not options["wide"]:
        raise click.UsageError(f"--ref above {MAX_NARROW_REF} needs --wide")
    if from_stdin or text == "-":
        text = sys.stdin.read().removesuffix("\n")
    content = data if data is not None else text or ""
    try:
        cut, frames = _encode(to, content, options)
    except PduError as exc:
        raise click.ClickException(str(exc)) from exc
    replaced = [f"{each.char!r} → {each.by!r}" for each in cut.replaced]
    if as_json:
        pdus = [{"length": length, "pdu": hexes} for hexes, length in frames]
        click.echo(json.dumps({"encoding": cut.encoding.value, "replaced": replaced, "pdus": pdus}, ensure_ascii=False))
        return
    if replaced:
        click.echo(f"replaced: {', '.join(dict.fromkeys(replaced))}", err=True)
    for hexes, length in frames:
        click.echo(f"AT+CMGS={length}\n{hexes}")


def _encode(to: str, content: str | bytes, options: dict[str, Any]) -> tuple[Segmentation, list[tuple[str, int]]]:
    from gateway.pdu import Address, Alphabet, Ports, Submit, ValidityPeriod, encode_frame, segment

    ports = options["ports"]
    cut = segment(
        content,
        encoding=None if isinstance(content, bytes) or options["encoding"] == "auto" else Alphabet(options["encoding"]),
        message_class=options["message_class"],
        ports=Ports(destination=ports[0], source=ports[1]) if ports else None,
        ref=options["ref"],
        wide=options["wide"],
        languages=_languages(options["languages"]),
        locking=options["locking"],
        folding=_folding(options["foldings"]),
    )
    sc = Address.parse(options["sc"]) if options["sc"] else None
    address = Address.parse(to)
    validity = ValidityPeriod.at_most(options["validity"]) if options["validity"] else None
    frames = [
        encode_frame(
            Submit(
                da=address,
                ud=ud,
                dcs=cut.dcs,
                validity=validity,
                status_report_request=options["report"],
                reject_duplicates=options["reject_duplicates"],
                reply_path=options["reply_path"],
            ),
            sc=sc,
        )
        for ud in cut.parts
    ]
    return cut, frames


def _languages(names: Sequence[str]) -> tuple[Language, ...]:
    from gateway.pdu import Language

    return tuple(Language[LANGUAGES[name]] for name in names)


def _folding(names: Sequence[str]) -> Folding:
    from gateway.pdu import Folding

    folding = Folding.NONE
    for name in names:
        folding |= Folding[FOLDINGS[name]]
    return folding
