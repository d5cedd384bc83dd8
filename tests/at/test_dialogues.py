"""Whole dialogues as a table: what we do, what the modem says, what comes out.

Each is played with the modem's octets whole, one at a time, cut in two at every point, and with an unsolicited code put
in at every line boundary: what comes out must not change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from gateway.at import (
    ANY,
    Command,
    Completed,
    Engine,
    Event,
    Fenced,
    Final,
    FinalKind,
    InfoLine,
    LateSubmit,
    Noise,
    PromptReady,
    TimedOut,
    Urc,
    cmgl,
    cmgr,
    cmgs,
    cpms,
    from_text,
)
from tests.at.driving import events, feed, ways

PDU = "0011000C919451010099990000FF07F7B0BC0DAAC301"
SUBMIT = cmgs(21, PDU, 60.0)
LIST = cmgl(4)
READ = cmgr(3)
IDENTITY = from_text("AT+CGMR")
PLAIN = from_text("AT")
OK = Final(kind=FinalKind.OK, text="OK")
ERROR = Final(kind=FinalKind.ERROR, text="ERROR")
EXTRA = b'\r\n+CMTI: "SM",77\r\n'


def send(command: Command) -> Callable[[Engine], None]:
    return lambda engine: engine.send(command, 0.0)


def payload(engine: Engine) -> None:
    engine.send_payload(0.0)


def end(engine: Engine) -> None:
    engine.send_end(0.0)


def abort(engine: Engine) -> None:
    engine.abort(0.0)


def due(engine: Engine) -> None:
    """Let the time pass until something is overdue."""
    assert engine.deadline is not None
    engine.tick(engine.deadline)


def done(command: Command, *lines: InfoLine | str, final: Final = OK) -> Completed:
    kept = tuple(line if isinstance(line, InfoLine) else InfoLine(text=line) for line in lines)
    return Completed(command=command, lines=kept, final=final)


def cms(code: int, text: str | None = None) -> Final:
    return Final(kind=FinalKind.CMS, code=code, text=str(code) if text is None else text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    name: str
    steps: tuple[bytes | Callable[[Engine], None], ...]
    out: tuple[Event, ...]
    written: bytes | None = None
    urcs: bool = True
    """May an unsolicited code be put in at every line boundary?"""


PROMPT = PromptReady(command=SUBMIT)
TO_END = (send(SUBMIT), b"\r\n> ", payload, end)

DIALOGUES: tuple[Dialogue, ...] = (
    Dialogue(name="plain", steps=(send(PLAIN), b"\r\nOK\r\n"), out=(done(PLAIN),), written=b"AT\r"),
    Dialogue(name="echo", steps=(send(PLAIN), b"AT\r\r\nOK\r\n"), out=(done(PLAIN),)),
    Dialogue(name="lone line feeds", steps=(send(PLAIN), b"AT\nOK\n"), out=(done(PLAIN),)),
    Dialogue(name="no leading line end", steps=(send(PLAIN), b"OK\r\n"), out=(done(PLAIN),)),
    Dialogue(name="stray octets", steps=(send(PLAIN), b"\x00\xff\r\n\xffO\x00K\r\n"), out=(done(PLAIN),)),
    Dialogue(
        name="noise glued to the echo",
        steps=(send(IDENTITY), b"> AT+CGMR\r\r\n11.126\r\n\r\nOK\r\n"),
        out=(done(IDENTITY, "11.126"),),
    ),
    Dialogue(
        name="eight-bit noise",
        steps=(send(PLAIN), b"\r\n\xfe\x80\r\n\r\nOK\r\n"),
        out=(Noise(text="\\xfe\\x80"), done(PLAIN)),
    ),
    Dialogue(
        name="identity with prefix",
        steps=(send(IDENTITY), b"\r\n+CGMR: LE20B04SIM7600M22\r\n\r\nOK\r\n"),
        out=(done(IDENTITY, "+CGMR: LE20B04SIM7600M22"),),
    ),
    Dialogue(
        name="known code inside an identity answer",
        steps=(send(IDENTITY), b"\r\nRDY\r\n\r\n^BOOT:27710117,0,0,0,75\r\n\r\n11.126\r\n\r\nOK\r\n"),
        out=(Urc(name="RDY", text="RDY"), Urc(name="^BOOT", text="^BOOT:27710117,0,0,0,75"), done(IDENTITY, "11.126")),
    ),
    Dialogue(
        name="registration code while its query runs",
        steps=(send(from_text("AT+CREG?")), b'\r\n+CREG: 5,"00C3","1A2B",7\r\n\r\n+CREG: 2,1\r\n\r\nOK\r\n'),
        out=(Urc(name="+CREG", text='+CREG: 5,"00C3","1A2B",7'), done(from_text("AT+CREG?"), "+CREG: 2,1")),
    ),
    Dialogue(
        name="glued error",
        steps=(send(PLAIN), b'\r\nERROR+CNUM: "","+15550001",145\r\n'),
        out=(done(PLAIN, final=ERROR), Noise(text='+CNUM: "","+15550001",145')),
    ),
    Dialogue(
        name="glued CME error",
        steps=(send(PLAIN), b'\r\n+CME ERROR: 25+CNUM: "","+15550001",145\r\n'),
        out=(
            done(PLAIN, final=Final(kind=FinalKind.CME, code=25, text="25")),
            Noise(text='+CNUM: "","+15550001",145'),
        ),
    ),
    Dialogue(
        name="glued OK",
        steps=(send(PLAIN), b'\r\nOK+CMTI: "ME",4\r\n'),
        out=(done(PLAIN), Urc(name="+CMTI", text='+CMTI: "ME",4')),
    ),
    Dialogue(
        name="code right behind OK",
        steps=(send(PLAIN), b'\r\nOK\r\n+CMTI: "ME",4\r\n'),
        out=(done(PLAIN), Urc(name="+CMTI", text='+CMTI: "ME",4')),
    ),
    Dialogue(
        name="verbose error",
        steps=(send(PLAIN), b"\r\n+CME ERROR: SIM not inserted\r\n"),
        out=(done(PLAIN, final=Final(kind=FinalKind.CME, code=10, text="SIM not inserted")),),
    ),
    Dialogue(
        name="carrier is no final here",
        steps=(send(PLAIN), b"\r\nNO CARRIER\r\n\r\nOK\r\n"),
        out=(Urc(name="NO CARRIER", text="NO CARRIER"), done(PLAIN)),
    ),
    Dialogue(
        name="carrier ends a call",
        steps=(send(from_text("ATD123;")), b"\r\nNO CARRIER\r\n"),
        out=(done(from_text("ATD123;"), final=Final(kind=FinalKind.NO_CARRIER, text="NO CARRIER")),),
    ),
    Dialogue(
        name="line owned by nobody",
        steps=(send(PLAIN), b"\r\n+CSCA: 1\r\n\r\nOK\r\n"),
        out=(Noise(text="+CSCA: 1"), done(PLAIN)),
    ),
    # lists and PDU lines
    Dialogue(
        name="list",
        steps=(send(LIST), b"\r\n+CMGL: 1,1,,26\r\n0791AB\r\n+CMGL: 2,0,,27\r\n0791cd\r\n\r\nOK\r\n"),
        out=(done(LIST, InfoLine(text="+CMGL: 1,1,,26", pdu="0791AB"), InfoLine(text="+CMGL: 2,0,,27", pdu="0791cd")),),
    ),
    Dialogue(
        name="direct delivery between header and PDU",
        steps=(send(LIST), b"\r\n+CMGL: 1,1,,26\r\n\r\n+CMT: ,20\r\nAA\r\nBB\r\n\r\nOK\r\n"),
        out=(Urc(name="+CMT", text="+CMT: ,20", pdu="AA"), done(LIST, InfoLine(text="+CMGL: 1,1,,26", pdu="BB"))),
        urcs=True,
    ),
    Dialogue(
        name="odd PDU lines",
        steps=(send(LIST), b"+CMGL: 1,1,,9\r\n0BD0p2608>381p=*70\r\n+CMGL: 2,1,,9\r\n07 91\r\nOK\r\n"),
        out=(
            done(
                LIST,
                InfoLine(text="+CMGL: 1,1,,9", pdu="0BD0p2608>381p=*70"),
                InfoLine(text="+CMGL: 2,1,,9", pdu="07 91"),
            ),
        ),
    ),
    Dialogue(
        name="missing PDU lines",
        steps=(send(LIST), b"+CMGL: 1,1,,0\r\n\r\n+CMGL: 2,1,,0\r\nOK\r\n"),
        out=(done(LIST, InfoLine(text="+CMGL: 1,1,,0", pdu=""), InfoLine(text="+CMGL: 2,1,,0", pdu="")),),
    ),
    Dialogue(name="empty slot", steps=(send(READ), b"\r\nOK\r\n"), out=(done(READ),)),
    Dialogue(
        name="report",
        steps=(b"\r\n+CDS: 25\r\n0006AB\r\n",),
        out=(Urc(name="+CDS", text="+CDS: 25", pdu="0006AB"),),
    ),
    Dialogue(
        name="report with a leading comma",
        steps=(b"\r\n+CDS: ,25\r\n0006AB\r\n",),
        out=(Urc(name="+CDS", text="+CDS: ,25", pdu="0006AB"),),
    ),
    Dialogue(
        name="delivery while a command is being echoed",
        steps=(send(PLAIN), b"\r\n+CMT: ,20\r\nAT\r\r\n0791AB\r\n\r\nOK\r\n"),
        out=(Urc(name="+CMT", text="+CMT: ,20", pdu="0791AB"), done(PLAIN)),
    ),
    Dialogue(
        name="delivery without its PDU",
        steps=(b"\r\n+CMT: ,20\r\n", due),
        out=(Urc(name="+CMT", text="+CMT: ,20", pdu=""),),
    ),
    Dialogue(
        name="two deliveries, one PDU",
        steps=(b"\r\n+CMT: ,20\r\n\r\n+CMT: ,21\r\n0791AB\r\n",),
        out=(Urc(name="+CMT", text="+CMT: ,20", pdu=""), Urc(name="+CMT", text="+CMT: ,21", pdu="0791AB")),
    ),
    Dialogue(
        name="MMS push indication",
        steps=(b'\r\n+CMTI: "SM",5,"MMS PUSH"\r\n',),
        out=(Urc(name="+CMTI", text='+CMTI: "SM",5,"MMS PUSH"'),),
    ),
    Dialogue(
        name="USSD text over several lines",
        steps=(b'\r\n+CUSD: 1,"1 Balance\r\n2 "More"\r\nOK",15\r\n',),
        out=(Urc(name="+CUSD", text='+CUSD: 1,"1 Balance\n2 "More"\nOK",15'),),
        urcs=False,
    ),
    Dialogue(
        name="USSD text that never ends",
        steps=(send(PLAIN), b'\r\n+CUSD: 1,"1 Balance\r\n\r\nOK\r\n', due),
        out=(Urc(name="+CUSD", text='+CUSD: 1,"1 Balance'), done(PLAIN)),
        urcs=False,
    ),
    # submits
    Dialogue(
        name="submit",
        steps=(*TO_END, b"\r\n+CMGS: 243\r\n\r\nOK\r\n"),
        out=(PROMPT, done(SUBMIT, "+CMGS: 243")),
        written=b"AT+CMGS=21\r" + PDU.encode() + b"\x1a",
    ),
    Dialogue(
        name="submit with echo",
        steps=(send(SUBMIT), b"AT+CMGS=21\r\r\n> ", payload, PDU.encode(), end, b"\x1a\r\n+CMGS: 243\r\n\r\nOK\r\n"),
        out=(PROMPT, done(SUBMIT, "+CMGS: 243")),
    ),
    Dialogue(
        name="submit with echo in capitals, glued to the answer",
        steps=(send(SUBMIT), b"AT+CMGS=21\r\r\n>", payload, end, PDU.lower().encode() + b"\x1a+CMGS: 243\r\nOK\r\n"),
        out=(PROMPT, done(SUBMIT, "+CMGS: 243")),
    ),
    Dialogue(
        name="submit with a code in the middle of the echo",
        steps=(
            send(SUBMIT),
            b"\r\n> ",
            payload,
            end,
            PDU[:9].encode() + b"\r\n+CIEV: 2,4\r\n" + PDU[9:].encode() + b"\r\n+CMGS: 243\r\n\r\nOK\r\n",
        ),
        out=(PROMPT, Urc(name="+CIEV", text="+CIEV: 2,4"), done(SUBMIT, "+CMGS: 243")),
    ),
    Dialogue(
        name="prompt without line end and space",
        steps=(send(SUBMIT), b">", payload, end, b" \r\n+CMGS: 243\r\nOK\r\n"),
        out=(PROMPT, done(SUBMIT, "+CMGS: 243")),
    ),
    Dialogue(
        name="prompt glued behind a code",
        steps=(send(SUBMIT), b'\r\n+CMTI: "SM",3> ', payload, end, b"\r\n+CMGS: 243\r\nOK\r\n"),
        out=(Urc(name="+CMTI", text='+CMTI: "SM",3'), PROMPT, done(SUBMIT, "+CMGS: 243")),
    ),
    Dialogue(
        name="prompt with a code glued behind",
        steps=(send(SUBMIT), b'\r\n> +CMTI: "SM",3\r\n', payload, end, b"\r\n+CMGS: 243\r\nOK\r\n"),
        out=(PROMPT, Urc(name="+CMTI", text='+CMTI: "SM",3'), done(SUBMIT, "+CMGS: 243")),
    ),
    Dialogue(
        name="no prompt in a quoted text",
        steps=(send(SUBMIT), b'\r\n+CUSD: 0,"a> b",15\r\n\r\n> '),
        out=(Urc(name="+CUSD", text='+CUSD: 0,"a> b",15'), PROMPT),
    ),
    Dialogue(
        name="codes and reports between Ctrl-Z and the answer",
        steps=(*TO_END, b"\r\nRING\r\n\r\n+CDS: 25\r\n0006AB\r\n\r\n+CMGS: 243\r\n\r\n^RSSI:20\r\n\r\nOK\r\n"),
        out=(
            PROMPT,
            Urc(name="RING", text="RING"),
            Urc(name="+CDS", text="+CDS: 25", pdu="0006AB"),
            Urc(name="^RSSI", text="^RSSI:20"),
            done(SUBMIT, "+CMGS: 243"),
        ),
    ),
    Dialogue(
        name="refused instead of a prompt",
        steps=(send(SUBMIT), b"\r\n+CMS ERROR: 302\r\n"),
        out=(done(SUBMIT, final=cms(302)),),
        written=b"AT+CMGS=21\r",
    ),
    Dialogue(
        name="refused by the network",
        steps=(*TO_END, b"\r\n+CMS ERROR: 38\r\n"),
        out=(PROMPT, done(SUBMIT, final=cms(38))),
    ),
    Dialogue(
        name="refused in words",
        steps=(*TO_END, b"\r\n+CMS ERROR: Network timeout\r\n"),
        out=(PROMPT, done(SUBMIT, final=cms(332, "Network timeout"))),
    ),
    Dialogue(
        name="OK missing, fence answered",
        steps=(*TO_END, b"\r\n+CMGS: 243\r\n", due, b"\r\n+CMEE: 1\r\n\r\nOK\r\n"),
        out=(PROMPT, done(SUBMIT, "+CMGS: 243", final=Final(kind=FinalKind.OK)), Fenced(answered=True)),
    ),
    Dialogue(
        name="OK instead of a prompt is not sent",
        steps=(send(SUBMIT), b"\r\nOK\r\n", due, b"\r\n+CMEE: 1\r\n\r\nOK\r\n"),
        out=(done(SUBMIT, final=Final(kind=FinalKind.ABORTED, text="OK")), Fenced(answered=True)),
        written=b"AT+CMGS=21\r\x1bAT+CMEE?\r",
    ),
    Dialogue(
        name="modem leaves the prompt by itself",
        steps=(send(SUBMIT), b"\r\n> ", b"\r\n+CMS ERROR: 304\r\n"),
        out=(PROMPT, done(SUBMIT, final=cms(304))),
    ),
    Dialogue(
        name="modem leaves the prompt while the PDU is written",
        steps=(
            send(SUBMIT),
            b"\r\n> ",
            payload,
            b"\r\nERROR\r\n",
            b"\r\nERROR\r\n",
            due,
            b"\r\n+CSMS: 0\r\n\r\nOK\r\n",
        ),
        out=(PROMPT, done(SUBMIT, final=ERROR), Fenced(answered=True)),
    ),
    Dialogue(
        name="aborted at the prompt",
        steps=(send(SUBMIT), b"\r\n> ", abort, b"\r\nOK\r\n", b"\r\n+CMEE: 0\r\n\r\nOK\r\n"),
        out=(PROMPT, done(SUBMIT, final=Final(kind=FinalKind.ABORTED, text="OK")), Fenced(answered=True)),
        written=b"AT+CMGS=21\r\x1bAT+CMEE?\r",
    ),
    Dialogue(
        name="aborted with half a PDU, ESC unanswered",
        steps=(send(SUBMIT), b"\r\n> ", payload, abort, due, due, b"\r\n+CMEE: 0\r\n\r\nOK\r\n"),
        out=(PROMPT, done(SUBMIT, final=Final(kind=FinalKind.ABORTED)), Fenced(answered=True)),
    ),
    Dialogue(
        name="aborted before the prompt, which comes then",
        steps=(send(SUBMIT), abort, b"\r\n> ", b"\r\nOK\r\n", b"\r\n+CMEE: 0\r\n\r\nOK\r\n"),
        out=(done(SUBMIT, final=Final(kind=FinalKind.ABORTED, text="OK")), Fenced(answered=True)),
        written=b"AT+CMGS=21\r\x1b\x1bAT+CMEE?\r",
    ),
    # silence
    Dialogue(
        name="silence before the prompt",
        steps=(send(SUBMIT), due, due, b"\r\n+CMEE: 0\r\n\r\nOK\r\n"),
        out=(TimedOut(command=SUBMIT, stage="prompt"), Fenced(answered=True)),
        written=b"AT+CMGS=21\r\x1bAT+CMEE?\r",
    ),
    Dialogue(
        name="prompt comes after the time-out and eats the fence command",
        steps=(send(SUBMIT), due, due, b"\r\n> ", b"\r\nOK\r\n", b"\r\n+CSMS: 0\r\n\r\nOK\r\n"),
        out=(TimedOut(command=SUBMIT, stage="prompt"), Fenced(answered=True)),
        written=b"AT+CMGS=21\r\x1bAT+CMEE?\r\x1bAT+CSMS?\r",
    ),
    Dialogue(
        name="caller never goes on at the prompt",
        steps=(send(SUBMIT), b"\r\n> ", due, b"\r\nOK\r\n", b"\r\n+CMEE: 0\r\n\r\nOK\r\n"),
        out=(PROMPT, TimedOut(command=SUBMIT, stage="payload"), Fenced(answered=True)),
    ),
    Dialogue(
        name="submit answered late",
        steps=(*TO_END, due, b"\r\n+CMGS: 9\r\n\r\nOK\r\n", b"\r\n+CMEE: 1\r\n\r\nOK\r\n"),
        out=(PROMPT, TimedOut(command=SUBMIT, stage="final"), LateSubmit(mr=9, final=None), Fenced(answered=True)),
    ),
    Dialogue(
        name="submit refused late",
        steps=(*TO_END, due, b"\r\n+CMS ERROR: 38\r\n", b"\r\n+CMEE: 1\r\n\r\nOK\r\n"),
        out=(
            PROMPT,
            TimedOut(command=SUBMIT, stage="final"),
            LateSubmit(mr=None, final=cms(38)),
            Fenced(answered=True),
        ),
    ),
    Dialogue(
        name="an error that may be the fence's own proves nothing",
        steps=(*TO_END, due, b"\r\n+CMS ERROR: 310\r\n", due, b"\r\n+CSMS: 0\r\n\r\nOK\r\n"),
        out=(PROMPT, TimedOut(command=SUBMIT, stage="final"), Fenced(answered=True)),
    ),
    Dialogue(
        name="two fence commands, all answered late",
        steps=(*TO_END, due, due, b"\r\n+CMS ERROR: 38\r\n\r\n+CMEE: 1\r\n\r\nOK\r\n\r\n+CSMS: 0\r\n\r\nOK\r\n"),
        out=(
            PROMPT,
            TimedOut(command=SUBMIT, stage="final"),
            LateSubmit(mr=None, final=cms(38)),
            Fenced(answered=True),
        ),
    ),
    Dialogue(
        name="fence ends with the answer to its last command only",
        steps=(send(PLAIN), due, due, b"\r\nOK\r\n\r\n+CMEE: 1\r\n\r\nOK\r\n"),
        out=(TimedOut(command=PLAIN, stage="final"),),
        written=b"AT\rAT+CMEE?\rAT+CSMS?\r",
    ),
    Dialogue(
        name="Ctrl-Z lost: the fence command shows the prompt",
        steps=(*TO_END, due, b"\r\n> ", b"\r\nOK\r\n", b"\r\n+CSMS: 0\r\n\r\nOK\r\n"),
        out=(PROMPT, TimedOut(command=SUBMIT, stage="final"), Fenced(answered=True)),
    ),
    Dialogue(
        name="nothing at all",
        steps=(send(PLAIN), due, due, due, due),
        out=(TimedOut(command=PLAIN, stage="final"), Fenced(answered=False)),
        written=b"AT\rAT+CMEE?\rAT+CSMS?\rAT+CNMI?\r",
    ),
    Dialogue(
        name="answers of a submit of another life",
        steps=(b"\r\n+CMGS: 7\r\n\r\nOK\r\n\r\n+CMS ERROR: 500\r\n",),
        out=(LateSubmit(mr=7, final=None), Noise(text="OK"), LateSubmit(mr=None, final=cms(500))),
    ),
    Dialogue(
        name="a basic command cannot fail with a message error",
        steps=(send(PLAIN), b"\r\n+CMS ERROR: 500\r\n\r\nOK\r\n"),
        out=(LateSubmit(mr=None, final=cms(500)), done(PLAIN)),
    ),
    Dialogue(
        name="a late reference does not answer a submit whose PDU is not written",
        steps=(send(SUBMIT), b"\r\n+CMGS: 7\r\n\r\n> ", payload, end, b"\r\n+CMGS: 8\r\n\r\nOK\r\n"),
        out=(LateSubmit(mr=7, final=None), PROMPT, done(SUBMIT, "+CMGS: 8")),
    ),
    Dialogue(
        name="prompt that a predecessor left open",
        steps=(b"\r\n> ", b"\r\nOK\r\n", b"\r\n+CMEE: 0\r\n\r\nOK\r\n"),
        out=(Noise(text=">"), Fenced(answered=True)),
        written=b"\x1bAT+CMEE?\r",
    ),
    Dialogue(
        name="list broken after a comma",
        steps=(send(from_text("AT+COPS=?")), b'\r\n+COPS: (2,"A",,"31026",0),\r\n(1,"B",,"310410",0)\r\n\r\nOK\r\n'),
        out=(done(from_text("AT+COPS=?"), '+COPS: (2,"A",,"31026",0),', '(1,"B",,"310410",0)'),),
    ),
)


def play(steps: list[list[bytes] | Callable[[Engine], None]]) -> tuple[list[Event], bytes]:
    engine, found, written = Engine(), [], b""
    for step in steps:
        for piece in step if isinstance(step, list) else [step]:
            if isinstance(piece, bytes):
                engine.receive(piece, 0.0)
            else:
                piece(engine)
            found += events(engine)
            written += engine.data_to_send()
    return found, written


def whole(dialogue: Dialogue) -> list[list[bytes] | Callable[[Engine], None]]:
    return [[step] if isinstance(step, bytes) else step for step in dialogue.steps]


def variants(dialogue: Dialogue) -> Iterator[list[list[bytes] | Callable[[Engine], None]]]:
    """The dialogue with each of its readings in every way, one reading at a time."""
    for at, step in enumerate(dialogue.steps):
        if isinstance(step, bytes):
            for pieces in ways(step):
                steps = whole(dialogue)
                steps[at] = pieces
                yield steps


NAMED = pytest.mark.parametrize("dialogue", DIALOGUES, ids=lambda dialogue: dialogue.name.replace(" ", "-"))


@NAMED
def test_events(dialogue: Dialogue) -> None:
    found, written = play(whole(dialogue))
    assert found == list(dialogue.out)
    assert dialogue.written is None or written == dialogue.written


@NAMED
def test_cutting_the_octets_changes_nothing(dialogue: Dialogue) -> None:
    written = play(whole(dialogue))[1]
    for steps in variants(dialogue):
        assert play(steps) == (list(dialogue.out), written)


@pytest.mark.parametrize("drip", [False, True], ids=["whole", "drip"])
@pytest.mark.parametrize(
    "dialogue", [d for d in DIALOGUES if d.urcs], ids=lambda dialogue: dialogue.name.replace(" ", "-")
)
def test_unsolicited_codes_at_every_line_boundary(dialogue: Dialogue, drip: bool) -> None:
    extra = Urc(name="+CMTI", text='+CMTI: "SM",77')
    for at, step in enumerate(dialogue.steps):
        if not isinstance(step, bytes):
            continue
        for cut in range(len(step) + 1):
            if cut and not step[:cut].endswith(b"\n"):
                continue
            data = step[:cut] + EXTRA + step[cut:]
            steps = whole(dialogue)
            steps[at] = [data[i : i + 1] for i in range(len(data))] if drip else [data]
            found, written = play(steps)
            assert found.count(extra) == 1
            assert [event for event in found if event != extra] == list(dialogue.out)
            assert dialogue.written is None or written == dialogue.written


def test_any_owns_lines_with_a_comma_at_their_end() -> None:
    command = Command(text="AT+XLIST", prefixes=ANY)
    assert play([send(command), [b"a,\r\nb\r\nOK\r\n"]])[0] == [done(command, "a,", "b")]


def test_cpms_without_its_ok_is_done_and_an_ok_that_comes_late_answers_nothing_else() -> None:
    """Some firmware forgets it; where it is only late, it must not be taken for the next command's."""
    engine = Engine()
    engine.send(cpms("SM"), 0.0)
    assert engine.data_to_send() == b'AT+CPMS="SM"\r'
    assert feed(engine, [b"\r\n+CPMS: 1,10,0,10,0,10\r\n"], 0.1) == []
    engine.tick(1.0)
    assert events(engine) == []  # not yet
    engine.tick(1.2)
    (done,) = events(engine)
    assert isinstance(done, Completed)
    assert done.ok
    assert [line.text for line in done.lines] == ["+CPMS: 1,10,0,10,0,10"]
    assert engine.data_to_send() == b"AT+CMEE?\r"
    assert not engine.idle
    assert feed(engine, [b"\r\nOK\r\n"], 1.3) == []  # the late one
    assert feed(engine, [b"\r\n+CMEE: 1\r\n\r\nOK\r\n"], 1.4) == [Fenced(answered=True)]
    assert engine.idle
