"""Where the emulator uses the codec: records for people, and DELIVERs made from a text; never on a SUBMIT's way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gateway import pdu
from gateway.emulator.network import Submitted
from gateway.errors import PduError, RequestError


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message for a modem: exactly one of `text`, `data_hex`, `pdu` (hex with SC address). Sequences count from 1.

    `repeat`: how many times each part comes; `order`: sequences as they arrive; `drop_parts`: those that do not.
    """

    sender: str = "+491710000000"
    text: str | None = None
    data_hex: str | None = None
    pdu: str | None = None
    encoding: str | None = None
    message_class: int | None = None
    ports: Sequence[int] | None = None
    ref: int = 1
    wide: bool = False
    pid: int = 0
    repeat: int = 1
    order: Sequence[int] = ()
    drop_parts: Sequence[int] = ()
    delay_s: float = 0.0
    scts: datetime | None = None  # aware; None: now


def tpdus(delivery: Delivery, moment: datetime) -> list[bytes]:
    """The DELIVERs of `delivery` in the order in which they arrive, stamped with `moment`. Raises RequestError."""
    given = [one for one in (delivery.text, delivery.data_hex, delivery.pdu) if one is not None]
    if len(given) != 1:
        raise RequestError("give exactly one of text, data_hex and pdu", field="text")
    try:
        parts = [_raw(delivery.pdu)] if delivery.pdu is not None else _encoded(delivery, moment)
    except (PduError, ValueError) as exc:
        raise RequestError(str(exc)) from exc
    order = list(delivery.order) or list(range(1, len(parts) + 1))
    if any(not 1 <= seq <= len(parts) for seq in (*order, *delivery.drop_parts)):
        raise RequestError(f"the message has parts 1 to {len(parts)}", field="order")
    arriving = [parts[seq - 1] for seq in order if seq not in delivery.drop_parts]
    return [part for part in arriving for _ in range(delivery.repeat)]


def _raw(text: str) -> bytes:
    octets = bytes.fromhex(text)
    if not octets or octets[0] >= len(octets) - 1:
        raise ValueError("the PDU ends within its service-centre address")
    return octets[1 + octets[0] :]


def _encoded(delivery: Delivery, moment: datetime) -> list[bytes]:
    content: str | bytes = delivery.text if delivery.text is not None else bytes.fromhex(delivery.data_hex or "")
    ports = None
    if delivery.ports is not None:
        destination, source = delivery.ports
        ports = pdu.Ports(destination=destination, source=source)
    segmentation = pdu.segment(
        content,
        encoding=None if delivery.encoding is None else pdu.Alphabet(delivery.encoding),
        message_class=delivery.message_class,
        ports=ports,
        ref=delivery.ref,
        wide=delivery.wide,
    )
    first = pdu.Deliver(
        oa=pdu.Address.parse(delivery.sender),
        pid=delivery.pid,
        dcs=segmentation.dcs,
        scts=pdu.Timestamp.of(delivery.scts or moment),
        ud=segmentation.parts[0],
    )
    return [_raw(pdu.encode_frame(replace(first, ud=part))[0]) for part in segmentation.parts]


def record(submitted: Submitted) -> dict[str, Any]:
    """A submit as `GET /submitted` shows it; text and data are null where the codec cannot read it."""
    shown: dict[str, Any] = {
        "n": submitted.n,
        "modem": submitted.modem,
        "to": submitted.to,
        "text": None,
        "data_hex": None,
        "mr": submitted.mr,
        "pdu": submitted.pdu.decode("ascii", "replace").upper(),
        "udh": None,
        "status_report_request": submitted.wants_report,
        "time": submitted.time,
    }
    read = _read(submitted)
    if read is not None:
        content = pdu.join([read.ud])
        concat = read.ud.concat
        shown["text"] = content.text
        shown["data_hex"] = None if content.data is None else content.data.hex()
        shown["udh"] = concat and {"ref": concat.ref, "total": concat.total, "seq": concat.seq}
        shown["class"] = read.dcs.message_class
        shown["encoding"] = content.encoding.value
    return shown


def _read(submitted: Submitted) -> pdu.Submit | None:
    try:
        tpdu = pdu.decode_frame(submitted.pdu.decode("ascii", "replace"), pdu.Direction.MO).tpdu
    except PduError:
        return None
    return tpdu if isinstance(tpdu, pdu.Submit) else None


def messages(parts: Iterable[Submitted]) -> list[dict[str, Any]]:
    """What a phone shows: single parts and complete concatenations, in the order in which they were complete."""
    shown: list[dict[str, Any]] = []
    open_: dict[tuple[str, int, int], dict[int, pdu.UserData]] = {}
    for part in parts:
        read = _read(part)
        if read is None:
            continue
        concat = read.ud.concat
        uds: Sequence[pdu.UserData] = (read.ud,)
        if concat is not None:
            key = (part.modem, concat.ref, concat.total)
            have = open_.setdefault(key, {})
            have[concat.seq] = read.ud
            if len(have) < concat.total:
                continue
            uds = [have[seq] for seq in sorted(have)]
            del open_[key]
        content = pdu.join(uds)
        data = None if content.data is None else content.data.hex()
        shown.append({"n": part.n, "modem": part.modem, "text": content.text, "data_hex": data, "parts": len(uds)})
    return shown
