"""What the faults of a reply do to it, one function per kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from gateway.emulator.faults import INSTEAD, Fault
from gateway.emulator.strikes import strike

if TYPE_CHECKING:
    from gateway.emulator.modem import Modem

Frame = Callable[[list[str], str], bytes]
Damage = Callable[["Modem", Fault, Frame, list[str], str], None]
LINE_BREAK = b"\r\n"
_LENGTH = re.compile(r"^(\+(?:CMGR|CMGL|CMT|CDS): (?:[^\r\n]*,)?)(\d+)(?=\r\n|$)", re.MULTILINE)


def wrong_length(text: str, by: int) -> str:
    """`text` with the <length> of its PDU headers (27.005 3.4) wrong by `by`."""
    return _LENGTH.sub(lambda found: f"{found[1]}{max(0, int(found[2]) + by)}", text)


def _nothing(_: Modem, __: Fault, ___: Frame, ____: list[str], _____: str) -> None:
    return


def _no_ok(modem: Modem, _: Fault, frame: Frame, texts: list[str], __: str) -> None:
    modem.output.write(frame(texts, ""))


def _cut(modem: Modem, fault: Fault, frame: Frame, texts: list[str], final: str) -> None:
    data = frame(texts, final)
    modem.output.cut(data, fault.at or modem.faults.rng.randrange(1, max(2, len(data))), fault.interval_s)


def _length(modem: Modem, fault: Fault, frame: Frame, texts: list[str], final: str) -> None:
    modem.output.write(frame([wrong_length(text, fault.by) for text in texts], final))


def _uninvited(modem: Modem, fault: Fault, frame: Frame, texts: list[str], final: str) -> None:
    if fault.glued:
        modem.output.write(frame(texts, final).removesuffix(LINE_BREAK) + fault.text.encode() + LINE_BREAK)
    elif fault.inside:
        modem.output.write(frame(texts, ""))
        modem.urc(fault.text)
        modem.output.write(frame([], final))
    else:
        modem.urc(fault.text)
        modem.output.write(frame(texts, final))


def _whole(modem: Modem, _: Fault, frame: Frame, texts: list[str], final: str) -> None:
    modem.output.write(frame(texts, final))


_DAMAGES: Mapping[str, Damage] = {
    "drop-reply": _nothing,
    "drop-ok": _no_ok,
    "delay-reply": _whole,  # it has been delayed already
    "cut-reply": _cut,
    "wrong-length": _length,
    "urc": _uninvited,
}


def answer(modem: Modem, fault: Fault, frame: Frame, texts: list[str], final: str) -> None:
    """Says what `fault` leaves of an answer. Kinds of `Stage.NOW` strike before it, or instead of it."""
    damage = _DAMAGES.get(fault.kind)
    if damage is not None:
        damage(modem, fault, frame, texts, final)
        return
    strike(modem, fault)
    if fault.kind not in INSTEAD:
        modem.output.write(frame(texts, final))
