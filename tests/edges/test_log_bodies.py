"""`[gateway] log_bodies`: whether the logged AT traffic has what texts say in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.app import _recorders
from gateway.clock import SystemClock
from gateway.config import parse_config

PDU = "0001000B919471103254F6000005C8329BFD06"
TRAFFIC = (
    (">", b'AT+CPIN="8642"\r'),
    (">", b"AT+CMGS=18\r"),
    (">", f"{PDU[:20]}".encode()),  # a PDU is put together before it is looked at
    (">", f"{PDU[20:]}\x1a".encode()),
    ("<", b'+CUSD: 0,"Your PUK is 12345678",15\r\n'),
    ("<", f"+CMT: ,24\r\n{PDU}\r\n".encode()),
)


@pytest.mark.parametrize(
    ("setting", "wanted"), [("", False), ("log_bodies = false", False), ("log_bodies = true", True)]
)
def test_what_texts_say_is_in_the_log_only_where_that_is_asked_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, setting: str, wanted: bool
) -> None:
    modem = '[[modem]]\nname = "stick1"\nport = "/dev/null"\n[recorder]\nsize_kb = 0\n'
    text = f'[gateway]\nid = "box"\ndata_dir = "{tmp_path}"\n{setting}\n{modem}'
    caplog.set_level("DEBUG")
    with _recorders(parse_config(text, tmp_path / "test.toml"), SystemClock()) as recorders:
        for mark, octets in TRAFFIC:
            recorders.of("stick1").record(mark, octets)
    assert caplog.text.count(PDU) == (2 if wanted else 0)
    for what in ("AT+CMGS=18", "AT+CPIN=<redacted>", "+CMT: ,24"):
        assert what in caplog.text
    for secret in ("8642", "12345678"):
        assert secret not in caplog.text
