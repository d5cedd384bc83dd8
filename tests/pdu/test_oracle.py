"""gsmmodem's codec, an independent second implementation, reads what ours writes, and the other way round."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from gsmmodem import pdu as oracle
from hypothesis import given
from hypothesis import strategies as st

from gateway.pdu import (
    Address,
    Dcs,
    Deliver,
    Direction,
    StatusReport,
    Submit,
    Timestamp,
    Ton,
    ValidityPeriod,
    decode_frame,
    encode_frame,
    join,
    segment,
)
from gateway.pdu.alphabet import DEFAULT, EXTENSION

# What gsmmodem gets wrong: form feed is ÿ to it and the section sign a backtick, an escape is sent bare, an @ in the last
# of eight septets is lost, characters beyond the basic plane raise.
WRONG = "\f§`\x1bÿ@"
gsm7_text = st.text(st.sampled_from(sorted(set(DEFAULT + "".join(EXTENSION.values())) - set(WRONG))), min_size=1)
ucs2_text = st.text(
    st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"], exclude_characters=WRONG),
    min_size=1,
    max_size=140,
)
numbers = st.from_regex(r"\+[0-9]{3,15}", fullmatch=True)
MOMENT = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


def read(pdu: str) -> dict[str, Any]:
    return dict(oracle.decodeSmsPdu(pdu))


@given(gsm7_text.filter(lambda text: len(text) <= 400) | ucs2_text, numbers)
def test_it_reads_our_submits(text: str, number: str) -> None:
    split = segment(text, ref=7)
    shown = ""
    for part in split.parts:
        submit = Submit(da=Address.parse(number), ud=part, dcs=split.dcs, validity=ValidityPeriod.at_most(86400))
        got = read(encode_frame(submit)[0])
        assert (got["type"], got["number"], got["validity"].total_seconds()) == ("SMS-SUBMIT", number, 86400)
        shown += got["text"]
    assert shown == text


@given(gsm7_text.filter(lambda text: len(text) <= 70), numbers)
def test_it_reads_our_delivers(text: str, number: str) -> None:
    split = segment(text)
    deliver = Deliver(oa=Address.parse(number), ud=split.parts[0], dcs=split.dcs, scts=Timestamp.of(MOMENT))
    got = read(encode_frame(deliver, sc=Address.parse("+46705008999"))[0])
    assert (got["type"], got["number"], got["text"], got["time"]) == ("SMS-DELIVER", number, text, MOMENT)
    assert got["smsc"] == "+46705008999"


@pytest.mark.parametrize("status", [0, 0x20, 0x46, 0xFF])
def test_it_reads_our_reports(status: int) -> None:
    report = StatusReport(
        mr=42, ra=Address.parse("+46708251358"), scts=Timestamp.of(MOMENT), dt=Timestamp.of(MOMENT), st=status
    )
    got = read(encode_frame(report)[0])
    assert (got["type"], got["number"], got["reference"]) == ("SMS-STATUS-REPORT", "+46708251358", 42)
    assert (got["time"], got["discharge"], got["status"]) == (MOMENT, MOMENT, status)


@given(gsm7_text.filter(lambda text: len(text) <= 300) | ucs2_text, numbers)
def test_we_read_its_submits(text: str, number: str) -> None:
    pdus = oracle.encodeSmsSubmitPdu(number, text, reference=3)
    parts = [decode_frame(str(pdu), Direction.MO, length=pdu.tpduLength).tpdu for pdu in pdus]
    assert all(isinstance(part, Submit) and str(part.da) == number for part in parts)
    assert join([part.ud for part in parts if isinstance(part, Submit)]).text == text


def test_it_reads_a_name() -> None:
    name = Address(value="InfoSMS", ton=Ton.ALPHANUMERIC, npi=0)
    split = segment("a")
    deliver = Deliver(oa=name, ud=split.parts[0], dcs=Dcs(octet=0), scts=Timestamp.of(MOMENT))
    assert read(encode_frame(deliver)[0])["number"] == "InfoSMS"
