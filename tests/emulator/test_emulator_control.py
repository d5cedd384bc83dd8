"""`smsgw emulate` as its own process, and its control over real HTTP."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from .client import submit

LIMIT_S = 20
COMMAND = [sys.executable, "-c", "from gateway.cli.emulate import emulate; emulate()"]
REPOSITORY = Path(__file__).parents[2]
PHONE = "+491719999999"


class Bench:
    """The process, its first line, and a client of its control."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=REPOSITORY
        )
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], LIMIT_S)
        assert ready, "no line within the limit"
        self.description: dict[str, Any] = json.loads(self.process.stdout.readline())
        self.http = httpx.Client(base_url=self.description["control"] or "", timeout=LIMIT_S)

    def modem(self, name: str) -> dict[str, Any]:
        return next(one for one in self.http.get("/modems").json()["modems"] if one["name"] == name)

    def post(self, path: str, **body: Any) -> Any:
        answer = self.http.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def stop(self, number: int = signal.SIGTERM) -> tuple[bytes, bytes]:
        self.http.close()
        self.process.send_signal(number)
        return self.process.communicate(timeout=LIMIT_S)


class Port:
    """A port opened by this process; reads with a limit."""

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)

    def say(self, data: bytes, until: bytes) -> bytes:
        os.write(self.fd, data)
        return self.hear(until)

    def hear(self, until: bytes) -> bytes:
        heard = b""
        while until not in heard:
            ready, _, _ = select.select([self.fd], [], [], LIMIT_S)
            assert ready, heard
            heard += os.read(self.fd, 4096)
        return heard

    def send(self, pdu: str) -> bytes:
        self.say(f"AT+CMGS={len(pdu) // 2}\r".encode(), b"> ")
        return self.say(b"00" + pdu.encode() + b"\x1a", b"OK\r\n")

    def close(self) -> None:
        os.close(self.fd)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    one = Bench("--modems", "2", "--links", str(tmp_path_factory.mktemp("links")), "--control", "127.0.0.1:0")
    yield one
    output, errors = one.stop()
    assert one.process.returncode == 0
    assert (output, errors) == (b"", b"")


@pytest.fixture
def port(bench: Bench) -> Iterator[Port]:
    bench.post("/reset")
    one = Port(bench.modem("modem1")["port"])
    one.say(b"ATE0\r", b"OK\r\n")
    yield one
    one.close()


def test_the_first_line_says_where_everything_is(bench: Bench) -> None:
    modems = bench.description["modems"]
    assert [one["name"] for one in modems] == ["modem1", "modem2"]
    assert [one["personality"] for one in modems] == ["sim7600", "huawei-e3372"]
    assert [one["number"] for one in modems] == ["+491700000001", "+491700000002"]
    assert all(Path(one["port"]).is_symlink() for one in modems)
    assert all(len(one["imei"]) == 15 and len(one["iccid"]) in (19, 20) for one in modems)


def test_submitted_messages_are_listed_from_where_one_left_off(bench: Bench, port: Port) -> None:
    port.send(submit(PHONE, "first"))
    port.send(submit(PHONE, "sec", report=True, concat=(4, 2, 1)))
    listed = bench.http.get("/submitted").json()
    first, second = listed["submitted"]
    assert (first["n"], first["modem"], first["to"], first["text"]) == (1, "modem1", PHONE, "first")
    assert first["udh"] is None
    assert first["pdu"] == "00" + submit(PHONE, "first")
    assert second["udh"] == {"ref": 4, "total": 2, "seq": 1}
    assert second["status_report_request"]
    assert second["mr"] == (first["mr"] + 1) % 256
    assert listed["next"] == 2
    assert bench.http.get("/submitted", params={"after": 1}).json()["submitted"] == [second]
    assert bench.http.get("/submitted", params={"after": 2}).json() == {"submitted": [], "next": 2}
    port.send(submit(PHONE, "ond", concat=(4, 2, 2)))
    phone = bench.http.get(f"/phones/{PHONE}").json()
    assert [(one["text"], one["parts"]) for one in phone["messages"]] == [("first", 1), ("second", 2)]
    assert len(phone["parts"]) == 3


def test_deliver_and_status_report(bench: Bench, port: Port) -> None:
    port.say(b"AT+CNMI=2,1,0,2,0\r", b"OK\r\n")
    assert bench.post("/deliver", **{"modem": "modem1", "from": "InfoSMS", "text": "x" * 200}) == {"tpdus": 2}
    port.hear(b'+CMTI: "ME",1')
    assert bench.post("/deliver", modem="modem1", data_hex="0102", ports=[2948, 9200], **{"class": 1})["tpdus"] == 1
    port.hear(b'+CMTI: "ME",2')
    bench.post("/status-report", modem="modem1", to=PHONE, mr=5, st=0x46)
    port.hear(b'+CDSI: "SR",0')
    assert bench.modem("modem1")["storages"]["ME"] == {"used": 3, "size": 23}
    bench.post("/reset")
    assert bench.modem("modem1")["storages"]["ME"]["used"] == 0


def test_faults_and_network_over_http(bench: Bench, port: Port) -> None:
    bench.post("/fault", modem="modem1", kind="cms-error", code=42, count=1)
    port.say(b"AT+CMGS=30\r", b"> ")
    assert b"+CMS ERROR: 42" not in port.say(b"\x1b", b"OK\r\n")
    pdu = submit(PHONE)
    port.say(f"AT+CMGS={len(pdu) // 2}\r".encode(), b"> ")
    port.say(b"00" + pdu.encode() + b"\x1a", b"+CMS ERROR: 42\r\n")
    assert bench.http.get("/submitted").json()["submitted"] == []
    bench.post("/network", reports="none", delay_s=0.01)
    bench.post("/fault", modem="modem2", kind="unplug")
    assert bench.modem("modem2")["plugged"] is False
    bench.post("/reset")
    assert bench.modem("modem2")["plugged"] is True
    assert "mute" in bench.http.get("/faults").json()["kinds"]


def test_what_surrounds_a_modem_over_http(bench: Bench, port: Port) -> None:
    bench.post("/modem", modem="modem1", rssi_dbm=-101, access="umts", temperature_c=61.5, voltage_mv=3710)
    assert b"+CSQ: 6,99" in port.say(b"AT+CSQ\r", b"OK\r\n")
    assert b"+CPSI: WCDMA,Online" in port.say(b"AT+CPSI?\r", b"OK\r\n")
    assert b"+CBC: 3.71V" in port.say(b"AT+CBC\r", b"OK\r\n")
    shown = bench.modem("modem1")
    assert (shown["radio"]["rssi_dbm"], shown["radio"]["access"], shown["powered"]) == (-101, "umts", True)
    assert shown["usb"] == "1e0e:9001"
    assert shown["ports"] == [{"name": "if2", "role": "at", "path": shown["port"]}]
    bench.post("/modem", modem="modem2", power=False)
    assert bench.modem("modem2")["powered"] is False
    bench.post("/modem", modem="modem2", power=True)
    assert bench.modem("modem2")["powered"] is True
    bench.post("/reset")
    assert bench.modem("modem1")["radio"]["access"] == "lte"


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/mms", {"modem": "modem1"}, 400, "bad_request"),
        ("/mms", {"modem": "modem1", "url": "http://m/1", "class": "love"}, 400, "bad_request"),
        ("/cell-broadcast", {"channel": 50}, 400, "bad_request"),
        ("/cell-broadcast", {"channel": 50, "text": "x", "language": "xx"}, 400, "bad_request"),
        ("/call", {"modem": "modem1"}, 400, "bad_request"),
        ("/call", {"modem": "modem1", "from": "Bank"}, 400, "bad_request"),
        ("/hangup", {"modem": "modem1"}, 400, "bad_request"),
        ("/dtmf", {"modem": "modem1", "digits": "1"}, 400, "bad_request"),
        ("/ussd", {"modem": "modem1", "text": "x", "replies": {"1": 2}}, 400, "bad_request"),
        ("/phones/+4917", {"call": "sing"}, 400, "bad_request"),
        ("/network", {"ussd": {"*100#": {"m": 9}}}, 400, "bad_config"),
        ("/deliver", {"modem": "nobody", "text": "x"}, 404, "unknown_modem"),
        ("/deliver", {"modem": "modem1"}, 400, "bad_request"),
        ("/deliver", {"modem": "modem1", "text": "x", "colour": 1}, 400, "bad_request"),
        ("/deliver", {"modem": "modem1", "pdu": "zz"}, 400, "bad_request"),
        ("/deliver", {"modem": "modem1", "text": "x", "order": [2]}, 400, "bad_request"),
        ("/fault", {"modem": "modem1", "kind": "explode"}, 400, "bad_request"),
        ("/fault", {"kind": "mute"}, 400, "bad_request"),
        ("/modem", {"modem": "nobody", "rssi_dbm": -70}, 404, "unknown_modem"),
        ("/modem", {"modem": "modem1", "access": "nr"}, 400, "bad_request"),
        ("/modem", {"modem": "modem1", "colour": 1}, 400, "bad_request"),
        ("/network", {"drop": 2}, 400, "bad_config"),
        ("/status-report", {"modem": "modem1", "to": "nobody", "mr": 1}, 400, "bad_request"),
    ],
)
def test_what_cannot_be_done_is_refused(bench: Bench, path: str, body: dict[str, Any], status: int, code: str) -> None:
    answer = bench.http.post(path, json=body)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(number: int, tmp_path: Path) -> None:
    bench = Bench("--modems", "1", "--links", str(tmp_path))
    assert bench.description["control"] is None
    assert (tmp_path / "modem1").is_symlink()
    output, errors = bench.stop(number)
    assert (bench.process.returncode, output, errors) == (0, b"", b"")
    assert not list(tmp_path.iterdir())


def test_a_bench_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "bench.toml"
    file.write_text(
        '[network]\nsmsc = "+4912345"\n[[modem]]\nname = "a"\npersonality = "sim800"\nstorages = { SM = 3 }\n'
    )
    bench = Bench("-c", str(file))
    port = Port(bench.description["modems"][0]["port"])
    assert b'"SM",0,3' in port.say(b"ATE0+CPMS?\r", b"OK\r\n")
    assert b'"+4912345"' in port.say(b"AT+CSCA?\r", b"OK\r\n")
    port.close()
    bench.stop()
    assert bench.process.returncode == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[modem]]\nname = 'a'\npersonality = 'nokia'\n", "personality"),
        ("[[modem]]\nname = 'a'\n[[modem]]\nname = 'a'\n", "one name"),
        ("[[modem]]\nnmae = 'a'\n", "nmae"),
        ("[[modem]]\n", "name"),
        ("[network]\ndrop = 3\n[[modem]]\nname = 'a'\n", "drop"),
        ("[network]\nseed = 'x'\n", "seed"),
        ("timing = 'fast'\n[[modem]]\nname = 'a'\n", "timing"),
        ("colour = 1\n", "colour"),
        ("[[modem]]\nname = 'a'\nnumber = 'home'\n", "number"),
        ("[[modem]]\nname = 'a'\n[[modem]]\nname = 'b'\nnumber = '+491700000001'\n", "one number"),
        ("[[modem]]\nname = 'a'\nstorages = { XX = 1 }\n", "storages"),
        ("[[modem]]\nname = 'a'\nfirst_mr = 256\n", "first_mr"),
        ("[network]\nsmsc = 'x'\n", "smsc"),
        ("[network]\nrefuse = { '1' = 'x' }\n", "refuse"),
        ("nonsense", "bench.toml"),
    ],
)
def test_a_mistake_in_the_file_is_one_clear_line(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "bench.toml"
    file.write_text(text)
    done = subprocess.run([*COMMAND, "-c", str(file)], capture_output=True, cwd=REPOSITORY, timeout=LIMIT_S)
    assert done.returncode != 0
    assert done.stdout == b""
    assert said in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_an_address_that_is_taken_is_one_clear_line(bench: Bench, tmp_path: Path) -> None:
    taken = bench.description["control"].removeprefix("http://")
    command = [*COMMAND, "--control", taken, "--links", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, cwd=REPOSITORY, timeout=LIMIT_S)
    assert not list(tmp_path.iterdir())
    assert done.returncode == 1
    assert done.stderr.startswith(b"Error: ")
    assert done.stderr.count(b"\n") == 1


def test_a_body_is_json_whatever_the_client_calls_it(bench: Bench) -> None:
    """`curl -d` calls it a form."""
    form = {"content-type": "application/x-www-form-urlencoded"}
    body = '{"modem": "modem1", "from": "+4915187654321", "text": "Hello"}'
    assert bench.http.post("/deliver", content=body, headers=form).json() == {"tpdus": 1}
    assert bench.http.post("/deliver", content="to=1", headers=form).status_code == 400
