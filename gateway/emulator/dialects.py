"""What families say of calls and USSD, as data that a personality points to. Source: `firmware-notes/calls-and-ussd.md`.

Templates of call lines know `{id}`, `{dir}` (0 outgoing, 1 incoming), `{stat}` (27.007 7.18), `{number}`, `{type}`,
`{seconds}` and `{seconds:06d}` of the conversation, `{cause}` (Q.850), `{clock}`, `{state}` from the family's own table,
`{open_stat}`, which is `{stat}` with -1 at the end, and `{clcc}`, the whole entry of +CLCC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Register = tuple[int, tuple[int, ...]]  # default and what is allowed
ON_OFF: Register = (0, (0, 1))
ANY = "*"  # every change of state


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLine:
    """A line of its own at an event.

    Events: dialling, alerting, incoming, waiting, answered (either way), connected (an outgoing one), held, ended (any
    call), hung-up (one that was answered), missed, or `*`. `when`: the setting that has to be on, with `!` off; "": it
    always comes.
    """

    event: str
    text: str
    when: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallDialect:
    """How a family tells of calls, beyond what all do: RING, +CRING, +CLIP, NO CARRIER, BUSY, NO ANSWER."""

    lines: tuple[CallLine, ...] = ()
    states: Mapping[int, int] = field(default_factory=dict)  # <stat> of +CLCC -> {state}; itself where it is not here
    dtmf: str = ""  # a digit that was heard: {digit}, or {code}, its ASCII code; "": the family hears none
    dtmf_when: str = ""
    registers: Mapping[str, Register] = field(default_factory=dict)
    busy_while_sending: bool = False  # a call that comes while a message is being sent is refused


@dataclass(frozen=True, slots=True, kw_only=True)
class UssdDialect:
    """Coding of USSD strings on the port: `plain` (as +CSCS says), `ucs2` (hex) or `packed` (GSM 7-bit, hex).

    `register` chooses between them, where the family has such a one: its value is the place in `codings`.
    """

    codings: tuple[str, ...] = ("plain",)
    register: str = ""


PLAIN_CALLS = CallDialect()
PLAIN_USSD = UssdDialect()
PACKED_USSD = UssdDialect(codings=("packed",))
UCS2_USSD = UssdDialect(codings=("ucs2",))

HUAWEI_CALLS = CallDialect(
    lines=(
        CallLine(event="dialling", text="^ORIG:{id},0"),
        CallLine(event="alerting", text="^CONF:{id}"),
        CallLine(event="answered", text="^CONN:{id},0"),
        CallLine(event="ended", text="^CEND:{id},{seconds},29,{cause}"),
    ),
    dtmf="^DDTMF: {digit}",
    dtmf_when="!^DDTMFCFG",
)
HUAWEI_USSD = UssdDialect(codings=("plain", "packed"), register="^USSDMODE")

_CLCC_PUSH = CallLine(event=ANY, text="+CLCC: {clcc}", when="+CLCC")

SIM7600_CALLS = CallDialect(
    lines=(
        _CLCC_PUSH,
        CallLine(event="answered", text="VOICE CALL: BEGIN"),
        CallLine(event="hung-up", text="VOICE CALL: END: {seconds:06d}"),
        CallLine(event="missed", text="MISSED_CALL: {clock} {number}"),
    ),
    dtmf="+RXDTMF: {digit}",
    dtmf_when="+DDET",
    registers={"+CLCC": ON_OFF},
)

SIM800_CALLS = CallDialect(
    lines=(
        _CLCC_PUSH,
        CallLine(event="alerting", text="MO RING", when="+MORING"),
        CallLine(event="connected", text="MO CONNECTED", when="+MORING"),
    ),
    dtmf="+DTMF: {digit}",
    dtmf_when="+DDET",
    registers={"+CLCC": ON_OFF},
    busy_while_sending=True,
)

QUECTEL_CALLS = CallDialect(
    lines=(
        CallLine(event=ANY, text='^DSCI: {id},{dir},{state},0,"{number}",{type}', when="^DSCI"),
        CallLine(
            event=ANY, text='+QIND: "ccinfo",{id},{dir},{open_stat},0,0,"{number}",{type}', when="+QINDCFG/ccinfo"
        ),
    ),
    states={0: 3, 1: 1, 2: 2, 3: 7, 4: 4, 5: 5, 6: 6},
    dtmf="+QTONEDET: {code}",
    dtmf_when="+QTONEDET",
)

UBLOX_CALLS = CallDialect(
    lines=(CallLine(event=ANY, text="+UCALLSTAT: {id},{stat}", when="+UCALLSTAT"),),
    dtmf="+UUDTMFD: {digit}",
    dtmf_when="+UDTMFD",
)
