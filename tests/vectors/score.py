"""The conformance vectors beside the repository against the adapter: which fields are met. As a program, the table."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gateway.errors import PduError
from gateway.pdu import Address, Alphabet, Deliver, Folding, Submit, encode_frame, segment
from tests.vectors.adapter import answer
from tests.vectors.messages import frame_of

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors"

Vector = dict[str, Any]

OPERATIONS = {
    "deliver": "sms-decode",
    "submit": "sms-decode",
    "status-report": "sms-decode",
    "deliver-report": "sms-decode",
    "submit-report": "sms-decode",
    "command": "sms-decode",
    "concat": "sms-decode",
    "gsm7": "gsm7-decode",
    "segmentation": "segment",
    "udh": "udh-decode",
    "field": "field-decode",
    "robustness": "robust",
    "cell-broadcast": "cbs-decode",
}
FORMS = {"user-data": "field-decode", "user-data-parts": "parts-decode", "septet-parts": "parts-decode"}
# Fields that say what the source does with the input, or what goes into an encoder; and how it stores its tables.
NOT_ANSWERS = frozenset(
    {"source_accepts", "source_rejects", "bad_field", "at_octet", "encode_text", "encode_address", "class_requested"}
    | {"tpdu_len", "table_size"}
)

# What a source asserts and we do otherwise, on purpose.
EXCEPTIONS = {
    "pymessaging/table/quirk": "a small ç is no capital Ç: without its accent it is a c, and unasked it is sent as it is",
    "gsmmodem/test_encode_Ucs2_divideSMS/3": "68 characters fit in one part of 70",
    "gsmmodem/test_encode_Ucs2_divideSMS/5": "68 characters fit in one part of 70",
}
# Read although a source refuses it, and why. (What a source refuses is its opinion; we say where ours differs.)
ACCEPTED = {
    "gsmmodem/test_decode_invalidPduType": "the reserved type is read as a DELIVER (23.040 9.2.3.1)",
    "warthog/address/invalid-alpha-bar": "spare bits of a name need not be zero",
    "warthog/address/overlong-number": "the filler of an odd number of digits is not looked at",
    "warthog/address/short-number-pad": "a filler inside the number ends it; here there is none",
}


def vectors(*kinds: str) -> list[Vector]:
    """The vectors of these kinds that count: those of the SMS codec that conform to the specification."""
    if not VECTORS.exists():
        return []
    return [
        vector
        for kind in kinds or OPERATIONS
        for vector in json.loads((VECTORS / f"{kind}.json").read_text(encoding="utf-8"))
        if not (
            vector.get("suspect") or vector.get("nonconformant") or vector.get("form", "").startswith(("wsp", "mms"))
        )
    ]


def misses(vector: Vector) -> Iterator[str]:
    """What is not as the vector says; nothing when all is."""
    if vector["kind"] == "robustness":
        yield from _refused_or_read(vector)
        return
    if vector.get("encode") != "one-way":
        yield from _decoded(vector)
    if vector.get("encode"):
        yield from _encoded(vector)


def _refused_or_read(vector: Vector) -> Iterator[str]:
    got = answer({**vector, "op": "robust"})
    if "bad request" in got.get("error", ""):
        yield f"an exception: {got['error']}"
    wanted = vector["id"] not in ACCEPTED and "source_rejects" in vector["expect"]
    if ("error" in got) is not wanted:
        yield f"{'read' if wanted else 'refused'}: {got}"


def _decoded(vector: Vector) -> Iterator[str]:
    operation = FORMS.get(vector.get("form", ""), OPERATIONS[vector["kind"]])
    got = answer({**vector, "op": operation})
    if "error" in got:
        yield f"refused: {got['error']}"
        return
    for name, wanted in (vector.get("consensus", {}) | vector["expect"]).items():
        if name not in NOT_ANSWERS and _part_of(wanted, got.get(name)) != wanted:
            yield f"{name}: {got.get(name)!r}, not {wanted!r}"


def _part_of(wanted: Any, got: Any) -> Any:
    """Of an object only what is asserted about it."""
    return {key: got.get(key) for key in wanted} if isinstance(wanted, dict) and isinstance(got, dict) else got


def _encoded(vector: Vector) -> Iterator[str]:
    match vector["kind"]:
        case "submit" | "deliver":
            yield from _written(vector)
        case "gsm7":
            yield from _packed(vector)
        case "field":
            yield from _field(vector)


def _packed(vector: Vector) -> Iterator[str]:
    expect = vector["expect"]
    text = expect.get("encode_text", expect.get("text"))
    content: Vector = {"septets_hex": expect["septets_hex"]} if text is None else {"text": text}
    folding = ["greek", "accents"] if any("transliteration" in note for note in vector.get("notes", ())) else []
    form = "packed-ussd" if vector.get("cr_padding") else vector.get("form")
    request: Vector = {key: vector[key] for key in ("fill_bits", "locking_language") if key in vector}
    got = answer({"op": "gsm7-encode", "form": form, "folding": folding, **content, **request})
    if got.get("hex") != vector["hex"]:
        yield f"written as {got}"


def _field(vector: Vector) -> Iterator[str]:
    expect = dict(vector["expect"])
    if "encode_address" in expect:
        # Seven letters counted in whole octets, where the specification counts the semi-octets that have bits of them.
        got = answer({"op": "field-encode", "form": "address", "address": expect["encode_address"]})
        if got["hex"][2:] != vector["hex"][2:]:
            yield f"written as {got}"
        return
    if "address" in expect and vector["hex"][2:4] == "A1":
        expect["ton"] = "national"
    for name, renamed in (("validity_seconds", "seconds"), ("smsc", "address")):
        if name in expect:
            expect[renamed] = expect.pop(name)
    got = answer({"op": "field-encode", "form": vector["form"], **expect})
    if got.get("hex") != vector["hex"]:
        yield f"written as {got}"


def _written(vector: Vector) -> Iterator[str]:
    """What the vector leaves open (validity, times, flags) is taken from the PDU; address and text are built anew."""
    expect, notes = vector["expect"], " ".join(vector.get("notes", ()))
    text = expect.get("encode_text", expect.get("text"))
    if "truncates" in notes:  # a source that cuts what is too long: only what it kept can be compared
        text = answer({**vector, "op": "sms-decode"})["text"]
    pdus = vector.get("hex_parts") or [vector["hex"]]
    frames = [frame_of(vector, pdu) for pdu in pdus]
    first = frames[0].tpdu.ud
    concat = first.concat if first else None
    try:
        split = segment(
            bytes.fromhex(expect["data_hex"]) if "data_hex" in expect else text,
            encoding=Alphabet(expect["encoding"]) if "encoding" in expect else None,
            message_class=expect.get("class"),
            ref=concat.ref if concat else 0,
            folding=Folding.TYPOGRAPHY | Folding.ACCENTS if "lossy" in notes else Folding.NONE,
        )
        again = []
        for frame, part in zip(frames, split.parts, strict=True):
            party = Address.parse(expect["address"])
            match frame.tpdu:
                case Submit() as submit:
                    tpdu: Submit | Deliver = replace(submit, da=party, ud=part, dcs=split.dcs)
                case Deliver() as deliver:
                    tpdu = replace(deliver, oa=party, ud=part, dcs=split.dcs)
                case other:
                    raise ValueError(f"a {type(other).__name__} among texts")
            sc = Address.parse(expect["smsc"]) if expect.get("smsc") else None
            again.append(encode_frame(tpdu, sc=sc))
    except (PduError, ValueError) as error:
        yield f"not written: {error}"
        return
    if [pdu for pdu, _ in again] != pdus:
        yield f"written as {again}"
    if [length for _, length in again] != expect.get("tpdu_len", [length for _, length in again]):
        yield f"of other lengths: {again}"


def table() -> dict[str, tuple[int, int]]:
    """By kind: how many vectors are met, and how many count."""
    rows: dict[str, tuple[int, int]] = {}
    for kind in OPERATIONS:
        met = [not any(misses(vector)) for vector in vectors(kind)]
        rows[kind] = sum(met), len(met)
    return rows


def main() -> None:
    """Print the score table as Markdown, and what is not met."""
    rows = table()
    print("| kind | met | scored |\n| --- | ---: | ---: |")
    for kind, (met, scored) in rows.items():
        print(f"| {kind} | {met} | {scored} |")
    met, scored = (sum(column) for column in zip(*rows.values(), strict=True))
    print(f"| **all** | **{met}** | **{scored}** |\n\n{100 * met / scored:.1f} %")
    for vector in vectors():
        for miss in misses(vector):
            print(f"{vector['kind']} {vector['id']}: {miss[:200]}")


if __name__ == "__main__":
    main()
