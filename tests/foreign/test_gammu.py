"""gammu-smsd with its files backend: files in the outbox are sent, what arrives goes to a program of the user's."""

from __future__ import annotations

from pathlib import Path

from tests.support.processes import wait_until

from .bench import BEYOND_BMP, GSM7, PHONE, Bench, Foreign, bench, folders, need, run

# The program is run for messages (DECODED_PARTS counts the joined texts, from 1) and for reports (it is 0).
ON_RECEIVE = """\
#!/bin/sh
[ "$DECODED_PARTS" = 1 ] || exit 0
printf %s "$DECODED_1_TEXT" > "{directory}/joined/$$.new"
mv "{directory}/joined/$$.new" "{directory}/joined/$SMS_1_NUMBER.$$.txt"
"""
CONFIG = """\
[gammu]
device = {port}
connection = at115200
[smsd]
service = files
logfile = {directory}/smsd.log
debuglevel = 1
inboxpath = {directory}/inbox/
outboxpath = {directory}/outbox/
sentsmspath = {directory}/sent/
errorsmspath = {directory}/error/
deliveryreport = log
runonreceive = {directory}/on-receive
checksecurity = 0
statusfrequency = 0
receivefrequency = 1
commtimeout = 1
sendtimeout = 10
"""


def test_gammu_sends_with_a_report_and_receives(tmp_path: Path) -> None:
    gammu, inject = need("gammu-smsd", "gammu-smsd"), need("gammu-smsd-inject", "gammu-smsd")
    folders(tmp_path, ("inbox", "outbox", "sent", "error", "joined"))
    hook = tmp_path / "on-receive"
    hook.write_text(ON_RECEIVE.format(directory=tmp_path))
    hook.chmod(0o755)
    config, log = tmp_path / "smsdrc", tmp_path / "smsd.log"
    # sim800: gammu takes reports as +CDS only; what +CDSI points at it never reads
    with bench(tmp_path, "sim800") as world:
        config.write_text(CONFIG.format(port=world.port, directory=tmp_path))
        with Foreign(tmp_path, "gammu", gammu, "-c", str(config)) as smsd:
            options = ("-report", "-unicode", "-autolen", "1000")
            run(tmp_path, inject, "-c", str(config), "TEXT", PHONE, *options, "-text", BEYOND_BMP)
            _sent(world, smsd, tmp_path, log)
            _received(world, tmp_path)
    assert not list((tmp_path / "error").iterdir())


def _sent(world: Bench, smsd: Foreign, directory: Path, log: Path) -> None:
    parts = world.wait_message(BEYOND_BMP)
    assert all(part["status_report_request"] for part in parts)
    reports = [f"Delivery report: Delivered to {PHONE}, message reference 0x{part['mr']:02x}" for part in parts]
    smsd.wait_for(log, *reports)
    wait_until(lambda: len(list((directory / "sent").iterdir())) == 1, "the message among the sent ones")
    assert not list((directory / "outbox").iterdir())
    assert "AT+CGMM" in world.said()


def _received(world: Bench, directory: Path) -> None:
    parts = world.deliver(GSM7, ref=7) + world.deliver(BEYOND_BMP, ref=8)
    joined = directory / "joined"
    wait_until(lambda: len(list(joined.glob("*.txt"))) == 2, "both texts")
    assert {path.read_text() for path in joined.glob("*.txt")} == {GSM7, BEYOND_BMP}
    assert all(path.name.startswith(PHONE) for path in joined.iterdir())
    assert len(list((directory / "inbox").iterdir())) == parts
    world.wait_empty()
