"""`smsgw send --bulk`, against a running gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from gateway.cli import bulk
from gateway.cli.bulk import MAX_FILE, commands_of
from gateway.cli.main import cli
from tests.edges.gateway_thread import GatewayThread, config_for

TO = "+491701234567"


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayThread]:
    with GatewayThread(config_for(tmp_path, "")) as running:
        yield running


def run(gateway: GatewayThread, *args: str | Path, stdin: bytes | None = None) -> Result:
    told = [*map(str, args), "--socket", str(gateway.config.socket)]
    return CliRunner().invoke(cli, told, input=stdin)


def listed(gateway: GatewayThread) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(gateway, "messages", "--limit", "200", "--json").stdout)["messages"]
    return found


def test_a_file_is_sent_once_however_often_it_is_given(gateway: GatewayThread, tmp_path: Path) -> None:
    file = tmp_path / "texts.csv"
    file.write_text(f'to,text,priority\n{TO},"Hello, Ann",9\n{TO},"two\nlines",\nnobody,x,\n', encoding="utf-8")
    first = run(gateway, "send", "--bulk", file)
    assert (first.exit_code, first.stdout) == (1, "2 accepted, 0 duplicate, 1 rejected\n")
    assert "smsgw: line 5: invalid_number: " in first.stderr
    again = json.loads(run(gateway, "send", "--bulk", file, "--json").stdout)
    assert (again["accepted"], again["duplicate"], again["rejected"]) == (0, 2, 1)
    assert [one["line"] for one in again["results"]] == [2, 3, 5]

    file.write_text(file.read_text(encoding="utf-8").replace("nobody", TO), encoding="utf-8")
    assert f"--key {again['key']}:" in first.stderr
    mended = run(gateway, "send", "--bulk", file, "--key", again["key"])
    assert (mended.exit_code, mended.stdout) == (0, "1 accepted, 2 duplicate, 0 rejected\n")
    file.write_text(file.read_text(encoding="utf-8").replace("Ann", "Eve"), encoding="utf-8")
    assert "line 2: id_conflict" in run(gateway, "send", "--bulk", file, "--key", again["key"]).stderr

    assert [(one["text"], one["id"]) for one in listed(gateway)] == [
        (text, f"{again['key']}/{number}") for number, text in ((3, "x"), (2, "two\nlines"), (1, "Hello, Ann"))
    ]
    assert {one["tags"]["client"] for one in listed(gateway)} == {"bulk"}


def test_json_lines_from_standard_input_with_options_for_all(gateway: GatewayThread) -> None:
    lines = [
        {"to": [TO, "+491701234568"], "text": "a", "class": 1, "tags": {"client": "crm", "x": 1}},
        {"to": TO, "text": "b", "id": "mine"},
        {"to": TO, "text": "c", "tags": 7},
    ]
    octets = "\n\n".join(json.dumps(line) for line in lines).encode()
    told = run(gateway, "send", "--bulk", "-", "--class", "0", "--key", "k", stdin=octets)
    assert (told.exit_code, told.stdout) == (1, "2 accepted, 0 duplicate, 1 rejected\n")
    assert "line 5: bad_request: tags" in told.stderr
    assert [(one["text"], one["id"], one["class"]) for one in listed(gateway)] == [
        ("b", "mine", 0),
        ("a", "k/1", 1),
        ("a", "k/1", 1),
    ]
    assert [one["tags"]["client"] for one in listed(gateway)] == ["bulk", "crm", "crm"]


def test_many_texts_go_in_several_requests(
    gateway: GatewayThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK_OCTETS", 300_000)
    file = tmp_path / "texts"
    rows = "".join(f'{TO},"{number} {"é" * 600}"\n' for number in range(150))
    file.write_text(f"to,text\n{rows}", encoding="utf-8")
    assert run(gateway, "send", "--bulk", file).stdout == "150 accepted, 0 duplicate, 0 rejected\n"
    assert run(gateway, "send", "--bulk", file).stdout == "0 accepted, 150 duplicate, 0 rejected\n"
    assert [one["text"].split()[0] for one in listed(gateway)] == [str(number) for number in reversed(range(150))]


def test_more_than_sixty_four_kilobytes_go_in_one_request(gateway: GatewayThread, tmp_path: Path) -> None:
    file = tmp_path / "texts"
    file.write_text("to,text\n" + f"{TO},{'é' * 1000}\n" * 60, encoding="utf-8")
    assert run(gateway, "send", "--bulk", file).stdout == "60 accepted, 0 duplicate, 0 rejected\n"


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (b"", "there are no texts"),
        (b"to,text\n", "there are no texts"),
        (b"+491701234567,hello\n", "line 1: there is no column '+491701234567'"),
        (b"text\nx\n", "line 1: the header has to name"),
        (b"to,text,to\n", "line 1: the header names a column twice"),
        (b'to,text\n1234,"a\nb"\n1234,a,b\n', "line 4: there are 3 cells under 2 columns"),
        (b'to,text\n1234,"a', "line 2: this is no CSV"),
        (b"to,text,class\n1234,a,high\n", "line 2: class: 'high' is not allowed"),
        (b"to,text,ordered\n1234,a,maybe\n", "line 2: ordered: 'maybe' is not allowed"),
        (b"to,text\n1234,\xff\n", "line 2: this is not UTF-8"),
        (b'{"to": 1}\n{"to"', "line 2: this is no JSON"),
        (b'{"to": 1}\n7', "line 2: a command is a JSON object"),
        (b'{"to": "\\ud800"}', "line 1: this is no JSON"),
        (b'{"class": NaN}', "line 1: this is no JSON"),
        (b'{"x": ' + b"[" * 200_000, "line 1: this is no JSON"),
        (b" " * (MAX_FILE + 1), "at most 64 MiB"),
    ],
    ids=range(16),
)
def test_a_mistake_in_the_file_is_told_before_anything_is_sent(
    gateway: GatewayThread, octets: bytes, said: str
) -> None:
    told = run(gateway, "send", "--bulk", "-", stdin=octets)
    assert (told.exit_code, told.stdout, len(told.stderr.splitlines())) == (1, "", 1), told.stderr
    assert said in told.stderr
    assert listed(gateway) == []


def test_files_of_spreadsheets() -> None:
    items = commands_of("\ufeffTo; Text;Delivery_Report\r\n 1234 ;a, b ;yes\r\n;;\r\n".encode())
    assert [(item.line, item.command) for item in items] == [
        (2, {"to": "1234", "text": "a, b ", "delivery_report": True})
    ]
    with pytest.raises(click.ClickException, match="no column"):
        commands_of(b"to\ttext\tcolour\n")


def test_options_that_go_with_one_text_only(gateway: GatewayThread, tmp_path: Path) -> None:
    for args, said in (
        ((TO, "x", "--bulk", "f"), "there is no TO and TEXT"),
        (("--bulk", "f", "--id", "a"), "--key"),
        (("--bulk", "f", "--wait"), "--wait"),
        (("--bulk", "f", "--key", "k" * 57), "1 to 56"),
        ((TO, "x", "--key", "k"), "--id"),
        ((TO,), "Missing argument 'TEXT'"),
        ((), "Missing argument 'TO'"),
    ):
        told = run(gateway, "send", *args)
        assert (told.exit_code, told.stdout, said in told.stderr) == (2, "", True), told.stderr
    assert "No such file" in run(gateway, "send", "--bulk", tmp_path / "none").stderr


def test_without_a_gateway_it_says_how_to_go_on(tmp_path: Path) -> None:
    file = tmp_path / "texts"
    file.write_text(f"to,text\n{TO},x\n", encoding="utf-8")
    args = ["send", "--bulk", str(file), "--key", "k", "--socket", str(tmp_path / "none")]
    told = CliRunner().invoke(cli, args)
    assert (told.exit_code, told.stdout) == (1, "")
    assert "is `smsgw run` running?" in told.stderr
    assert "smsgw: after 0 of 1; repeat the same call with --key k: what was taken is not sent again" in told.stderr
