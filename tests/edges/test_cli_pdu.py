"""`smsgw pdu` as a tool: every octet in one field, all types, what goes in comes out."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.main import cli
from gateway.cli.pdu_show import columns as columns_of
from gateway.cli.pdu_show import wrapped
from gateway.errors import PduError
from gateway.pdu import Address, Command, DeliverReport, Direction, Submit, decode_frame, encode_frame
from gateway.pdu.tpdu import Tpdu
from gateway.pdu.walk import FLAG_CLAUSES, FLAGS, NAMES, walk
from tests.pdu import strategies

DELIVER = "07916407058099F9040B916407281553F800006211429050704A0AE8329BFD4697D9EC37"
REPORT = "07916407058099F9062A0B916407281553F8621142905070806211429050218000"


def run(*args: str, stdin: str | None = None, columns: int = 120) -> Result:
    return CliRunner().invoke(cli, ["pdu", *args], input=stdin, env={"COLUMNS": str(columns)})


def fields(*args: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("decode", "--json", *args).stdout)["pdus"][0]["fields"]
    return found


def test_a_deliver_field_by_field() -> None:
    shown = {entry["name"]: (entry["octets"], entry["value"]) for entry in fields(DELIVER)}
    assert shown == {
        "SC address": ("07916407058099F9", "+46705008999"),
        "first octet": ("04", "0x04"),
        "TP-OA": ("0B916407281553F8", "+46708251358"),
        "TP-PID": ("00", "0x00"),
        "TP-DCS": ("00", "0x00"),
        "TP-SCTS": ("6211429050704A", "2026-11-24T09:05:07-06:00"),
        "TP-UDL": ("0A", "10"),
        "TP-UD": ("E8329BFD4697D9EC37", "'hellohello'"),
    }


def test_the_table_has_place_octets_meaning_and_clause_beside_each_field() -> None:
    text = run("decode", REPORT).stdout
    assert text.startswith("SMS-STATUS-REPORT, from the network to the mobile (told by the message type)\n at field ")
    lines = {" ".join(line.split()) for line in text.splitlines()}
    assert lines >= {
        "at field octets says 23.040",
        "0 SC address 07 91 64 07 05 80 99 F9 +46705008999 international, numbering plan 1 24.011 8.2.5.1",
        "TP-MMS .... .1.. no more messages wait 9.2.3.2",
        "10 TP-RA 0B 91 64 07 28 15 53 F8 +46708251358 international, numbering plan 1 9.2.3.14",
        "32 TP-ST 00 0x00 completed: received by the SME 9.2.3.15",
    }
    assert "\x1b" not in text


@pytest.mark.parametrize("width", [40, 72, 80, 96, 120, 200])
@pytest.mark.parametrize("text", ["hello", "Grüße, 日本語のテキスト 👩\u200d👩\u200d👧 " * 2, "x" * 150])
def test_the_table_fits_the_terminal_and_its_columns_stand_in_line(width: int, text: str) -> None:
    made = json.loads(run("encode", "+491701234567", text, "--ports", "2948,9200", "--report", "--json").stdout)
    for hexes in (each["pdu"] for each in made["pdus"]):
        head, *rows = run("decode", hexes, columns=width).stdout.splitlines()[1:]
        assert {columns_of(row) <= max(width, 72) for row in [head, *rows]} == {True}
        starts = [head.index(name) for name in ("field", "octets", "says", "23.040")]
        for row in rows:
            cells = [cell_at(row, start, end) for start, end in zip(starts, [*starts[1:], None], strict=True)]
            assert re.fullmatch(r"([0-9A-F]{2} ?)*|[.01]{4} [.01]{4}", cells[1]), row
            assert re.fullmatch(r"(\d\d\.\d{3} )?[\d.a]*", cells[3]), row
        octets = "".join(
            cell_at(row, starts[1], starts[2]) for row in rows if "." not in cell_at(row, starts[1], starts[2])
        )
        assert octets.replace(" ", "") == hexes


def cell_at(row: str, start: int, end: int | None) -> str:
    """What stands between two columns of the terminal."""
    at, found = 0, ""
    for char in row:
        if at >= start and (end is None or at < end):
            found += char
        at += columns_of(char)
    return found.strip()


@given(st.text(st.sampled_from("ab  ñ日\u0301👩"), max_size=60), st.integers(2, 20))
def test_a_wrapped_text_loses_nothing(text: str, room: int) -> None:
    lines = wrapped(text, room)
    assert "".join(lines) == text
    assert all(columns_of(line.rstrip(" ")) <= room for line in lines)


@given(strategies.tpdus, strategies.service_centres, st.booleans(), st.integers(0, 3))
def test_every_octet_is_in_one_field(tpdu: Tpdu, sc: Address | None, has_sc: bool, padding: int) -> None:
    direction = Direction.MO if isinstance(tpdu, Submit | Command | DeliverReport) else Direction.MT
    octets = bytes.fromhex(encode_frame(tpdu, sc=sc)[0]) + b"\xff" * padding
    frame = decode_frame(octets.hex(), direction)
    start = 0 if has_sc else 1 + octets[0]
    walked = walk(frame, octets[start:], has_sc=has_sc)
    assert b"".join(each.octets for each in walked) == octets[start:]
    assert "rest" not in {each.name for each in walked}
    assert ("SC address" in {each.name for each in walked}) is has_sc


@given(strategies.tpdus, st.data())
def test_octets_that_were_damaged_are_also_in_one_field(tpdu: Tpdu, data: st.DataObject) -> None:
    octets = bytearray(bytes.fromhex(encode_frame(tpdu)[0]))
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 0xFF))
    for direction in Direction:
        try:
            frame = decode_frame(octets.hex(), direction)
        except PduError:
            continue
        assert b"".join(each.octets for each in walk(frame, bytes(octets))) == octets


@pytest.mark.parametrize(
    ("args", "kind"),
    [
        ((DELIVER,), "SMS-DELIVER"),
        ((REPORT,), "SMS-STATUS-REPORT"),
        (("0011000B916407281553F80000AA0AE8329BFD4697D9EC37",), "SMS-SUBMIT"),
        (("--mo", "000000"), "SMS-DELIVER-REPORT"),
        (("--mo", "0000D300"), "SMS-DELIVER-REPORT"),
        (("--mt", "00010062114290507080"), "SMS-SUBMIT-REPORT"),
        (("--mo", "0002010002050B916407281553F800"), "SMS-COMMAND"),
    ],
)
def test_all_six_types(args: tuple[str, ...], kind: str) -> None:
    result = run("decode", "--json", *args)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["pdus"][0]["type"] == kind
    assert kind in run("decode", *args).stdout
    assert kind in set(NAMES.values())


def test_a_modems_answer_on_standard_input_is_read_and_parts_are_joined() -> None:
    text = "one text in several parts, " * 12
    encoded = run("encode", "+491701234567", text, "--ref", "300", "--wide").stdout
    result = run("decode", stdin=f"+CMGL: 1,0,,30\r\n{encoded}\r\nOK\r\n")
    assert result.exit_code == 0, result.output
    assert f"text        {text}" in result.stdout
    assert "reference 300" in result.stdout
    assert run("decode", stdin="OK\n").exit_code != 0


def test_a_tpdu_alone_has_no_service_centre_and_its_offsets_are_its_own() -> None:
    entries = fields("--no-sc", DELIVER[16:])
    assert "".join(entry["octets"] for entry in entries) == DELIVER[16:]
    assert [entry["name"] for entry in entries[:2]] == ["first octet", "TP-OA"]
    assert entries[1]["value"] == "+46708251358"
    short = DELIVER[16:60]
    with pytest.raises(PduError) as caught:
        decode_frame("00" + short, Direction.MT)
    assert f"(at octet {caught.value.offset - 1})" in run("decode", "--no-sc", short).stderr
    assert "» «" in run("decode", "--no-sc", "04").stderr
    assert "»zz«" in run("decode", "--no-sc", "04zz").stderr


def test_a_mistake_does_not_hide_the_other_pdus() -> None:
    result = run("decode", DELIVER, "zz", REPORT)
    assert result.exit_code == 1
    assert re.fullmatch(r"smsgw: PDU 2: .*\n", result.stderr)
    assert "SMS-DELIVER," in result.stdout
    assert "SMS-STATUS-REPORT," in result.stdout
    told = run("decode", "--json", DELIVER, "zz", REPORT)
    kinds = [entry.get("type", entry.get("offset")) for entry in json.loads(told.stdout)["pdus"]]
    assert (told.exit_code, kinds) == (1, ["SMS-DELIVER", 0, "SMS-STATUS-REPORT"])


def test_a_log_of_sending_is_read() -> None:
    encoded = run("encode", "+491701234567", "x").stdout.splitlines()
    result = run("decode", "--json", stdin=f"{encoded[0]}\r\n> {encoded[1]}\x1a\r\n+CMGS: 4\r\n\r\nOK\r\n")
    assert [entry["text"] for entry in json.loads(result.stdout)["pdus"]] == ["x"]


@pytest.mark.parametrize("way", ["--from-stdin", "-"])
def test_the_line_end_of_standard_input_is_no_part_of_the_text(way: str) -> None:
    made = json.loads(run("encode", "1234", way, "--json", stdin="two\nlines\n").stdout)
    assert json.loads(run("decode", "--json", made["pdus"][0]["pdu"]).stdout)["pdus"][0]["text"] == "two\nlines"


def test_every_flag_is_named_with_its_clause() -> None:
    lines = run("decode", "--no-sc", "3100048121430000AA0178").stdout.splitlines()
    for name, words in (
        ("TP-RD", ".... .0.. duplicates are accepted 9.2.3.25"),
        ("TP-VPF", "...1 0... relative validity period 9.2.3.3"),
        ("TP-SRR", "..1. .... a status report is asked for 9.2.3.5"),
        ("TP-RP", "0... .... no reply path 9.2.3.17"),
    ):
        assert f"{name} {words}" in {" ".join(line.split()) for line in lines}
    assert {name for flags in FLAGS.values() for name, *_ in flags} < FLAG_CLAUSES.keys()


@pytest.mark.parametrize(
    ("octets", "value", "meaning"),
    [
        ("02FF0000000000", "255 s", "enhanced"),
        ("43102030000000", "3723 s", "enhanced, the service centre tries once"),
        ("00000000000000", "", "enhanced, no period"),
    ],
)
def test_an_enhanced_validity_is_told_in_seconds(octets: str, value: str, meaning: str) -> None:
    [entry] = [each for each in fields("--no-sc", f"0900048121430000{octets}0178") if each["name"] == "TP-VP"]
    assert (entry["octets"], entry["value"], entry["meaning"]) == (octets, value, meaning)


def test_each_information_element_says_what_is_in_itself() -> None:
    header = "0003010201" + "0003070302" + "01028003" + "240101" + "05040B8423F0" + "7F01AA"
    size = len(header) // 2
    hexes = f"41000481214300{'04'}{size + 1:02X}{size:02X}{header}"
    values = {(entry["name"], entry["value"]) for entry in fields("--no-sc", hexes)}
    assert values >= {
        ("IE 00", "part 1 of 2, reference 1"),
        ("IE 00", "part 2 of 3, reference 7"),
        ("IE 01", "kind voicemail, count 3, store yes, profile 0"),
        ("IE 24", "language turkish"),
        ("IE 05", "to port 2948, from port 9200"),
        ("IE 7F", "AA"),
    }


def test_colours_are_for_terminals_and_can_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = CliRunner().invoke(cli, ["pdu", "decode", DELIVER], color=True).stdout
    assert "\x1b[" in shown
    monkeypatch.setenv("NO_COLOR", "1")
    plain = CliRunner().invoke(cli, ["pdu", "decode", DELIVER], color=True).stdout
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[0-9]*m", "", shown) == plain


@pytest.mark.parametrize(
    ("hexes", "mark"), [(DELIVER[:40], "»"), ("00", "»"), (DELIVER[:20] + "ZZ" + DELIVER[22:], "»ZZ«")]
)
def test_a_mistake_is_shown_where_it_is(hexes: str, mark: str) -> None:
    result = run("decode", hexes)
    assert result.exit_code == 1
    assert re.search(r"PDU 1: .*\(at octet \d+\)", result.stderr)
    assert mark in result.stderr
    assert len(result.stderr.splitlines()) == 1


# Cut, or wrong, at every octet: (the fields in front of it, where the mistake is).
@pytest.mark.parametrize("direction", ["--mt", "--mo"])
@pytest.mark.parametrize("hexes", [DELIVER, REPORT, "0071000C9194711032547600080B8B0C0804012C020105041388000165E5672C"])
def test_the_fields_in_front_of_a_mistake_are_shown(hexes: str, direction: str) -> None:
    for cut in range(2, len(hexes), 2):
        for text in (hexes[:cut], hexes[:cut] + "zz" + hexes[cut + 2 :]):
            told = json.loads(run("decode", "--json", direction, text).stdout)["pdus"][0]
            octets = "".join(entry["octets"] for entry in told["fields"])
            assert text.startswith(octets)
            if "error" in told:
                assert len(octets) // 2 <= told["offset"] <= len(text) // 2
                rows = run("decode", direction, text).stdout.splitlines()[2:]
                last = [row for row in rows if row[:3].strip()][-1]
                assert last.split()[:2] == [str(len(octets) // 2), "?"]


def test_a_mistake_stands_behind_the_fields_with_its_octet() -> None:
    text = run("decode", DELIVER[:-4]).stdout
    assert text.startswith("SMS-DELIVER with a mistake, from the network")
    rows = [" ".join(line.split()) for line in text.splitlines()]
    assert rows[-2:] == [
        "26 TP-UDL 0A 10 septets 9.2.3.16",
        "27 ? E8 32 9B FD 46 97 D9 TP-UD needs 9 octets, 7 are left (at octet 27)",
    ]
    named = [entry["name"] for entry in json.loads(run("decode", "--json", DELIVER[:-4]).stdout)["pdus"][0]["fields"]]
    assert named == ["SC address", "first octet", "TP-OA", "TP-PID", "TP-DCS", "TP-SCTS", "TP-UDL"]
    # An address of 21 digits, and a header that is longer than the user data.
    assert "0 ? 00 44 15" not in run("decode", "004415").stdout
    assert [entry["name"] for entry in fields("004415")] == ["SC address", "first octet"]
    assert fields("00440291F10004621142905070800305")[-1]["name"] == "TP-UDL"


def test_every_option_of_encode_reaches_the_pdu() -> None:
    options = (
        "--report",
        "--validity",
        "86400",
        "--reply-path",
        "--reject-duplicates",
        "--class",
        "0",
        "--sc",
        "+46705008999",
    )
    made = json.loads(run("encode", "+491701234567", "x", *options, "--ports", "5000,1", "--json").stdout)
    decoded = json.loads(run("decode", "--json", made["pdus"][0]["pdu"]).stdout)["pdus"][0]
    by_name = {entry["name"]: entry for entry in decoded["fields"]}
    assert by_name["first octet"]["bits"] == {
        "TP-MTI": 1,
        "TP-RD": 1,
        "TP-VPF": 2,
        "TP-SRR": 1,
        "TP-UDHI": 1,
        "TP-RP": 1,
    }
    assert by_name["TP-VP"]["value"] == "86400 s"
    assert "class 0" in by_name["TP-DCS"]["meaning"]
    assert decoded["ports"] == [5000, 1]
    assert decoded["sc"] == "+46705008999"


def test_transliteration_and_language_tables_are_used_when_asked_for_and_told() -> None:
    assert json.loads(run("encode", "1234", "“wait…”", "--json").stdout)["encoding"] == "ucs2"
    kept = run("encode", "1234", "“wait…”", "--transliterate", "typography")
    assert "replaced: '“' → '\"', '…' → '...', '”' → '\"'" in kept.stderr
    turkish = json.loads(run("encode", "1234", "ağaç", "--language", "tr", "--json").stdout)
    assert (turkish["encoding"], turkish["replaced"]) == ("gsm7", [])
    assert json.loads(run("decode", "--json", turkish["pdus"][0]["pdu"]).stdout)["pdus"][0]["text"] == "ağaç"


@pytest.mark.parametrize(
    "args",
    [
        ("encode", "1234"),
        ("encode", "1234", "x", "--data", "00"),
        ("encode", "1234", "--data", "0"),
        ("encode", "1234", "x", "--ports", "1"),
        ("encode", "1234", "x", "--ports", "70000,1"),
        ("encode", "1234", "Ж", "--encoding", "gsm7"),
        ("encode", "+12ab", "x"),
        ("encode", "1234", "x", "--ref", "256"),
        ("encode", "1234", "x", "--ref", "65536", "--wide"),
    ],
)
def test_what_cannot_be_encoded_is_one_clear_line(args: tuple[str, ...]) -> None:
    result = run(*args)
    assert result.exit_code != 0
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr


def test_the_examples_in_the_help_run() -> None:
    import shlex

    for command in ("decode", "encode"):
        help_text = run(command, "--help").stdout
        examples = re.findall(r"^ +(echo .+ \| )?smsgw pdu (.+)$", help_text, re.MULTILINE)
        assert len(examples) >= 2
        for feed, example in examples:
            assert run(*shlex.split(example), stdin="Hello\n" if feed else None).exit_code == 0, example
