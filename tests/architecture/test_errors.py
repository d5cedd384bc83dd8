"""Every error code that is used stands in the one table, with a meaning in words."""

from __future__ import annotations

import re
from pathlib import Path

from gateway import errors
from gateway.errors import CODES, GatewayError
from gateway.messaging.listener import ALERTS
from gateway.web.twilio import trouble

GATEWAY = Path(__file__).resolve().parents[2] / "gateway"
USED = re.compile(r'code\s*[=:]\s*(?:str\s*=\s*)?"([a-z_]+)"|alert\(\s*"([a-z_]+)"')


def used_codes() -> set[str]:
    found = {*ALERTS.values(), *trouble.ALERTS.values()}
    for path in GATEWAY.rglob("*.py"):
        if "emulator" not in path.parts:
            found |= {one or other for one, other in USED.findall(path.read_text(encoding="utf-8"))}
    return found


def test_every_code_that_is_used_is_explained() -> None:
    assert {"unknown_modem", "bad_pdu", "store_error", "database_replaced"} <= used_codes()
    assert used_codes() - CODES.keys() == set()


def test_every_explanation_is_a_sentence_and_every_class_has_its_code() -> None:
    for code, info in CODES.items():
        assert re.fullmatch(r"[a-z_]+", code)
        assert re.fullmatch(r"[A-Z].*\.", info.meaning), code
    classes = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, GatewayError)]
    assert {each.code for each in classes} <= CODES.keys()
