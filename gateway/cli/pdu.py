"""`smsgw pdu decode` and `encode`: the codec at the command line."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.client import shown
from gateway.cli.pdu_encode import encode, json_option
from gateway.errors import PduError

if TYPE_CHECKING:
    from gateway.pdu import Direction, Frame, UserData
    from gateway.pdu.walk import Field

MAX_FILL = 64
"""Octets that a PDU may want behind a mistake, its user data aside."""
IN_WORDS = {"mt": "from the network to the mobile", "mo": "from the mobile to the network"}


@click.group()
def pdu() -> None:
    """Decode and encode SMS PDUs."""


pdu.add_command(encode)


@dataclass(frozen=True, slots=True)
class _Decoded:
    frame: Frame
    octets: bytes
    direction: Direction
    detected: bool
    has_sc: bool


@dataclass(frozen=True, slots=True)
class _Mistake:
    """What could not be read. `text`: the hex as it was given; `direction`: in which it is likely to go."""

    text: str
    error: PduError
    direction: Direction
    detected: bool
    has_sc: bool

    @property
    def reason(self) -> str:
        """What is wrong, without the place."""
        return str(self.error).removesuffix(f" (at octet {self.error.offset})")


@pdu.command(
    epilog="""\b
Examples:
  smsgw pdu decode 07916407058099F9040B916407281553F800006211429050704A0AE8329BFD4697D9EC37
  smsgw pdu decode --json 0011000B916407281553F80000AA0AE8329BFD4697D9EC37
"""
)
@click.argument("pdus", metavar="[HEX]...", nargs=-1)
@click.option("--mt", "direction", flag_value="mt", help="From the network: DELIVER, STATUS-REPORT, SUBMIT-REPORT.")
@click.option("--mo", "direction", flag_value="mo", help="To the network: SUBMIT, COMMAND, DELIVER-REPORT.")
@click.option("--no-sc", is_flag=True, help="The hex is the TPDU alone, without the service-centre address.")
@json_option
@click.pass_context
def decode(context: click.Context, pdus: Sequence[str], direction: str | None, no_sc: bool, as_json: bool) -> None:
    """Decode PDUs as AT commands show them, every field with its octets and clause.

    Without HEX they are read from standard input, one a line; other lines of a modem's answer (+CMGL: …, OK) are
    passed over. The parts of a concatenated text are also joined. The direction is told by the message type unless given.
    Of what cannot be read the fields in front of the mistake are shown, and where it is; the others are shown all the same.
    """
    items = [_decode(text.strip(), direction, has_sc=not no_sc) for text in pdus or _from_input()]
    joined = _joined([item for item in items if isinstance(item, _Decoded)])
    if as_json:
        click.echo(json.dumps({"pdus": [*map(_object, items)], "joined": joined}, ensure_ascii=False))
    for n, item in enumerate(items, start=1):
        if not as_json:
            click.echo(("" if n == 1 else "\n") + _shown(item))
        if isinstance(item, _Mistake):
            click.echo(f"smsgw: PDU {n}: {item.error}{_marked(item.text, item.error.offset)}", err=True)
    for whole in [] if as_json else joined:
        from gateway.cli.pdu_show import bold

        peer, parts = whole.pop("peer"), whole.pop("parts")
        click.echo(f"\n{bold(f'{parts} parts together')}, {peer}")
        for name, value in whole.items():
            click.echo(f"{name:12}{shown(str(value))}")
    if any(isinstance(item, _Mistake) for item in items):
        context.exit(1)


def _from_input() -> list[str]:
    # A PDU that was written to a modem may stand behind its prompt, the Ctrl-Z that ended it at its end.
    lines = [line.strip().removeprefix(">").strip(" \x1a\x1b") for line in sys.stdin]
    found = [line for line in lines if line and not line.startswith(("+", "OK", "AT", "#"))]
    if not found:
        raise click.UsageError("give a PDU, or PDUs on standard input")
    return found


def _marked(text: str, offset: int) -> str:
    """The octets around a mistake, the one where it was found between marks."""
    octets = [text[at : at + 2] for at in range(0, len(text), 2)]
    if not offset < len(octets):
        return f": … {' '.join(octets[-6:])} » «" if octets else ""
    before, after = octets[max(0, offset - 6) : offset], octets[offset + 1 : offset + 7]
    return f": … {' '.join([*before, f'»{octets[offset]}«', *after])} …"


def _decode(text: str, direction: str | None, *, has_sc: bool) -> _Decoded | _Mistake:
    from gateway.pdu import Direction

    ways = (Direction(direction),) if direction else _likely(text, has_sc)
    mistakes: list[PduError] = []
    for way in ways:
        try:
            frame = _read(text, way, has_sc)
        except PduError as exc:
            mistakes.append(exc)
        else:
            return _Decoded(frame, bytes.fromhex(text), way, detected=not direction, has_sc=has_sc)
    # What is wrong with it as the likelier of the two.
    return _Mistake(text, mistakes[0], ways[0], detected=not direction, has_sc=has_sc)


def _read(text: str, direction: Direction, has_sc: bool) -> Frame:
    from gateway.pdu import decode_frame

    if has_sc:
        return decode_frame(text, direction)
    try:
        return decode_frame("00" + text, direction)
    except PduError as exc:
        # Counted from where the caller's hex begins.
        message = str(exc).removesuffix(f" (at octet {exc.offset})")
        raise PduError(message, offset=max(exc.offset - 1, 0), code=exc.code) from exc


def _likely(text: str, has_sc: bool) -> tuple[Direction, Direction]:
    """By the MTI, 23.040 9.2.3.1: 01 is mostly a SUBMIT; the other types that AT shows come from the network."""
    from gateway.pdu import Direction

    try:
        octets = bytes.fromhex(text)
    except ValueError:
        octets = b""  # the decoder says where the mistake is
    first = 1 + octets[0] if octets and has_sc else 0
    submit = first < len(octets) and octets[first] & 0b11 == 0b01
    return (Direction.MO, Direction.MT) if submit else (Direction.MT, Direction.MO)


# --- showing ---


def _fields(item: _Decoded | _Mistake) -> list[Field]:
    from gateway.pdu.walk import walk

    if isinstance(item, _Decoded):
        return walk(item.frame, item.octets, has_sc=item.has_sc)
    # What stands in front of a mistake is read as if something that makes sense followed.
    before = _octets_of(item.text)[: item.error.offset]
    for fill in range(MAX_FILL + 0xFF):
        octets = before + bytes(fill)
        try:
            frame = _read(octets.hex(), item.direction, item.has_sc)
        except PduError:
            continue
        fields = walk(frame, octets, has_sc=item.has_sc)
        ends = accumulate(len(field.octets) for field in fields)
        return [field for field, end in zip(fields, ends, strict=True) if end <= len(before)]
    return []


def _octets_of(text: str) -> bytes:
    """The octets that are hex digits, up to the first one that is not."""
    digits = re.match(r"(?:[0-9a-fA-F]{2})*", text)
    return bytes.fromhex(digits.group()) if digits else b""


def _object(item: _Decoded | _Mistake) -> dict[str, Any]:
    """One PDU as JSON: what programs want by name, then every field; or what is wrong with it."""
    from gateway.pdu.walk import NAMES

    if isinstance(item, _Mistake):
        return {"error": str(item.error), "offset": item.error.offset, "fields": _field_objects(item)}
    tpdu = item.frame.tpdu
    entry: dict[str, Any] = {
        "type": NAMES[type(tpdu)],
        "direction": item.direction.value,
        "length": len(item.frame.tpdu_octets),
        "sc": str(item.frame.sc) if item.frame.sc else None,
    }
    for name in ("oa", "da", "ra"):
        if (address := getattr(tpdu, name, None)) is not None:
            entry[name] = str(address)
    for name in ("mr", "pid", "st", "fcs", "ct", "mn", "status_report_request", "reply_path"):
        if (value := getattr(tpdu, name, None)) is not None:
            entry[name] = value
    for name in ("scts", "dt"):
        if (stamp := getattr(tpdu, name, None)) is not None:
            entry[name] = stamp.moment.isoformat() if stamp.moment else None
    if tpdu.ud is not None:
        entry |= _user_data(tpdu.ud)
    entry["fields"] = _field_objects(item)
    return entry


def _field_objects(item: _Decoded | _Mistake) -> list[dict[str, Any]]:
    return [
        {
            "name": field.name,
            "octets": field.octets.hex().upper(),
            "value": field.value,
            "meaning": field.meaning,
            "clause": field.clause,
            **({"bits": {name: value for name, value, _ in field.bits}} if field.bits else {}),
        }
        for field in _fields(item)
    ]


def _user_data(ud: UserData) -> dict[str, Any]:
    entry: dict[str, Any] = {"alphabet": ud.alphabet.value}
    if (concat := ud.concat) is not None:
        entry["concat"] = {"ref": concat.ref, "total": concat.total, "seq": concat.seq}
    if (ports := ud.ports) is not None:
        entry["ports"] = [ports.destination, ports.source]
    return entry | _content([ud])


def _content(parts: Sequence[UserData]) -> dict[str, Any]:
    from gateway.pdu import join

    content = join(parts)
    if content.text is not None:
        return {"text": content.text}
    return {"data_hex": (content.data or b"").hex()}


def _shown(item: _Decoded | _Mistake) -> str:
    """The table of a PDU, or of what stands in front of a mistake in it."""
    from gateway.cli.pdu_show import bold, table
    from gateway.pdu.walk import NAMES

    fields = _fields(item)
    words = IN_WORDS[item.direction.value] + (" (told by the message type)" if item.detected else "")
    if isinstance(item, _Decoded):
        return f"{bold(NAMES[type(item.frame.tpdu)])}, {words}\n{table(fields)}"
    kind = next((field.meaning for field in fields if field.bits), "a PDU")
    used = sum(len(field.octets) for field in fields)
    mistake = f"{item.reason} (at octet {item.error.offset})"
    return f"{bold(kind)} with a mistake, {words}\n{table(fields, _octets_of(item.text)[used:], mistake)}"


def _joined(decoded: Sequence[_Decoded]) -> list[dict[str, Any]]:
    """Every concatenated text of which all parts are there."""
    groups: dict[tuple[Any, ...], dict[int, UserData]] = {}
    for item in decoded:
        tpdu = item.frame.tpdu
        if tpdu.ud is None or (concat := tpdu.ud.concat) is None or concat.total == 1:
            continue
        peer = str(getattr(tpdu, "oa", None) or getattr(tpdu, "da", None))
        key = (item.direction, peer, concat.ref, concat.wide, concat.total)
        groups.setdefault(key, {})[concat.seq] = tpdu.ud
    return [
        {"peer": peer, "ref": ref, "parts": total, **_content([parts[seq] for seq in sorted(parts)])}
        for (_direction, peer, ref, _wide, total), parts in groups.items()
        if len(parts) == total
    ]
