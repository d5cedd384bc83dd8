"""Single fields, octets and elements."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.pdu import (
    AbsoluteValidity,
    Address,
    Alphabet,
    CbsDcs,
    Dcs,
    EnhancedValidity,
    InformationElement,
    Timestamp,
    Ton,
    UserData,
    ValidityPeriod,
    element_name,
    failure_of,
    interpret_element,
    protocol_of,
    status_of,
)
from gateway.pdu.address import (
    read_address,
    read_sc_address,
    read_semi_octets,
    write_address,
    write_sc_address,
    write_semi_octets,
)
from gateway.pdu.alphabet import decode_ucs2, encode_ucs2
from gateway.pdu.reader import OctetReader
from gateway.pdu.udh import parse_header, read_user_data
from tests.vectors.messages import content_fields, dcs_fields, frame_of, frames_fields, header_fields, moment_fields

Fields = dict[str, Any]


def udh_decode(request: Mapping[str, Any]) -> Fields:
    elements = parse_header(bytes.fromhex(request["hex"]))
    if elements is None:
        return {"error": "the last element runs past the end"}
    return header_fields(UserData(alphabet=Alphabet.DATA, payload=b"", header=elements))


def field_decode(request: Mapping[str, Any]) -> Fields:
    reader = OctetReader(bytes.fromhex(request["hex"]))
    match request["form"]:
        case "address":
            address = read_address(reader, "address")
            plan = {"ton": address.ton.name.lower(), "npi": "isdn" if address.npi == 1 else address.npi}
            return {"address": str(address), "octets_used": reader.pos, **plan}
        case "smsc":
            sc = read_sc_address(reader)
            return {"smsc": "" if sc is None else str(sc), "octets_used": reader.pos}
        case "timestamp":
            moment = Timestamp(octets=reader.take(7, "timestamp")).moment
            return moment_fields("timestamp", moment) if moment else {"error": "no date"}
        case "vp-relative":
            return {"validity_seconds": ValidityPeriod(octet=reader.octet("TP-VP")).seconds}
        case "vp-enhanced":
            validity = EnhancedValidity(octets=reader.take(7, "TP-VP"))
            return {"validity_seconds": validity.seconds, "single_shot": validity.single_shot}
        case "semi-octets":
            return {"digits": read_semi_octets(reader.data).rstrip("f")}
        case "ucs2":
            return {"text": decode_ucs2(reader.data)}
        case "user-data":
            ud = read_user_data(OctetReader(bytes((request["udl"],)) + reader.data), Alphabet.GSM7, has_header=True)
            return header_fields(ud) | content_fields([ud])
    return {"error": "unsupported"}


def field_encode(request: Mapping[str, Any]) -> Fields:
    match request["form"]:
        case "timestamp":
            octets = Timestamp.of(datetime.fromisoformat(request["timestamp"])).octets
        case "vp-absolute":
            octets = AbsoluteValidity.of(datetime.fromisoformat(request["timestamp"])).octets
        case "vp-enhanced":
            octets = EnhancedValidity.of(request.get("seconds"), single_shot=request.get("single_shot", False)).octets
        case "vp-relative":
            octets = bytes((ValidityPeriod.at_most(request["seconds"]).octet,))
        case "address":
            text = request["address"]
            ton = request.get("ton")
            address = Address.number(text, ton=Ton[ton.upper()]) if ton else Address.parse(text)
            octets = write_address(address)
        case "semi-octets":
            digits = request["digits"]
            octets = write_semi_octets(digits + "f" if len(digits) % 2 else digits)
        case "ucs2":
            octets = encode_ucs2(request["text"])
        case "smsc":
            octets = write_sc_address(Address.parse(request["address"]) if request["address"] else None)
        case _:
            return {"error": "unsupported"}
    return {"hex": octets.hex().upper()}


def element_decode(request: Mapping[str, Any]) -> Fields:
    octets = bytes.fromhex(request["hex"])
    element = InformationElement(iei=octets[0], data=octets[2:])
    meaning = interpret_element(element)
    fields: Fields = {"name": element_name(element.iei), "type": type(meaning).__name__ if meaning else None}
    if meaning is not None:
        values = {name: getattr(meaning, name) for name in meaning.__slots__}
        fields |= {name: _plain(value) for name, value in values.items()}
    return fields


def _plain(value: Any) -> Any:
    match value:
        case bytes():
            return value.hex().upper()
        case Address():
            return str(value)
        case bool() | None | str():
            return value
    return int(value)


def octet_decode(request: Mapping[str, Any]) -> Fields:
    """One octet that is looked up in a table."""
    octet = request["octet"]
    match request["form"]:
        case "dcs":
            dcs = Dcs(octet=octet)
            flags = {"compressed": dcs.compressed, "delete": dcs.automatic_deletion, "reserved": dcs.reserved}
            waiting = {"waits": dcs.message_waiting.indication.name.lower()} if dcs.message_waiting else {}
            return dcs_fields(dcs) | flags | waiting | {"group": dcs.group.value}
        case "cbs-dcs":
            coding = CbsDcs(octet=octet)
            return {
                "encoding": coding.alphabet.value,
                "class": coding.message_class,
                "language": coding.language,
                "prefix": coding.prefix.value,
                "compressed": coding.compressed,
                "header": coding.has_header,
                "reserved": coding.reserved,
            }
        case "st":
            status = status_of(octet)
            return {
                "outcome": status.outcome.value,
                "meaning": status.meaning,
                "final": status.final,
                "delivered": status.delivered,
                "reserved": status.reserved,
            }
        case "fcs":
            cause = failure_of(octet)
            return {"meaning": cause.meaning, "mobile": cause.by_mobile, "sc": cause.by_sc, "reserved": cause.reserved}
        case "pid":
            protocol = protocol_of(octet)
            return {"kind": protocol.kind.value, "name": protocol.name, "type": protocol.replace_type}
        case "vp":
            return {"seconds": ValidityPeriod(octet=octet).seconds}
    return {"error": "unsupported"}


def robust(request: Mapping[str, Any]) -> Fields:
    if request.get("form"):
        return field_decode(request)
    return frames_fields([frame_of(request, request.get("hex", request.get("raw_text")))])
