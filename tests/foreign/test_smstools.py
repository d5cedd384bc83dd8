"""smstools' smsd: files in `outgoing` are sent, messages and reports become files, read index by index from the SIM."""

from __future__ import annotations

from pathlib import Path

from tests.support.processes import wait_until

from .bench import GSM7, PHONE, UCS2, Bench, Foreign, bench, folders, need

FOLDERS = ("outgoing", "checked", "incoming", "sent", "failed", "report", "saved")
CONFIG = """\
devices = GSM1
{folders}
logfile = {directory}/smsd.log
infofile = {directory}/smsd.running
pidfile = {directory}/smsd.pid
loglevel = 6
delaytime = 1
delaytime_mainprocess = 1
autosplit = 3
incoming_utf8 = yes
decode_unicode_text = yes
executable_check = no

[GSM1]
device = {port}
init = AT+CNMI=1,0,0,1,0
incoming = yes
report = yes
"""
OUTGOING = """\
To: {to}
Report: yes
Alphabet: UTF-8

{text}"""


def test_smstools_sends_with_a_report_and_receives(tmp_path: Path) -> None:
    program = need("smsd", "smstools")
    folders(tmp_path, FOLDERS)
    paths = "\n".join(f"{name} = {tmp_path / name}" for name in FOLDERS)
    config, log = tmp_path / "smsd.conf", tmp_path / "smsd.log"
    # generic: smsd begins to look at index 1 (memory_start)
    with bench(tmp_path, "generic") as world:
        config.write_text(CONFIG.format(folders=paths, directory=tmp_path, port=world.port))
        with Foreign(tmp_path, "smsd", program, "-t", "-c", str(config)) as smsd:
            _sent(world, smsd, tmp_path, log)
            _received(world, tmp_path)
            assert {"AT+CGSN", "AT+CIMI"} <= set(world.said())
    assert not list((tmp_path / "failed").iterdir())


def _sent(world: Bench, smsd: Foreign, directory: Path, log: Path) -> None:
    written = directory / "letter"
    written.write_text(OUTGOING.format(to=PHONE.removeprefix("+"), text=UCS2))
    written.rename(directory / "outgoing" / "letter")
    parts = world.wait_message(UCS2)
    assert all(part["status_report_request"] for part in parts)
    smsd.wait_for(log, f"Moved file {directory}/checked/letter to {directory}/sent/letter")
    reports = _files(directory / "report", len(parts))
    assert {headers["From"] for headers, _ in reports} == {PHONE.removeprefix("+")}
    expected = {f"Message_id: {part['mr']}" for part in parts}
    assert expected == {line for _, body in reports for line in body.splitlines() if line.startswith("Message_id")}
    assert all("Status: 0,Ok" in body for _, body in reports)


def _received(world: Bench, directory: Path) -> None:
    world.deliver(GSM7, ref=7)
    world.deliver(UCS2, ref=8)
    received = _files(directory / "incoming", 2)
    assert {body for _, body in received} == {GSM7, UCS2}
    assert {headers["From"] for headers, _ in received} == {PHONE.removeprefix("+")}
    world.wait_empty()


def _files(folder: Path, count: int) -> list[tuple[dict[str, str], str]]:
    """Headers and bodies of the files in a folder, as soon as smsd says that it has written `count`."""
    log = folder.parent / "smsd.log"
    wait_until(
        lambda: log.read_text().count(f"Wrote an incoming message file: {folder}/") >= count,
        f"{count} files in {folder.name}",
    )
    found = []
    for path in folder.iterdir():
        head, body = path.read_text().split("\n\n", 1)
        found.append((dict(line.split(": ", 1) for line in head.splitlines()), body))
    assert len(found) == count
    return found
