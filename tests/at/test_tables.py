"""The tables: commands, field cursor, codes, finals, unsolicited codes; and what one submit costs."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import at
from gateway.at import ANY, Command, Engine, Fields, FinalKind, FinalTable, Form, ProtocolMisuse, Urc, UrcRow, UrcTable
from gateway.at.codes import CME, CMS, Retry, cme, cme_number, cms, cms_number
from gateway.at.commands import MAX_COMMAND, MAX_PAYLOAD, command_name
from tests.at.driving import events

BUDGET = 200e-6  # seconds of CPU for one submit dialogue


@pytest.mark.parametrize(
    "text",
    ["", "A", "CMGS", "AT\r", "AT\n", "AT+CMGD=1\rAT+CMGD=2", "AT\x1a", "AT\x1b", "AT\x00", "ATä", "AT\x7f", "AT" + "1" * MAX_COMMAND],
)  # fmt: skip
def test_only_one_printable_line_is_a_command(text: str) -> None:
    with pytest.raises(ProtocolMisuse):
        Command(text=text)


@pytest.mark.parametrize("payload", ["", "0", "0G", "00\x1a", "00 1", "0" * (MAX_PAYLOAD + 2)])
def test_only_hex_pairs_are_a_payload(payload: str) -> None:
    with pytest.raises(ProtocolMisuse):
        Command(text="AT+CMGS=1", payload=payload)


def test_what_is_refused_or_sent_is_not_told() -> None:
    with pytest.raises(ProtocolMisuse) as caught:
        at.from_text('AT+CPIN="1234"\r')
    assert "1234" not in str(caught.value)
    assert "00AB" not in repr(at.cmgs(1, "00AB"))


def test_a_quote_cannot_end_a_string_parameter() -> None:
    with pytest.raises(ProtocolMisuse):
        at.cpin('1234";+CMGD=1,4;+CPIN="')


@given(st.text(max_size=20))
def test_what_is_accepted_is_one_line(text: str) -> None:
    try:
        command = Command(text="AT" + text)
    except ProtocolMisuse:
        assert not text.isascii() or not text.isprintable()
        return
    assert command.text.encode("ascii").strip(b" ").isascii()
    assert not set(command.text) & set(map(chr, range(32)))


@pytest.mark.parametrize(
    ("command", "text", "prefixes"),
    [
        (at.cmgs(21, "00AB"), "AT+CMGS=21", ("+CMGS:",)),
        (at.cmgr(3), "AT+CMGR=3", ("+CMGR:",)),
        (at.cmgl(), "AT+CMGL=4", ("+CMGL:",)),
        (at.cmgd(3), "AT+CMGD=3", ()),
        (at.cpms("SM", "ME", "SM"), 'AT+CPMS="SM","ME","SM"', ("+CPMS:",)),
        (at.cnmi(2, 1, 0, 2, 0), "AT+CNMI=2,1,0,2,0", ("+CNMI:",)),
        (at.csms(1), "AT+CSMS=1", ("+CSMS:",)),
        (at.cpin("1234"), 'AT+CPIN="1234"', ("+CPIN:",)),
        (at.cfun(1), "AT+CFUN=1", ("+CFUN:",)),
        (at.cnma(), "AT+CNMA", ()),
        (at.cnma(0), "AT+CNMA=0", ()),
        (at.cnma(1, 2, "0000"), "AT+CNMA=1,2", ()),
        (at.ATI, "ATI", ANY),
        (at.CGSN, "AT+CGSN", ANY),
        (at.ECHO_OFF, "ATE0", ()),
        (at.from_text("AT^SYSINFO"), "AT^SYSINFO", ("^SYSINFO:",)),
        (at.from_text("AT+CICCID"), "AT+CICCID", ("+ICCID:", "+CICCID:")),
    ],
)
def test_builders(command: Command, text: str, prefixes: tuple[str, ...]) -> None:
    assert (command.text, command.prefixes) == (text, prefixes)


def test_pdu_lines_follow_lists_but_not_offers() -> None:
    assert at.cmgl().pdu_lines
    assert at.cmgr(1).pdu_lines
    assert not at.from_text("AT+CMGL=?").pdu_lines
    assert at.cmgs(1, "00").payload == "00"


@pytest.mark.parametrize(
    ("text", "name"),
    [("AT", ""), ("ATE0", "E"), ("at+creg?", "+CREG"), ("AT+CSQ", "+CSQ"), ("AT+COPS=?", "+COPS"), ("AT^A;+B", "^A")],
)
def test_command_names(text: str, name: str) -> None:
    assert command_name(text) == name


def test_fields_one_after_the_other() -> None:
    fields = Fields('+CMGL: 1,"REC, READ",,-26,"",(0-2,5),("SM","ME"),"12",zz')
    assert fields.number() == 1
    assert fields.string() == "REC, READ"
    assert fields.string() is None
    assert fields.number() == -26
    assert fields.string() == ""
    assert fields.list() == (0, 1, 2, 5)
    assert fields.list() == ("SM", "ME")
    assert fields.number() == 12
    assert fields.more
    assert fields.number() is None
    assert not fields.more
    assert (fields.number(), fields.string(), fields.raw(), fields.list()) == (None, None, "", ())


def test_fields_of_other_shapes() -> None:
    assert Fields("+CPIN: READY").string() == "READY"
    assert Fields("356938035640000").string() == "356938035640000"
    assert Fields('^HCSQ:"LTE",48').skip().number() == 48
    assert Fields('+CREG: 2,1,"00C3"').skip(2).number(16) == 0xC3
    assert Fields("+CSMS: 0").list() == (0,)
    assert Fields("+CLVL: (0-99999)").list() == (0, 99999)
    assert Fields("+CREG: (a-b,2-1)").list() == ("a-b", "2-1")
    assert Fields('+CPMS: "SM",1,"ME"').rest() == ("SM", "1", "ME")
    assert Fields('+X: "open').string() == "open"


@given(st.text())
def test_fields_raise_nothing(text: str) -> None:
    fields = Fields(text)
    while fields.more:
        before = len(fields.raw())
        assert before <= len(text)
    assert all(isinstance(item, str) for item in Fields(text).rest())
    Fields(text).list()
    assert Fields(text).number() is None or text


@pytest.mark.parametrize(
    ("code", "retry"),
    [(1, "P"), (8, "L"), (21, "R"), (38, "R"), (197, "S"), (224, "A"), (304, "P"), (322, "L"), (332, "A"), (500, "A")],
)
def test_message_error_classes(code: int, retry: str) -> None:
    assert cms(code).retry is Retry(retry)


def test_unknown_and_vendor_numbers_are_tried_a_few_times() -> None:
    for code in (9999, 512, 260):
        assert cms(code).retry is Retry.LATER
        assert cms(code).attempts == 3
    assert cme(9999).attempts == 3
    assert not [code for code in CMS if code >= 512]


def test_every_text_leads_to_its_number() -> None:
    for code in CMS.values():
        assert CMS[cms_number(code.meaning.upper()) or 0].meaning == code.meaning
    for number, code in CME.items():
        assert cme_number(code.meaning) == number
    assert cme_number("SIM not inserted") == 10
    assert cms_number("SIM not inserted") == 310
    assert cms_number("Gibberish") is None


@pytest.mark.parametrize(
    ("line", "kind", "code", "rest"),
    [
        ("OK", FinalKind.OK, None, ""),
        ("ERROR", FinalKind.ERROR, None, ""),
        ("ERROR: 4", FinalKind.ERROR, 4, ""),
        ("+CMS ERROR: 500", FinalKind.CMS, 500, ""),
        ("+CMS ERROR:500", FinalKind.CMS, 500, ""),
        ("+CME ERROR: 99999999999", FinalKind.CME, 999999, ""),
        ("+CME ERROR: ", FinalKind.CME, None, ""),
        ("+CME ERROR: SIM busy+CNUM: 1", FinalKind.CME, 14, "+CNUM: 1"),
        ("+CME ERROR: 10^SIMST:0", FinalKind.CME, 10, "^SIMST:0"),
        ("COMMAND NOT SUPPORT", FinalKind.NOT_SUPPORTED, None, ""),
        ("MODEM ERROR: 7", FinalKind.ERROR, 7, ""),
        ("OK^RSSI:9", FinalKind.OK, None, "^RSSI:9"),
    ],
)
def test_finals(line: str, kind: FinalKind, code: int | None, rest: str) -> None:
    found = FinalTable().match(line)
    assert found is not None
    assert (found[0].kind, found[0].code, found[1]) == (kind, code, rest)


@pytest.mark.parametrize("line", ["OKAY", "ERRORS", "BUSY", "CONNECT 9600", "+CMEE: 1", "NOT OK", "ok"])
def test_no_finals(line: str) -> None:
    assert FinalTable().match(line) is None


def test_a_profile_adds_its_codes() -> None:
    table = UrcTable().extended(UrcRow(name="+ODD", pdu_commas=0), UrcRow(name="HELLO", form=Form.WHOLE))
    engine = Engine(urcs=table)
    engine.receive(b"+ODD: 1\r\nAB\r\nHELLO\r\nVOICE CALL: END: 000041\r\n", 0.0)
    assert events(engine) == [
        Urc(name="+ODD", text="+ODD: 1", pdu="AB"),
        Urc(name="HELLO", text="HELLO"),
        Urc(name="VOICE CALL", text="VOICE CALL: END: 000041"),
    ]


def _submit(engine: Engine, pdu: str) -> bool:
    engine.send(at.cmgs(len(pdu) // 2 - 1, pdu), 0.0)
    engine.data_to_send()
    engine.receive(b"\r\n> ", 0.0)
    engine.next_event()
    engine.send_payload(0.0)
    engine.data_to_send()
    engine.send_end(0.0)
    engine.data_to_send()
    engine.receive(b"\r\n+CMGS: 243\r\n\r\nOK\r\n", 0.0)
    event = engine.next_event()
    return isinstance(event, at.Completed) and event.ok


def test_a_submit_costs_little() -> None:
    engine, pdu = Engine(), "00" * 164
    best = 1.0
    for _ in range(50):
        begin = time.process_time()
        assert all(_submit(engine, pdu) for _ in range(20))
        best = min(best, (time.process_time() - begin) / 20)
    assert best < BUDGET
