"""Recordings: nothing private in them, every length as it was, a ring on disk that never holds up the traffic."""

from __future__ import annotations

import asyncio
import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import SystemClock
from gateway.errors import PduError, RequestError
from gateway.modem import recorder_disk
from gateway.modem.recorder_disk import MAX_BACKLOG, SEGMENTS, RecorderDisk
from gateway.modem.recorders import Recorders
from gateway.modem.recording import Piece, Redactor, redact_pdu, whole
from gateway.pdu import Deliver, Direction, StatusReport, Submit, decode_frame, join
from tests.support.processes import wait_until

SUBMIT = b"0011000B916407281553F80000AA0AE8329BFD4697D9EC37"
SUBMIT_UCS2 = b"0031000B916407281553F80008AA0C041F04400438043204350442"
SUBMIT_PART = b"0051000B916407281553F80000AA09050003CC02018242"
DELIVER = b"07916407058099F9040B916407281553F800006211429050704A0AE8329BFD4697D9EC37"
REPORT = b"07916407058099F9062A0B916407281553F8621142905070806211429050218000"
MOMENT = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


def piece(n: int, mark: str, octets: bytes) -> Piece:
    return Piece(n=n, t=n / 1000, at=MOMENT, mark=mark, octets=octets)


def redacted(*pieces: tuple[str, bytes]) -> list[bytes]:
    """The octets of each piece as they are shown."""
    text = whole([piece(n, mark, octets) for n, (mark, octets) in enumerate(pieces, 1)], "one", redact=True)
    return [json.loads(line)["octets"].encode("latin-1") for line in text.splitlines()[1:]]


@pytest.mark.parametrize(
    ("pdu", "sent", "kind"),
    [
        (SUBMIT, True, Submit),
        (SUBMIT_UCS2, True, Submit),
        (SUBMIT_PART, True, Submit),
        (SUBMIT, False, Submit),  # its echo
        (DELIVER, False, Deliver),
        (REPORT, False, StatusReport),
    ],
)
def test_a_redacted_pdu_is_a_pdu_with_the_same_header(pdu: bytes, sent: bool, kind: type) -> None:
    shown = redact_pdu(pdu, sent=sent)
    assert len(shown) == len(pdu)
    direction = Direction.MO if kind is Submit else Direction.MT
    was, now = (decode_frame(one.decode(), direction).tpdu for one in (pdu, shown))
    assert isinstance(now, kind)
    if isinstance(was, StatusReport) and isinstance(now, StatusReport):
        assert (now.mr, now.st, now.scts, now.ra.value) == (was.mr, was.st, was.scts, "46708250000")
        return
    assert isinstance(was, Submit | Deliver)
    assert isinstance(now, Submit | Deliver)
    assert (now.dcs, now.ud.concat) == (was.dcs, was.ud.concat)
    text = join([now.ud]).text
    assert text is not None
    assert set(text) == {"*"}
    address = now.da if isinstance(now, Submit) else now.oa
    assert address.value == "46708250000"


@given(st.binary(min_size=11, max_size=180), st.booleans())
def test_whatever_looks_like_a_pdu_keeps_its_length(octets: bytes, sent: bool) -> None:
    shown = redact_pdu(octets.hex().encode(), sent=sent)
    assert re.fullmatch(rb"[0-9a-f]*", shown)
    assert len(shown) == 2 * len(octets)


@given(
    st.lists(st.tuples(st.sampled_from("<>#"), st.binary(max_size=60)), max_size=30),
)
def test_a_recording_keeps_order_and_lengths_of_anything(traffic: list[tuple[str, bytes]]) -> None:
    shown = redacted(*traffic)
    assert [len(one) for one in shown] == [len(octets) for _, octets in traffic]


@pytest.mark.parametrize(
    ("mark", "line", "shown"),
    [
        (">", b'AT+CPIN="1234"\r', b'AT+CPIN="0000"\r'),
        (">", b"AT+CPIN=12345678\r", b"AT+CPIN=00000000\r"),
        (">", b'AT+CLCK="SC",1,"1234"\r', b'AT+CLCK="SC",1,"0000"\r'),
        (">", b"ATD+491719876543;\r", b"ATD+491719870000;\r"),
        ("<", b'+CLIP: "+491719876543",145\r\n', b'+CLIP: "+491719870000",145\r\n'),
        ("<", b"262010000000001\r\n", b"262010000000000\r\n"),
        (">", b'AT+CUSD=1,"*100*4711#",15\r', b'AT+CUSD=1,"*000*0000#",15\r'),
        ("<", b'+CUSD: 0,"You have 5 EUR",15\r\n', b'+CUSD: 0,"xxx xxxx 0 xxx",15\r\n'),
        ("<", b'+CUSD: 0,"00480069",72\r\n', b'+CUSD: 0,"002A002A",72\r\n'),
        ("<", b'+CUSD: 1,"Code 12\r\nis yours",15\r\nOK\r\n', b'+CUSD: 1,"xxxx 00\r\nxx xxxxx",15\r\nOK\r\n'),
        ("<", b'+CMGR: "REC READ","+4917"\r\nMeet me\r\nOK\r\n', b'+CMGR: "REC READ","+4917"\r\nxxxx xx\r\nOK\r\n'),
        ("<", b"+CSQ: 21,99\r\n\r\nOK\r\n", b"+CSQ: 21,99\r\n\r\nOK\r\n"),
    ],
)
def test_what_is_private_in_a_line_is_hidden(mark: str, line: bytes, shown: bytes) -> None:
    assert redacted((mark, line)) == [shown]


def test_a_text_that_comes_in_pieces_is_hidden_as_one() -> None:
    pdu = DELIVER + b"\r\n"
    pieces = [("<", bytes((octet,))) for octet in b"\r\n+CMT: ,28\r\n" + pdu]
    shown = b"".join(redacted(*pieces))
    assert shown == b"\r\n+CMT: ,28\r\n" + redact_pdu(DELIVER, sent=False) + b"\r\n"
    assert DELIVER[-18:] not in shown


def test_a_prompt_is_shown_at_once_and_half_a_line_is_kept_back() -> None:
    redactor = Redactor()
    assert redactor.feed(piece(1, ">", b"AT+CMGS=23\r"))
    assert redactor.feed(piece(2, "<", b"\r\n> "))
    assert redactor.feed(piece(3, ">", SUBMIT)) == []
    ends = redactor.feed(piece(4, ">", b"\x1a"))
    assert [one.n for one in ends] == [3, 4]
    assert redactor.feed(piece(5, "<", b"+CMGS")) == []
    assert [one.n for one in redactor.flush()] == [5]


# on disk


def test_the_ring_on_disk_is_bounded_and_survives_a_restart(tmp_path: Path) -> None:
    size = 20_000
    for run in range(2):
        disk = RecorderDisk(tmp_path, size=size, redact=True)
        disk.start()
        keep = disk.keeper("one")
        for n in range(1, 401):
            keep(piece(n, ">", b"AT+RUN%d=%d\r" % (run, n)))
        text = disk.recording("one").result(5)
        assert text is not None
        disk.close()
        lines = [json.loads(line) for line in text.splitlines()]
        assert lines[0]["recording"] == 1
        assert lines[0]["redacted"] is True
        assert [line["n"] for line in lines[1:]][-50:] == list(range(351, 401))
    files = sorted((tmp_path / "one").iterdir())
    assert len(files) == SEGMENTS
    assert sum(path.stat().st_size for path in files) <= size + SEGMENTS * 200
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)


def test_what_an_earlier_run_recorded_comes_before(tmp_path: Path) -> None:
    for run in (b"first", b"second"):
        disk = RecorderDisk(tmp_path, size=100_000, redact=False)
        disk.start()
        keep = disk.keeper("one")
        for n in range(1, 4):
            keep(piece(n, "<", run))
        text = disk.recording("one").result(5)
        disk.close()
    assert text is not None
    assert [json.loads(line)["octets"] for line in text.splitlines()[1:]] == ["first"] * 3 + ["second"] * 3


def test_half_a_line_that_a_kill_left_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "00000001.jsonl").write_text('{"recording":1,"modem":"one","redacted":true,"run":1}\n{"n":1,"t')
    disk = RecorderDisk(tmp_path, size=100_000, redact=True)
    disk.start()
    disk.keeper("one")(piece(1, ">", b"AT\r"))
    text = disk.recording("one").result(5)
    disk.close()
    assert text is not None
    assert [json.loads(line)["octets"] for line in text.splitlines()[1:]] == ["AT\r"]


def test_a_disk_that_takes_nothing_is_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    blocked = tmp_path / "recorder"
    blocked.write_text("a file where the folder should be")

    async def scenario() -> None:
        with Recorders(["one"], SystemClock(), blocked, size=10_000, redact=True) as recorders:
            for _ in range(3):
                recorders.of("one").record(">", b"AT+CSQ\r")
                assert "AT+CSQ" in await recorders.recording("one")

    asyncio.run(scenario())
    assert [record.message for record in caplog.records if "memory only" in record.message][1:] == []
    assert "memory only" in caplog.text


@pytest.mark.parametrize("line", ['{"recording":1}', '{"recording":1,"run":"x"}', '{"recording":1,"run":1}\n{"n":[]}'])
def test_a_segment_that_is_damaged_keeps_nobody_waiting(tmp_path: Path, line: str) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "00000001.jsonl").write_text(line + "\n")
    disk = RecorderDisk(tmp_path, size=100_000, redact=True)
    disk.start()
    assert disk.recording("one").result(5) is None
    disk.keeper("one")(piece(1, ">", b"AT\r"))
    assert disk.recording("one").result(5) is None
    disk.close()


def test_a_full_disk_is_used_again_when_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_disk, "RETRY_GATHERS", 1)
    really = os.open

    def full(path: Path, flags: int, mode: int = 0o777) -> int:
        return really("/dev/full", os.O_WRONLY) if Path(path).suffix == ".jsonl" else really(path, flags, mode)

    disk = RecorderDisk(tmp_path, size=100_000, redact=False)
    disk.start()
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", full)
        disk.keeper("one")(piece(1, ">", b"AT\r"))
        assert disk.recording("one").result(5) is None
    for n in range(2, 4):
        disk.keeper("one")(piece(n, ">", b"ATI\r"))
        text = disk.recording("one").result(5)
    disk.close()
    assert text is not None
    assert '"ATI' in text


def test_recording_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    disk = RecorderDisk(tmp_path, size=10_000, redact=True)
    keep = disk.keeper("one")
    one = piece(1, ">", b"AT\r")
    for _ in range(MAX_BACKLOG + 1000):  # nothing takes them away, as with a disk that hangs
        keep(one)
    assert disk.waiting == MAX_BACKLOG
    disk.start()
    wait_until(lambda: (tmp_path / "one").exists(), "the first segment")
    disk.close()
    assert disk.waiting == 0


def test_without_a_size_it_stays_in_memory(tmp_path: Path) -> None:
    async def scenario() -> None:
        with Recorders(["one"], SystemClock(), tmp_path, size=0, redact=False) as recorders:
            recorders.of("one").record(">", b'AT+CPIN="1234"\r')
            assert '\\"1234\\"' in await recorders.recording("one")
            with pytest.raises(RequestError):
                await recorders.recording("two")

    asyncio.run(scenario())
    assert not list(tmp_path.iterdir())


def test_a_pdu_that_is_none_becomes_zeros() -> None:
    for broken in (SUBMIT[:-30], b"FF" * 12, SUBMIT[:-1]):
        shown = redact_pdu(broken, sent=True)
        assert len(shown) == len(broken)
        with pytest.raises(PduError):
            decode_frame(broken.decode(), Direction.MO)
