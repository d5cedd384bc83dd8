"""Lines read into values, as modems write them: with and without quotes, with fields missing, over several lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.at import replies
from gateway.at.replies import Caller, Cusd, Entry, Forwarding, ListedCall


@pytest.mark.parametrize(
    ("line", "m", "text", "dcs"),
    [
        ('+CUSD: 0,"Balance: 12.34 EUR",15', 0, "Balance: 12.34 EUR", 15),
        ('+CUSD: 1,"1 Balance\n2 Top up",15', 1, "1 Balance\n2 Top up", 15),
        ('+CUSD: 0,"Say "yes", please",15', 0, 'Say "yes", please', 15),
        ('+CUSD:0,"no coding"', 0, "no coding", None),
        ("+CUSD: 0,no quotes,15", 0, "no quotes", 15),
        ("+CUSD: 0,12,50 EUR", 0, "12,50 EUR", None),
        ('+CUSD: 0,"cut off', 0, "cut off", None),
        ('+CUSD: 0,"0041", 72', 0, "0041", 72),
        ("+CUSD: 4", 4, "", None),
        ("+CUSD: 2,", 2, "", None),
        ('+CUSD: 2,"",0', 2, "", 0),
    ],
)
def test_ussd_answers(line: str, m: int, text: str, dcs: int | None) -> None:
    assert replies.cusd(line) == Cusd(m=m, text=text, dcs=dcs)


def test_what_is_no_ussd_answer() -> None:
    assert replies.cusd("+CUSD: (0-2)") is None
    assert replies.cusd('+CUSD: "text"') is None


@pytest.mark.parametrize(
    ("line", "number", "validity"),
    [
        ('+CLIP: "+491701234567",145,,,,0', "+491701234567", 0),
        ('+CLIP: "491701234567",145', "+491701234567", None),
        ('+CLIP: "01701234567",129,"",0,"Anna",0', "01701234567", 0),
        ('+CLIP: "",128,,,,1', "", 1),
        ("+CLIP: ,,,,,2", "", 2),
    ],
)
def test_callers(line: str, number: str, validity: int | None) -> None:
    assert replies.clip(line) == Caller(number=number, validity=validity)


def test_calls_forwardings_and_entries() -> None:
    assert replies.clcc('+CLCC: 1,1,4,0,0,"+491701234567",145') == ListedCall(
        call=1, incoming=True, stat=4, voice=True, number="+491701234567"
    )
    assert replies.clcc("+CLCC: 2,0,3,1,0") == ListedCall(call=2, incoming=False, stat=3, voice=False, number="")
    assert replies.clcc("+CLCC:") is None
    assert replies.ccfc('+CCFC: 1,1,"+49170",145,,,20') == Forwarding(
        active=True, classes=1, number="+49170", time_s=20
    )
    assert replies.ccfc("+CCFC:0,7") == Forwarding(active=False, classes=7, number="", time_s=None)
    assert replies.ccfc("+CCFC: (0-5)") is None
    assert replies.cpbr('+CPBR: 81,"#121#",129,"My Tempo",0') == Entry(index=81, number="#121#", text="My Tempo")
    assert replies.cpbr("+CPBR: (1-250),40,14") is None


READERS = (replies.cusd, replies.clip, replies.clcc, replies.ccfc, replies.cpbr, replies.cnum, replies.networks)


@given(st.text(max_size=60))
def test_nothing_that_a_modem_says_raises(text: str) -> None:
    for reader in READERS:
        for name in ("+X: ", "", '+X: 1,"'):
            reader(name + text)
    replies.registration(f"+CREG: {text}", asked=True)
    replies.registration(f"+CREG: {text}", asked=False)
    assert replies.registration(f"+CREG: 1,{text!r}", asked=False) is not None
