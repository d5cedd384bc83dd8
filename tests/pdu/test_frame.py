"""Whole PDUs: our own vectors, round trips, and whatever else may come down the wire."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import PduError
from gateway.pdu import (
    Address,
    Alphabet,
    Command,
    Concat,
    Dcs,
    Deliver,
    DeliverReport,
    Direction,
    StatusReport,
    Submit,
    SubmitReport,
    Timestamp,
    Ton,
    UserData,
    decode_frame,
    element_name,
    encode_frame,
    fingerprint,
    interpret_element,
    join,
    protocol_of,
    segment,
    split_mail,
)
from gateway.pdu.tpdu import Tpdu
from tests.pdu.strategies import delivers, service_centres, submits, tpdus
from tests.vectors.adapter import answer

ADAPTER = Path(__file__).parents[1] / "vectors" / "adapter.py"
VECTORS: list[dict[str, Any]] = tomllib.loads(
    (Path(__file__).parents[1] / "vectors" / "sms.toml").read_text(encoding="utf-8")
)["pdu"]
DELIVER = "07916407058099F9040B916407281553F800006211429050704A0AE8329BFD4697D9EC37"
SCTS = Timestamp(octets=bytes.fromhex("62114290507080"))
NUMBER = Address(value="12345", ton=Ton.UNKNOWN)

over_vectors = pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])


def direction_of(tpdu: Tpdu) -> Direction:
    return Direction.MO if isinstance(tpdu, Submit | Command | DeliverReport) else Direction.MT


@over_vectors
def test_reads_as_the_specification_says(vector: dict[str, Any]) -> None:
    got = answer({"op": "sms-decode", **vector})
    assert {name: got.get(name) for name in vector["expect"]} == vector["expect"]


@over_vectors
def test_writes_what_it_read(vector: dict[str, Any]) -> None:
    frame = decode_frame(vector["hex"], Direction[vector["direction"]], length=vector["length"])
    assert encode_frame(frame.tpdu, sc=frame.sc) == (vector["hex"], vector["length"])


@over_vectors
def test_refuses_every_shorter_piece(vector: dict[str, Any]) -> None:
    octets = len(vector["hex"]) // 2
    for kept in range(octets - vector.get("optional", 0)):
        with pytest.raises(PduError) as caught:
            decode_frame(vector["hex"][: 2 * kept], Direction[vector["direction"]])
        assert caught.value.offset <= kept


@over_vectors
def test_leaves_out_what_pads_a_record(vector: dict[str, Any]) -> None:
    frame = decode_frame(vector["hex"] + "FF" * 30, Direction[vector["direction"]])
    assert len(frame.tpdu_octets) == vector["length"]


def test_the_adapter_answers_every_line() -> None:
    lines = [
        "{",
        "[]",
        '{"id": 1, "op": "sing"}',
        json.dumps({"id": 2, "op": "sms-decode", "hex": DELIVER}),
        '{"op": "robust"}',
    ]
    run = subprocess.run(
        [sys.executable, str(ADAPTER)],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    replies = [json.loads(line) for line in run.stdout.splitlines()]
    assert ["error" in reply for reply in replies] == [True, True, True, False, True]
    assert (replies[3]["id"], replies[3]["text"]) == (2, "hellohello")


def test_case_and_line_ends_do_not_matter() -> None:
    assert decode_frame(f" {DELIVER.lower()}\r\n", Direction.MT) == decode_frame(DELIVER, Direction.MT)


@pytest.mark.parametrize(
    ("pdu", "offset"),
    [
        ("", 0),
        ("0", 0),
        ("00", 1),
        ("07916", 2),
        ("0791ZZ", 2),
        ("07 91", 1),
        ("0791６４", 2),  # digits, but not of ASCII
        ("0C91640705809900000000000000", 0),  # an SC address of 12 octets
        ("000415D0", 2),  # 21 semi-octets
        (
            "0001000B916407281553F80000AA0AE8329BFD4697D9EC37",
            10,
        ),  # a SUBMIT is not received, and no SUBMIT-REPORT either
        ("004405812143F5000062114290507000" + "020500", 17),  # a header longer than the data
        ("004405812143F5000462114290507000" + "020500", 17),
    ],
)
def test_an_error_says_at_which_octet(pdu: str, offset: int) -> None:
    with pytest.raises(PduError) as caught:
        decode_frame(pdu, Direction.MT)
    assert (caught.value.offset, caught.value.code) == (offset, "bad_pdu")


@pytest.mark.parametrize("length", [27, 29, 36, 0])
def test_a_header_of_another_length_is_an_error(length: int) -> None:
    with pytest.raises(PduError, match="28"):
        decode_frame(DELIVER, Direction.MT, length=length)
    assert decode_frame(DELIVER, Direction.MT, length=28).sc == Address(value="46705008999", ton=Ton.INTERNATIONAL)


@pytest.mark.parametrize("sc", ["00", "0191"])
def test_a_service_centre_without_digits_is_none(sc: str) -> None:
    assert decode_frame(sc + DELIVER[16:], Direction.MT).sc is None


@given(tpdus, service_centres)
def test_what_is_written_reads_the_same(tpdu: Tpdu, sc: Address | None) -> None:
    pdu, length = encode_frame(tpdu, sc=sc)
    frame = decode_frame(pdu, direction_of(tpdu), length=length)
    assert (frame.tpdu, frame.sc) == (tpdu, sc)
    assert pdu.endswith(frame.tpdu_octets.hex().upper())


def touch_everything(tpdu: Tpdu) -> None:
    """Properties are part of the promise that nothing but PduError is raised."""
    _ = (str(tpdu), hash(tpdu))
    match tpdu:
        case Deliver(oa=party, scts=scts):
            _ = (str(party), scts.moment)
        case Submit(da=party, validity=validity):
            _ = (str(party), str(validity), getattr(validity, "seconds", 0), getattr(validity, "moment", 0))
        case StatusReport(ra=party, scts=scts, dt=dt):
            _ = (str(party), scts.moment, dt.moment, tpdu.st_final, tpdu.st_delivered, tpdu.status)
        case DeliverReport(failure=failure) | SubmitReport(failure=failure):
            _ = str(failure)
        case Command(da=party):
            _ = str(party)
    if tpdu.pid is not None:
        _ = protocol_of(tpdu.pid)
    if tpdu.ud is not None:
        _ = (tpdu.ud.concat, tpdu.ud.ports, join([tpdu.ud]), split_mail((tpdu.ud,)))
        _ = [(element_name(element.iei), interpret_element(element)) for element in tpdu.ud.header]
    if tpdu.dcs is not None:
        _ = (tpdu.dcs.message_class, tpdu.dcs.message_waiting)


def read_or_refuse(pdu: str) -> None:
    assert all(0 <= offset <= len(pdu) for direction in Direction for offset in refusals(pdu, direction))


def refusals(pdu: str, direction: Direction) -> list[int]:
    """Where reading fails, if it does."""
    try:
        touch_everything(decode_frame(pdu, direction, truncated=True).tpdu)
        touch_everything(decode_frame(pdu, direction).tpdu)
    except PduError as error:
        return [error.offset]
    return []


@given(st.binary(max_size=200))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    read_or_refuse("00" + octets.hex())
    read_or_refuse(octets.hex())


@given(st.text(max_size=80))
@example("\ud800")
@example("00" * 2000)
def test_any_text_is_read_or_refused(pdu: str) -> None:
    read_or_refuse(pdu)


@given(st.sampled_from(VECTORS), st.data())
def test_damaged_pdus_are_read_or_refused(vector: dict[str, Any], data: st.DataObject) -> None:
    octets = bytearray.fromhex(vector["hex"])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(octets) - 1))
        match data.draw(st.sampled_from(["change", "drop", "insert"])):
            case "change":
                octets[at] = data.draw(st.integers(0, 255))
            case "drop" if len(octets) > 1:
                del octets[at]
            case _:
                octets.insert(at, data.draw(st.integers(0, 255)))
    read_or_refuse(octets.hex())


@given(delivers(), delivers())
def test_a_fingerprint_forgets_only_that_more_messages_wait(one: Deliver, other: Deliver) -> None:
    def mark(deliver: Deliver) -> bytes:
        return fingerprint(decode_frame(encode_frame(deliver)[0], Direction.MT).tpdu_octets)

    assert mark(one) == mark(replace(one, more_messages=not one.more_messages))
    assert (mark(one) == mark(other)) is (one == replace(other, more_messages=one.more_messages))


@given(submits())
def test_a_fingerprint_of_a_submit_is_all_of_it(submit: Submit) -> None:
    octets = decode_frame(encode_frame(submit)[0], Direction.MO).tpdu_octets
    assert fingerprint(octets) == octets
    assert fingerprint(b"") == b""


def octets(count: int) -> UserData:
    return UserData(alphabet=Alphabet.DATA, payload=bytes(count))


@pytest.mark.parametrize(
    "tpdu",
    [
        StatusReport(mr=0, ra=NUMBER, scts=SCTS, dt=SCTS, st=0, ud=octets(131), dcs=Dcs(octet=4)),
        DeliverReport(ud=octets(159), dcs=Dcs(octet=4)),
        DeliverReport(fcs=0xFF, ud=octets(158), dcs=Dcs(octet=4)),
        SubmitReport(scts=SCTS, ud=octets(152), dcs=Dcs(octet=4)),
        SubmitReport(scts=SCTS, fcs=0xFF, ud=octets(151), dcs=Dcs(octet=4)),
        Command(da=Address(value="", ton=Ton.UNKNOWN), ct=0, mn=0, ud=octets(156)),
    ],
)
def test_the_longest_that_fits(tpdu: Tpdu) -> None:
    pdu, length = encode_frame(tpdu)
    assert decode_frame(pdu, direction_of(tpdu), length=length).tpdu == tpdu
    assert length <= 164


@given(st.integers(0, 0xFF), st.booleans())
def test_a_report_is_told_from_a_failure_by_the_one_who_knows(cause: int, fails: bool) -> None:
    report = DeliverReport(fcs=cause if fails else None, pid=5)
    assert decode_frame(encode_frame(report)[0], Direction.MO, failure=fails).tpdu == report


@pytest.mark.parametrize("octet", [0x00, 0x07])
def test_unasked_a_presence_indicator_is_preferred(octet: int) -> None:
    pdu = f"0000{octet:02X}" + "00" * 3
    tpdu = decode_frame(pdu[: 6 if not octet else None], Direction.MO).tpdu
    assert isinstance(tpdu, DeliverReport)
    assert tpdu.fcs is None


@given(st.integers(0, 34))
def test_user_data_that_break_off_are_read_when_asked(kept: int) -> None:
    split = segment("a" * 200, ref=7)
    deliver = Deliver(oa=NUMBER, ud=split.parts[0], dcs=split.dcs, scts=SCTS)
    pdu, length = encode_frame(deliver)
    cut = pdu[: 2 * (1 + length - 140 + 6 + kept)]
    with pytest.raises(PduError):
        decode_frame(cut, Direction.MT)
    frame = decode_frame(cut, Direction.MT, length=length, truncated=True)
    assert frame.missing == 134 - kept
    assert isinstance(frame.tpdu, Deliver)
    assert frame.tpdu.ud.concat == Concat(ref=7, total=2, seq=1, wide=False)
    assert join([frame.tpdu.ud]).text == "a" * ((6 + kept) * 8 // 7 - 7)


SUBMIT = Submit(da=NUMBER, dcs=Dcs(octet=0), ud=UserData(alphabet=Alphabet.GSM7, payload=b"a"))


@pytest.mark.parametrize(
    "tpdu",
    [
        replace(SUBMIT, mr=256),
        replace(SUBMIT, pid=-1),
        replace(SUBMIT, dcs=Dcs(octet=8)),  # the user data is of another alphabet
        replace(SUBMIT, ud=replace(SUBMIT.ud, payload=b"\x80")),
        replace(SUBMIT, ud=replace(SUBMIT.ud, payload=b"a" * 161)),
        replace(SUBMIT, dcs=Dcs(octet=4), ud=UserData(alphabet=Alphabet.DATA, payload=bytes(141))),
        replace(SUBMIT, da=Address(value="1" * 21, ton=Ton.UNKNOWN)),
        replace(SUBMIT, da=Address(value="12x4", ton=Ton.UNKNOWN)),
        replace(SUBMIT, da=Address(value="12", ton=Ton.UNKNOWN, npi=16)),
        replace(SUBMIT, da=Address(value="A name too long", ton=Ton.ALPHANUMERIC)),
        StatusReport(mr=0, ra=NUMBER, scts=SCTS, dt=SCTS, st=256),
        StatusReport(mr=0, ra=NUMBER, scts=SCTS, dt=SCTS, st=0, ud=octets(132), dcs=Dcs(octet=4)),
        DeliverReport(fcs=256),
        DeliverReport(ud=octets(160), dcs=Dcs(octet=4)),
        DeliverReport(fcs=0xFF, ud=octets(159), dcs=Dcs(octet=4)),
        DeliverReport(ud=octets(1)),  # without TP-DCS it is septets
        SubmitReport(scts=SCTS, ud=octets(153), dcs=Dcs(octet=4)),
        SubmitReport(scts=SCTS, fcs=0xFF, ud=octets(152), dcs=Dcs(octet=4)),
        Command(da=NUMBER, ct=256, mn=0, ud=octets(0)),
        Command(da=NUMBER, ct=0, mn=0, ud=octets(157)),
        Command(da=NUMBER, ct=0, mn=0, ud=UserData(alphabet=Alphabet.GSM7, payload=b"")),
    ],
)
def test_what_does_not_fit_is_not_written(tpdu: Tpdu) -> None:
    with pytest.raises(PduError):
        encode_frame(tpdu)


@pytest.mark.parametrize(
    ("st_value", "delivered", "final"),
    [
        (0x00, True, True),
        (0x1F, True, True),
        (0x20, False, False),
        (0x3F, False, False),
        (0x40, False, True),
        (0x5F, False, True),
        (0x60, False, True),
        (0x7F, False, True),
        (0xFF, False, True),
    ],
)
def test_the_status_tells_whether_it_is_over(st_value: int, delivered: bool, final: bool) -> None:
    report = StatusReport(mr=0, ra=NUMBER, scts=SCTS, dt=SCTS, st=st_value)
    assert (report.st_delivered, report.st_final) == (delivered, final)
