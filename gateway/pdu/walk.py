"""A PDU field by field: what each octet is called, what it holds, what that means, and which clause says so.

The walk follows the layouts of 3GPP TS 23.040 clause 9.2.2 over a PDU that the codec has read, so no field can run over
the end. Every octet belongs to exactly one field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields
from enum import Enum
from typing import Any

from gateway.pdu import (
    AbsoluteValidity,
    Address,
    Alphabet,
    Command,
    CommandType,
    Dcs,
    Deliver,
    DeliverReport,
    Frame,
    InformationElement,
    StatusReport,
    Submit,
    SubmitReport,
    Timestamp,
    UserData,
    ValidityPeriod,
    element_name,
    failure_of,
    interpret_element,
    join,
    protocol_of,
    status_of,
)

# Name, bits, and what they mean when set and when clear (TP-VPF: by value).
_MMS = ("TP-MMS", 0x04, "no more messages wait", "more messages wait")
_LP = ("TP-LP", 0x08, "forwarded or spawned", "not forwarded or spawned")
_SRR = ("TP-SRR", 0x20, "a status report is asked for", "no status report is asked for")
_UDHI = ("TP-UDHI", 0x40, "a header begins the user data", "no header in the user data")
_RP = ("TP-RP", 0x80, "a reply path is set", "no reply path")
FLAGS: Mapping[type, tuple[tuple[str, int, str, str], ...]] = {
    Deliver: (
        _MMS,
        _LP,
        ("TP-SRI", 0x20, "the sender gets a status report", "the sender gets no status report"),
        _UDHI,
        _RP,
    ),
    Submit: (
        ("TP-RD", 0x04, "duplicates are to be rejected", "duplicates are accepted"),
        ("TP-VPF", 0x18, "", "no validity period"),
        _SRR,
        _UDHI,
        _RP,
    ),
    StatusReport: (
        _MMS,
        _LP,
        ("TP-SRQ", 0x20, "it reports on an SMS-COMMAND", "it reports on an SMS-SUBMIT"),
        _UDHI,
    ),
    DeliverReport: (_UDHI,),
    SubmitReport: (_UDHI,),
    Command: (_SRR, _UDHI),
}
_FORMS = ("no validity period", "enhanced validity period", "relative validity period", "absolute validity period")
FLAG_CLAUSES: Mapping[str, str] = {
    "TP-MTI": "23.040 9.2.3.1",
    "TP-MMS": "23.040 9.2.3.2",
    "TP-VPF": "23.040 9.2.3.3",
    "TP-SRI": "23.040 9.2.3.4",
    "TP-SRR": "23.040 9.2.3.5",
    "TP-RP": "23.040 9.2.3.17",
    "TP-UDHI": "23.040 9.2.3.23",
    "TP-RD": "23.040 9.2.3.25",
    "TP-SRQ": "23.040 9.2.3.26",
    "TP-LP": "23.040 9.2.3.28",
}
FLAG_MASKS: Mapping[str, int] = {"TP-MTI": 0x03, **{name: mask for flags in FLAGS.values() for name, mask, *_ in flags}}
_CLAUSES: Mapping[type, str] = {
    Deliver: "23.040 9.2.2.1",
    DeliverReport: "23.040 9.2.2.1a",
    Submit: "23.040 9.2.2.2",
    SubmitReport: "23.040 9.2.2.2a",
    StatusReport: "23.040 9.2.2.3",
    Command: "23.040 9.2.2.4",
}
NAMES: Mapping[type, str] = {
    Deliver: "SMS-DELIVER",
    Submit: "SMS-SUBMIT",
    StatusReport: "SMS-STATUS-REPORT",
    DeliverReport: "SMS-DELIVER-REPORT",
    SubmitReport: "SMS-SUBMIT-REPORT",
    Command: "SMS-COMMAND",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field. `bits`: the flags that an octet holds, as (name, value, meaning)."""

    name: str
    octets: bytes
    value: str
    meaning: str = ""
    clause: str = ""
    bits: tuple[tuple[str, int, str], ...] = ()


@dataclass(slots=True)
class _Walk:
    octets: bytes
    end: int
    tpdu: Any
    pos: int = 0
    fields: list[Field] = field(default_factory=list)

    @property
    def left(self) -> int:
        return self.end - self.pos

    def take(self, name: str, size: int, value: str | None = None, meaning: str = "", clause: str = "") -> bytes:
        octets = self.octets[self.pos : self.pos + size]
        self.pos += size
        shown = value if value is not None else f"0x{octets.hex().upper()}"
        self.fields.append(Field(name=name, octets=octets, value=shown, meaning=meaning, clause=clause))
        return octets


def walk(frame: Frame, octets: bytes, *, has_sc: bool = True) -> list[Field]:
    """The fields of a decoded PDU in order. `octets`: all of it, SC address first (or none), with what may follow the TPDU."""
    size = 1 + octets[0] if has_sc else 0
    steps = _Walk(octets=octets, end=size + len(frame.tpdu_octets), tpdu=frame.tpdu)
    if has_sc:
        meaning = _address(frame.sc) if frame.sc else "the SIM's own"
        steps.take("SC address", size, str(frame.sc or ""), meaning, "24.011 8.2.5.1")
    _first(steps)
    for step in _LAYOUTS[type(frame.tpdu)]:
        step(steps)
    if steps.left > 0:
        steps.take("rest", steps.left)
    if steps.pos < len(octets):
        steps.take("filler", len(octets) - steps.pos, "", "octets after the TPDU", "31.102 4.2.25")
    return steps.fields


def _first(steps: _Walk) -> None:
    octet = steps.octets[steps.pos]
    kind = type(steps.tpdu)
    bits = [("TP-MTI", octet & 0x03, NAMES[kind])]
    for name, mask, when_set, when_clear in FLAGS[kind]:
        value = (octet & mask) // (mask & -mask)
        meaning = _FORMS[value] if name == "TP-VPF" else when_set if value else when_clear
        bits.append((name, value, meaning))
    steps.pos += 1
    steps.fields.append(
        Field(
            name="first octet",
            octets=bytes((octet,)),
            value=f"0x{octet:02X}",
            meaning=NAMES[kind],
            clause=_CLAUSES[kind],
            bits=tuple(bits),
        )
    )


def _address(address: Address) -> str:
    return f"{address.ton.name.lower()}, numbering plan {int(address.npi)}"


def _address_field(name: str, attribute: str, clause: str) -> Callable[[_Walk], None]:
    def step(steps: _Walk) -> None:
        address: Address = getattr(steps.tpdu, attribute)
        size = 2 + (steps.octets[steps.pos] + 1) // 2
        steps.take(name, size, str(address), _address(address), clause)

    return step


def _octet(name: str, clause: str, meaning: Callable[[int], str] = lambda _: "") -> Callable[[_Walk], None]:
    def step(steps: _Walk) -> None:
        octet = steps.octets[steps.pos]
        steps.take(name, 1, f"0x{octet:02X}", meaning(octet), clause)

    return step


def _time_field(name: str, clause: str) -> Callable[[_Walk], None]:
    def step(steps: _Walk) -> None:
        moment = Timestamp(octets=steps.octets[steps.pos : steps.pos + 7]).moment
        steps.take(name, 7, moment.isoformat() if moment else "", "" if moment else "no time", clause)

    return step


def _pid(octet: int) -> str:
    return protocol_of(octet).name


def _dcs(octet: int) -> str:
    dcs = Dcs(octet=octet)
    words = [dcs.group.name.lower().replace("_", " "), dcs.alphabet.value]
    if dcs.message_class is not None:
        words.append(f"class {dcs.message_class}")
    if dcs.compressed:
        words.append("compressed")
    return ", ".join(words)


def _status(octet: int) -> str:
    status = status_of(octet)
    return f"{status.outcome.value}: {status.meaning}{'' if status.final else '; not final'}"


def _command(octet: int) -> str:
    return CommandType(octet).name.lower() if octet in set(CommandType) else "reserved"


def _optional(attribute: str, step: Callable[[_Walk], None]) -> Callable[[_Walk], None]:
    def maybe(steps: _Walk) -> None:
        if getattr(steps.tpdu, attribute) is not None:
            step(steps)

    return maybe


def _validity(steps: _Walk) -> None:
    validity = steps.tpdu.validity
    if isinstance(validity, ValidityPeriod):
        steps.take("TP-VP", 1, f"{validity.seconds} s", "relative", "23.040 9.2.3.12.1")
    elif isinstance(validity, AbsoluteValidity):
        _time_field("TP-VP", "23.040 9.2.3.12.2")(steps)
    elif validity is not None:
        value = "" if validity.seconds is None else f"{validity.seconds} s"
        words = "enhanced, the service centre tries once" if validity.single_shot else "enhanced"
        steps.take("TP-VP", 7, value, words if value else f"{words}, no period", "23.040 9.2.3.12.3")


def _indicator(steps: _Walk) -> None:
    """TP-PI, with its extensions; a status report may end before it."""
    if steps.left <= 0:
        return
    size = 1
    while steps.octets[steps.pos + size - 1] & 0x80 and size < steps.left:
        size += 1
    octet = steps.octets[steps.pos]
    present = [name for name, bit in (("TP-PID", 1), ("TP-DCS", 2), ("TP-UDL", 4)) if octet & bit]
    meaning = f"{', '.join(present)} follow" if present else "nothing follows"
    steps.take("TP-PI", size, None, meaning, "23.040 9.2.3.27")


def _user_data(steps: _Walk) -> None:
    ud: UserData | None = steps.tpdu.ud
    if ud is None:
        return
    names = ("TP-CDL", "TP-CD") if isinstance(steps.tpdu, Command) else ("TP-UDL", "TP-UD")
    length = steps.octets[steps.pos]
    unit = "septets" if ud.alphabet is Alphabet.GSM7 else "octets"
    steps.take(names[0], 1, str(length), unit, "23.040 9.2.3.16")
    if ud.header_octets:
        _header(steps, ud)
    if steps.left <= 0:
        return
    content = join([ud])
    value = repr(content.text) if content.text is not None else (content.data or b"").hex().upper()
    steps.take(names[1], steps.left, value, content.encoding.value, "23.040 9.2.3.24")


def _header(steps: _Walk, ud: UserData) -> None:
    clause = "23.040 9.2.3.24"
    if not ud.header:
        steps.take("TP-UDH", len(ud.header_octets), None, "malformed, ignored as a whole", clause)
        return
    steps.take("UDHL", 1, str(steps.octets[steps.pos]), "octets of header", clause)
    for element in ud.header:
        steps.take(f"IE {element.iei:02X}", 2 + len(element.data), _element(element), element_name(element.iei), clause)


def _element(element: InformationElement) -> str:
    alone = UserData(
        alphabet=Alphabet.DATA, payload=b"", header=(element,)
    )  # a later one may count, this is what it says
    if (concat := alone.concat) is not None:
        return f"part {concat.seq} of {concat.total}, reference {concat.ref}"
    if (ports := alone.ports) is not None:
        return f"to port {ports.destination}, from port {ports.source}"
    found = interpret_element(element)
    if found is None:
        return element.data.hex().upper()
    said = ((each.name.replace("_", " "), getattr(found, each.name)) for each in dataclass_fields(found))
    return ", ".join(f"{name} {_plain(value)}" for name, value in said if value not in (None, b""))


def _plain(value: object) -> str:
    match value:
        case Enum():
            return value.name.lower().replace("_", " ")
        case bool():
            return "yes" if value else "no"
        case bytes():
            return value.hex().upper()
    return str(value)


_PID = _octet("TP-PID", "23.040 9.2.3.9", _pid)
_DCS = _octet("TP-DCS", "23.038 4", _dcs)
_MR = _octet("TP-MR", "23.040 9.2.3.6")
_SCTS = _time_field("TP-SCTS", "23.040 9.2.3.11")
_FCS = _optional("fcs", _octet("TP-FCS", "23.040 9.2.3.22", lambda octet: failure_of(octet).meaning))
_ANNOUNCED = (_optional("pid", _PID), _optional("dcs", _DCS), _user_data)

_LAYOUTS: Mapping[type, tuple[Callable[[_Walk], None], ...]] = {
    Deliver: (_address_field("TP-OA", "oa", "23.040 9.2.3.7"), _PID, _DCS, _SCTS, _user_data),
    Submit: (_MR, _address_field("TP-DA", "da", "23.040 9.2.3.8"), _PID, _DCS, _validity, _user_data),
    StatusReport: (
        _MR,
        _address_field("TP-RA", "ra", "23.040 9.2.3.14"),
        _SCTS,
        _time_field("TP-DT", "23.040 9.2.3.13"),
        _octet("TP-ST", "23.040 9.2.3.15", _status),
        _indicator,
        *_ANNOUNCED,
    ),
    DeliverReport: (_FCS, _indicator, *_ANNOUNCED),
    SubmitReport: (_FCS, _indicator, _SCTS, *_ANNOUNCED),
    Command: (
        _MR,
        _PID,
        _octet("TP-CT", "23.040 9.2.3.19", _command),
        _octet("TP-MN", "23.040 9.2.3.18"),
        _address_field("TP-DA", "da", "23.040 9.2.3.8"),
        _user_data,
    ),
}
