"""Whole PDUs by the names that the conformance vectors use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from gateway.errors import PduError
from gateway.pdu import (
    AbsoluteValidity,
    Address,
    Alphabet,
    Command,
    Dcs,
    Deliver,
    DeliverReport,
    Direction,
    EnhancedValidity,
    Frame,
    Language,
    Ports,
    StatusReport,
    Submit,
    SubmitReport,
    UserData,
    ValidityPeriod,
    decode_frame,
    encode_frame,
    is_mail,
    join,
    parse_mail,
    segment,
)
from gateway.pdu.udh import parse_header
from tests.vectors.options import folding_of, language_of

Fields = dict[str, Any]


def frame_of(request: Mapping[str, Any], pdu: str, *, truncated: bool = False) -> Frame:
    """One decoded PDU. What travels without its SC address gets an empty one."""
    return decode_frame(
        pdu if request.get("with_smsc", True) else "00" + pdu,
        Direction[request.get("direction", "MT")],
        failure=request.get("failure"),
        truncated=truncated,
    )


def sms_decode(request: Mapping[str, Any]) -> Fields:
    pdus = request.get("hex_parts") or [request["hex"]]
    try:
        frames = [frame_of(request, pdu) for pdu in pdus]
    except PduError as error:
        return _what_is_left(request, pdus, error)
    return frames_fields(frames)


def _what_is_left(request: Mapping[str, Any], pdus: list[str], error: PduError) -> Fields:
    """The fields of PDUs that break off inside their user data, with a warning."""
    frames = [frame_of(request, pdu, truncated=True) for pdu in pdus]
    if not any(frame.missing for frame in frames):
        raise error
    fields = frames_fields(frames)
    text = (fields.get("text") or "").rstrip("\ufffd")  # half a character shows only that something is missing
    return fields | {"text": text, "warning": True, "text_best_effort": text + "…", "reason": str(error)}


def frames_fields(frames: list[Frame]) -> Fields:
    first = frames[0]
    fields = _tpdu_fields(first) | {"first_octet": first.tpdu_octets[0]}
    fields["smsc"] = "" if first.sc is None else str(first.sc)
    if users := [frame.tpdu.ud for frame in frames if frame.tpdu.ud is not None]:
        ordered = sorted(users, key=lambda ud: ud.concat.seq if ud.concat else 0)
        fields |= header_fields(ordered[0]) | content_fields(ordered)
        fields["multipart"] = bool(ordered[0].concat and ordered[0].concat.total > 1)
    tpdu = first.tpdu
    if isinstance(tpdu, Deliver) and is_mail(tpdu.pid, tpdu.oa) and (mail := parse_mail(fields.get("text") or "")):
        fields |= {"is_email": True, "email_from": mail.address, "email_body": mail.body, "email_subject": mail.subject}
    return fields


def _tpdu_fields(frame: Frame) -> Fields:
    match frame.tpdu:
        case Deliver(oa=oa, scts=scts, pid=pid, dcs=dcs) as deliver:
            flags: tuple[str, ...] = ("more_messages", "loop_prevention", "status_report_indication", "reply_path")
            return (
                {"address": str(oa), "pid": pid}
                | moment_fields("timestamp", scts.moment)
                | dcs_fields(dcs)
                | {name: getattr(deliver, name) for name in flags}
            )
        case Submit(da=da, mr=mr, pid=pid, dcs=dcs) as submit:
            flags = ("status_report_request", "reject_duplicates", "reply_path")
            return (
                {"address": str(da), "mr": mr, "pid": pid}
                | dcs_fields(dcs)
                | _validity_fields(submit)
                | {name: getattr(submit, name) for name in flags}
            )
        case StatusReport() as report:
            return _report_fields(report)
        case DeliverReport() as report:
            return _answer_fields(report)
        case SubmitReport(scts=scts) as report:
            return _answer_fields(report) | moment_fields("timestamp", scts.moment)
        case Command() as command:
            return {
                "address": str(command.da),
                "mr": command.mr,
                "pid": command.pid,
                "dcs": command.dcs.octet,
                "command_type": command.ct,
                "message_number": command.mn,
                "status_report_request": command.status_report_request,
            }


def _announced_fields(report: StatusReport | DeliverReport | SubmitReport) -> Fields:
    announced = (report.pid is not None, report.dcs is not None, report.ud is not None)
    fields: Fields = {"pi": sum(1 << place for place, there in enumerate(announced) if there)}
    if report.pid is not None:
        fields["pid"] = report.pid
    return fields | ({} if report.dcs is None else dcs_fields(report.dcs))


def _answer_fields(report: DeliverReport | SubmitReport) -> Fields:
    fields = _announced_fields(report) | {"fcs": report.fcs}
    return fields | ({"failure": report.failure.meaning} if report.failure else {})


def _report_fields(report: StatusReport) -> Fields:
    return _announced_fields(report) | {
        "address": str(report.ra),
        "mr": report.mr,
        "status": report.st,
        "delivered": report.status.delivered,
        "final": report.st_final,
        **moment_fields("timestamp", report.scts.moment),
        **moment_fields("discharge", report.dt.moment),
    }


def dcs_fields(dcs: Dcs) -> Fields:
    fields: Fields = {"dcs": dcs.octet, "class": dcs.message_class, "encoding": dcs.alphabet.value}
    if waiting := dcs.message_waiting:
        fields |= {"mwi": "set" if waiting.active else "clear", "mwi_discard": not waiting.store}
    return fields


def _validity_fields(submit: Submit) -> Fields:
    match submit.validity:
        case ValidityPeriod(seconds=seconds) | EnhancedValidity(seconds=seconds):
            return {"validity_seconds": seconds}
        case AbsoluteValidity(moment=moment):
            return moment_fields("validity_absolute", moment)
        case None:
            return {}


def header_fields(ud: UserData) -> Fields:
    fields: Fields = {}
    if concat := ud.concat:
        fields["concat"] = {"ref": concat.ref, "total": concat.total, "seq": concat.seq}
    if ports := ud.ports:
        fields["ports"] = [ports.destination, ports.source]
    if ud.header:
        fields["udh"] = [{"iei": element.iei, "data": element.data.hex().upper()} for element in ud.header]
    header = ud.header_octets
    fields["udhl"] = header[0] if header else 0
    used = len(header)
    fields["udl"] = len(ud.payload) + (-(-used * 8 // 7) if ud.alphabet is Alphabet.GSM7 else used)
    return fields


def content_fields(parts: list[UserData]) -> Fields:
    content = join(parts)
    if content.data is not None:
        return {"data_hex": content.data.hex().upper()}
    fields: Fields = {"text": content.text}
    if content.encoding is Alphabet.GSM7:
        fields["septets_hex"] = b"".join(part.payload for part in parts).hex().upper()
    return fields


def moment_fields(name: str, moment: datetime | None) -> Fields:
    """A time as encoded, by its own clock, and by that of Greenwich."""
    if moment is None:
        return {name: None}
    return {
        name: moment.isoformat(),
        f"{name}_local": moment.replace(tzinfo=None).isoformat(),
        f"{name}_utc": moment.astimezone(UTC).replace(tzinfo=None).isoformat(),
    }


def sms_encode(request: Mapping[str, Any]) -> Fields:
    fields = request.get("expect", request)
    content = (
        bytes.fromhex(fields["data_hex"]) if "data_hex" in fields else fields.get("encode_text", fields.get("text"))
    )
    wanted = Alphabet(fields["encoding"]) if "encoding" in fields else None
    concat = fields.get("concat", {})
    ports = fields.get("ports")
    if content is None:
        return {"error": "bad request: there is nothing to encode"}
    split = segment(
        content,
        encoding=wanted,
        message_class=fields.get("class"),
        ports=Ports(destination=ports[0], source=ports[1]) if ports else None,
        ref=concat.get("ref", 0),
        wide=fields.get("reference_bits") == 16,
        languages=[Language(language_of(name)) for name in fields.get("languages", ())],
        locking=fields.get("locking", False),
        folding=folding_of(fields),
    )
    submit = Submit(
        da=Address.parse(fields["address"]),
        ud=split.parts[0],
        dcs=Dcs(octet=fields["dcs"]) if "dcs" in fields else split.dcs,
        mr=fields.get("mr", 0),
        pid=fields.get("pid", 0),
        validity=_validity(fields),
        status_report_request=fields.get("status_report_request", False),
        reject_duplicates=fields.get("reject_duplicates", False),
        reply_path=fields.get("reply_path", False),
    )
    sc = Address.parse(fields["smsc"]) if fields.get("smsc") else None
    pdus = [encode_frame(replace(submit, ud=part), sc=sc) for part in split.parts]
    if not request.get("with_smsc", True):
        pdus = [(pdu[-2 * length :], length) for pdu, length in pdus]
    return {
        "hex": pdus[0][0],
        "hex_parts": [pdu for pdu, _ in pdus],
        "tpdu_len": [length for _, length in pdus],
        "single_shift": int(split.single_shift),
        "locking_shift": int(split.locking_shift),
    }


def _validity(fields: Mapping[str, Any]) -> ValidityPeriod | AbsoluteValidity | EnhancedValidity | None:
    if "validity_absolute" in fields:
        return AbsoluteValidity.of(datetime.fromisoformat(fields["validity_absolute"]))
    if "validity_exact_seconds" in fields:
        return EnhancedValidity.of(fields["validity_exact_seconds"], single_shot=fields.get("single_shot", False))
    return ValidityPeriod.at_most(fields["validity_seconds"]) if "validity_seconds" in fields else None


def parts_decode(request: Mapping[str, Any]) -> Fields:
    """Bare parts: septets or octets, with headers beside them where `udh_parts` has some."""
    dcs = Dcs(octet=request.get("expect", request).get("dcs", 0))
    headers = [bytes.fromhex(udh) for udh in request.get("udh_parts", ())]
    parts = [
        UserData(
            alphabet=dcs.user_data_alphabet,
            payload=bytes.fromhex(payload),
            header=parse_header(headers[place]) or () if place < len(headers) else (),
        )
        for place, payload in enumerate(request["hex_parts"])
    ]
    content = join(parts)
    # What vectors of this form call a text are the octets where it is 8-bit data.
    text = content.data.decode("latin-1") if content.data is not None else content.text
    return {"text": text, "dcs": dcs.octet}
