"""Texts: septets, segmentation, USSD and cell broadcast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.pdu import (
    Alphabet,
    Language,
    Ports,
    Serial,
    decode_message,
    decode_page,
    decode_ussd,
    encode_page,
    encode_ussd,
    join,
    pages_of,
    segment,
    tables_of,
)
from gateway.pdu.alphabet import DEFAULT, ESCAPE, GAP, decode_gsm7, encode_gsm7
from gateway.pdu.national import locking_table
from gateway.pdu.septets import pack, pack_ussd, packed_size, unpack, unpack_ussd
from tests.vectors.messages import sms_decode
from tests.vectors.options import folding_of, language_of

Fields = dict[str, Any]


def gsm7_decode(request: Mapping[str, Any]) -> Fields:
    tables = tables_of(language_of(request.get("locking_language")), language_of(request.get("single_shift_language")))
    match request.get("form"):
        case "length":
            septets = encode_gsm7(request["text"], tables)
            return {"septets": len(septets), "octets": packed_size(len(septets))}
        case "text-roundtrip":
            text = request["expect"]["text"]
            return {"text": text, "roundtrip": decode_gsm7(encode_gsm7(text, tables), tables) == text}
        case "deliver-pdu":
            return _gsm7_of_pdu(request)
        case "packed-ussd":
            septets = unpack_ussd(bytes.fromhex(request["hex"]), request.get("fill_bits", 0))
        case "septets":
            septets = bytes.fromhex(request["hex"])
        case _:
            octets, fill_bits = bytes.fromhex(request["hex"]), request.get("fill_bits", 0)
            septets = unpack(octets, request.get("septets", (len(octets) * 8 - fill_bits) // 7), fill_bits)
    text = decode_gsm7(septets, tables)
    fields: Fields = {"text": text, "text_after_decode": text, "septets_hex": septets.hex().upper()}
    if "locking_language" in request:
        table = locking_table(language_of(request["locking_language"])) or DEFAULT
        fields["table_size"] = sum(char != GAP or septet == ESCAPE for septet, char in enumerate(table))
    return fields


def _gsm7_of_pdu(request: Mapping[str, Any]) -> Fields:
    octets = bytes.fromhex(request["hex"])
    # A source that reads only the text does not mind that its PDU is a SUBMIT.
    submit = octets[1 + octets[0]] & 3 == 1
    fields = sms_decode({**request, "direction": "MO" if submit else "MT"})
    tables = tables_of(language_of(request.get("locking_language")), language_of(request.get("single_shift_language")))
    return fields | {"text": decode_gsm7(bytes.fromhex(fields["septets_hex"]), tables)}


def gsm7_encode(request: Mapping[str, Any]) -> Fields:
    """A text, or septets, as they are packed; a text is folded only where that is asked for."""
    tables = tables_of(language_of(request.get("locking_language")), language_of(request.get("single_shift_language")))
    if "septets_hex" in request:
        septets = bytes.fromhex(request["septets_hex"])
    else:
        split = segment(request["text"], folding=folding_of(request))
        septets = encode_gsm7(split.text or "", tables)
    fill_bits = request.get("fill_bits", 0)
    match request.get("form"):
        case "septets":
            octets = septets
        case "packed-ussd":
            octets = pack_ussd(septets, fill_bits)
        case _:
            octets = pack(septets, fill_bits)
    return {"hex": octets.hex().upper(), "septets": len(septets)}


def segment_text(request: Mapping[str, Any]) -> Fields:
    wanted = Alphabet(request["encoding"]) if request.get("encoding") else None
    names = [request[key] for key in ("locking_language", "single_shift_language") if request.get(key)]
    ports = request.get("ports")
    split = segment(
        request["text"] if "text" in request else bytes.fromhex(request["data_hex"]),
        encoding=wanted,
        wide=request.get("reference_bits") == 16,
        ports=Ports(destination=ports[0], source=ports[1]) if ports else None,
        languages=[Language(language_of(name)) for name in dict.fromkeys(names)],
        locking="locking_language" in request,
        folding=folding_of(request),
    )
    contents = [join([part]) for part in split.parts]
    fields: Fields = {
        "parts": len(split.parts),
        "encoding": split.encoding.value,
        "part_chars": [len(content.text or content.data or "") for content in contents],
        "text": split.text,
        "replaced": [[change.index, change.char, change.by] for change in split.replaced],
        "locking_shift": int(split.locking_shift),
        "single_shift": int(split.single_shift),
    }
    if split.encoding is Alphabet.GSM7:
        fields["septets"] = sum(len(part.payload) for part in split.parts)
    return fields


def cbs_decode(request: Mapping[str, Any]) -> Fields:
    octets = bytes.fromhex(request["hex"])
    page, *more = decode_message(octets) if request.get("form") == "umts" else [decode_page(octets)]
    texts = [each.read() for each in (page, *more)]
    return {
        "message_code": page.serial.code,
        "update_number": page.serial.update,
        "scope": page.serial.scope,
        "message_identifier": page.message_id,
        "dcs": page.dcs.octet,
        "pages": page.pages,
        "page": page.page,
        "language": texts[0].language,
        "encoding": texts[0].encoding.value,
        "text": None if texts[0].text is None else "".join(text.text or "" for text in texts),
    }


def cbs_encode(request: Mapping[str, Any]) -> Fields:
    serial = Serial(scope=request.get("scope", 0), code=request["message_code"], update=request.get("update_number", 0))
    pages = pages_of(request["text"], serial=serial, message_id=request["message_identifier"], dcs=request.get("dcs"))
    return {"hex_parts": [encode_page(page).hex().upper() for page in pages]}


def ussd_decode(request: Mapping[str, Any]) -> Fields:
    got = decode_ussd(bytes.fromhex(request["hex"]), request["dcs"])
    data = {} if got.data is None else {"data_hex": got.data.hex().upper()}
    return {"text": got.text, "language": got.language, "encoding": got.encoding.value} | data


def ussd_encode(request: Mapping[str, Any]) -> Fields:
    dcs, octets = encode_ussd(request["text"], language=request.get("language"))
    return {"dcs": dcs, "hex": octets.hex().upper()}
