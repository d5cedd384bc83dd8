"""The conformance vectors beside the repository, as far as they concern the SMS codec."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import PduError
from gateway.pdu import Address, Alphabet, Deliver, Submit, encode_frame, segment
from gateway.pdu.alphabet import encode_gsm7
from gateway.pdu.septets import pack
from tests.vectors.adapter import answer, frame_of

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors"

pytestmark = pytest.mark.skipif(not VECTORS.exists(), reason="the conformance vectors are not beside the repository")

Vector = dict[str, Any]

# What a source asserts and we do otherwise, on purpose.
EXCEPTIONS = {
    "smspdudecoder/truncated-ucs2": "octets are missing: refused, kept raw; never shown as if whole",
    "pymessaging/table/greek": "look-alike letters are not folded unasked: text is sent as it is",
    "pymessaging/table/quirk": "ç is not folded into Ç unasked: text is sent as it is",
    "gammu/at-sms/41": "octets are missing: refused",
    "gsmmodem/test_encode_Ucs2_divideSMS/3": "68 characters fit in one part of 70",
    "gsmmodem/test_encode_Ucs2_divideSMS/5": "68 characters fit in one part of 70",
}
# Parts of the codec that a PDU of these needs are not in this release.
NATIONAL = ("locking_language", "single_shift_language")

OPERATIONS = {
    "deliver": "sms-decode",
    "submit": "sms-decode",
    "status-report": "sms-decode",
    "gsm7": "gsm7-decode",
    "concat": "sms-decode",
    "segmentation": "segment",
    "udh": "udh-decode",
    "field": "field-decode",
}
# What the codec answers for; the rest of `expect` is about other layers (MMS, e-mail gateways, opinions).
ANSWERED = (
    {"address", "smsc", "timestamp", "discharge", "pid", "dcs", "class", "encoding", "mwi", "mwi_discard", "mr"}
    | {"status", "delivered", "validity_seconds", "validity_absolute", "concat", "ports", "text", "data_hex"}
    | {"septets_hex", "parts", "septets", "octets_used", "digits", "ton", "npi"}
)


def _vectors(*kinds: str) -> list[Vector]:
    if not VECTORS.exists():
        return []
    return [
        vector
        for kind in kinds
        for vector in json.loads((VECTORS / f"{kind}.json").read_text(encoding="utf-8"))
        if not (vector.get("suspect") or vector.get("nonconformant") or any(key in vector for key in NATIONAL))
    ]


def _of_codec(vector: Vector) -> bool:
    form = vector.get("form", "")
    return not form.startswith("wsp") and form not in ("packed-ussd", "text-roundtrip", "length")


def _id(vector: Vector) -> str:
    return f"{vector['kind']}:{vector['id']}"


def _parametrized(vectors: list[Vector]) -> pytest.MarkDecorator:
    """Known exceptions are expected to fail, so that one which no longer does is noticed."""
    params = [
        pytest.param(vector, marks=pytest.mark.xfail(reason=EXCEPTIONS[vector["id"]]), id=_id(vector))
        if vector["id"] in EXCEPTIONS
        else pytest.param(vector, id=_id(vector))
        for vector in vectors
    ]
    return pytest.mark.parametrize("vector", params)


def _operation(vector: Vector) -> str:
    return "field-decode" if vector.get("form") == "user-data" else OPERATIONS[vector["kind"]]


def _asserted(vector: Vector) -> Vector:
    """Fields to find in the answer; local and UTC times are compared apart."""
    expect = vector.get("consensus", {}) | vector["expect"]
    return {name: value for name, value in expect.items() if name in ANSWERED}


def _part_of(wanted: Any, got: Any) -> Any:
    """Of an object only what is asserted about it."""
    return {key: got.get(key) for key in wanted} if isinstance(wanted, dict) and isinstance(got, dict) else got


DECODED = [
    vector
    for vector in _vectors(*OPERATIONS)
    if _of_codec(vector) and _asserted(vector) and vector.get("form") not in ("septet-parts", "user-data-parts")
    if vector.get("encode") != "one-way"
]


@_parametrized(DECODED)
def test_reads_what_the_source_asserts(vector: Vector) -> None:
    got = answer({**vector, "op": _operation(vector)})
    for name, value in _asserted(vector).items():
        assert _part_of(value, got.get(name)) == value, (name, got)
    for name in ("timestamp", "discharge", "validity_absolute"):
        if local := vector["expect"].get(f"{name}_local"):
            assert datetime.fromisoformat(got[name]).replace(tzinfo=None) == datetime.fromisoformat(local)
        if utc := vector["expect"].get(f"{name}_utc"):
            moment = datetime.fromisoformat(got[name]).astimezone(UTC)
            assert moment.replace(tzinfo=None) == datetime.fromisoformat(utc).replace(tzinfo=None)


ENCODED = [vector for vector in _vectors("submit", "deliver") if vector.get("encode") is True]


@_parametrized(ENCODED)
def test_writes_the_asserted_octets(vector: Vector) -> None:
    """What the vector leaves open (validity, times, flags) is taken from the PDU; address and text are built anew."""
    expect = vector["expect"]
    if any("lossy" in note or "truncates" in note for note in vector.get("notes", ())):
        expect = expect | {"encode_text": answer({**vector, "op": "sms-decode"})["text"]}
    pdus = vector.get("hex_parts") or [vector["hex"]]
    frames = [frame_of(vector, pdu) for pdu in pdus]
    first = frames[0].tpdu.ud
    concat = first.concat if first else None
    split = segment(
        bytes.fromhex(expect["data_hex"]) if "data_hex" in expect else expect.get("encode_text", expect.get("text")),
        encoding=Alphabet(expect["encoding"]) if "encoding" in expect else None,
        message_class=expect.get("class"),
        ref=concat.ref if concat else 0,
    )
    assert len(split.parts) == len(frames)
    for pdu, frame, part in zip(pdus, frames, split.parts, strict=True):
        party = Address.parse(expect["address"])
        match frame.tpdu:
            case Submit() as submit:
                tpdu: Submit | Deliver = replace(submit, da=party, ud=part, dcs=split.dcs)
            case Deliver() as deliver:
                tpdu = replace(deliver, oa=party, ud=part, dcs=split.dcs)
        sc = Address.parse(expect["smsc"]) if expect.get("smsc") else None
        assert encode_frame(tpdu, sc=sc)[0] == pdu


# Read, but not written in the same octets.
REWRITTEN = {
    "gammu/at-sms/19": "a header without elements is left out",
    "gammu/at-sms/34": "TP-PI of zero announces nothing",
    "ofono/sr1": "TP-PI of zero announces nothing",
    "ofono/sr2": "TP-PI of zero announces nothing",
}


@_parametrized([v for v in _vectors("deliver", "submit", "status-report") if v["id"] not in EXCEPTIONS])
def test_writes_again_what_it_read(vector: Vector) -> None:
    for pdu in vector.get("hex_parts") or [vector["hex"]]:
        frame = frame_of(vector, pdu)
        again, length = encode_frame(frame.tpdu, sc=frame.sc)
        assert frame_of({**vector, "with_smsc": True}, again).tpdu == frame.tpdu
        if vector["id"] not in REWRITTEN:
            assert length == len(frame.tpdu_octets)  # not the same octets: some senders fill spare bits with ones


PACKED = [
    vector
    for vector in _vectors("gsm7")
    if vector.get("encode") and vector["form"] in ("packed", "septets") and not vector.get("cr_padding")
]


@_parametrized(PACKED)
def test_writes_septets(vector: Vector) -> None:
    expect = vector["expect"]
    text = expect.get("encode_text", expect.get("text"))
    septets = bytes.fromhex(expect["septets_hex"]) if text is None else encode_gsm7(text)
    octets = septets if vector["form"] == "septets" else pack(septets, vector.get("fill_bits", 0))
    assert octets.hex().upper() == vector["hex"]


# Read although a source refuses it, and why.
ACCEPTED = {
    "gsmmodem/test_decode_invalidPduType": "the reserved type is read as a DELIVER (23.040 9.2.3.1)",
    "warthog/address/invalid-alpha-bar": "spare bits of a name need not be zero",
    "warthog/address/overlong-number": "the filler of an odd number of digits is not looked at",
    "warthog/address/short-number-pad": "a filler inside the number ends it; here there is none",
}


@_parametrized([vector for vector in _vectors("robustness") if vector.get("form") != "mms-push"])
def test_hostile_input_is_refused_or_read(vector: Vector) -> None:
    got = answer({**vector, "op": "robust"})
    assert "bad request" not in got.get("error", "")
    assert ("error" in got) is (vector["id"] not in ACCEPTED and "source_rejects" in vector["expect"])


def test_an_error_tells_where() -> None:
    vectors = {vector["id"]: vector for vector in _vectors("robustness")}
    vector = vectors["warthog/tpdu/SmsDeliver-underflow-ud"]
    with pytest.raises(PduError) as caught:
        frame_of(vector, vector["hex"])
    assert caught.value.offset == vector["expect"]["at_octet"] + 1  # the SC address is in front
