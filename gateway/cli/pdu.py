"""`smsgw pdu decode` and `encode`: the codec at the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.client import shown
from gateway.errors import PduError

if TYPE_CHECKING:
    from gateway.pdu import Content, Deliver, Direction, Frame, StatusReport, Submit, UserData

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def pdu() -> None:
    """Decode and encode SMS PDUs."""


@dataclass(frozen=True, slots=True)
class _Decoded:
    frame: Frame
    direction: Direction


@pdu.command()
@click.argument("pdus", metavar="HEX...", nargs=-1, required=True)
@click.option("--mt", "direction", flag_value="mt", help="They came from the network: DELIVER, STATUS-REPORT.")
@click.option("--mo", "direction", flag_value="mo", help="They go to the network: SUBMIT.")
@json_option
def decode(pdus: Sequence[str], direction: str | None, as_json: bool) -> None:
    """Decode PDUs as AT commands show them, service-centre address first.

    The parts of a concatenated text are also joined.
    """
    decoded = []
    for n, text in enumerate(pdus, start=1):
        try:
            decoded.append(_decode(text.strip(), direction))
        except PduError as exc:
            raise click.ClickException(f"PDU {n}: {exc}") from exc
    fields = [_fields(item) for item in decoded]
    joined = _joined(decoded)
    if as_json:
        click.echo(json.dumps({"pdus": fields, "joined": joined}, ensure_ascii=False))
        return
    for n, entry in enumerate(fields):
        click.echo(("" if n == 0 else "\n") + _lines(entry))
    for whole in joined:
        click.echo("\n" + _lines({"joined": True, **whole}))


def _decode(text: str, direction: str | None) -> _Decoded:
    from gateway.pdu import Direction, decode_frame

    chosen = Direction(direction) if direction else _direction_of(text)
    return _Decoded(decode_frame(text, chosen), chosen)


def _direction_of(text: str) -> Direction:
    """By the MTI, 23.040 9.2.3.1: 01 is a SUBMIT; the other types that AT shows come from the network."""
    from gateway.pdu import Direction

    try:
        octets = bytes.fromhex(text)
    except ValueError:
        return Direction.MT  # the decoder says where the mistake is
    first = 1 + octets[0] if octets else 0
    return Direction.MO if first < len(octets) and octets[first] & 0b11 == 0b01 else Direction.MT


def _fields(item: _Decoded) -> dict[str, Any]:
    from gateway.pdu import Deliver, Submit

    frame = item.frame
    entry: dict[str, Any] = {"direction": item.direction.value, "length": len(frame.tpdu_octets)}
    if frame.sc is not None:
        entry["sc"] = str(frame.sc)
    tpdu = frame.tpdu
    if isinstance(tpdu, Deliver):
        return {"type": "SMS-DELIVER"} | entry | _deliver(tpdu)
    if isinstance(tpdu, Submit):
        return {"type": "SMS-SUBMIT"} | entry | _submit(tpdu)
    return {"type": "SMS-STATUS-REPORT"} | entry | _report(tpdu)


def _deliver(tpdu: Deliver) -> dict[str, Any]:
    flags = {"more_messages": tpdu.more_messages, "reply_path": tpdu.reply_path}
    moment = tpdu.scts.moment
    return {
        "oa": str(tpdu.oa),
        "pid": tpdu.pid,
        "scts": moment.isoformat() if moment else None,
        **_user_data(tpdu),
        **{name: True for name, is_set in flags.items() if is_set},
    }


def _submit(tpdu: Submit) -> dict[str, Any]:
    entry: dict[str, Any] = {"da": str(tpdu.da), "mr": tpdu.mr, "pid": tpdu.pid, **_user_data(tpdu)}
    seconds = getattr(tpdu.validity, "seconds", None)
    if seconds is not None:
        entry["validity_s"] = seconds
    if tpdu.status_report_request:
        entry["status_report_request"] = True
    return entry


def _report(tpdu: StatusReport) -> dict[str, Any]:
    scts, dt = tpdu.scts.moment, tpdu.dt.moment
    return {
        "mr": tpdu.mr,
        "ra": str(tpdu.ra),
        "scts": scts.isoformat() if scts else None,
        "dt": dt.isoformat() if dt else None,
        "st": tpdu.st,
        "final": tpdu.st_final,
        "delivered": tpdu.st_delivered,
    }


def _user_data(tpdu: Deliver | Submit) -> dict[str, Any]:
    from gateway.pdu import join

    ud, dcs = tpdu.ud, tpdu.dcs
    entry: dict[str, Any] = {"dcs": dcs.octet, "alphabet": ud.alphabet.value, "class": dcs.message_class}
    if (concat := ud.concat) is not None:
        entry["concat"] = {"ref": concat.ref, "total": concat.total, "seq": concat.seq}
    if (ports := ud.ports) is not None:
        entry["ports"] = [ports.destination, ports.source]
    return entry | _content(join([ud]))


def _content(content: Content) -> dict[str, Any]:
    if content.text is not None:
        return {"text": content.text}
    return {"data_hex": (content.data or b"").hex()}


def _joined(decoded: Sequence[_Decoded]) -> list[dict[str, Any]]:
    """Every concatenated text of which all parts are there."""
    from gateway.pdu import StatusReport, join

    groups: dict[tuple[Any, ...], dict[int, UserData]] = {}
    for item in decoded:
        tpdu = item.frame.tpdu
        if isinstance(tpdu, StatusReport) or (concat := tpdu.ud.concat) is None:
            continue
        peer = str(getattr(tpdu, "oa", None) or getattr(tpdu, "da", None))
        key = (item.direction, peer, concat.ref, concat.wide, concat.total)
        groups.setdefault(key, {})[concat.seq] = tpdu.ud
    return [
        {"peer": peer, "ref": ref, "parts": total, **_content(join([parts[seq] for seq in sorted(parts)]))}
        for (_direction, peer, ref, _wide, total), parts in groups.items()
        if len(parts) == total
    ]


def _lines(entry: dict[str, Any]) -> str:
    width = max(map(len, entry))
    return "\n".join(
        f"{name:{width}}  {shown(value if isinstance(value, str) else json.dumps(value))}"
        for name, value in entry.items()
        if value is not None
    )


@pdu.command()
@click.argument("to")
@click.argument("text")
@click.option("--encoding", type=click.Choice(["auto", "gsm7", "ucs2"]), default="auto", help="[default: auto]")
@click.option("--class", "message_class", type=click.IntRange(0, 3), help="Message class; 0 is a flash message.")
@click.option("--report", is_flag=True, help="Ask for a status report.")
@click.option("--ref", type=click.IntRange(0, 255), default=0, help="Concatenation reference. [default: 0]")
@json_option
def encode(to: str, text: str, encoding: str, message_class: int | None, report: bool, ref: int, as_json: bool) -> None:
    """Encode a text as SMS-SUBMIT PDUs: one line each, the length for AT+CMGS, then the hex."""
    from gateway.pdu import Address, Alphabet, Submit, encode_frame, segment

    alphabet = None if encoding == "auto" else Alphabet(encoding)
    try:
        cut = segment(text, encoding=alphabet, message_class=message_class, ref=ref)
        frames = [
            encode_frame(Submit(da=Address.parse(to), ud=ud, dcs=cut.dcs, status_report_request=report))
            for ud in cut.parts
        ]
    except PduError as exc:
        raise click.ClickException(str(exc)) from exc
    if as_json:
        parts = [{"length": length, "pdu": pdu_hex} for pdu_hex, length in frames]
        click.echo(json.dumps({"encoding": cut.encoding.value, "pdus": parts}))
        return
    for pdu_hex, length in frames:
        click.echo(f"{length} {pdu_hex}")
