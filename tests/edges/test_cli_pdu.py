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
from gateway.cli.pdu_walk import NAMES, walk
from gateway.pdu import Direction, decode_frame, encode_frame
from tests.pdu import strategies

DELIVER = "07916407058099F9040B916407281553F800006211429050704A0AE8329BFD4697D9EC37"
REPORT = "07916407058099F9062A0B916407281553F8621142905070806211429050218000"


def run(*args: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["pdu", *args], input=stdin)


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


def test_the_table_names_field_meaning_octets_and_clause() -> None:
    text = run("decode", REPORT).stdout
    assert text.startswith("SMS-STATUS-REPORT, from the network to the mobile (told by the message type)\n")
    for line in ("TP-ST", "completed: received by the SME", "23.040 9.2.3.15", "0B 91 64 07 28 15 53 F8", "TP-MMS"):
        assert line in text
    assert "\x1b" not in text


@given(
    st.one_of(
        strategies.delivers().map(lambda tpdu: (tpdu, Direction.MT)),
        strategies.submits().map(lambda tpdu: (tpdu, Direction.MO)),
        strategies.status_reports().map(lambda tpdu: (tpdu, Direction.MT)),
        strategies.commands().map(lambda tpdu: (tpdu, Direction.MO)),
    ),
    st.binary(max_size=3).map(lambda octets: b"\xff" * len(octets)),
)
def test_every_octet_is_in_one_field(made: tuple[Any, Direction], padding: bytes) -> None:
    tpdu, direction = made
    octets = bytes.fromhex(encode_frame(tpdu)[0]) + padding
    frame = decode_frame(octets.hex(), direction)
    walked = walk(frame, octets)
    assert b"".join(each.octets for each in walked) == octets
    assert all(each.name for each in walked)


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


def test_a_tpdu_alone() -> None:
    entries = fields("--no-sc", DELIVER[16:])
    assert entries[0]["value"] == ""
    assert entries[2]["value"] == "+46708251358"


@pytest.mark.parametrize(
    ("hexes", "mark"), [(DELIVER[:40], "»"), ("00", "»"), (DELIVER[:20] + "ZZ" + DELIVER[22:], "»ZZ«")]
)
def test_a_mistake_is_shown_where_it_is(hexes: str, mark: str) -> None:
    result = run("decode", hexes)
    assert result.exit_code == 1
    assert re.search(r"PDU 1: .*\(at octet \d+\)", result.stderr)
    assert mark in result.stderr
    assert len(result.stderr.splitlines()) == 1


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
        examples = re.findall(r"^\s*smsgw pdu (.+)$", help_text, re.MULTILINE)
        assert len(examples) >= 2
        for example in examples:
            assert run(*shlex.split(example)).exit_code == 0, example
