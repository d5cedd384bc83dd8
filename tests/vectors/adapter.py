"""The codec behind one JSON request per line: `{"id", "op", …}` in, `{"id", …fields}` or `{"id", "error"}` out.

Run as a program it serves standard input until that ends. Fields have the names that the conformance vectors use.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gateway.errors import PduError
from gateway.pdu import (
    AbsoluteValidity,
    Address,
    Alphabet,
    Dcs,
    Deliver,
    Direction,
    EnhancedValidity,
    Frame,
    Ports,
    StatusReport,
    Submit,
    Timestamp,
    UserData,
    ValidityPeriod,
    decode_frame,
    encode_frame,
    join,
    segment,
)
from gateway.pdu.address import read_address, read_sc_address, read_semi_octets
from gateway.pdu.alphabet import decode_gsm7, decode_ucs2
from gateway.pdu.reader import OctetReader
from gateway.pdu.septets import unpack
from gateway.pdu.udh import parse_header, read_user_data

Fields = dict[str, Any]


def answer(request: Mapping[str, Any]) -> Fields:
    """The fields for one request; `error` where the codec refuses or an operation is not known."""
    operation = _OPERATIONS.get(request.get("op", ""))
    if operation is None:
        return {"error": "unsupported"}
    try:
        return operation(request)
    except PduError as error:
        return {"error": str(error), "at_octet": error.offset}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return {"error": f"bad request: {error!r}"}


def frame_of(request: Mapping[str, Any], pdu: str) -> Frame:
    """One decoded PDU. What travels without its SC address gets an empty one."""
    return decode_frame(
        pdu if request.get("with_smsc", True) else "00" + pdu, Direction[request.get("direction", "MT")]
    )


def _sms_decode(request: Mapping[str, Any]) -> Fields:
    frames = [frame_of(request, pdu) for pdu in request.get("hex_parts") or [request["hex"]]]
    first = frames[0]
    fields = _tpdu_fields(first)
    fields["smsc"] = "" if first.sc is None else str(first.sc)
    if users := [frame.tpdu.ud for frame in frames if frame.tpdu.ud is not None]:
        ordered = sorted(users, key=lambda ud: ud.concat.seq if ud.concat else 0)
        fields |= _user_data_fields(ordered[0]) | _content_fields(ordered)
    return fields


def _tpdu_fields(frame: Frame) -> Fields:
    match frame.tpdu:
        case Deliver(oa=oa, scts=scts, pid=pid, dcs=dcs):
            return {"address": str(oa), "timestamp": _iso(scts.moment), "pid": pid} | _dcs_fields(dcs)
        case Submit(da=da, mr=mr, pid=pid, dcs=dcs) as submit:
            return {"address": str(da), "mr": mr, "pid": pid} | _dcs_fields(dcs) | _validity_fields(submit)
        case StatusReport() as report:
            return _report_fields(report)


def _report_fields(report: StatusReport) -> Fields:
    fields: Fields = {
        "address": str(report.ra),
        "mr": report.mr,
        "status": report.st,
        "delivered": report.st_delivered,
        "timestamp": _iso(report.scts.moment),
        "discharge": _iso(report.dt.moment),
    }
    if report.pid is not None:
        fields["pid"] = report.pid
    return fields | ({} if report.dcs is None else _dcs_fields(report.dcs))


def _dcs_fields(dcs: Dcs) -> Fields:
    fields: Fields = {"dcs": dcs.octet, "class": dcs.message_class, "encoding": dcs.alphabet.value}
    if waiting := dcs.message_waiting:
        fields |= {"mwi": "set" if waiting.active else "clear", "mwi_discard": not waiting.store}
    return fields


def _validity_fields(submit: Submit) -> Fields:
    match submit.validity:
        case ValidityPeriod(seconds=seconds) | EnhancedValidity(seconds=seconds):
            return {"validity_seconds": seconds}
        case AbsoluteValidity(moment=moment):
            return {"validity_absolute": _iso(moment)}
        case None:
            return {}


def _user_data_fields(ud: UserData) -> Fields:
    fields: Fields = {}
    if concat := ud.concat:
        fields["concat"] = {"ref": concat.ref, "total": concat.total, "seq": concat.seq}
    if ports := ud.ports:
        fields["ports"] = [ports.destination, ports.source]
    if ud.header:
        fields["udh"] = [{"iei": element.iei, "data": element.data.hex().upper()} for element in ud.header]
    return fields


def _content_fields(parts: list[UserData]) -> Fields:
    content = join(parts)
    if content.data is not None:
        return {"data_hex": content.data.hex().upper()}
    fields: Fields = {"text": content.text}
    if content.encoding is Alphabet.GSM7:
        fields["septets_hex"] = b"".join(part.payload for part in parts).hex().upper()
    return fields


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _sms_encode(request: Mapping[str, Any]) -> Fields:
    fields = request.get("expect", request)
    content = (
        bytes.fromhex(fields["data_hex"]) if "data_hex" in fields else fields.get("encode_text", fields.get("text"))
    )
    wanted = Alphabet(fields["encoding"]) if "encoding" in fields else None
    concat = fields.get("concat", {})
    ports = fields.get("ports")
    split = segment(
        content,
        encoding=wanted,
        message_class=fields.get("class"),
        ports=Ports(destination=ports[0], source=ports[1]) if ports else None,
        ref=concat.get("ref", 0),
    )
    submit = Submit(
        da=Address.parse(fields["address"]),
        ud=split.parts[0],
        dcs=Dcs(octet=fields["dcs"]) if "dcs" in fields else split.dcs,
        mr=fields.get("mr", 0),
        pid=fields.get("pid", 0),
        validity=_validity(fields),
    )
    sc = Address.parse(fields["smsc"]) if fields.get("smsc") else None
    return {"hex_parts": [encode_frame(replace(submit, ud=part), sc=sc)[0] for part in split.parts]}


def _validity(fields: Mapping[str, Any]) -> ValidityPeriod | AbsoluteValidity | None:
    if "validity_absolute" in fields:
        return AbsoluteValidity(octets=Timestamp.of(datetime.fromisoformat(fields["validity_absolute"])).octets)
    return ValidityPeriod.at_most(fields["validity_seconds"]) if "validity_seconds" in fields else None


def _gsm7_decode(request: Mapping[str, Any]) -> Fields:
    if {"locking_language", "single_shift_language"} & request.keys() or request.get("form") == "packed-ussd":
        return {"error": "unsupported"}
    octets = bytes.fromhex(request["hex"])
    if request.get("form") == "deliver-pdu":
        # A source that reads only the text does not mind that its PDU is a SUBMIT.
        submit = octets[1 + octets[0]] & 3 == 1
        return _sms_decode({**request, "direction": "MO" if submit else "MT"})
    if request.get("form") != "septets":
        fill_bits = request.get("fill_bits", 0)
        octets = unpack(octets, request.get("septets", (len(octets) * 8 - fill_bits) // 7), fill_bits)
    return {"text": decode_gsm7(octets), "septets_hex": octets.hex().upper()}


def _segment(request: Mapping[str, Any]) -> Fields:
    if {"locking_language", "single_shift_language"} & request.keys():
        return {"error": "unsupported"}
    wanted = Alphabet(request["encoding"]) if request.get("encoding") else None
    split = segment(request["text"], encoding=wanted, wide=request.get("reference_bits") == 16)
    fields: Fields = {"parts": len(split.parts), "encoding": split.encoding.value}
    if split.encoding is Alphabet.GSM7:
        fields["septets"] = sum(len(part.payload) for part in split.parts)
    return fields


def _udh_decode(request: Mapping[str, Any]) -> Fields:
    elements = parse_header(bytes.fromhex(request["hex"]))
    if elements is None:
        return {"error": "the last element runs past the end"}
    return _user_data_fields(UserData(alphabet=Alphabet.DATA, payload=b"", header=elements))


def _field_decode(request: Mapping[str, Any]) -> Fields:
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
            return {"timestamp": _iso(moment)} if moment else {"error": "no date"}
        case "vp-relative":
            return {"validity_seconds": ValidityPeriod(octet=reader.octet("TP-VP")).seconds}
        case "semi-octets":
            return {"digits": read_semi_octets(reader.data).rstrip("f")}
        case "ucs2":
            return {"text": decode_ucs2(reader.data)}
        case "user-data":
            ud = read_user_data(OctetReader(bytes((request["udl"],)) + reader.data), Alphabet.GSM7, has_header=True)
            return _user_data_fields(ud) | _content_fields([ud])
    return {"error": "unsupported"}


def _robust(request: Mapping[str, Any]) -> Fields:
    if request.get("form"):
        return _field_decode(request)
    return _sms_decode({"hex": request.get("hex", request.get("raw_text")), **request})


_OPERATIONS: Mapping[str, Callable[[Mapping[str, Any]], Fields]] = {
    "sms-decode": _sms_decode,
    "sms-encode": _sms_encode,
    "gsm7-decode": _gsm7_decode,
    "segment": _segment,
    "udh-decode": _udh_decode,
    "field-decode": _field_decode,
    "robust": _robust,
}


def main() -> None:
    """Answer each line of standard input with a line on standard output."""
    for line in sys.stdin:
        try:
            request = json.loads(line)
        except ValueError as error:
            reply: Fields = {"error": f"bad request: {error}"}
        else:
            reply = (
                answer(request) | {"id": request.get("id")} if isinstance(request, dict) else {"error": "bad request"}
            )
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
